"""What people read of a plan: what happens, to which nodes, for how long, what is in the way, what approves it."""

import math
import re
from collections.abc import Sequence

from coco_azure.formats.shown import some
from coco_azure.risks import Risk
from coco_azure.rollout.desired_kata_config import DesiredKataConfig, definition, selected_labels, selector_text
from coco_azure.rollout.facts import HOSTED, KataPod, RolloutFacts
from coco_azure.rollout.plan import Plan

_SETTING = "coco-azure:peerPods.kataConfig"
_SET = "pulumi config set --path '{setting}' {value}"
_NODE_MINUTES = (5, 15)
"""Drain, update and reboot of one node. Chapter 7.10: a pool takes 10 to more than 60 minutes, node after node."""
_IMAGE_MINUTES = (10, 30)
"""The operator's job that builds the pod VM image, once all nodes are done."""
_SHOWN = 12
_HEADS = {
    "create": "KataConfig {name} will be created",
    "update": "KataConfig {name} will be changed in place",
    "replace": "KataConfig {name} will be deleted and created anew",
    "recreate": "KataConfig {name}, which is not this stack's, will be deleted and created anew",
    "adopt": "KataConfig {name} is taken over as it is: its spec and its pod VM image fit, and no node reboots",
    "wait": "KataConfig {name} is there from an earlier run that did not end; this run waits for its roll-out",
}


_UNTRACKED = (
    "What the engine then says will be left untracked in your environment are fields that the stack had set in objects "
    "which the operator takes away with KataConfig; nothing of them stays."
)
NO_REMOVAL = (
    "peerPods.enabled is false, and peerPods.kataConfig.allowReboot is not true. Nothing was changed. To keep "
    "KataConfig: pulumi config rm --path 'coco-azure:peerPods.enabled'. To have it removed, in a maintenance window: "
    + _SET.format(setting=f"{_SETTING}.allowReboot", value="true")
)


def removal(name: str, nodes: Sequence[str], pods: Sequence[KataPod]) -> str:
    """Return what the removal of KataConfig does to the nodes that have kata, a line for each part."""
    low, high = (len(nodes) * each for each in _NODE_MINUTES)
    head = f"KataConfig {name} will be deleted, as the stack has no peer pods any more (peerPods.enabled)."
    lines = [head, f"Reboot as kata is removed: {some(nodes, _SHOWN)} ({len(nodes)})."] if nodes else [head]
    if nodes:
        lines.append(f"Time: roughly {low} to {high} minutes.")
    return "\n  ".join(filter(None, [*lines, _pods(pods)]))


def blast_radius(plan: Plan, facts: RolloutFacts, desired: DesiredKataConfig, timeout: str) -> str:
    """Return what the run does to nodes, a line for each part; empty where nothing is to be said."""
    if plan.action == "blocked":
        return "; ".join(plan.why)
    if plan.action == "nothing":
        return _drift(plan)
    head = _HEADS[plan.action].format(name=plan.name)
    if plan.action == "adopt" and plan.why:
        head = f"KataConfig {plan.name}, which is not this stack's, is taken over and changed in place"
    elif not plan.reboots and plan.action != "update":
        return "\n".join(filter(None, (f"{head}.", _drift(plan))))
    why = f" ({'; '.join(plan.why)})" if plan.why else ""
    lines = [
        f"{head}{why}.",
        *_nodes(plan, facts, desired),
        _left_out(plan),
        _image(plan),
        _time(plan, facts, timeout),
        _pods(plan.pods),
        *_drains(plan, facts),
        *(_pool(each.name, paused=each.paused, degraded=each.degraded) for each in plan.pools),
        _UNTRACKED if plan.deletes else "",
    ]
    return "\n  ".join(filter(None, lines))


def refusal(plan: Plan, ticket: str, allowed: bool | str) -> str:  # noqa: FBT001 - what the setting says
    """Return why the plan is not approved and what approves it; empty for one that is blocked: it says so itself."""
    if plan.action == "blocked":
        return ""
    once = _SET.format(setting=f"{_SETTING}.allowReboot", value=ticket)
    every = _SET.format(setting=f"{_SETTING}.allowReboot", value="true")
    stale = (
        f"peerPods.kataConfig.allowReboot is {allowed}, a ticket for another roll-out: it has been used up, or "
        "settings or nodes have changed since. "
        if isinstance(allowed, str)
        else "peerPods.kataConfig.allowReboot is false. "
    )
    return (
        f"{stale}KataConfig was left as it is. To approve\n  this roll-out only: {once}\n  any roll-out:       {every}"
    )


