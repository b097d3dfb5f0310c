"""initdata as Kata, CAA and the pod VM read it: decoding, digest, and what the vTPM measures.

The counterpart of what the program writes, on purpose without the program's own code. Error texts are those of the Go
sources: openshift/cloud-api-adaptor ``release-1.9`` ``pkg/adaptor/cloud/cloud.go`` and ``osc-release-v1.10``
``pkg/initdata/initdata.go``, kata-containers 3.17.0 ``src/runtime/pkg/oci/utils.go``.
"""

import base64
import binascii
import gzip
import hashlib
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

ALGORITHMS = ("sha256", "sha384", "sha512")
DUMMY = b"algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"aa.toml\" = '''\n'''"
"""What a pod VM of OSC 1.11 and newer measures when it is given nothing (``generateDummyInitdata``)."""


class InitdataError(ValueError):
    """The text is no initdata.

    Attributes:
        step: what failed: ``base64``, ``gzip`` or ``toml``.
    """

    def __init__(self, step: str, message: str) -> None:
        super().__init__(message)
        self.step = step


@dataclass(frozen=True, kw_only=True)
class Document:
    """Initdata that has been read.

    Attributes:
        text: the exact bytes that are measured.
        algorithm: digest algorithm as the document says, which may be none that exists.
        data: files by name.
    """

    text: bytes
    algorithm: str
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The hexadecimal digest; raises ValueError for an algorithm that a pod VM does not know."""
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"algorithm {self.algorithm} is not supported")
        return hashlib.new(self.algorithm, self.text).hexdigest()


def read(encoded: str, *, compressed: bool) -> Document:
    """Return initdata from an annotation or from INITDATA; raises InitdataError."""
    raw = _decoded(encoded)
    return parse(_inflated(raw) if compressed else raw)


def parse(text: bytes) -> Document:
    """Return the document of these bytes; raises InitdataError."""
    try:
        document = tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InitdataError("toml", f"toml: {error}") from error
    algorithm, data = document.get("algorithm", ""), document.get("data", {})
    if not isinstance(algorithm, str) or not isinstance(data, dict):
        raise InitdataError("toml", "toml: algorithm must be a string and data a table")
    if wrong := [name for name, content in data.items() if not isinstance(content, str)]:
        raise InitdataError("toml", f"toml: data.{wrong[0]} must be a string")
    return Document(text=text, algorithm=algorithm, data=data)


def pcr8(digest: str) -> str:
    """Return PCR 8 of a vTPM (SHA-256 bank) that was extended with the first 32 bytes of a digest; hexadecimal."""
    return hashlib.sha256(bytes(32) + bytes.fromhex(digest)[:32]).hexdigest()


def _decoded(encoded: str) -> bytes:
    # Go's decoder skips line ends and nothing else.
    plain = encoded.replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InitdataError("base64", f"illegal base64 data: {error}") from error


def _inflated(raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw)
    except gzip.BadGzipFile as error:
        raise InitdataError("gzip", "gzip: invalid header") from error
    except (EOFError, zlib.error) as error:
        raise InitdataError("gzip", f"gzip: {error}") from error
