"""What an operation tells the user while it runs: messages to the engine's log, each one once.

Nothing that is logged here may hold a value of an object: names, paths and the server's own words only.
"""

from dataclasses import dataclass

from grpc import aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_SEVERITIES = {
    "info": engine_pb2.LogSeverity.Value("INFO"),
    "warning": engine_pb2.LogSeverity.Value("WARNING"),
    "error": engine_pb2.LogSeverity.Value("ERROR"),
}


@dataclass(frozen=True)
class Note:
    """One message.

    Attributes:
        severity: ``info``, ``warning`` or ``error``.
        text: what it says.
    """

    severity: str
    text: str

    @classmethod
    def info(cls, text: str) -> "Note":
        """Return a message about progress."""
        return cls("info", text)

    @classmethod
    def warning(cls, text: str) -> "Note":
        """Return a message about something that may go wrong."""
        return cls("warning", text)


class EngineLog:
    """The engine's log."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stub: engine_pb2_grpc.EngineStub | None = None

    async def write(self, urn: str, note: Note, *, passing: bool) -> None:
        """Write a message; a failure to do so is none of the operation's business.

        Args:
            urn: resource that it is about.
            note: the message.
            passing: whether it is only shown while the operation runs (``LogStatus``).
        """
        if self._stub is None:
            self._stub = engine_pb2_grpc.EngineStub(aio.insecure_channel(self._address))
        request = engine_pb2.LogRequest(
            severity=_SEVERITIES[note.severity], message=note.text, urn=urn, ephemeral=passing
        )
        try:
            await self._stub.Log(request)
        except aio.AioRpcError:
            return


class Progress:
    """Messages about one operation on one resource (``logging/dedup_logger.go``)."""

    def __init__(self, log: EngineLog, urn: str) -> None:
        self._log = log
        self._urn = urn
        self._said: set[tuple[Note, bool]] = set()

    async def status(self, note: Note) -> None:
        """Show a message while the operation runs, unless it was shown already."""
        await self._write(note, passing=True)

    async def keep(self, note: Note) -> None:
        """Write a message that stays."""
        await self._write(note, passing=False)

    async def clear(self) -> None:
        """Take the shown message away."""
        await self._log.write(self._urn, Note.info(""), passing=True)

    async def _write(self, note: Note, *, passing: bool) -> None:
        if (note, passing) not in self._said:
            self._said.add((note, passing))
            await self._log.write(self._urn, note, passing=passing)
