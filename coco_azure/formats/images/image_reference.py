"""Image references as the pod VM reads them, and the scopes of an image policy that hold for one.

Sources: guest-components v0.12.0 ``image-rs/src/signature/image/mod.rs`` (scopes, wildcards of hosts), and the crate
``oci-client`` that it parses references with: no host and ``index.docker.io`` mean ``docker.io``, no namespace there
means ``library``, no tag and no digest means ``latest``.
"""

import re
from dataclasses import dataclass

_HUB, _OLD_HUB = "docker.io", "index.docker.io"
_REFERENCE = re.compile(
    r"(?P<name>([^\s@:/]+(:[0-9]+)?/)?[^\s@:]+)(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?P<digest>[a-z0-9]+:[0-9a-f]+))?"
)


@dataclass(frozen=True, kw_only=True)
class ImageReference:
    """One image, fully written out.

    Attributes:
        registry: host, with a port where there is one.
        repository: name in the registry.
        tag, digest: at least one of them is there.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def whole(self) -> str:
        """Everything: what a scope that names one image is compared with."""
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of a policy that hold for this image, the one that wins first."""
        parts = self.name.split("/")
        parents = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
        labels = self.registry.partition(":")[0].split(".")
        wildcards = [f"*.{'.'.join(labels[first:])}" for first in range(1, len(labels))]
        return (self.whole, *parents, *wildcards, "")


def parse(text: str) -> ImageReference:
    """Return an image reference written out.

    Raises:
        ValueError: it is none.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or "://" in text:
        raise ValueError(f"{text!r} is no image reference such as quay.io/my-org/my-image:1.0")
    registry, repository = _split(match["name"])
    tag = match["tag"] or (None if match["digest"] else "latest")
    return ImageReference(registry=registry, repository=repository, tag=tag, digest=match["digest"])


def scope_problem(scope: str) -> str | None:
    """Return why no image ever has this scope, or None."""
    if scope == "" or scope.startswith("*."):
        return None
    if "://" in scope or re.search(r"\s", scope):
        return "is no image, repository or host; write it like quay.io/my-org/my-image"
    first, slash, _ = scope.partition("/")
    name, colon, port = first.partition(":")
    # Without a slash a colon may be that of a tag: nginx:1.25 is an image, localhost:5000 a host.
    if not (_is_host(first) if slash or not colon else _is_host(name) or port.isdigit()):
        registry, repository = _split(scope)
        return f"has no host, and images are compared with it; write {registry}/{repository}"
    return None


def _split(name: str) -> tuple[str, str]:
    host, slash, rest = name.partition("/")
    if slash and _is_host(host):
        registry, repository = _HUB if host == _OLD_HUB else host, rest
    else:
        registry, repository = _HUB, name
    return registry, repository if "/" in repository or registry != _HUB else f"library/{repository}"


def _is_host(part: str) -> bool:
    return "." in part or ":" in part or part == "localhost"
