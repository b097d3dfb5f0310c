"""``coco-azure drift``: exit code 0 no drift, 2 drift, 1 cannot tell. Changes nothing."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from coco_azure.cli import CommandContext
from coco_azure.cli.drift import compare, facts, fields
from coco_azure.cli.drift.fields import Drift, DriftReport, Owner
from coco_azure.clients.engine_run import Run, Step, is_empty, kind_of, name_of
from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.clients.stack_history import Update

_CASCADE = ("replace",)


def drift_report(stack: str, run: Run, history: Sequence[Update], read_only: Collection[str] = ()) -> DriftReport:
    """Return what has drifted.

    Args:
        run: that of ``pulumi preview --refresh``.
        history: the runs of the stack, the latest first.
        read_only: URNs of what the stack only reads: nothing of it is the stack's to change. Its inputs do not tell
            that: after a ``pulumi refresh`` it has some, too.
    """
    planned, refreshed = run.planned, [step for step in run.refreshed if step.urn not in read_only]
    settings = facts.changed_settings(history, run.settings) or []
    missing, errors = facts.gone([error.text for error in run.errors], settings)
    refusals, errors = (errors, []) if _has_looked_at_everything(run) else ([], errors)
    drifted = [finding for step in refreshed for finding in compare.compare_step(step, planned.get(step.urn))]
    moved = [*facts.operators(refreshed), *facts.moved(run, settings), *missing]
    states = {step.urn: step.old for step in run.refreshed}
    ahead, waits = _not_deployed(run, drifted)
    notes = [note for step in refreshed for note in compare.marks(step)] + waits + facts.offers(run)
    if moved and not settings:
        ahead = []  # the plan has them: they follow from what has moved
    elif settings:
        ahead = [f"settings have changed since the last `pulumi up`: {', '.join(settings)}", *ahead]
    return DriftReport(
        stack=stack,
        findings=(*drifted, *moved),
        plan=tuple(
            _in_words(step, states.get(step.urn, {})) for step in planned.values() if compare.is_object(step.urn)
        ),
        reboots=any(compare.reboots(step) for step in planned.values()),
        ahead=tuple(ahead),
        notes=tuple(notes),
        refusals=tuple(text for text in dict.fromkeys(map(_brief, refusals)) if not is_empty(text)),
        problems=tuple(_problems(run, errors, explained=bool(missing or refusals))),
        planned=_has_looked_at_everything(run),
    )


def _has_looked_at_everything(run: Run) -> bool:
    """Return whether the program got to all its look-ups; an error after that is a refusal, and still tells all."""
    outputs = [after for urn, _, after in facts.components(run) if kind_of(urn) in facts.LOOKING_UP]
    return bool(outputs) and None not in outputs


def _problems(run: Run, errors: Sequence[str], *, explained: bool) -> list[str]:
    brief = [_brief(error) for error in errors]
    problems = [text for text in dict.fromkeys(brief) if not is_empty(text)]
    if not problems and not run.refreshed:
        return ["the engine has read no resource: is the stack deployed? `pulumi up` deploys it"]
    if not problems and run.result != "succeeded" and not explained:
        return brief[:1] or ["the engine did not come to its end, and did not say why"]
    return problems


def _brief(error: str) -> str:
    """Return the line of an error that says what it is; that of a traceback is the last one that is not indented."""
    lines = [line for line in error.strip().splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        lines = [line for line in lines if not line.startswith((" ", "Traceback"))][-1:] or lines
    # "1 error occurred:" and the like go on in the next line.
    return " ".join(line.strip() for line in (lines[:2] if lines[0].endswith("occurred:") else lines[:1]))


def _not_deployed(run: Run, drifted: Sequence[Drift]) -> tuple[list[str], list[str]]:
    """Return the planned changes that no drift explains, and those that only wait once more for what is not ready."""
    names = {finding.resource for finding in drifted}
    differing = {step.urn: set(step.changed) for step in run.refreshed}
    ahead, waits = [], []
    states = {step.urn: step.old for step in run.refreshed}
    for step in run.planned.values():
        title = compare.title(step.urn, states.get(step.urn, {}))
        rest = set(step.changed) - differing.get(step.urn, set())
        if step.operation == "update" and not step.changed and compare.is_object(step.urn):
            waits.append(f"{title} was not ready when it was looked at; the next run would wait for it again")
        elif (
            compare.of_olm(step.urn)
            or not compare.is_object(step.urn)
            or (step.operation in _CASCADE and not step.changed)
        ):
            continue
        elif rest or (not step.changed and name_of(step.urn) not in names):
            ahead.append(_in_words(step, states.get(step.urn, {})))
    return ahead, waits


def _in_words(step: Step, properties: Mapping[str, Any]) -> str:
    follows = compare.consequence(step, properties)
    return f"{step.operation} {compare.title(step.urn, properties)}" + (f": {follows}" if follows else "")


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


@click.command("drift", epilog="Exit code: 0 no drift, 2 drift, 1 cannot tell.")
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--config-file", help="File with its settings; default: Pulumi.<stack>.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def command(surroundings: CommandContext, stack: str | None, config_file: str | None, *, as_json: bool) -> int:
    """Say where cluster or Azure differ from what the stack has deployed. Changes nothing."""
    options = ["--config-file", config_file] if config_file else []
    report = _checked(surroundings.engine(stack, options))
    click.echo(json.dumps(fields.to_dict(report), indent=2) + "\n" if as_json else render(report), nl=False)
    return report.code


def _checked(engine: Engine) -> DriftReport:
    try:
        name = engine.name()
        deployment = engine.deployment()
        if count := len(deployment.get("pending_operations") or ()):
            problem = (
                f"{count} operations have begun and not ended: a run is under way, or was interrupted. Wait for it, or "
                "let `pulumi up` go on where it stopped; then check again"
            )
            return DriftReport(stack=name, problems=(problem,))
        read_only = {each["urn"] for each in deployment.get("resources") or () if each.get("external")}
        return drift_report(name, engine.preview(), engine.history(), read_only)
    except EngineError as error:
        return DriftReport(stack=engine.stack or "(selected)", problems=(str(error),))
