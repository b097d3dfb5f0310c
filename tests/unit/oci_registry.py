"""A registry on loopback that speaks what the program reads of the distribution specification, with images in it."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ACCOUNT = ("robot", "a-pass:word")
REPOSITORY = "osc/osc-dm-verity-image"
PCRS = {number: f"{number:02x}" * 32 for number in (3, 9, 11, 12)}
OLD_PCRS = {number: f"{number + 100:02x}" * 32 for number in PCRS}
_MANIFEST, _INDEX = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("manifest", "index"))


class Maker:
    """Who signs images."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, payload: bytes) -> str:
        """Return the signature as cosign writes it."""
        return base64.b64encode(self._key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()


@dataclass
class Registry:
    """What is in it, and what it was asked."""

    host: str = ""
    private: bool = False
    cut: bool = False
    """Whether it breaks off in the middle of a blob."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    """By tag and by digest."""
    paths: list[str] = field(default_factory=list)

    @property
    def image(self) -> str:
        """The repository, without a tag."""
        return f"{self.host}/{REPOSITORY}"

    def push(self, tag: str, files: Mapping[str, bytes]) -> str:
        """Put an image with one layer there and return its digest."""
        return self._put(tag, {"layers": [self._layer(_tar(files))]})

    def push_measured(self, tag: str, maker: Maker, pcrs: Mapping[int, str] = PCRS) -> str:
        """Put a signed image of a pod VM there and return its digest."""
        digest = self.push(tag, measured(pcrs))
        self.sign(digest, maker)
        return digest

    def push_index(self, tag: str, **digests: str) -> str:
        """Put an index there, of images by architecture, and return its digest."""
        entries = [
            {"digest": digest, "platform": {"architecture": each, "os": "linux"}} for each, digest in digests.items()
        ]
        return self._put(tag, {"mediaType": _INDEX, "manifests": entries})

    def sign(self, digest: str, *makers: Maker, over: str | None = None, name: str | None = None) -> None:
        """Put signatures beside an image, over it or over another digest, by its repository or by another name."""
        critical = {
            "identity": {"docker-reference": self.image if name is None else name},
            "image": {"docker-manifest-digest": over or digest},
            "type": "cosign container image signature",
        }
        payload = json.dumps({"critical": critical, "optional": None}).encode()
        layers = [
            {**self._layer(payload), "annotations": {"dev.cosignproject.cosign/signature": maker.sign(payload)}}
            for maker in makers
        ]
        self._put(digest.replace(":", "-") + ".sig", {"layers": layers})

    def _layer(self, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    def _put(self, tag: str, document: Mapping[str, Any]) -> str:
        content = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, **document}).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.manifests |= {tag: content, digest: content}
        return digest

    def answer(self, path: str, authorization: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, content and headers of an answer."""
        basic = f"Basic {base64.b64encode(':'.join(ACCOUNT).encode()).decode()}"
        if urlsplit(path).path == "/token":
            fits = authorization == basic and f"scope=repository%3A{REPOSITORY.replace('/', '%2F')}%3Apull" in path
            return (200, b'{"token": "pass"}', {}) if fits else (401, b"", {})
        if self.private and authorization != "Bearer pass":
            return 401, b"", {"WWW-Authenticate": f'Bearer realm="http://{self.host}/token",service="registry"'}
        kind, _, name = path.removeprefix(f"/v2/{REPOSITORY}/").partition("/")
        content = {"manifests": self.manifests, "blobs": self.blobs}.get(kind, {}).get(name)
        return (404, b"", {}) if content is None else (200, content, {})


@contextmanager
def serving(*, private: bool = False) -> Iterator[Registry]:
    """Serve an empty registry meanwhile."""
    registry = Registry(private=private)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.paths.append(self.path)
            status, content, headers = registry.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if registry.cut and "/blobs/" in self.path else content)
            self.close_connection = registry.cut

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def measured(pcrs: Mapping[int, str]) -> dict[str, bytes]:
    """Return the files of an image with these measurements."""
    bank = {f"pcr{number:02}": f"0x{value}" for number, value in pcrs.items()}
    document = json.dumps({"measurements": {"sha256": bank}}).encode()
    return {"image/measurements.json": document, "image/podvm.qcow2": bytes(range(256)) * 400}


def _tar(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)
