"""What KBS's log says of requests: which resource was asked for, whether it was given, and why not.

Forms: confidential-containers/trustee v0.12.0 to v0.17.0 ``kbs/src/bin/kbs.rs`` (env_logger), v0.18.0 to v0.21.0
(tracing_subscriber, perhaps in colours); each request has a line of actix-web's ``Logger::default`` once it is answered
(``kbs/src/api_server.rs``), and before it, where it is refused, the error as Rust's ``Debug`` has it, on several lines
(``kbs/src/error.rs``, ``error!("{self:?}")``). Behind a Route the peer of every line is the router, and no line names a
pod.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TIME = r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
_LINE = re.compile(rf"\[?{_TIME} +(?P<level>[A-Z]+) +(?P<module>[\w:]*\w)(?:\]|:) (?P<text>.*)")
_REQUEST = re.compile(r'\S+ "[A-Z]+ /kbs/v0/(?P<path>[^ ?"]+)\S* HTTP/[\d.]+" (?P<status>\d{3}) ')
_RESOURCE = "resource/"
_REFUSED = 400
_CAUSE = re.compile(r"\s*(?:\d+: )?(?P<text>.*)")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a log.

    Attributes:
        time: when, in UTC.
        level: ``ERROR``, ``INFO`` and such.
        module: who wrote it, such as ``kbs::error``.
    """

    time: datetime
    level: str
    module: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class KbsRequest:
    """A request that KBS has answered.

    Attributes:
        time: when, in UTC.
        step: ``auth`` and ``attest``, the two of the handshake, or the path of the resource (``default/SECRET/KEY``).
        granted: whether KBS gave what was asked for.
        reason: its own words where it did not.
    """

    time: datetime
    step: str
    granted: bool
    reason: str = ""

    @property
    def of_resource(self) -> bool:
        """Whether a resource was asked for."""
        return "/" in self.step


def entries(lines: Iterable[str]) -> Iterator[Entry]:
    """Yield the entries of a log, in its order; lines before the first one are passed over."""
    entry: Entry | None = None
    for raw in lines:
        text = _COLOUR.sub("", raw).rstrip()
        line = _LINE.match(text)
        if line is not None:
            if entry is not None:
                yield entry
            time = datetime.fromisoformat(line["time"]).astimezone(UTC)
            entry = Entry(time=time, level=line["level"], module=line["module"], lines=(line["text"],))
        elif entry is not None and text.strip():
            entry = replace(entry, lines=(*entry.lines, text.strip()))
    if entry is not None:
        yield entry


def parse(lines: Iterable[str]) -> Iterator[KbsRequest]:
    """Yield the requests of a log, in its order; everything else in it is passed over."""
    error: Entry | None = None
    for entry in entries(lines):
        if entry.level == "ERROR":
            error = entry
        elif (request := _REQUEST.match(entry.lines[0])) is not None:
            granted = int(request["status"]) < _REFUSED
            reason = _reason(error.lines) if error is not None else f"HTTP {request['status']}"
            yield KbsRequest(
                time=entry.time,
                step=request["path"].removeprefix(_RESOURCE),
                granted=granted,
                reason="" if granted else reason,
            )
            error = None


def _reason(errors: Sequence[str]) -> str:
    """Return an error on one line: its first words, and its causes in their order."""
    words = [cause["text"].strip() for each in errors if (cause := _CAUSE.fullmatch(each)) is not None]
    return ": ".join(each.rstrip(" })") for each in words if each and each != "Caused by:")
