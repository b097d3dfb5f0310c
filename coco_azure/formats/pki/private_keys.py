"""Finds private keys in what is meant to be public, whatever they are wrapped in; tells where, and nothing of the key.

Knows armour of any label (RFC 7468, RFC 1421, OpenPGP, SSH), the DER of PKCS #1, SEC 1, PKCS #8 with and without a
password and PKCS #12 (RFC 8017, 5915, 5958, 7292), private JWKs (RFC 7517, as JSON or YAML), the forms of PuTTY and
age, what ``openssl pkey -text`` prints, and all of these once more in base64 or hexadecimal, as in a Kubernetes Secret
or a kubeconfig. Does not know keys without any structure, such as 32 bare bytes, nor what is compressed or encrypted
as a whole.
"""

import base64
import re
from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache

_ARMOUR = re.compile(
    rb"-\s*BEGIN\W{1,3}((?:[A-Z0-9]{1,16}\W{1,3}){0,4}PRIVATE\W{1,3}KEY(?:\W{1,3}BLOCK)?)", re.IGNORECASE
)
_BEGIN = re.compile(rb"-\s*BEGIN\b", re.IGNORECASE)
_PRINTED = rb"\bPrivate-Key: \(\d+ bit|^ *priv(?:ateExponent)?:\s*(?:[0-9a-f]{2}:){8}"
_OTHERS = (
    (re.compile(rb"\bProc-Type: *4, *ENCRYPTED|\bDEK-Info:"), "an encrypted key"),
    (re.compile(rb"PuTTY-User-Key-File-\d|\bPrivate-Lines: *\d"), "a key of PuTTY"),
    (re.compile(rb"\bAGE-SECRET-KEY-1[A-Z0-9]{16}"), "a key of age"),
    (re.compile(_PRINTED, re.MULTILINE), "a key in numbers"),
    (re.compile(rb"openssh-key-v1\0"), "a key of OpenSSH"),
)
_MEMBER = rb"""(?:^|[\s{,\[?-])\\*["']?%s\\*["']?\s*[:=]\s*\\*["']?"""
_JWK_TYPE = re.compile(_MEMBER % b"kty" + rb"(?:EC|RSA|OKP|oct|AKP)\b", re.MULTILINE)
_JWK_PRIVATE = re.compile(_MEMBER % b"(?:d|k|priv)" + rb"[A-Za-z0-9_-]{16}", re.MULTILINE)
_JWK_LENGTH = 8192
"""Bytes that a JWK takes at most: members of one stand no farther apart, whatever is nested between them."""
_LENGTH = rb"(?:[\x00-\x80]|\x81.|\x82..|\x83...)"
_ALGORITHM = rb"\x30" + _LENGTH + rb"\x06"
_KINDS = {
    "pkcs8": rb"\x02\x01[\x00\x01](?=" + _ALGORITHM + rb"[\x03-\x0b])",
    "sec1": rb"\x02\x01\x01\x04[\x14-\x48]",
    "pkcs1": rb"\x02\x01[\x00\x01]\x02(?:[\x40-\x7f]|\x81.|\x82..)",  # OpenSSL writes DSA so, too
    "encrypted": _ALGORITHM + rb"[\x09-\x0b]\x2a\x86\x48\x86\xf7\x0d\x01(?:\x05|\x0c\x01)",
    "pkcs12": rb"\x02\x01\x03" + _ALGORITHM + rb"\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07[\x01\x02]",
}
_DER = re.compile(
    rb"\x30" + _LENGTH + rb"(?:" + rb"|".join(b"(?P<%s>%s)" % (n.encode(), p) for n, p in _KINDS.items()) + rb")",
    re.DOTALL,
)
_DER_NAMES = {"encrypted": "an encrypted key in DER", "pkcs12": "PKCS#12"}
_OCTET_STRING = 0x04
_SHORTEST = 48
"""Characters of base64 that the shortest private key with a structure takes; shorter ones are not looked into."""
_RUN = re.compile(rb"[A-Za-z0-9+/_=\s-]{48,}")
_HEX = re.compile(rb"[0-9a-fA-F]{64,}")
_BETWEEN_DIGITS = rb"(?:[\s:,]|0x|\\x)*"
"""What stands between digits of hexadecimal, as in ``30:81`` or in an array of C."""
_BASE64 = (re.compile(rb"[A-Za-z0-9+/]+"), re.compile(rb"[A-Za-z0-9_-]+"))
"""Letters of base64, and of its URL-safe form; what stands between them, such as quotes and line ends, is dropped."""
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ESCAPED = re.compile(rb"\\[nrt]")
_DEPTH = 3
"""How often something may be wrapped in base64."""


_Hit = tuple[str, int, int | None]
"""Name, position of its first byte, number of its block."""


