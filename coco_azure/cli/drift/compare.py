"""Differences between an object in the state and the same object in the cluster."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coco_azure.cli.drift import fields, objects
from coco_azure.cli.drift.fields import MISSING, Path
from coco_azure.cli.drift.model import Drift, What
from coco_azure.clients.engine_run import Step

_SECRET = "(secret)"  # noqa: S105 - stands for one
_LONG = 240
_AROUND = 60


def of(refreshed: Step, planned: Step | None) -> list[Drift]:
    """Return what has drifted of one object.

    Args:
        refreshed: the object, in the state and as it is.
        planned: what would be done to it, or None.
    """
    if not objects.is_object(refreshed.urn) or objects.of_olm(refreshed.urn):
        return []
    operation, reboots = (planned.operation, objects.reboots(planned)) if planned is not None else ("", False)
    name = objects.title(refreshed.urn, refreshed.old)
    if not refreshed.new:
        return [
            Drift(
                side="cluster",
                object=name,
                resource=refreshed.name,
                what="missing",
                operation=operation,
                reboots=reboots,
                effects=objects.repair(refreshed.urn, name),
            )
        ]
    changed = [
        Drift(
            side="cluster",
            object=name,
            resource=refreshed.name,
            what=what,
            field=fields.text(path),
            stack=stack,
            actual=actual,
            owner=_owner(refreshed, path, what),
            operation=operation,
            reboots=reboots,
            effects=objects.repair(refreshed.urn, name),
        )
        for path, what, stack, actual in _changes(refreshed)
    ]
    return [*changed, *_extras(refreshed, name)]


def marks(refreshed: Step) -> list[str]:
    """Return the marks of the stack that an operator's object has lost; no drift, and yet the next run sets them."""
    if not refreshed.new:
        return []
    return [
        f"{objects.title(refreshed.urn, refreshed.old)}: its mark {path[-1]} is gone or another one; whoever made or "
        "wrote the object anew has taken it away, and `pulumi up --refresh` sets it again"
        for path in _paths(refreshed)
        if objects.is_mark(refreshed.urn, path)
    ]


def _changes(refreshed: Step) -> Iterator[tuple[Path, What, str, str]]:
    old, new = refreshed.old.get("inputs") or {}, (refreshed.new or {}).get("inputs") or {}
    for path in _paths(refreshed):
        if objects.is_nobodys(refreshed.urn, refreshed.old, path) or objects.is_mark(refreshed.urn, path):
            continue
        if fields.hidden(old, path) or fields.hidden(new, path):
            yield path, "changed", _SECRET, _SECRET
            continue
        before, after = fields.get(old, path), fields.get(new, path)
        what: What = "removed" if after is MISSING else "added" if before is MISSING else "changed"
        stack, actual = shown(before, after)
        yield path, what, stack, actual


def _paths(refreshed: Step) -> list[Path]:
    """Return the paths of what differs, down to single fields: of a lost object the engine gives only the top."""
    old, new = refreshed.old.get("inputs") or {}, (refreshed.new or {}).get("inputs") or {}
    paths: dict[Path, None] = {}
    for changed in refreshed.changed:
        path = fields.parse(changed)
        parts = {**fields.leaves(fields.get(old, path), path), **fields.leaves(fields.get(new, path), path)}
        differ = [part for part in parts if fields.get(old, part) != fields.get(new, part)]
        # Of a secret only the engine knows whether it differs.
        paths.update(dict.fromkeys(differ or [path]))
    return list(paths)


def _extras(refreshed: Step, name: str) -> list[Drift]:
    """Return the fields that somebody has added to an object which is the stack's as a whole."""
    if not objects.may_have_extras(refreshed.urn) or not refreshed.new:
        return []
    ours, live = refreshed.old.get("inputs") or {}, refreshed.new.get("outputs") or {}
    made = []
    for path, by in fields.foreign(objects.metadata(refreshed.new), objects.CONTENT):
        masked = fields.hidden(ours, path) or fields.hidden(live, path)
        # Of a secret the engine hides its keys as well; one that it reports as changed is told already.
        known = fields.text(path) in {fields.text(changed) for changed in _paths(refreshed)}
        value = fields.get(live, path)
        if known or fields.get(ours, path) is not MISSING or (value is MISSING and not masked):
            continue
        made.append(
            Drift(
                side="cluster",
                object=name,
                resource=refreshed.name,
                what="added",
                field=fields.text(path),
                actual=_SECRET if masked else shown(MISSING, value)[1],
                owner=by,
                effects=(
                    "it is not among the stack's fields, so `pulumi up` may leave it; to take it out: "
                    + objects.removal(name, path),
                    *objects.repair(refreshed.urn, name),
                ),
            )
        )
    return made


def _owner(refreshed: Step, path: Path, what: What) -> fields.Owner | None:
    live = objects.metadata(refreshed.new)
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


def _from(text: str, at: int) -> str:
    return f"from character {at + 1} of {len(text)}: {text[at : at + _AROUND]}"


def _line(lines: list[str], at: int) -> str:
    return f"line {at + 1} of {len(lines)}: {_short(lines[at])}" if at < len(lines) else f"ends after line {len(lines)}"


def _short(value: Any) -> str:
    if value is MISSING:
        return ""
    text = str(value) if not isinstance(value, Mapping) else str(dict(value))
    text = text.replace("\n", "\\n")
    return text if len(text) <= _LONG else f"{text[:_LONG]}... ({len(text)} characters)"
