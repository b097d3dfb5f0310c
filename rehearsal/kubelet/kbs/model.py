"""What every part of the simulated KBS speaks of: evidence, denials, the end at start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class StartError(Exception):
    """KBS ends at start with this message."""


class DeniedError(Exception):
    """KBS answers a request with a denial.

    Attributes:
        status: HTTP status code.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Evidence:
    """What a pod VM proves.

    Attributes:
        tee: attester, such as ``az-snp-vtpm``; how a token names it depends on the version of KBS.
        claims: what the verifier of KBS 0.3 reads from the evidence, nested.
        initdata: the document that the guest sends along for KBS to compare with PCR 8 (from KBS 1.0), or None.
    """

    tee: str
    claims: Mapping[str, Any]
    initdata: str | None = None


class Releases(Protocol):
    """A KBS, simulated or real, as a pod VM sees it."""

    def release(self, resource: str, evidence: Evidence, protocol: str | None = None) -> bytes:
        """Return the resource; raises DeniedError."""


def unauthorized(reason: str) -> DeniedError:
    """Return the denial that nearly every failure of a request ends in (``kbs/src/error.rs``)."""
    return DeniedError(401, reason)
