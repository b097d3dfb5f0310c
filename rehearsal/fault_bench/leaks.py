"""Looks for values of secrets where none may be: the state, logs, and the arguments of processes."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rehearsal.background import BackgroundThread
from rehearsal.processes import command_line
from rehearsal.rest import ApiServer

_LOOK = 0.1
_LEAST = 6
_NAMESPACE = "trustee-operator-system"
_PRIVATE = ("kbsres1",)


def values(exported: Any) -> set[str]:
    """Return the private keys in a decrypted export of a stack (``pulumi stack export --show-secrets``)."""
    return {text for text in _texts(exported) if "PRIVATE KEY" in text}


def served(server: ApiServer) -> set[str]:
    """Return the values of the client secrets that are in the cluster."""
    values = set()
    for name in _PRIVATE:
        secret = server.get(f"/api/v1/namespaces/{_NAMESPACE}/secrets/{name}") or {}
        values |= {base64.b64decode(value).decode(errors="replace") for value in (secret.get("data") or {}).values()}
    return values


def needles(secrets: Iterable[str]) -> dict[str, str]:
    """Return what to look for, each with what it is: every value in plain and in base64.

    Of a PEM text a line of its body stands for the whole: its line breaks may be escaped.
    """
    values = {}
    for number, secret in enumerate(sorted(secrets), 1):
        lines = [line for line in secret.replace("\\n", "\n").splitlines() if line and not line.startswith("-----")]
        plain = lines[0] if "-----BEGIN" in secret and lines else secret
        if len(plain) >= _LEAST:
            values[plain] = f"secret {number} in plain"
            values[base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]] = f"secret {number} in base64"
    return values


def in_text(text: str, wanted: Mapping[str, str]) -> list[str]:
    """Return which of the needles are in a text."""
    return [what for needle, what in wanted.items() if needle in text]


def in_files(folders: Iterable[Path], wanted: Mapping[str, str]) -> list[str]:
    """Return the needles that are in files below these folders, as ``what: path``."""
    leaked = []
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                text = path.read_text(errors="replace") if path.is_file() else ""
            except OSError:  # it has gone meanwhile
                continue
            leaked += [f"{what}: {path}" for what in in_text(text, wanted)]
    return leaked


class Arguments(BackgroundThread):
    """The command lines of every process while it is open, each one once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def work(self) -> None:
        """Look at all processes again and again."""
        while not self.over.wait(_LOOK):
            self.seen |= command_lines()


def command_lines() -> set[str]:
    """Return the command lines of all processes."""
    return {command_line(int(folder.name)) for folder in Path("/proc").glob("[0-9]*")}


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, Mapping):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)
    elif isinstance(content, str):
        yield content.strip('"')
