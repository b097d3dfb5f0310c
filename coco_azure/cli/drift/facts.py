"""What the stack looks up and does not own: its network in Azure, the cluster's own facts, the operators' versions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coco_azure import names
from coco_azure.cli.drift import compare, fields
from coco_azure.cli.drift.fields import MISSING, Drift, Side
from coco_azure.clients import stack_history
from coco_azure.clients.engine_run import Properties, Run, Step, kind_of, name_of
from coco_azure.clients.stack_history import Update

AZURE_SETTINGS = "coco-azure:azure"
LOOKING_UP = ("coco-azure:index:AzureNetwork", "coco-azure:index:ClusterFacts", "coco-azure:index:OperatorVersions")
"""Components that do nothing but look things up."""
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's word for a value that is not known yet (pulumi sdk/go/common/resource/plugin/rpc.go)."""
_COMPONENTS: Mapping[str, tuple[Side, str]] = {
    "coco-azure:index:AzureNetwork": ("azure", "network of the pod VMs"),
    "coco-azure:index:ClusterFacts": ("cluster", "facts of the cluster"),
}
_NOT_FOUND = re.compile(r"\b(?:Resource|ResourceGroup|Subscription)?NotFound\b|\bStatus=404\b")
_MESSAGE = re.compile(r'Message="([^"]+)"|([^\n:]+) \(Azure Resource Manager: \w+: NotFound\)')
"""What Azure says, or what the program makes of it (``coco_azure.inventory.network_lookup``)."""
_LOOK_UP = re.compile(r"Azure Resource Manager: (\w+): ")
_PUT_BACK = (
    "it is not the stack's: put it back where it belongs; or `pulumi up` goes on with what is there "
    "now, and `pulumi preview` shows what that changes"
)
_NEEDED = (
    "the program looks it up and cannot run without: make it again under its name, or say what to use "
    "instead in coco-azure:azure (docs/settings.md)"
)
_BY_OLM = "OLM installs and upgrades operators; docs/versions.md says how a version is pinned, and which way leads back"


def components(run: Run) -> Iterator[tuple[str, Properties, Properties | None]]:
    """Yield each component with its outputs in the state and those of this run; None where it did not get there."""
    registered = {
        step.urn: (step.new or {}).get("outputs") or {}
        for step in run.resources
        if step.operation != "refresh" and step.reported > 1
    }
    for step in run.refreshed:
        if not compare.is_object(step.urn):
            yield step.urn, (step.new or {}).get("outputs") or {}, registered.get(step.urn)


def moved(run: Run, changed_settings: Sequence[str]) -> list[Drift]:
    """Return the facts that are others than at the last ``pulumi up``.

    Args:
        changed_settings: settings that have changed since; what these explain is no drift.
    """
    findings = []
    for urn, before, after in components(run):
        side, what = _COMPONENTS.get(kind_of(urn), (None, ""))
        if side is None or after is None or (side == "azure" and AZURE_SETTINGS in changed_settings):
            continue
        findings += [
            Drift(
                side=side,
                object=f"{what} ({name_of(urn)})",
                resource=name_of(urn),
                what="moved",
                field=field,
                stack=one,
                actual=other,
                effects=(_PUT_BACK,),
            )
            for field, one, other in _differences(before, after)
        ]
    return findings


def gone(errors: Sequence[str], changed_settings: Sequence[str]) -> tuple[list[Drift], list[str]]:
    """Return what Azure no longer has, told by look-ups that failed, and the errors that say something else."""
    findings: dict[str, Drift] = {}
    others = []
    for error in errors:
        look_up = _LOOK_UP.search(error)
        if look_up is None or _NOT_FOUND.search(error) is None or AZURE_SETTINGS in changed_settings:
            others.append(error)
            continue
        findings[look_up[1]] = Drift(
            side="azure",
            object=look_up[1],
            resource="network",
            what="missing",
            actual=(message[1] or message[2].strip()) if (message := _MESSAGE.search(error)) else "",
            effects=(_NEEDED,),
        )
    return list(findings.values()), others


def operators(refreshed: Sequence[Step]) -> list[Drift]:
    """Return the operators whose installed CSV is another one than the stack was deployed for, or has not succeeded."""
    findings = []
    for gate in refreshed:
        expected = fields.get(gate.old, ("inputs", "metadata", "annotations", names.EXPECTS))
        if compare.kind(gate.urn) != "Operator" or expected in (MISSING, "any") or not gate.new:
            continue
        phases = dict(_csvs(gate.new))
        if phases.get(str(expected)) == "Succeeded":
            continue
        findings.append(
            Drift(
                side="cluster",
                object=f"operator {compare.title(gate.urn, gate.old).partition(' ')[2]}",
                resource=gate.name,
                what="moved",
                field="ClusterServiceVersion",
                stack=str(expected),
                actual=", ".join(f"{name} ({phase})" for name, phase in phases.items()) or "none",
                owner=None,
                effects=(_BY_OLM,),
            )
        )
    return findings


def offers(run: Run) -> list[str]:
    """Return a note for each operator of which a run now would take another version than the last one did."""
    return [
        f"the next `pulumi up` goes to {new} (the last run had {old}), or OLM has gone there by itself"
        for urn, before, after in components(run)
        if kind_of(urn) == "coco-azure:index:OperatorVersions" and after is not None
        for _, old, new in _differences(before, after)
    ]


def changed_settings(history: Sequence[Update], settings: Mapping[str, str]) -> list[str] | None:
    """Return the names of the settings that differ from those of the last successful update; None without one.

    Args:
        history: the runs of the stack, the latest first.
        settings: the present ones, as text. Secret ones are not compared.
    """
    last = stack_history.last_finished(history)
    if last is None:
        return None
    then = {name: entry.get("value") for name, entry in last.config.items() if not entry.get("secret")}
    keys = sorted({*then, *settings} - (set(last.config) - set(then)))
    return [key for key in keys if then.get(key) != settings.get(key)]


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the values that both have and that differ; an older program may have known less."""
    for path, old in fields.leaves(before).items():
        new = fields.get(after, path)
        if new is not MISSING and new not in (old, _UNKNOWN):
            one, other = compare.shown(old, new)
            yield fields.text(path), one or "nothing", other or "nothing"


def _csvs(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    refs = fields.get(properties, ("outputs", "status", "components", "refs"))
    for ref in refs if isinstance(refs, Sequence) else ():
        if ref.get("kind") == "ClusterServiceVersion":
            phases = [each["type"] for each in ref.get("conditions") or () if each.get("status") == "True"]
            yield str(ref["name"]), phases[0] if phases else "no phase"
