"""What a request to ARM is about, told from its path."""

import re
from dataclasses import dataclass

_AUTHORIZATION = re.compile(
    r"^(?P<scope>.*?)/providers/microsoft\.authorization/(?P<kind>[a-z]+)(?:/(?P<name>[^/]+))?$", re.IGNORECASE
)
_RESOURCE = re.compile(
    r"^/subscriptions/[^/]+(?:/resourcegroups/[^/]+)?/providers/(?P<namespace>[^/]+)/(?P<rest>.+)$", re.IGNORECASE
)
_GROUP = re.compile(r"^/subscriptions/(?P<subscription>[^/]+)(?:/resourcegroups/(?P<group>[^/]+))?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A path of ARM in its parts.

    Attributes:
        path: the path with single slashes.
        subscription, group: the subscription and resource group that it names; None: none.
        namespace: resource provider, such as ``microsoft.network``, in lower case; empty: none.
        kinds: types from the outermost on, in lower case, such as ``("virtualnetworks", "subnets")``.
        names: their names; one fewer than kinds in the path of a list.
        scope: of ``Microsoft.Authorization``: what the path is about, else empty.
    """

    path: str
    subscription: str | None = None
    group: str | None = None
    namespace: str = ""
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    scope: str = ""

    @property
    def lists(self) -> bool:
        """Whether it names a list, not one resource."""
        return len(self.kinds) > len(self.names)

    @property
    def kind(self) -> str:
        """The whole type in lower case, such as ``microsoft.network/virtualnetworks/subnets``."""
        return "/".join((self.namespace, *self.kinds))


def read(path: str) -> Asked:
    """Return what a path names."""
    path = re.sub("/+", "/", path).rstrip("/")
    place = _GROUP.match(path)
    subscription, group = (place["subscription"], place["group"]) if place else (None, None)
    namespace, scope = "", ""
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    if match := _AUTHORIZATION.match(path):
        namespace, kinds, scope = "microsoft.authorization", (match["kind"].lower(),), match["scope"]
        names = (match["name"],) if match["name"] else ()
    elif match := _RESOURCE.match(path):
        parts = match["rest"].split("/")
        namespace = match["namespace"].lower()
        kinds, names = tuple(each.lower() for each in parts[::2]), tuple(parts[1::2])
    return Asked(
        path=path,
        subscription=subscription,
        group=group,
        namespace=namespace,
        kinds=kinds,
        names=names,
        scope=scope,
    )
