"""The program, the policy pack and the command need no Linux: what only Linux has is the rehearsal's.

`./coco-azure` makes `.venv` by the toolchain, which is held to the same, but for the programs of a rehearsal.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.toolchain import __main__ as setup
from rehearsal.toolchain import tools, venv
from rehearsal.toolchain.pins import PINS
from tests.unit.stack_files import ROOT

FOLDERS = ("coco_azure", "components", "policies", "rehearsal/toolchain")
_CALLS = re.compile(
    r"pidfd_\w+|sched_\w+|epoll|memfd_create|eventfd\w*|setns|unshare|inotify\w*|prctl|getrandom|sendfile|splice|"
    r"copy_file_range|fallocate|posix_fadvise|setresuid|CDLL|F_OFD_\w+|O_TMPFILE|O_DIRECT|SOCK_CLOEXEC"
)
_FILES = re.compile(r"/(proc|sys|dev/shm|run|etc/os-release)(/|$)")
_PROGRAMS = frozenset(
    ("systemctl", "journalctl", "ip", "apt-get", "dnf", "ldd", "nsenter", "strace", "setsid", "flock")
)
_OPENING = frozenset(("Path", "open", "listdir", "readlink", "stat", "exists"))
_GNU_ONLY = re.compile(
    r"readlink -f|sed -i(?! '')|date -d|stat -c|grep -\w*P|mktemp --|cp --|xargs -d|sort -V|nproc|/proc/"
)
_FILES_OF_SHELL = ("coco-azure", "Makefile")


def linux_only(source: str) -> Iterator[str]:
    """Yield what in a module's source only Linux has."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and _CALLS.fullmatch(node.attr):
            yield f"line {node.lineno}: {node.attr}"
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        words = first.elts[:1] if isinstance(first, ast.List) else [first]
        texts = [each.value for each in words if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        for text in texts:
            if (name in _OPENING and _FILES.match(text)) or (name in ("run", "Popen", "which") and text in _PROGRAMS):
                yield f"line {node.lineno}: {name}({text!r})"


@pytest.mark.parametrize(
    "path",
    [*(str(each.relative_to(ROOT)) for folder in FOLDERS for each in (ROOT / folder).rglob("*.py")), "__main__.py"],
)
def test_nothing_that_is_for_a_real_cluster_needs_linux(path: str) -> None:
    assert list(linux_only((ROOT / path).read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.pidfd_open(1)",
        "from pathlib import Path\nPath('/proc/self/status').read_text()",
        "import subprocess\nsubprocess.run(['systemctl', 'status'])",
        "import ctypes\nctypes.CDLL('libc.so.6')",
        "import os\nos.sched_getaffinity(0)",
    ],
)
def test_what_only_linux_has_is_found(source: str) -> None:
    assert len(list(linux_only(source))) == 1


def test_the_rehearsal_is_where_it_is() -> None:
    assert list(linux_only((ROOT / "rehearsal/processes.py").read_text())) != []


@pytest.mark.parametrize("name", _FILES_OF_SHELL)
def test_what_a_shell_runs_is_understood_by_other_systems_too(name: str) -> None:
    assert _GNU_ONLY.findall((ROOT / name).read_text()) == []


def test_setting_up_a_rehearsal_elsewhere_says_what_works_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sys, "argv", ["toolchain", "--for", "rehearsal"])

    assert setup.main() == 1
    error = capsys.readouterr().err
    assert "this is darwin, and a rehearsal and its tests need Linux" in error
    assert "What works here is the program itself and ./coco-azure: docs/rehearsal.md" in error


def test_elsewhere_only_the_command_s_environment_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(sys, "argv", ["toolchain", "--venv-only"])
    monkeypatch.setattr(venv, "ensure", lambda checkout, *_: made.append(checkout))

    assert setup.main() == 0
    assert made == [ROOT]


def test_an_archive_for_linux_is_not_taken_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    pin = next(each for each in PINS.values() if each.archives)
    assert tools._archive(pin) is not None

    monkeypatch.setattr(sys, "platform", "darwin")
    assert tools._archive(pin) is None
