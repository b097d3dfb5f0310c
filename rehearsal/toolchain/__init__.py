"""The pinned engine: finds or makes the programs that a rehearsal runs on.

Standard library only: it runs before anything is installed. ``python3 -m rehearsal.toolchain`` sets a checkout up.

Each program is taken from the first place that has it: PATH (a fitting version), the cache, the official download (held
to a checksum in ``pins.json``), a build from pinned Go modules (``go/*/go.sum``).
"""

from rehearsal.toolchain.cache import ToolchainError
from rehearsal.toolchain.tools import Tool, ensure

__all__ = ["Tool", "ToolchainError", "ensure"]
