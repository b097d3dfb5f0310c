"""Commands in documents and workflows: taken out of them, and held to what this project and its engine have."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click

from coco_azure import settings
from coco_azure.cli import group
from coco_azure.settings import Settings
from coco_azure.settings.base import Model
from rehearsal.toolchain import tools
from tests.unit.stack_files import ROOT

# What a document may use beside this project's own commands, and what its users have or install.
PROGRAMS = """
    az base64 cat cd chmod cosign cp crontab curl date echo export false gh git helm jq kubectl mkdir oc openssl opm
    podman printf rm skopeo tail tee test tr true umask
""".split()  # noqa: SIM905 - shorter to read
_STANDARD = ("venv", "pip", "json.tool")
_PYTHON = re.compile(r"(\.venv/bin/)?python3?|python3\.\d+")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_DEBUG = "PULUMI_DEBUG_COMMANDS=true"
"""Shows options of the engine that it hides and refuses without it."""
_BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_OWN = ("make ", "pulumi ", "./coco-azure ", "python -m ", "python3 -m ", ".venv/bin/python -m ")


@dataclass(frozen=True)
class Command:
    """One command: its words, and the line that it stands in."""

    words: tuple[str, ...]
    line: str


def of_document(text: str) -> list[Command]:
    """Return the commands of a page: those after ``$`` in console blocks, and this project's own in `spans`."""
    lines: list[str] = []
    for _, block in _BLOCK.findall(text):
        shown = block.replace("\\\n", " ").splitlines()
        lines += [line.lstrip().removeprefix("$ ") for line in shown if line.lstrip().startswith("$ ")]
    spans = [span for span in _SPAN.findall(_BLOCK.sub("", text)) if span.startswith(_OWN)]
    return [command for line in [*lines, *spans] for command in of_script(line)]


def of_script(script: str) -> list[Command]:
    """Return the commands of a shell script without loops and functions."""
    lines = script.replace("\\\n", " ").splitlines()
    return [command for line in lines for command in _split(re.sub(r"\$\{\{.*?\}\}", "EXPRESSION", line))]


def _split(line: str) -> Iterator[Command]:
    lexer = shlex.shlex(re.sub(r"\d?>&\d", "", line), posix=True, punctuation_chars=";&|(){}")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set(";&|(){}"):
            words = _without_redirections(words)
            while words and (_ASSIGNMENT.fullmatch(words[0]) or words[0] in ("if", "then", "else", "fi", "$")):
                words.pop(0)
            if words and words[0] != ".":  # the shell's own: reads a file
                yield Command(tuple(words), line)
            words = []
        else:
            words.append(word)


def _without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if skip or re.fullmatch(r"\d?[<>].*", word):
            skip = not skip and word in ("<", ">", ">>", "2>")
        else:
            kept.append(word)
    return kept


def problem(command: Command) -> str | None:
    """Return what is wrong with a command, or None."""
    program, *rest = command.words
    if program == "make":
        return _make(rest)
    if program == "pulumi":
        return _pulumi(rest, debug=_DEBUG in command.line) or _setting(rest)
    if program == "./coco-azure":
        return _coco_azure(rest)
    if _PYTHON.fullmatch(program):
        return _python(rest)
    return None if program in PROGRAMS else f"{program}: no program that a document may use"


def _make(words: list[str]) -> str | None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    variables = set(re.findall(r"\$\((\w+)\)", text))
    for word in words:
        name, _, value = word.partition("=")
        if word not in targets | {"..."} and not (value and name in variables):
            return f"make {word}: neither a target nor a variable of the Makefile"
    return None


def _python(words: list[str]) -> str | None:
    if words[:1] != ["-m"]:
        return None if words[:1] == ["-c"] else "python without -m or -c"
    module, *rest = words[1:]
    if module in _STANDARD:
        return None
    if module == "pytest":
        lost = [word for word in rest if word.startswith("tests/") and not (ROOT / word).exists()]
        return f"{lost[0]}: no such tests" if lost else None
    path = ROOT.joinpath(*module.split("."))
    file = next((each for each in (path / "__main__.py", path.with_suffix(".py")) if each.exists()), None)
    if file is None:
        return f"python -m {module}: no such module"
    # What has no parser compares its arguments with texts.
    source = file.read_text()
    text = _help(sys.executable, "-m", module) if "ArgumentParser" in source else source
    return _unknown_option(f"python -m {module}", rest, text)


def _coco_azure(words: list[str]) -> str | None:
    name = words[0] if words else "--help"
    if name not in group.list_commands(click.Context(group)):
        return f"coco-azure {name}: no such command"
    names, rest = [name], words[1:]
    command = group.get_command(click.Context(group), name)
    if isinstance(command, click.Group):
        # Mentioned without its own command, it is meant as a whole.
        if rest and rest[0] not in command.commands:
            return f"coco-azure {name} {rest[0]}: no such command"
        names, rest = [*names, *rest[:1]], rest[1:]
    return _unknown_option(f"coco-azure {' '.join(names)}", rest, _help(sys.executable, "-m", "coco_azure", *names))


def _unknown_option(program: str, words: list[str], text: str) -> str | None:
    own = words[: words.index("--")] if "--" in words else words
    options = {word.partition("=")[0] for word in own if word.startswith("-") and word != "-"}
    unknown = [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)]
    return f"{program}: no option {', '.join(unknown)}" if unknown else None


@cache
def _help(*command: str) -> str:
    return subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@cache
