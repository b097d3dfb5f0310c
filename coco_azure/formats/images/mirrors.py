"""Registries that pod VMs pull from in place of others: containers-registries.conf(5), as far as image-rs reads it.

Source: guest-components ``image-rs/src/registry`` (f2ca0f64 of 2025-04; the same at 608b4820 and 5574c494). With a
``location`` an image is pulled from there and from nowhere else; the longest prefix counts. The image policy is then
asked about the name in the mirror (``image.rs`` ``pull_task``), the agent's policy about that in the manifest.
"""

from collections.abc import Iterable, Mapping
from itertools import permutations

import tomli_w

from coco_azure.formats.images import image_reference
from coco_azure.formats.kbs.sealed_secrets import ResourceUri

RESOURCE = ResourceUri("registry-configuration", "osc")
"""Where KBS serves the file; ``registry_configuration_uri`` of cdh.toml."""
Mirrors = Mapping[str, str]
"""Registry, organisation or repository to where it is pulled from instead."""


def render(mirrors: Mirrors) -> str:
    """Return the file."""
    return tomli_w.dumps({"registry": [{"prefix": name, "location": mirrors[name]} for name in sorted(mirrors)]})


def pulled(image: str, mirrors: Mirrors) -> str:
    """Return the name by which an image is pulled, which is its own where no mirror has it."""
    return _moved(image_reference.parse(image).whole, mirrors) or image


def originals(image: str, mirrors: Mirrors) -> tuple[str, ...]:
    """Return the repositories whose images are pulled from the repository of this image; itself is none of them."""
    name = image_reference.parse(image).name
    sources = [
        prefix + name.removeprefix(location)
        for prefix, location in mirrors.items()
        if name == location or name.startswith(f"{location}/")
    ]
    return tuple(each for each in sources if _moved(each, mirrors) == name)


def widened(scopes: Iterable[str], mirrors: Mirrors) -> tuple[str, ...]:
    """Return scopes of an image policy, and those by which the same images are pulled from mirrors."""
    names = dict.fromkeys(scopes)
    for scope in tuple(names):
        moved = _moved(scope, mirrors)
        inside = [location for prefix, location in mirrors.items() if _is_within(prefix, scope)]
        names |= dict.fromkeys([*([moved] if moved is not None else []), *inside])
    return tuple(names)


def shared(mirrors: Mirrors) -> list[tuple[str, str]]:
    """Return the pairs of prefixes whose images lie at one place: what a scope lets in there it lets in of both.

    Not a pair is what one entry moves to where the other moves it anyway.
    """
    return [
        (one, other)
        for one, other in permutations(mirrors, 2)
        if (inner := mirrors[other].removeprefix(mirrors[one])) != mirrors[other]
        and (inner.startswith("/") or (inner == "" and one < other))
        and one + inner != other
    ]


def _moved(name: str, mirrors: Mirrors) -> str | None:
    covering = [prefix for prefix in mirrors if name.startswith(prefix) and name[len(prefix) :][:1] in ("", *"/:@")]
    if not covering:
        return None
    longest = max(covering, key=len)
    return mirrors[longest] + name.removeprefix(longest)


def _is_within(prefix: str, scope: str) -> bool:
    if scope.startswith("*."):
        return prefix.partition("/")[0].partition(":")[0].endswith(scope[1:])
    return prefix.startswith(f"{scope}/")
