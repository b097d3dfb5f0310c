"""Tokens of the rehearsal's Entra ID: who signs in with a client id and secret gets one, and it says who he is.

They are JWTs with the claims ``aud``, ``tid``, ``appid``, ``oid`` and ``exp``, signed with HS256 and a key that
outlives the server, so that a token is good after a restart, too.
"""

import time

import jwt

LIFETIME = 3599


class Tokens:
    """What one tenant hands out."""

    def __init__(self, tenant: str, key: str) -> None:
        self._tenant, self._key = tenant, key

    def give(self, client: str, principal: str, audience: str) -> str:
        """Return a new token for a client whose object id is ``principal``."""
        claims = {"aud": audience, "tid": self._tenant, "appid": client, "oid": principal}
        return jwt.encode({**claims, "exp": int(time.time()) + LIFETIME}, self._key, "HS256")

    def principal(self, header: str) -> str | None:
        """Return the object id of who sent an ``Authorization`` header; None for a token that is old, or not ours."""
        try:
            claims = jwt.decode(header.removeprefix("Bearer "), self._key, ["HS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError:
            return None
        return str(claims["oid"])
