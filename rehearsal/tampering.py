"""Changes initdata as somebody would who controls the cluster but no pod VM: it still works, and is another one."""

import base64
import gzip
import re

from rehearsal.kubelet import initdata

_COMMENT = re.compile(rb"^[ \t]*#[^\n]*?([A-Za-z])[^A-Za-z\n]*$", re.MULTILINE)
_VERSION = re.compile(rb'^version\s*=\s*"0\.1\.(0)"', re.MULTILINE)
_CASE = 0x20  # the bit that tells upper from lower case


def tampered(encoded: str, *, compressed: bool) -> str:
    """Return encoded initdata with one byte of its text changed: in a comment, else in its version.

    Args:
        encoded: as an annotation or INITDATA has it.
        compressed: whether it is gzip inside base64; the result is the same.

    Raises:
        ValueError: the text is no initdata, or nothing in it can be changed without breaking it.
    """
    document = initdata.read(encoded, compressed=compressed)
    for match in (*_COMMENT.finditer(document.text), *_VERSION.finditer(document.text)):
        changed = bytearray(document.text)
        changed[match.start(1)] ^= _CASE if changed[match.start(1)] >= ord("A") else 1
        if _works_the_same(document, bytes(changed)):
            raw = gzip.compress(bytes(changed), mtime=0) if compressed else bytes(changed)
            return base64.b64encode(raw).decode()
    raise ValueError(
        "this initdata has neither a comment nor the version 0.1.0, so no byte of it can be changed safely"
    )


def _works_the_same(document: initdata.Document, text: bytes) -> bool:
    try:
        other = initdata.parse(text)
    except initdata.InitdataError:
        return False
    same = other.algorithm == document.algorithm and other.data.keys() == document.data.keys()
    # The agent's policy may differ in a comment; where KBS is must not.
    return same and all(other.data[name] == document.data[name] for name in document.data if name != "policy.rego")
