"""Whether the nodes that KataConfig is for can be updated: their machine config pools, and their system."""

from collections.abc import Iterator, Sequence
from functools import partial

from coco_azure import names
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding, Level
from coco_azure.rollout.choice import KeptOut
from coco_azure.rollout.facts import Pool

_SELECTOR = "coco-azure:peerPods.kataConfig.poolSelector"
_SHOWN = 12
_of_nodes = partial(Finding, check="nodes")


def problems(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong (checks ``machine-config``, ``pools``, ``nodes``).

    What stops a roll-out that is there already, and over, is a warning: the run waits for none.
    """
    level: Level = "problem" if requirements.reboots or requirements.waits else "warning"
    if facts.without_machine_config:
        yield Finding(
            check="machine-config",
            level="problem",
            found=facts.without_machine_config,
            needed="machine config pools: the operator installs kata by them, and the run waits for what they report",
            fix=(
                "a cluster with a control plane of its own (ARO, openshift-install); oc get infrastructure cluster -o "
                "jsonpath={.status.controlPlaneTopology} says which kind this is"
            ),
        )
        return
    yield from _pools(facts, requirements)
    masters = [each for each in facts.kept_out if each.is_master]
    others: dict[tuple[str, ...], list[KeptOut]] = {}
    for each in facts.kept_out:
        if not each.is_master:
            others.setdefault(each.pools, []).append(each)
    if masters:
        yield _masters([each.node for each in masters], requirements, level)
    for pools, nodes in others.items():
        yield _custom([each.node for each in nodes], pools, requirements, level)
    if facts.windows:
        yield _of_nodes(
            level=level,
            found=f"{', '.join(facts.windows)}, Windows, with role worker, and KataConfig's selector matches",
            needed=(
                "Linux: on Windows nothing installs kata, and KataConfig counts every node that its selector matches"
            ),
            fix=f"pulumi config set --path '{_SELECTOR}.matchLabels[\"kubernetes.io/os\"]' linux",
        )


def _pools(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    if not requirements.reboots:
        return
    for pool in facts.pools:
        if pool.degraded is not None:
            needed = "a healthy pool: its nodes are to be rebooted, and a degraded pool stops half-way"
            yield _degraded(pool, needed, "problem")
        if pool.paused:
            yield Finding(
                check="pools",
                level="warning",
                found=f"machine config pool {pool.name} is paused",
                needed="a pool that updates its nodes; KataConfig waits until it does",
                fix=f'oc patch mcp {pool.name} --type merge -p \'{{"spec":{{"paused":false}}}}\'',
            )
    for pool in facts.bystanders:
        needed = "healthy pools before nodes reboot, although none of this one is to"
        yield _degraded(pool, needed, "warning")


def _degraded(pool: Pool, needed: str, level: Level) -> Finding:
    return Finding(
        check="pools",
        level=level,
        found=f"machine config pool {pool.name} is degraded: {pool.degraded}",
        needed=needed,
        fix=f"oc describe mcp {pool.name}, and mend what it names before nodes reboot",
    )


def _custom(nodes: Sequence[str], pools: Sequence[str], requirements: Requirements, level: Level) -> Finding:
    title, roles = ", ".join(nodes), " ".join(f"{names.ROLES}{pool}-" for pool in pools)
    return _of_nodes(
        level=level,
        found=f"{title} in machine config pool {' and '.join(pools)}; KataConfig adds the label of pool kata-oc",
        needed=(
            "nodes in no other custom pool: of two, the machine config operator takes neither (belongs to 2 custom "
            "roles, cannot proceed with this Node). Such a node never gets kata, and KataConfig waits for it"
        ),
        fix=(
            f"{_without(nodes, requirements)}\nor take the node out of its pool, whose nodes have a label (oc get mcp "
            f"{' '.join(pools)} -o yaml), as a rule: oc label node {' '.join(nodes)} {roles}"
        ),
    )


def _masters(nodes: Sequence[str], requirements: Requirements, level: Level) -> Finding:
    return _of_nodes(
        level=level,
        found=f"{', '.join(nodes)} of the control plane with role worker (mastersSchedulable)",
        needed=(
            "workers that are no masters: a master stays in pool master whatever its labels are, so it never gets "
            "kata, and KataConfig waits for it. Only where all workers are masters, and there is no custom pool, the "
            "operator uses pool master"
        ),
        fix=(
            f"{_without(nodes, requirements)}\nor: oc patch schedulers.config.openshift.io cluster --type merge -p "
            '\'{"spec":{"mastersSchedulable":false}}\''
        ),
    )


def _without(nodes: Sequence[str], requirements: Requirements) -> str:
    """Return how nodes are left out of the selector."""
    if labels := requirements.peer_pods.kata_config.pool_labels:
        keys = " ".join(f"{key}-" for key in sorted(labels))
        return f"take the selector's label off: oc label node {' '.join(nodes)} {keys}"
    arguments = " ".join(requirements.nodes[:_SHOWN]) if 0 < len(requirements.nodes) <= _SHOWN else "NODE ..."
    setting = f"pulumi config set --path {_SELECTOR}.matchLabels.kata true"
    return f"select the others: oc label node {arguments} kata=true\n{setting}"
