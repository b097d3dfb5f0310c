"""What differs in a step: paths, and values where they are short and nobody's secret."""

from collections.abc import Iterator, Mapping
from typing import Any

from coco_azure import run_marks as marks
from coco_azure.cli.report.graph import Change, Graph
from coco_azure.clients.engine_run import Run, Step, name_of

_CHANGING = ("update", "replace")
_SECRET_KINDS = frozenset({"Secret", "SecretPatch", "Stash"})
_SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Key that marks a special value, such as a secret, in what the engine writes (pulumi sdk/go/common/resource)."""
_MASKED = "[secret]"
_LONGEST = 60
_OWN = ("metadata.annotations.pulumi.com/", "__")
"""Fields that the provider keeps for itself."""


def of(step: Step) -> tuple[Change, ...]:
    """Return what differs in an update or a replacement; nothing of other steps.

    The inputs say it; where they are equal, the provider's own word does, without values.
    """
    if step.operation not in _CHANGING:
        return ()
    old, new = ((side or {}).get("inputs") or {} for side in (step.old, step.new))
    show = step.kind not in _SECRET_KINDS
    differing = [
        Change(path=path, before=_text(before, show=show), after=_text(after, show=show))
        for path, before, after in _leaves("", old, new)
        if not path.startswith(_OWN)
    ]
    return tuple(differing) or tuple(Change(path=path) for path in sorted(step.changed))


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if old == new:
        return
    plain = isinstance(old, Mapping) and isinstance(new, Mapping) and not _special(old) and not _special(new)
    if not plain:
        yield path, old, new
        return
    for key in sorted({*old, *new}):
        yield from _leaves(f"{path}.{key}".removeprefix("."), old.get(key), new.get(key))


def _special(value: Any) -> bool:
    return isinstance(value, Mapping) and _SIGNATURE in value


def _text(value: Any, *, show: bool) -> str:
    if value is None:
        return ""
    if not show or _special(value) or _MASKED in str(value):
        return "(not shown)"
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else None
    if text is None:
        text = str(value) if isinstance(value, int | float) else f"({len(value)} entries)"
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def reason(difference: Step, run: Run, graph: Graph) -> str:
    """Return the reason in words; empty where the changed properties say it all."""
    if difference.kind == "KataConfig" and (why := _of_plan(run.marks.get(marks.ROLLOUT))):
        return why
    if difference.operation == "delete":
        return "" if run.destroys else "it is not in the program any more"
    if difference.operation == "replace" and not of(difference):
        replaced = {one.urn for one in run.differences if one.operation == "replace"}
        needs = sorted(name_of(urn) for urn in graph.needs.get(difference.urn, ()) if urn in replaced)
        if needs:
            return f"it depends on {', '.join(needs)}, which is deleted before it is created anew"
        return "the program or its provider asks for a new one; no property of it differs"
    return ""


def _of_plan(plan: Mapping[str, object] | None) -> str:
    why = (plan or {}).get("why")
    return "; ".join(map(str, why)) if isinstance(why, list) else ""
