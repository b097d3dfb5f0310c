"""The pinned engine: finds or makes the programs that a rehearsal runs on.

Standard library only: it runs before anything is installed. ``python3 -m toolchain`` sets a checkout up.

Each program is taken from the first place that has it: PATH (a fitting version), the cache, the official download (held
to a checksum in ``pins.py``), a build from pinned Go modules (``go/*/go.sum``).
"""

from toolchain.errors import ToolchainError
from toolchain.tools import Tool, ensure

__all__ = ["Tool", "ToolchainError", "ensure"]
