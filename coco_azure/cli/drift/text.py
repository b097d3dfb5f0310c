"""The report for people."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from coco_azure.cli.drift.fields import Owner
from coco_azure.cli.drift.model import Drift, DriftReport

_WHAT = {
    "changed": "changed",
    "removed": "taken out",
    "added": "added",
    "missing": "is not there any more",
    "moved": "is another one",
}
_REPAIR = "`PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up --refresh`"
"""Without the variable the Kubernetes provider does not take a field back from whoever owns it now."""
_UNKNOWN_OWNER = "who did it is not recorded on the object; the API server's audit log has it"
_AZURE_OWNER = "who did it: az monitor activity-log list --resource-group GROUP"


def render(report: DriftReport) -> str:
    """Return the report as text."""
    return "\n".join(_lines(report)).lstrip("\n") + "\n"


def _lines(report: DriftReport) -> Iterator[str]:
    if report.findings:
        sides = {side: sum(finding.side == side for finding in report.findings) for side in ("cluster", "azure")}
        counts = ", ".join(f"{count} in {side}" for side, count in sides.items() if count)
        yield f"drift of stack {report.stack}: {counts}".replace("in cluster", "on the cluster").replace(
            "azure", "Azure"
        )
    elif not report.problems:
        yield f"no drift of stack {report.stack}"
    for _, group in groupby(report.findings, key=lambda finding: (finding.side, finding.object)):
        yield ""
        yield from _of_object(list(group))
    yield from _block("cannot tell everything:" if report.findings else "cannot tell:", report.problems)
    if report.findings:
        yield from _plan(report)
    yield from _block("`pulumi up` would stop there:", report.refusals)
    yield from _block("no drift, but not deployed yet (`pulumi up`):", report.ahead)
    yield from _block("worth knowing, no drift:", report.notes)


def _plan(report: DriftReport) -> Iterator[str]:
    if not report.planned:
        yield from _block(
            "what `pulumi up` would do is not known: the program does not run to its end", (), always=True
        )
        return
    if not report.plan:
        yield from _block(f"{_REPAIR} would change nothing", (), always=True)
        return
    yield from _block(f"{_REPAIR} would:", report.plan)
    if report.reboots:
        yield "  NODES REBOOT: only in a maintenance window"


def _of_object(findings: Sequence[Drift]) -> Iterator[str]:
    first = findings[0]
    yield f"{first.side}: {first.object} ({first.resource})"
    for one in findings:
        yield f"  {one.field} {_WHAT[one.what]}" if one.field else f"  {_WHAT[one.what]}"
        if one.stack:
            yield f"    stack: {one.stack}"
        if one.actual:
            yield f"    there: {one.actual}"
        if (by := _by(one)) is not None:
            yield f"    {by}"
    for effect in dict.fromkeys(effect for one in findings for effect in one.effects):
        yield f"  {effect}"
    if first.operation:
        yield f"  to put it back: {first.operation}" + (", nodes reboot" if first.reboots else "")


def _by(finding: Drift) -> str | None:
    if finding.owner is not None:
        verb = "last written by" if finding.what == "removed" else "owned by"
        return f"{verb} {_owner(finding.owner)}"
    return None if finding.what == "moved" else _AZURE_OWNER if finding.side == "azure" else _UNKNOWN_OWNER


def _owner(by: Owner) -> str:
    return f"{by.manager or 'somebody without a name'} ({by.operation}{', ' + by.time if by.time else ''})"


def _block(title: str, lines: Sequence[str], *, always: bool = False) -> Iterator[str]:
    if lines or always:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)
