"""Files that commands are given: read like those that settings name, in each encoding that says which one it is."""

import sys
from pathlib import Path

import click

from coco_azure.settings.base import decode


def text(path: str) -> str:
    """Return the text of a file, or of standard input for ``-``; the ends of its lines stay as they are.

    Raises:
        click.ClickException: it cannot be read, or is no text; the message names the file.
    """
    try:
        raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error
    try:
        return decode(raw)
    except ValueError as error:
        raise click.ClickException(f"{path} {error}") from error
