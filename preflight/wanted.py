"""What the stack wants of Azure and the cluster, as plain values: what each check judges the facts by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator that the stack installs or expects.

    Attributes:
        package: its package in the catalog.
        setting: where its settings stand, such as ``peerPods.operator``.
        namespace: namespace that it is or will be installed in.
        install: whether the stack makes its Subscription.
        csv: name of the CSV that the stack will have; empty: none can be had, which is told elsewhere.
        treat_as: minor version whose profile a CSV without one gets; None: such a CSV is not deployed.
        catalog, catalog_namespace: the CatalogSource.
    """

    package: str
    setting: str
    namespace: str
    install: bool = True
    csv: str = ""
    treat_as: str | None = None
    catalog: str = "redhat-operators"
    catalog_namespace: str = "openshift-marketplace"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the settings and the plan of KataConfig come to.

    Attributes:
        confidential: whether pod VMs are confidential VMs.
        tee: ``snp`` or ``tdx``.
        size: VM size of a pod that asks for none.
        sizes: every VM size that a pod may ask for.
        limit_per_node: most peer pods on one node.
        nodes: nodes that get kata; empty: nobody knows, or none does yet.
        running: kata pods that the cluster has already, each of which may have a pod VM.
        image_id: ARM id of the pod VM image; empty: the operator is still to build one.
        own_image: whether the settings name the image; else the operator built it.
        secure_boot: whether pod VMs start with secure boot.
        vxlan_port: UDP port of the tunnel between worker and pod VM.
        reboots: whether this run reboots nodes.
        own_subnet: whether the stack makes a subnet of its own.
        own_range, own_name: range and name of that subnet; empty without one.
        own_nat_gateway: whether that subnet has a NAT gateway, and so a public IP address.
        credentials: ``cloudCredentialOperator``, ``servicePrincipal`` or ``workloadIdentity``.
        roles: ``off``, ``check`` or ``assign``.
        operators: the operators on the cluster of the peer pods.
    """

    confidential: bool = True
    tee: Literal["snp", "tdx"] = "snp"
    size: str
    sizes: Sequence[str]
    limit_per_node: int = 10
    nodes: Sequence[str] = ()
    running: int = 0
    image_id: str = ""
    own_image: bool = False
    secure_boot: bool = True
    vxlan_port: int = 9000
    reboots: bool = False
    own_subnet: bool = False
    own_range: str = ""
    own_name: str = ""
    own_nat_gateway: bool = False
    credentials: str = "cloudCredentialOperator"
    roles: str = "off"
    operators: Sequence[Operator] = ()

    @property
    def pods(self) -> int:
        """Return how many pod VMs there may be at the same time."""
        return self.limit_per_node * len(self.nodes)
