"""Programs of a few lines that stand for real ones."""

from pathlib import Path

SAYS = "#!/bin/sh\necho {} version {}\n"


def program(folder: Path, name: str, version: str) -> Path:
    """Write a program that says its name and version, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(SAYS.format(name, version))
    path.chmod(0o755)
    return path
