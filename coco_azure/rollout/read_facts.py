"""What a plan of KataConfig follows from, asked of the cluster and of the stack's own outputs.

All of it is read while the program runs, in previews too: options of a resource, such as ``protect``, are no outputs.
"""

import dataclasses
from collections.abc import Collection

import pulumi

from coco_azure import names
from coco_azure.clients import stack_history
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.rollout import drain
from coco_azure.rollout import facts as reading
from coco_azure.rollout.facts import LastRollout, RolloutFacts
from coco_azure.settings import Settings


def gather(stack: Settings, reader: Reads, owner: str, last: LastRollout | None) -> RolloutFacts:
    """Return the present facts for the stack whose objects have the mark ``owner``.

    Raises:
        pulumi.RunError: the cluster does not answer.
    """
    try:
        return _gather(stack, reader, owner, last)
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say what a roll-out of KataConfig would reboot: {error}. Needed: the kubeconfig "
            "of coco-azure:cluster (default: that of oc; try oc get nodes), and the right to list KataConfigs, nodes, "
            "pods and machine config pools"
        ) from error


def _gather(stack: Settings, reader: Reads, owner: str, last: LastRollout | None) -> RolloutFacts:
    kata_configs = tuple(map(reading.read_kata_config, reader.items(names.KATA_CONFIGS)))
    # A list of all pods is long; without KataConfig none of them is of its runtime.
    pods = reader.items(names.PODS) if kata_configs else []
    return RolloutFacts(
        stack=owner,
        kata_configs=kata_configs,
        nodes=tuple(map(reading.read_node, reader.items(names.NODES))),
        pools=tuple(map(reading.read_pool, reader.items(names.POOLS))),
        pods=reading.read_pods(
            pods, reading.blocking_classes(kata_configs), (stack.attestation_check.namespace, names.CHECK)
        ),
        gate=reading.read_gate(reader.get(_config_map(names.FEATURE_GATES))),
        image=reading.read_image(reader.get(_config_map(names.PEER_PODS_CM)), reader.get(_config_map(names.IMAGE_CM))),
        last=last,
        topology=reading.read_topology(reader.get(names.INFRASTRUCTURE)),
    )


def _config_map(name: str) -> str:
    return names.path(names.CONFIG_MAPS, name, namespace=names.OSC_NAMESPACE)


def with_drains(facts: RolloutFacts, reader: Reads, nodes: Collection[str] = ()) -> RolloutFacts:
    """Return the facts with what drains of these nodes meet; what cannot be asked is no reason to stop."""
    try:
        budgets = tuple(map(drain.read_budget, reader.items(names.DISRUPTION_BUDGETS)))
        namespaces = drain.in_question(budgets)
        pods = tuple(
            drain.read_pod(pod) for name in namespaces for pod in reader.items(names.path(names.PODS, namespace=name))
        )
        # Where there is a KataConfig, all pods have been read.
        listed = reader.items(names.PODS) if facts.kata_configs else _pods_of(nodes, reader)
        evicted = tuple(pod for pod in map(drain.read_pod, listed) if pod.node in nodes)
        used = tuple(each for each in budgets if each.namespace in namespaces)
        asked = drain.Drains(budgets=used, pods=pods, evicted=evicted)
    except Exception as error:  # noqa: BLE001 - whatever a request raises
        asked = drain.Drains(unknown=str(getattr(error, "reason", "") or error))
    return dataclasses.replace(facts, drains=asked)


def _pods_of(nodes: Collection[str], reader: Reads) -> list[Object]:
    return [pod for node in nodes for pod in reader.items(names.PODS, fields=f"spec.nodeName={node}")]


def own_output(name: str) -> LastRollout | None:
    """Return the last completed roll-out from the running stack's own outputs."""
    return reading.read_last(stack_history.own_outputs().get(name))
