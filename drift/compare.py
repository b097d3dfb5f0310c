"""Differences between an object in the state and the same object in the cluster."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drift import fields, objects
from drift.events import Planned, Refreshed
from drift.fields import MISSING, Path
from drift.model import Finding, What

_SECRET = "(secret)"  # noqa: S105 - stands for one
_LONG = 240
_AROUND = 60


def of(found: Refreshed, step: Planned | None) -> list[Finding]:
    """Return what has drifted of one object.

    Args:
        found: the object, in the state and as it is.
        step: what would be done to it, or None.
    """
    if objects.is_read_only(found) or not objects.is_object(found.urn) or objects.of_olm(found.urn):
        return []
    operation, reboots = (step.operation, objects.reboots(step)) if step is not None else ("", False)
    name = objects.title(found.urn, found.old)
    if not found.new:
        return [
            Finding(
                side="cluster",
                object=name,
                resource=found.name,
                what="missing",
                operation=operation,
                reboots=reboots,
                effects=objects.repair(found.urn, name),
            )
        ]
    changed = [
        Finding(
            side="cluster",
            object=name,
            resource=found.name,
            what=what,
            field=fields.text(path),
            stack=stack,
            there=there,
            owner=_owner(found, path, what),
            operation=operation,
            reboots=reboots,
            effects=objects.repair(found.urn, name),
        )
        for path, what, stack, there in _changes(found)
    ]
    return [*changed, *_extras(found, name)]


def marks(found: Refreshed) -> list[str]:
    """Return the marks of the stack that an operator's object has lost; no drift, and yet the next run sets them."""
    if not found.new or objects.is_read_only(found):
        return []
    return [
        f"{objects.title(found.urn, found.old)}: its mark {path[-1]} is gone or another one; whoever made or wrote the "
        "object anew has taken it away, and `pulumi up --refresh` sets it again"
        for path in _paths(found)
        if objects.is_mark(found.urn, path)
    ]


def _changes(found: Refreshed) -> Iterator[tuple[Path, What, str, str]]:
    old, new = found.old.get("inputs") or {}, (found.new or {}).get("inputs") or {}
    for path in _paths(found):
        if objects.is_nobodys(found.urn, found.old, path) or objects.is_mark(found.urn, path):
            continue
        if fields.hidden(old, path) or fields.hidden(new, path):
            yield path, "changed", _SECRET, _SECRET
            continue
        before, after = fields.get(old, path), fields.get(new, path)
        what: What = "removed" if after is MISSING else "added" if before is MISSING else "changed"
        stack, there = shown(before, after)
        yield path, what, stack, there


def _paths(found: Refreshed) -> list[Path]:
    """Return the paths of what differs, down to single fields: of a lost object the engine gives only the top."""
    old, new = found.old.get("inputs") or {}, (found.new or {}).get("inputs") or {}
    paths: dict[Path, None] = {}
    for said in found.changed:
        path = fields.parse(said)
        parts = {**fields.leaves(fields.get(old, path), path), **fields.leaves(fields.get(new, path), path)}
        differ = [part for part in parts if fields.get(old, part) != fields.get(new, part)]
        # Of a secret only the engine knows whether it differs.
        paths.update(dict.fromkeys(differ or [path]))
    return list(paths)


def _extras(found: Refreshed, name: str) -> list[Finding]:
    """Return the fields that somebody has added to an object which is the stack's as a whole."""
    if not objects.may_have_extras(found.urn) or not found.new:
        return []
    ours, live = found.old.get("inputs") or {}, found.new.get("outputs") or {}
    made = []
    for path, by in fields.foreign(objects.metadata(found.new), objects.CONTENT):
        masked = fields.hidden(ours, path) or fields.hidden(live, path)
        # Of a secret the engine hides its keys as well; one that it reports as changed is told already.
        known = fields.text(path) in {fields.text(changed) for changed in _paths(found)}
        value = fields.get(live, path)
        if known or fields.get(ours, path) is not MISSING or (value is MISSING and not masked):
            continue
        made.append(
            Finding(
                side="cluster",
                object=name,
                resource=found.name,
                what="added",
                field=fields.text(path),
                there=_SECRET if masked else shown(MISSING, value)[1],
                owner=by,
                effects=(
                    "it is not among the stack's fields, so `pulumi up` may leave it; to take it out: "
                    + objects.removal(name, path),
                    *objects.repair(found.urn, name),
                ),
            )
        )
    return made


def _owner(found: Refreshed, path: Path, what: What) -> fields.Owner | None:
    live = objects.metadata(found.new)
    return fields.last_writer(live) if what == "removed" else fields.owner(live, path) or fields.last_writer(live)


def shown(before: Any, after: Any) -> tuple[str, str]:
    """Return two values for people; of long texts the first lines, or the first characters, that differ."""
    if not (isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > _LONG):
        return _short(before), _short(after)
    one, other = before.splitlines(), after.splitlines()
    if max(len(one), len(other)) == 1:
        at = _first(before, after)
        return _from(before, at), _from(after, at)
    at = _first(one, other)
    return _line(one, at), _line(other, at)


def _first(one: Sequence[str], other: Sequence[str]) -> int:
    differ = (at for at, both in enumerate(zip(one, other, strict=False)) if both[0] != both[1])
    return next(differ, min(len(one), len(other)))


def _from(said: str, at: int) -> str:
    return f"from character {at + 1} of {len(said)}: {said[at : at + _AROUND]}"


def _line(lines: list[str], at: int) -> str:
    return f"line {at + 1} of {len(lines)}: {_short(lines[at])}" if at < len(lines) else f"ends after line {len(lines)}"


def _short(value: Any) -> str:
    if value is MISSING:
        return ""
    said = str(value) if not isinstance(value, Mapping) else str(dict(value))
    said = said.replace("\n", "\\n")
    return said if len(said) <= _LONG else f"{said[:_LONG]}... ({len(said)} characters)"
