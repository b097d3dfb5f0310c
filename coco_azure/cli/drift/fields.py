"""What a drift check finds, and the fields that it is of: by the engine's paths and by Kubernetes' field sets.

A path is that of the engine's diffs (pulumi sdk/go/common/resource/property_path.go): ``spec.tls.termination``,
``data["resource-policy.rego"]``, ``spec.containers[0].image``. A field set is ``metadata.managedFields[].fieldsV1`` of
an object: a tree whose keys are ``f:<field>``, and in lists ``k:<keys>``, ``v:<value>`` or ``i:<index>``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Path = tuple[str | int, ...]
_PART = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')
_STACK = "pulumi"
"""Managers of the Kubernetes provider have names such as ``pulumi-kubernetes-79cf690b``."""
MISSING = object()
"""Stands for a field that is not there."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who wrote a field last, as the API server has recorded it.

    Attributes:
        manager: name of the field manager: ``kubectl-edit``, ``Mozilla`` (the web console), an operator ...
        operation: ``Update`` or ``Apply``.
        time: when, in UTC, as ``2026-11-25T00:33:18Z``; empty where it is not recorded.
    """

    manager: str
    operation: str
    time: str


def parse(path: str) -> Path:
    """Return the parts of an engine's path."""
    parts: list[str | int] = []
    for quoted, index, plain in _PART.findall(path):
        parts.append(int(index) if index else plain or quoted.replace('\\"', '"').replace("\\\\", "\\"))
    return tuple(parts)


def text(path: Path) -> str:
    """Return the path as the engine writes it."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][\w-]*", part):
            written += f".{part}" if written else part
        else:
            written += f'["{part}"]'
    return written


def get(content: Any, path: Path) -> Any:
    """Return the field's value, or MISSING."""
    for part in path:
        if isinstance(part, int):
            if not isinstance(content, list) or part >= len(content):
                return MISSING
            content = content[part]
        elif isinstance(content, Mapping) and part in content:
            content = content[part]
        else:
            return MISSING
    return content


def is_secret(content: Any) -> bool:
    """Return whether the engine has masked the value, or a part of it that is asked for."""
    return isinstance(content, Mapping) and "ciphertext" in content


def hidden(content: Any, path: Path) -> bool:
    """Return whether the field is a secret, or lies in one."""
    return any(is_secret(get(content, path[:length])) for length in range(1, len(path) + 1))


def leaves(content: Any, path: Path = ()) -> dict[Path, Any]:
    """Return the values of a tree by path; lists are values, and so is an empty object."""
    if not isinstance(content, Mapping) or is_secret(content) or not content:
        return {} if content is MISSING else {path: content}
    return {inner: value for key, part in content.items() for inner, value in leaves(part, (*path, key)).items()}


def owner(metadata: Mapping[str, Any], path: Path) -> Owner | None:
    """Return who owns a field of an object; the latest one where several do, and None where nobody does."""
    entries = [entry for entry in _managed(metadata) if _has(entry.get("fieldsV1") or {}, path)]
    return _latest(entries)


def last_writer(metadata: Mapping[str, Any]) -> Owner | None:
    """Return who other than the stack has changed the object last; that of a removed field is recorded nowhere."""
    return _latest([entry for entry in _managed(metadata) if not str(entry.get("manager", "")).startswith(_STACK)])


def foreign(metadata: Mapping[str, Any], below: Sequence[str]) -> Iterator[tuple[Path, Owner]]:
    """Yield the fields below these top-level ones that somebody else than the stack owns."""
    for entry in _managed(metadata):
        by = _owner(entry)
        if by.manager.startswith(_STACK):
            continue
        for top in below:
            tree = (entry.get("fieldsV1") or {}).get(f"f:{top}")
            if tree is not None:
                yield from ((path, by) for path in _set_leaves(tree, (top,)))


def _managed(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    # What is written through a subresource, such as status, is a controller's business.
    return [entry for entry in metadata.get("managedFields") or () if not entry.get("subresource")]


def _latest(entries: Sequence[Mapping[str, Any]]) -> Owner | None:
    return _owner(max(entries, key=lambda entry: str(entry.get("time", "")))) if entries else None


def _owner(entry: Mapping[str, Any]) -> Owner:
    return Owner(
        manager=str(entry.get("manager", "")),
        operation=str(entry.get("operation", "")),
        time=str(entry.get("time") or ""),
    )


def _has(tree: Mapping[str, Any], path: Path) -> bool:
    for part in path:
        key = f"f:{part}"
        if key not in tree:
            # Items of lists go by their keys here; who has some of them is owner enough.
            return isinstance(part, int) and any(name[:2] in ("k:", "v:", "i:") for name in tree)
        tree = tree[key]
        if not tree:
            return True
    return True


def _set_leaves(tree: Mapping[str, Any], path: Path) -> Iterator[Path]:
    fields = {key[2:]: part for key, part in tree.items() if key.startswith("f:")}
    if not fields:
        # An object that somebody owns as a whole ("." alone) says nothing of its fields.
        if set(tree) != {"."}:
            yield path
        return
    for key, part in fields.items():
        yield from _set_leaves(part, (*path, key))


Side = Literal["cluster", "azure"]
What = Literal["changed", "removed", "added", "missing", "moved"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference.

    Attributes:
        side: where it is.
        object: the object, such as ``ConfigMap trustee-operator-system/resource-policy``.
        resource: its name in the program.
        what: ``changed``; ``removed`` or ``added`` fields; ``missing`` objects; ``moved`` facts.
        field: path of the field; empty where it is about the whole object.
        stack: what the stack says, for people; secrets are hidden.
        actual: what the cluster or Azure has, likewise.
        owner: who owns the field now; None where it is not recorded.
        operation: what putting it back would do to the object; empty: nothing.
        reboots: whether that reboots nodes.
        effects: what else follows from it, or has to be done.
    """

    side: Side
    object: str
    resource: str
    what: What
    field: str = ""
    stack: str = ""
    actual: str = ""
    owner: Owner | None = None
    operation: str = ""
    reboots: bool = False
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """The result of a check.

    Attributes:
        plan: what ``PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up --refresh`` would do as a whole, in words.
        reboots: whether that reboots nodes.
        ahead: changes of the program or of its settings that are not deployed yet: no drift.
        planned: whether the plan is complete; without it the program did not run to its end.
        notes: what is worth knowing and no drift.
        refusals: why ``pulumi up`` would stop, such as a reboot that is not approved.
        problems: why the check could not tell, or not all of it.
    """

    stack: str
    findings: tuple[Drift, ...] = ()
    plan: tuple[str, ...] = ()
    reboots: bool = False
    ahead: tuple[str, ...] = ()
    planned: bool = True
    notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """Exit code: 0 no drift, 2 drift, 1 cannot tell."""
        return 2 if self.findings else 1 if self.problems else 0


def to_dict(report: DriftReport) -> dict[str, Any]:
    """Return the report as JSON: the fields of ``DriftReport`` and ``Drift``, and ``code``."""
    return {"stack": report.stack, "code": report.code, "drift": bool(report.findings), **asdict(report)}