def approval(plan: Plan, ticket: str, allowed: bool | str, *, production: bool) -> str:  # noqa: FBT001 - as it is set
    """Return what is to be said of the approval of a plan that may be carried out; empty for nothing."""
    if allowed is True and production:
        return Risk(
            "any_reboot",
            "peerPods.kataConfig.allowReboot is true in a production stack: any change may reboot its nodes, and "
            "pulumi destroy may delete KataConfig. A ticket approves one roll-out only: pulumi config rm --path "
            f"'{_SETTING}.allowReboot', and the preview of the next one prints it",
        )
    if plan.action == "wait" and allowed is not True and allowed != ticket:
        once = _SET.format(setting=f"{_SETTING}.allowReboot", value=ticket)
        return f"If the engine calls KataConfig protected, its ticket is missing from the settings: {once}"
    return f"Approved by ticket {allowed}." if plan.reboots and isinstance(allowed, str) else ""


def by_daemon_set(version: str) -> str:
    """Return why kata is not installed by DaemonSet with this version of OSC."""
    return (
        f"peerPods.kataConfig.deploymentMode is DaemonSet, and OSC {version} needs its nodes rebooted by hand then, or "
        "does not know it. Versions that install kata so without a reboot: none that this program knows. The way that "
        f"is planned and approved: pulumi config rm --path '{_SETTING}.deploymentMode'"
    )


def nobody(plan: Plan, desired: DesiredKataConfig) -> str:
    """Return what is wrong with a roll-out that is for no node; empty for any other."""
    if not (plan.reboots or plan.action == "update") or plan.selected or plan.kept_out:  # the pre-flight tells of those
        return ""
    labels = desired.settings.kata_config.pool_labels
    label = " ".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
    out = f"oc label node NODE {label}, or change {_SETTING}.poolSelector" if label else "add worker nodes"
    return f"no node matches ({selector_text(labels)}), so KataConfig would never be ready: {out}"


def _nodes(plan: Plan, facts: RolloutFacts, desired: DesiredKataConfig) -> list[str]:
    if facts.without_machine_config:
        return [f"Nodes: {some(plan.joining, _SHOWN)}.", without_machine_config(facts)]
    both = sorted(set(plan.joining) & set(plan.leaving))
    stays = sorted(set(plan.selected) - set(plan.counts)) if plan.in_place else []
    parts = [
        ("Reboot twice, as kata is removed and installed", both),
        ("Reboot as kata is installed", sorted(set(plan.joining) - set(both))),
        ("Reboot as kata is removed", sorted(set(plan.leaving) - set(both))),
        ("Reboot for the log level", sorted(set(plan.updating) - set(plan.joining))),
        ("Stay as they are", stays),
    ]
    if not plan.reboots:
        return ["No node reboots."]
    labels = selected_labels(desired.settings.kata_config.pool_labels, linux_only=plan.applied.linux_only)
    where = "every node of the control plane" if facts.converged else selector_text(labels)
    lines = [f"{what}: {some(nodes, _SHOWN)} ({len(nodes)})." for what, nodes in parts if nodes]
    return [f"Selector: {where}.", *lines] if lines else [f"Selector: {where}, which matches no node."]


def without_machine_config(facts: RolloutFacts) -> str:
    """Return what a cluster lacks whose nodes nothing updates, and what would have to be there.

    sandboxed-containers-operator ``controllers/deployment_mode_handler.go`` (0896cdd1), ``fg_handler.go`` (00b58ece);
    Red Hat's documentation of 1.11 has ``deploymentMode``.
    """
    what = (
        f"The control plane of this cluster is hosted (controlPlaneTopology {facts.topology})"
        if facts.topology == HOSTED
        else "This cluster has no machine config pools"
    )
    return (
        f"{what}: no machine config operator installs kata on its nodes. There, OSC 1.11 and later can install it by a "
        "DaemonSet: deploymentMode DaemonSetFallback in ConfigMap osc-feature-gates, which this stack does not set and "
        "has not been tried with."
    )


