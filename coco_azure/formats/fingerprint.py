"""Fingerprints that say "this changed": what makes KBS or CAA start again."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def fingerprint_of(content: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of JSON content, whatever the order of its keys."""
    return hashlib.sha256(_canonical(content)).hexdigest()


def keyed(content: Mapping[str, Any], key: str) -> str:
    """Return the hexadecimal HMAC-SHA-256 of JSON content that holds secrets.

    Whoever sees the fingerprint cannot try passwords against it without the key, so it may stand in plain text.
    """
    return hmac.new(key.encode(), _canonical(content), hashlib.sha256).hexdigest()


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
