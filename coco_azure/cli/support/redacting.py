"""Takes secrets out of what is collected: those that the stack keeps encrypted, and what looks like one."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

TAKEN_OUT = "█████"
"""No word: a password may be one."""
SHORTEST = 4
"""Characters of the shortest secret that is looked for: a shorter one is in every text."""
_SHORTEST_LINE = 16
"""Characters of a line of a longer secret, such as a key, that is looked for by itself."""
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)", re.DOTALL),
    re.compile(r"sha256~[\w-]{20,}"),  # a token of OpenShift
    re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"),  # JSON Web Tokens
    re.compile(r"(?i)\bbearer [\w.~+/=-]{8,}"),
    re.compile(r"[\w.~-]{3}8Q~[\w.~-]{31,34}"),  # a client secret of Microsoft Entra
)


def redact(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON-compatible data without these secrets, in texts and in names, however they are written there."""
    forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, forms))) if forms else None
    return _redacted(value, known)


def _redacted(value: Any, known: "re.Pattern[str] | None") -> Any:
    if isinstance(value, str):
        return _text(value, known)
    if isinstance(value, Mapping):
        return {_text(str(name), known): _redacted(inner, known) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner, known) for inner in value]
    return value if _text(text := json.dumps(value), known) == text else TAKEN_OUT


def _text(text: str, known: "re.Pattern[str] | None") -> str:
    for pattern in (*([known] if known is not None else []), *_LOOKS):
        text = pattern.sub(TAKEN_OUT, text)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield the texts by which a secret may stand somewhere: as it is, quoted, encoded, and line by line."""
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= _SHORTEST_LINE]
    for part in (secret, secret.strip(), *lines):
        if len(part) < SHORTEST:
            continue
        raw = part.encode(errors="surrogatepass")
        yield from (part, json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1])
        yield from (quote(raw, safe=""), quote(raw), raw.hex())
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(raw).decode().rstrip("=")
