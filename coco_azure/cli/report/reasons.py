"""Why a resource is replaced, deleted or updated, as far as the event log, the graph and the program say."""

from collections.abc import Mapping

from coco_azure import run_marks as marks
from coco_azure.cli.report import changes
from coco_azure.cli.report.model import Graph
from coco_azure.clients.engine_run import Run, Step, name_of


def of(difference: Step, run: Run, graph: Graph) -> str:
    """Return the reason in words; empty where the changed properties say it all."""
    if difference.kind == "KataConfig" and (why := _of_plan(run.marks.get(marks.ROLLOUT))):
        return why
    if difference.operation == "delete":
        return "" if run.destroys else "it is not in the program any more"
    if difference.operation == "replace" and not changes.of(difference):
        replaced = {one.urn for one in run.differences if one.operation == "replace"}
        needs = sorted(name_of(urn) for urn in graph.needs.get(difference.urn, ()) if urn in replaced)
        if needs:
            return f"it depends on {', '.join(needs)}, which is deleted before it is created anew"
        return "the program or its provider asks for a new one; no property of it differs"
    return ""


def _of_plan(plan: Mapping[str, object] | None) -> str:
    why = (plan or {}).get("why")
    return "; ".join(map(str, why)) if isinstance(why, list) else ""
