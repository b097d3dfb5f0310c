"""What a plan of KataConfig follows from, asked of the cluster and of the stack's own outputs.

All of it is read while the program runs, in previews too: options of a resource, such as ``protect``, are no outputs.
"""

import time
from collections.abc import Mapping
from typing import Any

import pulumi

from components.cluster.client import ClusterClient
from rollout import facts as reading
from rollout.facts import Facts, LastRollout
from rollout.wanted import Wanted
from settings import Settings

KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
_POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
_CONFIG_MAPS = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps"
_CHECK = "attestation-check"
_TRIES, _PAUSE = 20, 0.25


def wanted(stack: Settings) -> Wanted:
    """Return what the settings say of KataConfig."""
    said = stack.peer_pods
    selector = said.kata_config.pool_selector
    return Wanted(
        confidential=said.confidential,
        log_level=said.kata_config.log_level,
        pool_selector=None if selector is None else selector.match_labels,
        own_image=said.image_id is not None,
    )


def gather(stack: Settings, client: ClusterClient, owner: str, last: LastRollout | None) -> Facts:
    """Return the present facts for the stack whose objects have the mark ``owner``.

    Raises:
        pulumi.RunError: the cluster does not answer.
    """
    try:
        return _gather(stack, client, owner, last)
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say what a roll-out of KataConfig would reboot: {error}. Needed: the kubeconfig "
            "of coco-azure:cluster (default: that of oc; try oc get nodes), and the right to list KataConfigs, nodes, "
            "pods and machine config pools"
        ) from error


def _gather(stack: Settings, client: ClusterClient, owner: str, last: LastRollout | None) -> Facts:
    kata_configs = tuple(map(reading.read_kata_config, client.items(KATA_CONFIGS)))
    # A list of all pods is long; without KataConfig none of them is of its runtime.
    pods = client.items("/api/v1/pods") if kata_configs else []
    return Facts(
        stack=owner,
        kata_configs=kata_configs,
        nodes=tuple(map(reading.read_node, client.items("/api/v1/nodes"))),
        pools=tuple(map(reading.read_pool, client.items(_POOLS))),
        pods=reading.read_pods(
            pods, reading.blocking_classes(kata_configs), (stack.attestation_check.namespace, _CHECK)
        ),
        gate=reading.read_gate(client.get(f"{_CONFIG_MAPS}/osc-feature-gates")),
        image=reading.read_image(
            client.get(f"{_CONFIG_MAPS}/peer-pods-cm"), client.get(f"{_CONFIG_MAPS}/azure-podvm-image-cm")
        ),
        last=last,
    )


def own_output(name: str) -> LastRollout | None:
    """Return the last completed roll-out from the running stack's own outputs.

    They change only at the end of a run (``components.outputs``). While the engine writes the state, a reader may find
    it empty, so it is read again for a while.
    """
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for _ in range(_TRIES - 1):
        try:
            return reading.read_last(_outputs(own).get(name))
        except Exception as error:  # noqa: BLE001 - pulumi raises nothing more precise
            pulumi.log.debug(f"the outputs of {own} cannot be read yet: {error}")
            time.sleep(_PAUSE)
    return reading.read_last(_outputs(own).get(name))


def _outputs(stack: str) -> Mapping[str, Any]:
    found = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
    return dict((found.value or {}).get("outputs") or {})