@dataclass(frozen=True, kw_only=True)
class PrivateKey:
    """Where a private key was found.

    Attributes:
        name: what it is: the label of its armour or a few words; never a piece of it.
        line: number of the line that it begins in, from 1.
        block: number of the armoured block, from 1; None where it has no armour.
    """

    name: str
    line: int
    block: int | None = None

    def __str__(self) -> str:
        """Return how messages call it."""
        where = f"block {self.block}, " if self.block is not None else ""
        return f"a private key ({where}{self.name}, line {self.line})"


def find(content: str | bytes) -> PrivateKey | None:
    """Return the first private key in a text or a file, or None."""
    return _find(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)


def refuse(content: str | bytes, fix: str) -> None:
    """Check that there is no private key.

    Args:
        content: what is meant to be public.
        fix: how the user gets the public part alone.

    Raises:
        ValueError: there is one; the message says where, and nothing of it.
    """
    if (key := find(content)) is not None:
        raise ValueError(
            f"holds {key}, and this setting is for what is public. {fix}. If the key has been in a stack or in a "
            "repository already, replace it"
        )


@lru_cache(maxsize=64)
def _find(raw: bytes) -> PrivateKey | None:
    hit = _search(raw, _DEPTH)
    if hit is None:
        return None
    name, start, number = hit
    return PrivateKey(name=name, line=raw.count(b"\n", 0, start) + 1, block=number)


def _search(raw: bytes, depth: int) -> _Hit | None:
    if (armour := _ARMOUR.search(raw)) is not None:
        label = " ".join(re.findall(r"\w+", armour[1].decode().upper()))
        return label, armour.start(), sum(1 for _ in _BEGIN.finditer(raw, 0, armour.end()))
    for pattern, name in _OTHERS:
        if (match := pattern.search(raw)) is not None:
            return name, match.start(), None
    if (start := _jwk(raw)) is not None:
        return "a JWK", start, None
    for der in _DER.finditer(raw):
        if der.lastgroup != "pkcs8" or _holds_key(raw, der.end()):
            return _DER_NAMES.get(der.lastgroup or "", "a key in DER"), der.start(), None
    return _wrapped(raw, depth) if depth and len(raw) >= _SHORTEST else None


def _jwk(raw: bytes) -> int | None:
    """Return where a private JWK begins: its type and the private member stand near to each other."""
    types = [kind.start() for kind in _JWK_TYPE.finditer(raw)]
    for member in _JWK_PRIVATE.finditer(raw) if types else ():
        at = bisect(types, member.start())
        for start in types[max(at - 1, 0) : at + 1]:
            if abs(start - member.start()) <= _JWK_LENGTH:
                return min(start, member.start())
    return None


def _holds_key(raw: bytes, start: int) -> bool:
    """Return whether a key follows the algorithm at ``start``: other structures begin with a version and one, too."""
    size, begin = raw[start + 1], start + 2
    if size & 0x80:
        width = size & 0x7F
        size, begin = int.from_bytes(raw[begin : begin + width]), begin + width
    return raw[begin + size : begin + size + 1] in (b"", bytes([_OCTET_STRING]))


def _wrapped(raw: bytes, depth: int) -> _Hit | None:
    """Return a private key that is in base64 or in hexadecimal."""
    clean = _ESCAPED.sub(lambda match: b" " * len(match[0]), raw)
    for letters in _BASE64:
        words = list(letters.finditer(clean))
        joined = b"".join(word[0] for word in words)
        for skipped in range(4):  # what stands before it, such as the name of a YAML key, is of any length
            decoded = _decode(joined[skipped:])
            if (hit := _in_noise(decoded, depth)) is not None:
                return f"{hit[0]}, in base64", _position(words, skipped + hit[1] * 4 // 3), None
    for run in _HEX.finditer(re.sub(_BETWEEN_DIGITS, b"", raw)):
        # An odd letter before it belongs to another word.
        for odd in (0, 1):
            text = run[0][odd : len(run[0]) - (len(run[0]) - odd) % 2]
            if (hit := _search(bytes.fromhex(text.decode()), 0)) is not None:
                begin = _BETWEEN_DIGITS.join(re.escape(run[0][at : at + 1]) for at in range(16))
                place = re.search(begin, raw)
                return f"{hit[0]}, in hexadecimal", place.start() if place is not None else 0, None
    return None


def _decode(text: bytes) -> bytes:
    whole = text[: len(text) // 4 * 4].translate(_URL_SAFE)
    return base64.b64decode(whole)


def _in_noise(decoded: bytes, depth: int) -> _Hit | None:
    """Return a private key in what was decoded; most of that is noise, as most of a text is no base64."""
    if (hit := _search(decoded, 0)) is not None:
        return hit
    for run in _RUN.finditer(decoded):
        if (hit := _search(run[0], depth - 1)) is not None:
            return hit[0], run.start() + hit[1], None
    return None


def _position(words: list[re.Match[bytes]], index: int) -> int:
    """Return where a letter of the joined words stands in the text."""
    for word in words:
        if index < len(word[0]):
            return word.start() + index
        index -= len(word[0])
    return 0
