"""An OCI registry, read over HTTPS; every manifest and blob is held to its digest.

OCI distribution specification 1.1, tokens as distribution/distribution ``docs/content/spec/auth/token.md`` says. The
libraries for registries in Python either hand out no exact bytes, or take no token without an account. Proxies and own
authorities are those of requests: ``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``.
"""

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from coco_azure.formats.images import measured_image, registry_credentials
from coco_azure.formats.images.image_reference import ImageReference

if TYPE_CHECKING:
    import requests

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_TIMEOUT = (10, 60)
_RETRIES, _BACKOFF = 3, 0.5
_LARGEST, _CHUNK = 4 << 20, 1 << 20
_AT_HOME = (".config/containers/auth.json", ".docker/config.json")
_HUB = {"docker.io": "registry-1.docker.io"}


class RegistryError(Exception):
    """A registry that does not answer, refuses, or answers with something else than was asked for."""


def credentials(image: ImageReference, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password for an image, from where podman keeps them; None where there are none.

    Args:
        image: the image; what stands there for the longest prefix of its name counts.
        environment: variables of the process: ``REGISTRY_AUTH_FILE``, else the usual files below ``XDG_RUNTIME_DIR``
            and ``HOME``.

    Raises:
        RegistryError: a file that cannot be read. The message has no secret.
    """
    usual = [
        Path(environment.get("XDG_RUNTIME_DIR") or "/nonexistent", "containers/auth.json"),
        *(Path(environment.get("HOME") or "/nonexistent", each) for each in _AT_HOME),
    ]
    named = environment.get("REGISTRY_AUTH_FILE")
    for file in [Path(named)] if named else [each for each in usual if each.is_file()]:
        try:
            auths = json.loads(file.read_text(encoding="utf-8")).get("auths") or {}
            for scope in image.scopes():
                if scope and (entry := auths.get(scope)):
                    return registry_credentials.account(scope, entry)
        except (OSError, ValueError, AttributeError) as error:
            why = getattr(error, "strerror", None) or "it is no auth.json with user and password"
            raise RegistryError(
                f"{file}: {why}; write it with: podman login --authfile {file} {image.registry}"
            ) from None
    return None


class MissingError(RegistryError):
    """The registry has no such manifest or blob."""


class Repository:
    """One repository of a registry."""

    def __init__(self, image: ImageReference, account: tuple[str, str] | None) -> None:
        """Remember where it is; plain HTTP is for a registry on loopback alone."""
        import requests  # noqa: PLC0415 - slow to import, not always needed
        from urllib3.util.retry import Retry  # noqa: PLC0415 - see above

        host = _HUB.get(image.registry, image.registry)
        scheme = "http" if urlsplit(f"//{host}").hostname in _LOOPBACK else "https"
        self._url, self._image, self._account = f"{scheme}://{host}/v2/{image.repository}", image, account
        self._authorization = ""
        self._error = requests.RequestException
        self._session = requests.Session()
        # A registry that is asked too often may want an hour of patience, of which nobody would be told.
        retry = Retry(
            _RETRIES,
            backoff_factor=_BACKOFF,
            status_forcelist=(429, 500, 502, 503, 504),
            respect_retry_after_header=False,
        )
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, requests.adapters.HTTPAdapter(max_retries=retry))

    def manifest(self, reference: str) -> tuple[str, bytes]:
        """Return digest and exact bytes of the manifest that a tag or digest names.

        Raises:
            RegistryError: there is none, or it has another digest.
        """
        accept = ", ".join(measured_image.MANIFESTS)
        with self._get(f"manifests/{reference}", accept) as response, self._reading():
            content = self._limited(response)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if ":" in reference and reference != digest:
            raise RegistryError(f"{self._image.name}@{reference} came with digest {digest}: the registry is at fault")
        return digest, content

    def blob(self, digest: str) -> bytes:
        """Return a small blob; raises RegistryError where it is not there, or another one."""
        with self.stream(digest) as content:
            return content.read(_LARGEST)

    @contextmanager
    def stream(self, digest: str) -> Iterator[BinaryIO]:
        """Give a blob to read from. What was not read is fetched in the end, so that all of it is held to its digest.

        Raises:
            RegistryError: it is not there, or another one.
        """
        with self._get(f"blobs/{digest}") as response:
            content = _Hashed(response.iter_content(_CHUNK))
            buffered = io.BufferedReader(content, _CHUNK)
            with self._reading():
                yield buffered
                while buffered.read(_CHUNK):
                    pass
        if digest != (actual := f"sha256:{content.digest.hexdigest()}"):
            raise RegistryError(f"{self._image.name}: blob {digest} came with digest {actual}, so it is another one")

    def _limited(self, response: "requests.Response") -> bytes:
        content = b""
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > _LARGEST:
                raise RegistryError(f"{self._image.name}: a manifest of more than {_LARGEST} bytes")
        return content

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise RegistryError(
                f"{self._image.registry} cannot be read: {error}. It is needed once, with HTTPS_PROXY where there is a "
                "proxy; without a way there, name a file: trustee.referenceValues.measurementsFile"
            ) from error

    def _get(self, path: str, accept: str = "*/*") -> "requests.Response":
        with self._reading():
            response = self._send(path, accept)
            if response.status_code == _UNAUTHORIZED:
                self._authorization = self._authorize(response.headers.get("WWW-Authenticate", ""))
                response = self._send(path, accept)
        if response.ok:
            return response
        if response.status_code == _NOT_FOUND:
            raise MissingError(f"{self._image.registry} has no {path.partition('/')[2]} in {self._image.repository}")
        raise RegistryError(self._refusal(response.status_code, path))

    def _send(self, path: str, accept: str) -> "requests.Response":
        url = f"{self._url}/{path}"
        # An `auth` of one's own, so that no ~/.netrc takes its place.
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        return self._session.get(url, headers=headers, auth=self._signed, stream=True, timeout=_TIMEOUT)

    def _signed(self, request: Any) -> Any:
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request

    def _authorize(self, challenge: str) -> str:
        """Return the header that a challenge asks for."""
        from requests.utils import parse_dict_header  # noqa: PLC0415 - see above

        kind, _, rest = challenge.partition(" ")
        basic = ""
        if self._account is not None:
            basic = f"Basic {base64.b64encode(':'.join(self._account).encode()).decode()}"
        if kind.lower() != "bearer":
            return basic
        fields = parse_dict_header(rest)
        address = urlsplit(realm := str(fields.get("realm") or ""))
        if address.scheme != "https" and address.hostname not in _LOOPBACK:
            raise RegistryError(f"{self._image.registry} sends credentials to {realm!r}, which is no https address")
        query = {"service": fields.get("service"), "scope": f"repository:{self._image.repository}:pull"}
        self._authorization = basic
        answer = self._session.get(realm, params=query, auth=self._signed, timeout=_TIMEOUT)
        if not answer.ok:
            raise RegistryError(self._refusal(answer.status_code, ""))
        token = answer.json()
        if not isinstance(token, dict):
            raise RegistryError(f"{self._image.registry} answers the request of a token with something else")
        return f"Bearer {token.get('token') or token.get('access_token')}"

    def _refusal(self, status: int, path: str) -> str:
        image, registry = self._image.name, self._image.registry
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            what = "these credentials" if self._account else "no credentials"
            return (
                f"{registry} refuses {image} with {what} (HTTP {status}): podman login --authfile FILE {registry}, and "
                "REGISTRY_AUTH_FILE=FILE in the environment of pulumi"
            )
        return f"{registry} answers with HTTP {status} to {path or 'the request of a token'}"


class _Hashed(io.RawIOBase):
    """Chunks as a file, hashed on the way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._rest = chunks, b""
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._chunks, b"")
            self.digest.update(self._rest)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
