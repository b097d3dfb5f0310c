"""Image references as the pod VM reads them, the scopes of an image policy for one, and lists of images by kind.

Sources: guest-components v0.12.0 ``image-rs/src/signature/image/mod.rs`` (scopes, wildcards of hosts), and the crate
``oci-client`` that it parses references with: no host and ``index.docker.io`` mean ``docker.io``, no namespace there
means ``library``, no tag and no digest means ``latest``.

Names are compared as the guest pulls them, so a name needs its registry: ``docker.io/library/nginx``, never ``nginx``.
Says nothing about signatures: that is the image policy's (``image_policy``).
"""

import re
from collections.abc import Sequence
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
    """Return an image reference written out; raises ValueError where it is none."""
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


_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:))(?::[0-9]{1,5})?"
_PATH = r"(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)+"
_TAG = r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"@sha256:[0-9a-f]{64}"
_REGISTRY = re.compile(r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(_HOST + _PATH)
_IMAGE = re.compile(f"{_HOST}{_PATH}(?:{_TAG}(?:{_DIGEST})?|{_DIGEST})")


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What a user listed.

    Attributes:
        exact: images with a tag or a digest; a tag also stands for the same tag with any digest.
        repositories: repositories, with everything in and below them.
        registries: registries, with everything in them.
    """

    exact: tuple[str, ...]
    repositories: tuple[str, ...]
    registries: tuple[str, ...]

    @property
    def facts(self) -> dict[str, object]:
        """The constants of ``parts/agent_images.rego``."""
        return {"exact_images": self.exact, "repositories": self.repositories, "registries": self.registries}


def sort_images(images: Sequence[str]) -> Allowed:
    """Return the list by kind, each kind in alphabetical order.

    Raises:
        ValueError: an entry is no name with a registry; every such entry is named.
    """
    kinds: dict[str, set[str]] = {"exact": set(), "repositories": set(), "registries": set()}
    problems = []
    for image in images:
        kind = _kind(image)
        if kind is None:
            problems.append(repr(image))
        else:
            kinds[kind].add(image)
    if problems:
        raise ValueError(
            f"{', '.join(problems)}: no name that an image can be held to; needed is REGISTRY/REPOSITORY, with "
            ":TAG or @sha256:DIGEST where only that one is meant (quay.io/org/app, docker.io/library/nginx:1.27), or a "
            "REGISTRY for everything in it (registry.example.com)"
        )
    return Allowed(**{kind: tuple(sorted(names)) for kind, names in kinds.items()})


def _kind(image: str) -> str | None:
    if _REPOSITORY.fullmatch(image):
        return "repositories"
    if _IMAGE.fullmatch(image):
        return "exact"
    return "registries" if _REGISTRY.fullmatch(image) else None
