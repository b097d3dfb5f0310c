"""Tokens of the rehearsal's Entra ID: who signs in with a client id and secret gets one, and it says who he is.

They are JWTs (RFC 7519) with the claims ``aud``, ``tid``, ``appid``, ``oid`` and ``exp``, signed with HS256 and a key
that outlives the server, so that a token is good after a restart, too.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

LIFETIME = 3599


class Tokens:
    """What one tenant hands out."""

    def __init__(self, tenant: str, key: str, now: Callable[[], float] = time.time) -> None:
        self._tenant = tenant
        self._key = key.encode()
        self._now = now

    def give(self, client: str, principal: str, audience: str) -> str:
        """Return a new token for a client whose object id is ``principal``."""
        claims = {
            "aud": audience,
            "tid": self._tenant,
            "appid": client,
            "oid": principal,
            "exp": int(self._now()) + LIFETIME,
        }
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def principal(self, header: str) -> str | None:
        """Return the object id of who sent an ``Authorization`` header; None for a token that is old, or not ours."""
        signed, _, signature = header.removeprefix("Bearer ").rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        text = signed.partition(".")[2]
        claims: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return str(claims["oid"]) if claims["exp"] > self._now() else None

    def _signature(self, signed: str) -> str:
        return _text(hmac.new(self._key, signed.encode(), hashlib.sha256).digest())


def _part(content: Mapping[str, object]) -> str:
    return _text(json.dumps(content).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
