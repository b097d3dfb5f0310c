"""Runs a command as somebody at a terminal does."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path


def on_terminal(command: Sequence[str], folder: Path, environment: Mapping[str, str], *, columns: int = 250) -> str:
    """Return everything that a command writes to a terminal of so many columns; it has to end with exit code 0."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    variables = {**environment, "TERM": "xterm-256color"}
    for name in ("CI", "NO_COLOR"):
        variables.pop(name, None)
    process = subprocess.Popen(command, cwd=folder, env=variables, stdin=its, stdout=its, stderr=its)
    os.close(its)
    written = b""
    with contextlib.suppress(OSError):  # the end of a terminal is an error, not an empty read
        while chunk := os.read(ours, 65536):
            written += chunk
    os.close(ours)
    assert process.wait(400) == 0, written.decode(errors="replace")[-5000:]
    return written.decode(errors="replace")
