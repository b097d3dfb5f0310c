"""Which images a pod VM may run: what a user lists, in the kinds that the agent policy tells apart.

Names are compared as the guest pulls them, so a name needs its registry: ``docker.io/library/nginx``, never ``nginx``.
Says nothing about signatures: that is the image policy's (``image_policy``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

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


def sort(images: Sequence[str]) -> Allowed:
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
