"""Programs of a few lines that stand for real ones."""

import os
from pathlib import Path

import pytest

SAYS = "#!/bin/sh\necho {} version {}\n"


def program(folder: Path, name: str, version: str) -> Path:
    """Write a program that says its name and version, and return its path."""
    return script(folder, name, SAYS.format(name, version))


def script(folder: Path, name: str, text: str) -> Path:
    """Write a program of these lines, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, text: str) -> None:
    """Write a program of these lines, and have its folder first on PATH."""
    script(folder, name, text)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
