"""The one error of this package."""


class ToolchainError(RuntimeError):
    """A program cannot be had; the message says what was tried and what would help."""
