"""Data of ConfigMap ``peer-pods-cm``, which cloud-api-adaptor (CAA) reads at start (chapter 7.6).

Every value is text. Lists have no spaces: CAA 0.12 expands them unquoted on a command line, where a space ends the list
and drops the options that follow, secure boot among them (cloud-api-adaptor v0.12.0 ``entrypoint.sh``). The chapter's
example has such spaces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Tee = Literal["snp", "tdx"]

INSTANCE_SIZES: Mapping[Tee, tuple[str, ...]] = {
    "snp": ("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5"),
    "tdx": ("Standard_EC4eds_v5", "Standard_EC8eds_v5", "Standard_EC16eds_v5"),
}
"""The chapter's Azure VM sizes for each TEE; the first is the default size of a pod VM."""

CREDENTIALS_KEY = "COCO_AZURE_CREDENTIALS"
"""Key with the fingerprint of ``peer-pods-secret``. CAA reads credentials at start, too, and ignores this key. The
operator rolls CAA out when data of this ConfigMap changes, and for no other change (cm_event_handler.go 0bb09248)."""
OWNERS: Mapping[str, str] = {
    CREDENTIALS_KEY: "azure.credentials",
    "CLOUD_PROVIDER": "nothing: it is Azure",
    "VXLAN_PORT": "peerPods.vxlanPort",
    "AZURE_INSTANCE_SIZE": "peerPods.instanceSize",
    "AZURE_INSTANCE_SIZES": "peerPods.instanceSizes",
    "AZURE_SUBNET_ID": "azure.subnetId or azure.ownSubnet",
    "AZURE_NSG_ID": "azure.nsgId",
    "PROXY_TIMEOUT": "peerPods.proxyTimeout",
    "AZURE_REGION": "azure.region",
    "AZURE_RESOURCE_GROUP": "azure.resourceGroup",
    "PEERPODS_LIMIT_PER_NODE": "peerPods.limitPerNode",
    "ENABLE_SECURE_BOOT": "peerPods.secureBoot",
    "ROOT_VOLUME_SIZE": "peerPods.rootVolumeSize",
    "DISABLECVM": "peerPods.confidential",
    "TAGS": "peerPods.tags",
    "INITDATA": "initdata",
    "AZURE_IMAGE_ID": "peerPods.imageId",
    "AZURE_CLIENT_ID": "azure.credentials",
    "AZURE_CLIENT_SECRET": "azure.credentials",
    "AZURE_TENANT_ID": "azure.credentials",
    "AZURE_SUBSCRIPTION_ID": "azure.subscriptionId",
    "TLS_MIN_VERSION": "the cluster's TLS profile (from OSC 1.13 on)",
    "TLS_CIPHER_SUITES": "the cluster's TLS profile (from OSC 1.13 on)",
    "TLS_SKIP_VERIFY": "nothing: CAA would hand pods to whoever answers in a pod VM's place",
}
"""Keys that CAA reads and that something else than ``peerPods.caaEnvironment`` decides: a setting, or what is said."""


@dataclass(frozen=True, kw_only=True)
class PeerPods:
    """What the ConfigMap says, before it is text.

    Attributes:
        subnet_id, nsg_id: ARM ids of the pod VMs' subnet and network security group.
        region: Azure region, for example ``eastus``.
        instance_size: Azure VM size of a pod that asks for none.
        instance_sizes: every size that a pod may ask for.
        limit_per_node: most peer pods on one worker node.
        initdata: encoded initdata, or None for the image's own.
        image_id: ARM id of a pod VM image, or None to let the operator build one and write its id.
        confidential: whether pod VMs are confidential VMs. Only then ``DISABLECVM`` is written: with the feature gate
            off the operator sets that key to ``true`` itself, at every reconcile.
        proxy_timeout: how long CAA waits for the agent in a new pod VM, as a Go duration.
        vxlan_port: UDP port of the tunnel between worker and pod VM.
        credentials: fingerprint of the credentials that the stack gives, or None where it gives none.
        root_volume_size: size of a pod VM's root disk in GB, or None for that of the image.
        environment: further keys, none of ``OWNERS``.
    """

    subnet_id: str
    nsg_id: str
    region: str
    resource_group: str
    instance_size: str
    instance_sizes: Sequence[str]
    limit_per_node: int = 10
    tags: Mapping[str, str] = field(default_factory=dict)
    initdata: str | None = None
    image_id: str | None = None
    secure_boot: bool = True
    confidential: bool = True
    proxy_timeout: str = "5m"
    vxlan_port: int = 9000
    credentials: str | None = None
    root_volume_size: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def render(peer_pods: PeerPods) -> dict[str, str]:
    """Return the keys that the stack owns; keys of the operator's, such as its ``AZURE_IMAGE_ID``, are left out."""
    data = {
        "CLOUD_PROVIDER": "azure",
        "VXLAN_PORT": str(peer_pods.vxlan_port),
        "AZURE_INSTANCE_SIZE": peer_pods.instance_size,
        "AZURE_INSTANCE_SIZES": ",".join(peer_pods.instance_sizes),
        "AZURE_SUBNET_ID": peer_pods.subnet_id,
        "AZURE_NSG_ID": peer_pods.nsg_id,
        "PROXY_TIMEOUT": peer_pods.proxy_timeout,
        "AZURE_REGION": peer_pods.region,
        "AZURE_RESOURCE_GROUP": peer_pods.resource_group,
        "PEERPODS_LIMIT_PER_NODE": str(peer_pods.limit_per_node),
        # Exactly "true": CAA 0.12 takes "True" for no.
        "ENABLE_SECURE_BOOT": str(peer_pods.secure_boot).lower(),
    }
    if peer_pods.confidential:
        data["DISABLECVM"] = "false"
    if peer_pods.tags:
        data["TAGS"] = ",".join(f"{key}={value}" for key, value in sorted(peer_pods.tags.items()))
    if peer_pods.initdata is not None:
        data["INITDATA"] = peer_pods.initdata
    if peer_pods.image_id is not None:
        data["AZURE_IMAGE_ID"] = peer_pods.image_id
    if peer_pods.credentials is not None:
        data[CREDENTIALS_KEY] = peer_pods.credentials
    if peer_pods.root_volume_size is not None:
        data["ROOT_VOLUME_SIZE"] = str(peer_pods.root_volume_size)
    return data | dict(peer_pods.environment)
