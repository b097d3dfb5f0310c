"""What KBS writes into its log of the requests that it answers.

Sources: openshift/trustee v0.3.0 to v1.2.0 ``kbs/src/api_server.rs`` (actix-web's ``Logger::default``: one line a
request, once it is answered), ``kbs/src/error.rs`` (``error!("{self:?}")`` before it, where it is refused),
``kbs/src/bin/kbs.rs`` (the form of lines: env_logger, from 1.1 tracing_subscriber, which colours them also where nobody
sees it). The peer is the router: no line names a pod.
"""

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime

from rehearsal.kubelet.kbs.model import DeniedError

_MOST = 2000
_HANDSHAKE = re.compile(r"AttestationError: RCAR handshake (?P<step>Auth|Attest) failed: (?P<cause>.*)", re.DOTALL)
_ROUTER = "10.128.0.1"


class AccessLog:
    """The latest lines of one KBS."""

    def __init__(self, now: Callable[[], datetime], *, coloured: bool) -> None:
        self._now, self._coloured = now, coloured
        self._lines: deque[str] = deque(maxlen=_MOST)

    @property
    def text(self) -> str:
        """The log."""
        return "".join(f"{line}\n" for line in self._lines)

    def granted(self, *steps: str) -> None:
        """Write that these were answered well: ``auth``, ``attest`` or the path of a resource."""
        for step in steps:
            self._answered(step, 200)

    def denied(self, step: str, error: DeniedError) -> None:
        """Write that one was refused, and why."""
        self._write("ERROR", "kbs::error", _debug(str(error)))
        self._answered(step, error.status)

    def _answered(self, step: str, status: int) -> None:
        asked = f"GET /kbs/v0/resource/{step}" if "/" in step else f"POST /kbs/v0/{step}"
        text = f'{_ROUTER} "{asked} HTTP/1.1" {status} 512 "-" "attestation-agent-kbs-client/0.1.0" 0.001'
        self._write("INFO", "actix_web::middleware::logger", text)

    def _write(self, level: str, module: str, text: str) -> None:
        time = f"{self._now():%Y-%m-%dT%H:%M:%S}"
        if self._coloured:
            colour = {"ERROR": 31, "INFO": 32}[level]
            dim, plain = "\x1b[2m", "\x1b[0m"
            head = f"{dim}{time}.000000Z{plain} \x1b[{colour}m{level:>5}{plain} {dim}{module}{plain}{dim}:{plain}"
        else:
            head = f"[{time}Z {level:5} {module}]"
        self._lines.append(f"{head} {text}")


def step_of(error: DeniedError) -> str:
    """Return which step of the handshake a denial is of; empty: the handshake is over."""
    match = _HANDSHAKE.match(str(error))
    return match["step"].lower() if match else ""


def _debug(reason: str) -> str:
    """Return an error as Rust's ``Debug`` has it."""
    match = _HANDSHAKE.match(reason)
    if match is not None:
        return f"AttestationError(Rcar{match['step']}Failed {{ source: {match['cause']} }})"
    name, _, detail = reason.partition(": ")
    return name if name == "PolicyDeny" else f"{name} {{ source: {detail} }}"
