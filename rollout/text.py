"""What people read of a plan: what happens, to which nodes, for how long, what is in the way, what approves it."""

import re
from collections.abc import Sequence

from rollout.facts import Facts
from rollout.plan import Plan
from rollout.wanted import Wanted, selector_text

_SETTING = "coco-azure:peerPods.kataConfig"
_SET = "pulumi config set --path '{setting}' {value}"
_NODE_MINUTES = (5, 15)
"""Drain, update and reboot of one node. Chapter 7.10: a pool takes 10 to more than 60 minutes, node after node."""
_IMAGE_MINUTES = (10, 30)
"""The operator's job that builds the pod VM image, once all nodes are done."""
_SHOWN = 12
_HEADS = {
    "create": "KataConfig {name} will be created",
    "replace": "KataConfig {name} will be deleted and created anew",
    "recreate": "KataConfig {name}, which is not this stack's, will be deleted and created anew",
    "adopt": "KataConfig {name} is taken over as it is: its spec and its pod VM image fit, and no node reboots",
    "wait": "KataConfig {name} is there from an earlier run that did not end; this run waits for its roll-out",
}


def blast_radius(plan: Plan, facts: Facts, wanted: Wanted, timeout: str) -> str:
    """Return what the run does to nodes, a line for each part; empty where nothing is to be said."""
    if plan.action == "blocked":
        return "; ".join(plan.why)
    if plan.action == "nothing":
        return _drift(plan)
    head = _HEADS[plan.action].format(name=plan.name)
    if not plan.reboots:
        return "\n".join(filter(None, (f"{head}.", _drift(plan))))
    why = f" ({'; '.join(plan.why)})" if plan.why else ""
    lines = [
        f"{head}{why}.",
        *_nodes(plan, facts, wanted),
        _time(plan, wanted, timeout),
        _pods(plan),
        *(_pool(each.name, paused=each.paused, degraded=each.degraded) for each in plan.pools),
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
        return (
            "peerPods.kataConfig.allowReboot is true in a production stack: any change may reboot its nodes, and "
            "pulumi destroy may delete KataConfig. A ticket approves one roll-out only: pulumi config rm --path "
            f"'{_SETTING}.allowReboot', and the preview of the next one prints it"
        )
    if plan.action == "wait" and allowed is not True and allowed != ticket:
        once = _SET.format(setting=f"{_SETTING}.allowReboot", value=ticket)
        return f"If the engine calls KataConfig protected, its ticket is missing from the settings: {once}"
    return f"Approved by ticket {allowed}." if plan.reboots and isinstance(allowed, str) else ""


def nobody(plan: Plan, wanted: Wanted) -> str:
    """Return what is wrong with a roll-out that is for no node; empty for any other."""
    if not plan.reboots or plan.joining:
        return ""
    label = " ".join(f"{key}={value}" for key, value in sorted((wanted.pool_selector or {}).items()))
    out = f"oc label node NODE {label}, or change {_SETTING}.poolSelector" if label else "add worker nodes"
    return f"no node matches ({selector_text(wanted.pool_selector)}), so KataConfig would never be ready: {out}"


def _nodes(plan: Plan, facts: Facts, wanted: Wanted) -> list[str]:
    if not facts.pools:
        how = "This cluster has no machine config pools; where the operator installs by DaemonSet, no node reboots"
        return [f"Nodes: {_names(plan.joining)}. {how}."]
    both = sorted(set(plan.joining) & set(plan.leaving))
    parts = [
        ("Reboot twice, as kata is removed and installed", both),
        ("Reboot as kata is installed", sorted(set(plan.joining) - set(both))),
        ("Reboot as kata is removed", sorted(set(plan.leaving) - set(both))),
    ]
    where = "every node of the control plane" if facts.converged else selector_text(wanted.pool_selector)
    lines = [f"{what}: {_names(nodes)} ({len(nodes)})." for what, nodes in parts if nodes]
    return [f"Selector: {where}.", *lines] if lines else [f"Selector: {where}, which matches no node."]


def _time(plan: Plan, wanted: Wanted, timeout: str) -> str:
    low, high = (plan.rounds * each for each in _NODE_MINUTES)
    parts = []
    if plan.rounds:
        each = f"{_NODE_MINUTES[0]} to {_NODE_MINUTES[1]} minutes"
        parts.append(f"{plan.rounds} {_plural('reboot', plan.rounds)} one after another at {each}")
    if not wanted.own_image:
        low, high = low + _IMAGE_MINUTES[0], high + _IMAGE_MINUTES[1]
        parts.append(f"{_IMAGE_MINUTES[0]} to {_IMAGE_MINUTES[1]} minutes for the pod VM image")
    if not parts:
        return ""
    text = f"Time: in the order of {low} to {high} minutes ({', and '.join(parts)})."
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


def _pods(plan: Plan) -> str:
    if not plan.pods:
        return ""
    names = _names([f"{pod.namespace}/{pod.name}" for pod in plan.pods])
    first = plan.pods[0]
    return (
        f"Kata pods keep the deletion waiting until they are gone, finished ones too: {names} ({len(plan.pods)}). "
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


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
