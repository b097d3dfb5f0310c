"""HTTP requests with JSON answers, on the standard library. Nothing goes to an address without TLS but on loopback."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

_TIMEOUT = 60
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class WebError(RuntimeError):
    """There is no usable answer.

    Attributes:
        status: HTTP status code; 0 where nobody answers.
        code: the service's own error code; empty where it gives none.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def get(url: str, token: str) -> Any:
    """Return what is at a URL, asked for with a bearer token; raises WebError."""
    return _send(urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"}))  # noqa: S310 - see _send


def post_form(url: str, form: Mapping[str, str]) -> Any:
    """Send a form and return the answer; raises WebError."""
    return _send(urllib.request.Request(url, data=urlencode(form).encode(), method="POST"))  # noqa: S310 - see _send


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a token goes to the address that was asked for, and to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return nothing."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _send(request: urllib.request.Request) -> Any:
    address = urlsplit(request.full_url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
        raise WebError(0, "", f"{address.scheme}://{address.netloc} is no https address; credentials go to such only")
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            code, message = _explained(error.read())
        raise WebError(error.code, code, f"HTTP {error.code} {code} {message}".strip()) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise WebError(0, "", f"{address.netloc} gives no usable answer: {reason}") from None


def _explained(body: bytes) -> tuple[str, str]:
    """Return code and message of an error of ARM or of the token endpoint; empty where it has none."""
    try:
        said = json.loads(body)
    except ValueError:
        return "", body.decode(errors="replace")[:200]
    error = said.get("error", "") if isinstance(said, dict) else ""
    if isinstance(error, dict):
        return str(error.get("code", "")), str(error.get("message", ""))
    return str(error), str(said.get("error_description", "")) if isinstance(said, dict) else ""