def _left_out(plan: Plan) -> str:
    parts = []
    if plan.left_out:
        parts.append(f"Windows workers are left out: {some(plan.left_out, _SHOWN)}.")
    if plan.kept_out:
        names = some([f"{each.node} ({', '.join(each.pools)})" for each in plan.kept_out], _SHOWN)
        parts.append(f"In other pools, so that they never get kata: {names}; the pre-flight says what to do.")
    if plan.windows:
        parts.append(
            f"Windows workers that the selector matches: {some(plan.windows, _SHOWN)}; the pre-flight says more."
        )
    return " ".join(parts)


def _image(plan: Plan) -> str:
    if not (plan.builds and plan.in_place):
        return ""
    return (
        f"The operator builds a new pod VM image, with a definition of its own ({definition(plan.applied.image)}); pod "
        "VMs that run keep theirs, and the image before stays in the gallery: ./coco-azure leftovers lists it."
    )


def _drains(plan: Plan, facts: RolloutFacts) -> list[str]:
    lines = []
    for node in sorted({each.node for each in plan.blockers}):
        mine = [each for each in plan.blockers if each.node == node]
        lines.append(
            f"{node} is not drained while it has {some([f'{each.pod}: {each.why}' for each in mine], _SHOWN, '; ')}."
        )
    if plan.blockers:
        looks = " and ".join(sorted({each.look for each in plan.blockers})[:_SHOWN])
        lines.append(
            "A drain is tried again without end, and KataConfig waits for it. Before nodes reboot: more replicas, or "
            f"another budget for that time; {looks}"
        )
    for node in sorted({each.node for each in plan.losses}):
        lost = [f"{each.pod} {each.what}" for each in plan.losses if each.node == node]
        lines.append(f"The drain of {node} deletes for good: {some(lost, _SHOWN, '; ')}.")
    if facts.drains.unknown:
        lines.append(f"Whether PodDisruptionBudgets keep nodes from being drained is not known: {facts.drains.unknown}")
    return lines


def _time(plan: Plan, facts: RolloutFacts, timeout: str) -> str:
    measured = sorted((facts.last.minutes if facts.last else {}).values())
    least, most = _NODE_MINUTES
    if measured:
        least = max(1, math.floor(measured[0]))
        most = max(least + 1, math.ceil(measured[-1]))
    low, high = plan.rounds * least, plan.rounds * most
    parts = []
    if plan.rounds:
        each = f"{least} to {most} minutes" + (", as the last ones took on this cluster" if measured else "")
        parts.append(f"{plan.rounds} {_plural('reboot', plan.rounds)} one after another at {each}")
    if plan.builds:
        low, high = low + _IMAGE_MINUTES[0], high + _IMAGE_MINUTES[1]
        parts.append(f"{_IMAGE_MINUTES[0]} to {_IMAGE_MINUTES[1]} minutes for the pod VM image")
    if not parts:
        return ""
    text = f"Time: roughly {low} to {high} minutes ({', and '.join(parts)})."
    if minutes(timeout) < high:
        setting = _SET.format(setting=f"{_SETTING}.timeout", value=f"{high + _IMAGE_MINUTES[1]}m")
        text += f" peerPods.kataConfig.timeout is {timeout}; a longer one: {setting}."
    return text


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def minutes(duration: str) -> float:
    """Return the minutes of a duration such as ``1h30m``."""
    units = {"ms": 1 / 60000, "s": 1 / 60, "m": 1.0, "h": 60.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


def _pods(pods: Sequence[KataPod]) -> str:
    if not pods:
        return ""
    names = some([f"{pod.namespace}/{pod.name}" for pod in pods], _SHOWN)
    first = pods[0]
    return (
        f"Kata pods keep the deletion waiting until they are gone, finished ones too: {names} ({len(pods)}). "
        f"Delete them, and what makes them anew: oc delete pod -n {first.namespace} {first.name}"
    )


def _pool(name: str, *, paused: bool, degraded: str | None) -> str:
    parts = []
    if degraded is not None:
        parts.append(f"is degraded ({degraded}); what it needs: oc describe mcp {name}")
    if paused:
        resume = f'oc patch mcp {name} --type merge -p \'{{"spec":{{"paused":false}}}}\''
        parts.append(f"is paused, so its nodes are not updated; {resume}")
    return f"Machine config pool {name} {' and '.join(parts)}"


def _drift(plan: Plan) -> str:
    if not plan.drift:
        return ""
    return (
        f"The spec of KataConfig {plan.name} is not what this stack asked for ({'; '.join(plan.drift)}). Put it back, "
        "or have it replaced: pulumi up --refresh"
    )
