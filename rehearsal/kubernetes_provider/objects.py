"""Kubernetes objects as plain dicts, and the few questions that are asked of them.

A value that is not known yet, in a preview, is ``UNKNOWN`` wherever it stands. As in the real provider (apimachinery
``unstructured``), a name or annotation that is not a text counts as not there.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

Object = dict[str, Any]

WAIT_FOR = "pulumi.com/waitFor"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
PATCH_FORCE = "pulumi.com/patchForce"
FIELD_MANAGER = "pulumi.com/patchFieldManager"
PROPAGATION = "pulumi.com/deletionPropagationPolicy"


class Unknown:
    """The one value that a preview does not know."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> "Unknown":
        return self

    def __deepcopy__(self, _: Any) -> "Unknown":
        return self


UNKNOWN: Final = Unknown()


class Gvk(NamedTuple):
    """Group, version and kind."""

    group: str
    version: str
    kind: str

    @property
    def group_version(self) -> str:
        """``group/version``, or ``version`` for the core group: what ``apiVersion`` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Gvk":
        """Return what ``apiVersion`` and ``kind`` say (``provider.go``, ``gvkFromUnstructured``)."""
        group, _, version = text(content, "apiVersion").rpartition("/")
        return cls("" if group == "core" else group, version, text(content, "kind"))

    @classmethod
    def of_type(cls, token: str) -> "Gvk":
        """Return what a type token ``kubernetes:<group>/<version>:<Kind>`` says (``gvkFromURN``).

        Raises:
            ValueError: the token has another form.
        """
        # The engine's URN has the types of the parents before it: ``project:index:Part$kubernetes:core/v1:Secret``.
        package, _, rest = token.rpartition("$")[2].partition(":")
        module, _, kind = rest.partition(":")
        if package != "kubernetes":
            raise ValueError(f'unrecognized resource type: "{token}" for this provider')
        group, slash, version = module.partition("/")
        if not slash or "/" in version:
            raise ValueError(f'apiVersion does not have both a group and a version: "{module}"')
        return cls("" if group == "core" else group, version, kind)


def dig(content: Any, *path: str) -> Any:
    """Return the value at ``path``, or None where there is none."""
    for part in path:
        if not isinstance(content, Mapping):
            return None
        content = content.get(part)
    return content


def text(content: Mapping[str, Any], *path: str) -> str:
    """Return the text at ``path``, or "" where there is none."""
    found = dig(content, *path)
    return found if isinstance(found, str) else ""


def integer(content: Mapping[str, Any], *path: str) -> int | None:
    """Return the integer at ``path``, or None where there is none."""
    found = dig(content, *path)
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def name(content: Mapping[str, Any]) -> str:
    """Return ``metadata.name``."""
    return text(content, "metadata", "name")


def namespace(content: Mapping[str, Any]) -> str:
    """Return ``metadata.namespace``."""
    return text(content, "metadata", "namespace")


def set_namespace(content: Object, value: str) -> None:
    """Set ``metadata.namespace``, or take it away where ``value`` is empty."""
    metadata = content.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        return
    if value:
        metadata["namespace"] = value
    else:
        metadata.pop("namespace", None)


def annotation(content: Mapping[str, Any], key: str) -> str:
    """Return one annotation, or "". An unknown annotation hides all, as it does in apimachinery."""
    found = dig(content, "metadata", "annotations")
    if not isinstance(found, Mapping) or not all(isinstance(value, str) for value in found.values()):
        return ""
    return str(found.get(key, ""))


def object_id(content: Mapping[str, Any]) -> str:
    """Return the id that the state keeps: ``name`` or ``namespace/name``."""
    return f"{namespace(content)}/{name(content)}" if namespace(content) else name(content)


def split_id(resource_id: str) -> tuple[str, str]:
    """Return namespace and name of an id; the namespace is "" where the id has none."""
    first, slash, rest = resource_id.partition("/")
    return (first, rest.split("/")[0]) if slash else ("", first)


def display_name(content: Mapping[str, Any]) -> str:
    """Return the name for people: without a namespace that is ``default``."""
    return name(content) if namespace(content) == "default" else object_id(content)


def is_patch(token: str, kind: str) -> bool:
    """Return whether a resource of type ``token`` patches objects of ``kind`` (``kinds/util.go``)."""
    return bool(kind) and token.rpartition(":")[2] == f"{kind}Patch"


def has_unknown(content: Any) -> bool:
    """Return whether anything in ``content`` is unknown."""
    if isinstance(content, Mapping):
        return any(has_unknown(value) for value in content.values())
    if isinstance(content, list):
        return any(has_unknown(value) for value in content)
    return content is UNKNOWN


def owned_by(content: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    """Return whether ``owner`` is among the object's owners."""
    uid = dig(owner, "metadata", "uid")
    references = dig(content, "metadata", "ownerReferences") or []
    return uid is not None and any(reference.get("uid") == uid for reference in references)
