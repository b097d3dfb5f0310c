"""What the operators do in Azure, and the built-in roles that allow it, each at the narrowest scope that does.

Who does what: cloud-api-adaptor ``src/cloud-providers/azure/provider.go`` (CAA lists VM sizes, makes a VM with its NIC
in one call, reads the NIC, deletes the VM); sandboxed-containers-operator ``azure-podvm-image-handler.sh`` (the image
job makes a storage account, uploads a disk, makes gallery, definition and version of it, and later deletes them).
Upstream gives these five roles for the whole subscription (sandboxed-containers-operator
``docs/credentials-handling.md`` and ``credentials_request_azure_wif.yaml``). Ids and actions: learn.microsoft.com,
"Azure built-in roles".
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

_ASSIGNMENTS = uuid.UUID("5d4f3c0e-7a55-5b0a-9c83-0f3f6b7f1b52")


@dataclass(frozen=True, kw_only=True)
class Role:
    """A built-in role: its name, and its id, which is the same everywhere."""

    name: str
    id: str


READER = Role(name="Reader", id="acdd72a7-3385-48ef-bd42-f606fba81ae7")
VM_CONTRIBUTOR = Role(name="Virtual Machine Contributor", id="9980e02c-c2be-4d73-94e8-173b1dc7cf3c")
NETWORK_CONTRIBUTOR = Role(name="Network Contributor", id="4d97b98b-1d4f-4787-a291-c67834d212e7")
STORAGE_CONTRIBUTOR = Role(name="Storage Account Contributor", id="17d1049b-9a84-46fb-8f53-869881c3d3ab")
GALLERY_PUBLISHER = Role(name="Compute Gallery Artifacts Publisher", id="85a2d0d9-2eba-4c9c-b355-11c2cc0788ab")
IMAGE_READER = Role(name="Compute Gallery Image Reader", id="cf7c76d2-98a3-4358-a134-615aa78bf44d")


@dataclass(frozen=True, kw_only=True)
class Need:
    """What the operators do at one scope.

    Attributes:
        role: the built-in role that allows it.
        scope: ARM id of the subscription, resource group or resource that it is needed at.
        actions: the actions of Azure's that are needed, spelled as Azure does.
        why: who needs them for what.
        since: the first version of OpenShift sandboxed containers that needs them; empty: every one does.
    """

    role: Role
    scope: str
    actions: tuple[str, ...]
    why: str
    since: str = ""

    @property
    def definition(self) -> str:
        """Return the ARM id of the role, as an assignment names it."""
        subscription = self.scope.split("/")[2]
        return f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{self.role.id}"

    def assignment(self, principal: str) -> str:
        """Return the name (UUID) of the role's assignment to a principal: the same in every run."""
        text = f"{self.scope}|{self.role.id}|{principal}".casefold()
        return str(uuid.uuid5(_ASSIGNMENTS, text))


_JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
_JOIN_NSG = "Microsoft.Network/networkSecurityGroups/join/action"
_VM = (
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachines/delete",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkInterfaces/delete",
    "Microsoft.Network/networkInterfaces/join/action",
)
_GALLERY = tuple(
    f"Microsoft.Compute/galleries/{part}{verb}"
    for part in ("", "images/", "images/versions/")
    for verb in ("read", "write", "delete")
)
_STORAGE = tuple(f"Microsoft.Storage/storageAccounts/{verb}" for verb in ("read", "write", "delete", "listkeys/action"))
_ENDPOINT = tuple(f"Microsoft.Network/privateEndpoints/{verb}" for verb in ("read", "write", "delete"))


def needs(subscription: str, resource_group: str, subnet_id: str, nsg_id: str, image_id: str = "") -> Sequence[Need]:
    """Return all that the operators do in Azure, one entry a role and scope.

    Args:
        subscription: subscription of the pod VMs.
        resource_group: resource group of the pod VMs and of the image that the operator builds.
        subnet_id: ARM id of the pod VMs' subnet; it need not exist yet.
        nsg_id: ARM id of the network security group at the pod VMs' NICs.
        image_id: ARM id of the image of the user's own; empty: the operator builds one.
    """
    whole = f"/subscriptions/{subscription}"
    group = f"{whole}/resourceGroups/{resource_group}"
    joins = [(subnet_id, _JOIN_SUBNET, "subnet"), (nsg_id, _JOIN_NSG, "network security group")]
    near = [action for scope, action, _ in joins if _within(scope, group)]
    operator_needs = [
        Need(role=READER, scope=whole, actions=("Microsoft.Compute/locations/vmSizes/read",), why="CAA lists VM sizes"),
        Need(role=VM_CONTRIBUTOR, scope=group, actions=(*_VM, *near), why="CAA makes and deletes pod VMs"),
    ]
    operator_needs += [
        Need(role=NETWORK_CONTRIBUTOR, scope=scope, actions=(action,), why=f"CAA puts pod VMs into the {what}")
        for scope, action, what in joins
        if scope and not _within(scope, group)
    ]
    return [*operator_needs, *_of_image(group, whole, image_id)]


def _of_image(group: str, whole: str, image_id: str) -> list[Need]:
    if not image_id:
        return [
            Need(role=GALLERY_PUBLISHER, scope=group, actions=_GALLERY, why="the image job makes the pod VM image"),
            Need(role=STORAGE_CONTRIBUTOR, scope=group, actions=_STORAGE, why="the image job uploads the disk"),
            # Its storage account is closed to the Internet since pull request 1516 of sandboxed-containers-operator.
            Need(
                role=NETWORK_CONTRIBUTOR,
                scope=group,
                actions=_ENDPOINT,
                why="the image job reaches its storage account by a private endpoint",
                since="1.12",
            ),
        ]
    if _within(image_id, whole) or "/galleries/" not in image_id:
        return []
    gallery = image_id.partition("/images/")[0]
    reads = ("Microsoft.Compute/galleries/images/read", "Microsoft.Compute/galleries/images/versions/read")
    return [Need(role=IMAGE_READER, scope=gallery, actions=reads, why="pod VMs start from your image")]


def _within(arm_id: str, scope: str) -> bool:
    return arm_id.casefold().startswith(f"{scope}/".casefold())
