"""Which changes need a new object (``provider/diff.go``), and how the engine writes the path of a property.

A pattern is a path such as ``.spec.template``: it is hit by a change of that property, of anything in it, and of
anything around it whose new value has it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.kubernetes_provider.objects import Gvk

Path = tuple[str | int, ...]

_METADATA = (".metadata.name", ".metadata.namespace")
_JOB = (".spec.completions", ".spec.parallelism", ".spec.selector", ".spec.template")
_STATEFUL_SET = (
    ".spec.podManagementPolicy",
    ".spec.revisionHistoryLimit",
    ".spec.selector",
    ".spec.serviceName",
    ".spec.volumeClaimTemplates",
)
_BY_KIND = {
    ("apps", "v1", "DaemonSet"): (".spec.selector",),
    ("apps", "v1", "Deployment"): (".spec.selector",),
    ("apps", "v1", "StatefulSet"): _STATEFUL_SET,
    ("batch", "v1", "Job"): _JOB,
    ("", "v1", "Secret"): (".type",),
    ("", "v1", "Service"): (".spec.clusterIP",),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding"): (".roleRef",),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"): (".roleRef",),
}

_PART = re.compile(
    r"""\.?(?P<key>[^.\[\]"]+)          # a plain key
      | \.?\["(?P<quoted>(?:\\.|[^"])*)"\]  # a key in brackets
      | \[(?P<index>\d+|\*)\]               # an index, or any
    """,
    re.VERBOSE,
)


def forcing(
    inputs: Mapping[str, Any], *, patch: bool, mutable_config_maps: bool, mutable_secrets: bool
) -> tuple[str, ...]:
    """Return the patterns of changes that replace the object with these inputs.

    Args:
        inputs: new inputs.
        patch: whether the resource is a patch; a patch is only replaced with another object's.
        mutable_config_maps: whether the provider updates ConfigMaps in place.
        mutable_secrets: whether the provider updates Secrets in place.
    """
    if patch:
        return _METADATA
    gvk = Gvk.of(inputs)
    frozen = inputs.get("immutable") is True
    if gvk == ("", "v1", "Secret") and (frozen or not mutable_secrets):
        return (*_METADATA, ".type", ".stringData", ".data")
    if gvk == ("", "v1", "ConfigMap") and (frozen or not mutable_config_maps):
        return (*_METADATA, ".binaryData", ".data")
    return (*_METADATA, *_BY_KIND.get((gvk.group, gvk.version, gvk.kind), ()))


def hits(pattern: str, path: Path, value: Any) -> bool:
    """Return whether setting ``path`` to ``value`` sets what ``pattern`` names (``openapi/match.go``)."""
    rest = list(pattern.strip(".").split("."))
    for part in path:
        if not rest:
            return True
        if part != rest.pop(0):
            return False
    for key in rest:
        if not isinstance(value, Mapping) or key not in value:
            return False
        value = value[key]
    return True


def written(path: Path) -> str:
    """Return a path as the engine writes it, such as ``metadata.annotations["pulumi.com/waitFor"]``."""
    result = ""
    for part in path:
        if isinstance(part, int):
            result += f"[{part}]"
        elif any(mark in part for mark in '."[]'):
            quoted = part.replace('"', '\\"')
            result += f'["{quoted}"]'
        else:
            result += f".{part}" if result else part
    return result


def parsed(path: str) -> Path:
    """Return the parts of a path as ``written`` gives them; ``*`` stands for any part.

    Raises:
        ValueError: ``path`` is none.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(path):
        found = _PART.match(path, position)
        if found is None:
            raise ValueError(f"failed to parse ignore path: {path!r}")
        position = found.end()
        if found["index"] is not None:
            parts.append("*" if found["index"] == "*" else int(found["index"]))
        else:
            parts.append(found["key"] if found["key"] is not None else found["quoted"].replace('\\"', '"'))
    return tuple(parts)


def within(path: Path, around: Sequence[str | int]) -> bool:
    """Return whether ``path`` is ``around`` or lies in it."""
    return len(path) >= len(around) and all(wanted in ("*", part) for wanted, part in zip(around, path, strict=False))
