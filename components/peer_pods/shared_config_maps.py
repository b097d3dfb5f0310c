"""Two ConfigMaps that the stack shares with the OSC operator: feature gates and ``peer-pods-cm`` (chapter 7.6, 7.8)."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.formats import peer_pods_cm as peer_pods
from coco_azure.settings import Settings
from coco_azure.settings.peer_pods import PeerPodSettings
from coco_azure.trust.chain import Chain
from coco_azure.trust.documents import GLOBAL
from coco_azure.versions.profiles import OscProfile
from components.azure.network import AzureNetwork
from components.operators.olm_operator import OlmOperator


def patched(
    name: str,
    title: str,
    operator: OlmOperator,
    data: Input[dict[str, str]],
    *,
    parent: pulumi.Resource,
    after: Sequence[Input[pulumi.Resource]] = (),
) -> kubernetes.core.v1.ConfigMapPatch:
    """Return the stack's keys of a ConfigMap in the operator's namespace.

    A patch, because others own keys of it too: the operator writes AZURE_IMAGE_ID, and a plain ConfigMap would drop
    that key at its next change. What the stack does set, it takes over, as ``oc apply`` in the chapter does.

    Args:
        data: the stack's keys.
        after: what has to be there before it.
    """
    return kubernetes.core.v1.ConfigMapPatch(
        name,
        metadata={"name": title, "namespace": operator.namespace, "annotations": {names.PATCH_FORCE: "true"}},
        data=data,
        opts=ResourceOptions(
            parent=parent,
            # No value of the gate is used; it keeps a new version's initdata from an operator of the old version.
            depends_on=[operator.installed, *after],
            # Keys cannot be given up in a namespace that is gone, as after an interrupted destroy. Into one that is
            # replaced they are written anew; engines before 3.260 do not take that from deleted_with.
            replace_with=[operator.made] if operator.made is not None else None,
            deleted_with=operator.made,
            delete_before_replace=True,
        ),
    )


def feature_gates(settings: PeerPodSettings, profile: OscProfile) -> dict[str, str]:
    """Return the data of ConfigMap ``osc-feature-gates``; exactly "true" or "false", as OSC 1.9 compares text."""
    gates = {"confidential": str(settings.confidential).lower()}
    if settings.kata_config.deployment_mode == "DaemonSet":
        gates["deploymentMode"] = "DaemonSet"
    if profile.caa_update_strategy:
        gates["caaUpdateStrategy"] = "RollingUpdate" if settings.caa_restart == "now" else "OnDelete"
    return gates


def peer_pods_data(
    stack: Settings, chain: Output[Chain], network: AzureNetwork, credentials: Output[str | None]
) -> Output[dict[str, str]]:
    """Return the stack's keys of ``peer-pods-cm``.

    Args:
        chain: the trust chain, with the global initdata.
        network: where the pod VMs go.
        credentials: fingerprint of the operator's credentials; None where they are not the stack's.
    """
    settings = stack.peer_pods
    initdata = chain.apply(lambda known: known.documents[GLOBAL].encoded)
    timeout = chain.apply(lambda known: settings.proxy_timeout or profile_of(known).proxy_timeout)
    target = network.target
    return Output.all(network.subnet_id, initdata, credentials, timeout).apply(
        lambda values: peer_pods.render(
            peer_pods.PeerPods(
                subnet_id=values[0],
                nsg_id=target.nsg_id,
                region=target.region,
                resource_group=target.resource_group,
                initdata=values[1] if stack.initdata.into_peer_pods_cm else None,
                instance_size=settings.size,
                instance_sizes=settings.sizes,
                limit_per_node=settings.limit_per_node,
                tags=settings.tags,
                image_id=settings.image_id,
                secure_boot=settings.secure_boot,
                confidential=settings.confidential,
                proxy_timeout=values[3],
                vxlan_port=settings.vxlan_port,
                credentials=values[2],
                root_volume_size=settings.root_volume_size,
                environment=settings.caa_environment,
            )
        )
    )


def profile_of(chain: Chain) -> OscProfile:
    """Return the profile of the OSC operator of a stack with peer pods."""
    if chain.versions.osc is None:
        raise ValueError("this stack has no peer pods of its own")
    return chain.versions.osc