def engine() -> Path | None:
    """Return the Pulumi CLI, where there is one."""
    result = tools.find("pulumi")
    return result.path if result else None


def _pulumi(words: list[str], *, debug: bool = False) -> str | None:
    """Ask the CLI itself: it reads all options before it prints a help text, hidden ones too."""
    words = [word for word in words if word not in ("...", "[...]")]
    path = engine()
    if path is None or not words:
        return None
    # Keys and values of the configuration are looked at below; without them one question serves all.
    of_config = words[:1] == ["config"] and words[1:2] in (["set"], ["rm"], ["get"])
    asked = [word if not of_config or word.startswith("-") or place < 2 else "x" for place, word in enumerate(words)]
    done = _asked(path, tuple(asked), debug=debug)
    if "flag needs an argument" in done.stderr:
        return None  # a mention of the option, not a command
    if done.returncode != 0:
        return f"pulumi {' '.join(words)}: {done.stderr.strip().splitlines()[-1]}"
    words = asked
    usage = re.search(r"^Usage:\n  pulumi ?(.*)$", done.stdout, re.MULTILINE)
    # What follows the first argument in brackets are the words of its alternatives.
    names = re.sub(r"[\[<{(|].*", "", usage[1] if usage else "").split()
    aliases = re.search(r"^Aliases:\n  (.*)$", done.stdout, re.MULTILINE)
    given = [word for word in words if not word.startswith("-")]
    last = given[len(names) - 1 : len(names)]
    if aliases and last and last[0] in aliases[1].split(", "):
        names = [*names[:-1], *last]
    if not names or given[: len(names)] != names:
        return f"pulumi {' '.join(words)}: no such command"
    more = given[len(names) :]
    # A command that only groups others takes no word of its own.
    grouping = re.search(rf"^  pulumi {' '.join(names)} \[command\]$", done.stdout, re.MULTILINE)
    if more and grouping and usage and usage[1].removesuffix(" [flags]") == " ".join(names):
        return f"pulumi {' '.join(names)} has no command {more[0]}"
    return None


@cache
def _asked(path: Path, words: tuple[str, ...], *, debug: bool) -> "subprocess.CompletedProcess[str]":
    options = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    # Before the options: the last of them may lack its value, and would take this for it.
    command = [str(path), *words[:options], "--help", *words[options:]]
    environment = {**os.environ, **(dict([_DEBUG.split("=")]) if debug else {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment)


def _setting(words: list[str]) -> str | None:
    """Hold ``pulumi config set|rm|get`` to the models, and a value that is no stand-in to the setting's type."""
    if words[:1] != ["config"] or len(words) < 2 or words[1] not in ("set", "rm", "get"):
        return None
    given = [word for word in words[2:] if not word.startswith("-")]
    for option in ("--stack", "--type"):
        if option in words:
            given.remove(words[words.index(option) + 1])
    if not given or not given[0].startswith("coco-azure:") or given[0] == "coco-azure:PATH":
        return None
    key, *values = given
    path = key.removeprefix("coco-azure:")
    steps = [step.strip('[]"') if '"' in step else step for step in re.findall(r'\w[\w-]*|\[\d+\]|\["[^"]+"\]', path)]
    if "." in path and "--path" not in words:
        return f"{key}: needs --path"
    if not known(Settings, steps) and not _of_existing_secret(steps):
        return f"{path}: no such setting"
    if not values or words[1] != "set":
        return None
    # As the CLI does: what looks like a number or a truth value is one, unless --type says otherwise.
    result = values[0] if "--type" in words else _typed(values[0])
    return _value(path, steps, result)


def _of_existing_secret(steps: list[str]) -> bool:
    """Return whether the steps lead into ``clientSecrets.NAME.existing``, of which the model keeps no part."""
    form = [*steps[:1], *steps[2:3]], steps[3:]
    return form[0] == ["clientSecrets", "existing"] and (form[1] == ["rollOut"] or form[1][:1] == ["keys"])


def known(kind: Any, steps: list[str]) -> bool:
    """Return whether the steps lead to a setting of this type: names of fields, the user's own names, and indices."""
    if not steps:
        return True
    options = [kind, *get_args(kind), *(inner for option in get_args(kind) for inner in get_args(option))]
    for option in options:
        if isinstance(option, type) and issubclass(option, Model):
            fields = {field.alias or name: field for name, field in option.model_fields.items()}
            if steps[0] in fields and known(fields[steps[0]].annotation, steps[1:]):
                return True
        origin, inner = getattr(option, "__origin__", None), get_args(option)
        if origin is dict and known(inner[1], steps[1:]):
            return True
        if origin is tuple and steps[0].startswith("[") and known(inner[0], steps[1:]):
            return True
    return False


def _typed(text: str) -> Any:
    return {"true": True, "false": False}.get(text, int(text) if text.isdigit() else text)


def _value(path: str, steps: list[str], values: Any) -> str | None:
    if any(step.endswith(("File", "Files")) for step in steps) or re.fullmatch(
        r"[A-Z][A-Z-]*|.*(\.\.\.|[$<]).*", str(values)
    ):
        return None
    for step in reversed(steps):
        values = [values] if step.startswith("[") else {step: values}
    try:
        settings.parse(values, ROOT)
    except settings.SettingsError as error:
        wrong = [line for line in str(error).splitlines() if line.startswith(f"  - {path}: found")]
        return wrong[0].strip() if wrong else None
    return None
