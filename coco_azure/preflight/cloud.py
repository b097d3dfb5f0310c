"""Whether the cluster is in the cloud of Azure that pod VMs are made in (check ``cloud``)."""

from collections.abc import Iterator

from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.cluster_place import PUBLIC, PUBLIC_ONLY, is_foreign
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding


def problems(facts: ClusterFacts, _: Requirements) -> Iterator[Finding]:
    """Yield a problem of a cluster in another cloud."""
    if is_foreign(facts.cloud):
        yield Finding(
            check="cloud",
            level="problem",
            found=f"this cluster is in {facts.cloud} (Infrastructure cluster, status.platformStatus.azure.cloudName)",
            needed=f"one in {PUBLIC}: {PUBLIC_ONLY}",
            fix="a cluster in Azure's public cloud: pulumi config set --path coco-azure:cluster.context CONTEXT",
        )
