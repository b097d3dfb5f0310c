"""A real KBS 0.3 on loopback, with the files that Trustee operator 0.3 would mount for it.

Its program is ``tests.reality.KBS``.
"""

import base64
import hashlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter

from rehearsal.real.kbs import opened

_START_TIMEOUT = 20.0
_TIMEOUT = 20
_DENIED = 3


@dataclass(frozen=True)
class Mounts:
    """What the operator mounts for KBS; keys are absolute paths in the container, values the files' content."""

    files: Mapping[str, str]

    def place(self, root: Path, port: int) -> None:
        """Write the files below ``root``; every path and the port inside a configuration follow."""
        for path, content in self.files.items():
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_moved(content, root, port) if path.startswith("/etc/kbs-config/") else content)


def _moved(config: str, root: Path, port: int) -> str:
    for top in ("/opt/", "/etc/"):
        config = config.replace(f'"{top}', f'"{root}{top}')
    return config.replace("0.0.0.0:8080", f"127.0.0.1:{port}")


@dataclass(frozen=True)
class Ended:
    """A KBS that did not start."""

    code: int
    output: str


@contextmanager
def started(binary: Path, mounts: Mounts, folder: Path, config: str = "kbs-config.toml") -> Iterator[str | Ended]:
    """Run KBS on these mounts and yield its URL, or how it ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mounts.place(folder, port)
    log = folder / "kbs.log"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [binary, "--config-file", folder / "etc/kbs-config" / config],
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, "RUST_LOG": "info"},
        )
    try:
        yield _answer(process, port, log)
    finally:
        process.kill()
        process.wait()


def _answer(process: subprocess.Popen[bytes], port: int, log: Path) -> str | Ended:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return Ended(process.returncode, log.read_text())
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return f"http://127.0.0.1:{port}"
        time.sleep(0.05)
    raise AssertionError(f"KBS neither answers nor ends: {log.read_text()}")


def ask_as_sample(url: str, resource: str) -> tuple[int, str]:
    """Ask for a resource with the sample TEE; 0 and the secret, or 3 and the denial: step, status and answer."""
    session, key = requests.Session(), rsa.generate_private_key(65537, 2048)
    try:
        attest(url, session, key)
    except requests.HTTPError as error:
        if error.response is None:
            raise
        return _DENIED, _denial("attest", error.response)
    answer = session.get(f"{url}/kbs/v0/resource/{resource}", timeout=_TIMEOUT)
    return (0, opened(answer.json(), key).decode()) if answer.ok else (_DENIED, _denial("resource", answer))


def _denial(step: str, answer: requests.Response) -> str:
    return f"{step} {answer.status_code} {answer.text}"


class AtLoopback(HTTPAdapter):
    """Connects to where the URL says, and expects the certificate of another host there: that of the Route."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Have every connection name the host."""
        super().init_poolmanager(*args, server_hostname=self._host, assert_hostname=self._host, **options)


def attest(url: str, session: requests.Session | None = None, key: rsa.RSAPrivateKey | None = None) -> str:
    """Attest as the sample TEE, whose key that is, and return the token."""
    session = session or requests.Session()
    start = {"version": "0.1.1", "tee": "sample", "extra-params": ""}
    nonce = session.post(f"{url}/kbs/v0/auth", json=start, timeout=_TIMEOUT).json()["nonce"]
    numbers = (key or rsa.generate_private_key(65537, 2048)).public_key().public_numbers()
    jwk = {"alg": "RSA1_5", "e": "AQAB", "kty": "RSA", "n": base64url(numbers.n.to_bytes(256, "big"))}
    runtime = json.dumps({"nonce": nonce, "tee-pubkey": jwk}, separators=(",", ":"), sort_keys=True)
    digest = base64.b64encode(hashlib.sha384(runtime.encode()).digest()).decode()
    evidence = {"svn": "1", "report_data": digest}
    answer = session.post(f"{url}/kbs/v0/attest", json={"tee-pubkey": jwk, "tee-evidence": evidence}, timeout=_TIMEOUT)
    answer.raise_for_status()
    return str(answer.json()["token"])


def believes(url: str, token: str, resource: str, session: requests.Session | None = None) -> bool:
    """Return whether KBS hands out the resource to the bearer of this token; otherwise it says 401."""
    headers = {"Authorization": f"Bearer {token}"}
    result = (session or requests.Session()).get(f"{url}/kbs/v0/resource/{resource}", headers=headers, timeout=_TIMEOUT)
    assert result.status_code in (200, 401), result.text
    return result.status_code == 200


def base64url(raw: bytes) -> str:
    """Return base64 as JSON web tokens have it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
