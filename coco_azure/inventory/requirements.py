"""What the stack wants of Azure and the cluster, as plain values: what each check judges the facts by."""

from collections.abc import Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.settings.azure import AzureSettings
from coco_azure.settings.peer_pods import PeerPodSettings


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator that the stack installs or expects.

    Attributes:
        setting: where its settings stand, such as ``peerPods.operator``.
        namespace: namespace that it is or will be installed in.
        install: whether the stack makes its Subscription.
        create_namespace: whether the stack makes its namespace, too.
        csv: name of the CSV that the stack will have; empty: none can be had, which is told elsewhere.
        treat_as: minor version whose profile a CSV without one gets; None: such a CSV is not deployed.
        catalog, catalog_namespace: the CatalogSource.
    """

    package: str
    setting: str
    namespace: str
    install: bool = True
    create_namespace: bool = True
    csv: str = ""
    treat_as: str | None = None
    catalog: str = names.CATALOG
    catalog_namespace: str = names.CATALOG_NAMESPACE


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What the settings and the plan of KataConfig come to.

    Attributes:
        peer_pods: settings of the pod VMs.
        azure: settings of their place, credentials and roles.
        nodes: nodes that get kata; empty: nobody knows, or none does yet.
        running: kata pods that the cluster has already, each of which may have a pod VM.
        built_image: ARM id of the image that the operator has built; empty: it is still to build one, or has none to.
        reboots: whether this run reboots nodes.
        builds: whether it has the operator build a pod VM image.
        waits: whether it waits for a roll-out that has begun.
        pulled: images that pod VMs pull for the stack itself, and that its settings have no mirror for.
        pulls_by_proxy: whether pod VMs pull images through a proxy.
    """

    peer_pods: PeerPodSettings
    azure: AzureSettings
    nodes: Sequence[str] = ()
    running: int = 0
    built_image: str = ""
    reboots: bool = False
    builds: bool = False
    waits: bool = False
    operators: Sequence[Operator] = ()
    pulled: Sequence[str] = ()
    pulls_by_proxy: bool = False

    @property
    def pods(self) -> int:
        """How many pod VMs there may be at the same time."""
        return self.peer_pods.limit_per_node * len(self.nodes)

    @property
    def image_id(self) -> str:
        """ARM id of the pod VM image; empty: the operator is still to build one."""
        return self.peer_pods.image_id or self.built_image
