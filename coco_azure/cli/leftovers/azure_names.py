"""The names that OSC's image job, packer and CAA give to what they make in Azure, and how each is removed.

Sources: openshift/sandboxed-containers-operator at 0d14cc8c, ``config/peerpods/podvm/azure-podvm-image-handler.sh``
(gallery, definition, packer's image, storage account ``oscsa...`` with its private endpoint; until 1.9 it was
``podvmartifacts<seconds>``) and ``controllers/image_generator.go`` (``PodVMGallery_`` and the first 8 characters of the
cluster's id); openshift/cloud-api-adaptor release-1.9, ``src/cloud-providers/azure/provider.go`` and
``util/instance.go`` (``podvm-<pod>-<sandbox>``, ``-net``, ``-disk``); packer's plugin for Azure (``pkr``, two letters
for the kind, ten characters).
"""

import re
import shlex
from dataclasses import dataclass

GALLERY_PREFIX = "PodVMGallery_"
DEFINITION = "podvm-image"
IMAGE_JOB, CAA, PACKER = "OSC's image job", "cloud-api-adaptor", "packer in OSC's image job"
_CLUSTER_ID_LENGTH = 8

_COMPUTE, _NETWORK = "microsoft.compute", "microsoft.network"
VM, DISK = f"{_COMPUTE}/virtualmachines", f"{_COMPUTE}/disks"
NIC, ADDRESS = f"{_NETWORK}/networkinterfaces", f"{_NETWORK}/publicipaddresses"
ENDPOINT, STORAGE = f"{_NETWORK}/privateendpoints", "microsoft.storage/storageaccounts"
IMAGE, GALLERY = f"{_COMPUTE}/images", f"{_COMPUTE}/galleries"
GALLERY_IMAGE, GALLERY_VERSION = f"{GALLERY}/images", f"{GALLERY}/images/versions"


@dataclass(frozen=True)
class Removal:
    """How a type of resource is removed.

    Attributes:
        rank: place in an order in which nothing is removed before what is in it or uses it.
        words: the type in words.
        command: the command before ``--ids``.
        billed: whether it costs money.
    """

    rank: int
    words: str
    command: str
    billed: bool


REMOVALS = {
    VM: Removal(0, "virtual machine", "az vm delete --yes", billed=True),
    NIC: Removal(1, "network interface", "az network nic delete", billed=False),
    ADDRESS: Removal(2, "public IP address", "az network public-ip delete", billed=True),
    DISK: Removal(2, "disk", "az disk delete --yes", billed=True),
    GALLERY_VERSION: Removal(3, "image version", "az sig image-version delete", billed=True),
    GALLERY_IMAGE: Removal(4, "image definition", "az sig image-definition delete", billed=False),
    GALLERY: Removal(5, "image gallery", "az sig delete", billed=False),
    IMAGE: Removal(5, "image", "az image delete", billed=True),
    ENDPOINT: Removal(6, "private endpoint", "az network private-endpoint delete", billed=True),
    STORAGE: Removal(7, "storage account", "az storage account delete --yes", billed=True),
}
_OTHER = Removal(8, "resource", "az resource delete", billed=True)

_POD_VM = re.compile(r"podvm-(?P<pod>[a-z0-9-]*)-(?P<sandbox>[0-9a-z]{8})")
_PACKER = re.compile(r"pkr(vm|ni|ip|os|dd|vn|sn|sg|kv|dp)[0-9a-z]{10}")
_STORAGE = re.compile(r"oscsa[0-9a-z]{1,19}|podvmartifacts\d{10}")


def removal(kind: str) -> Removal:
    """Return how a resource of an ARM type is removed."""
    return REMOVALS.get(kind.lower(), _OTHER)


def command(kind: str, resource_id: str) -> str:
    """Return the command that removes one resource."""
    return f"{removal(kind).command} --ids {shlex.quote(resource_id)}"


def gallery_of(cluster_id: str) -> str:
    """Return the name of the gallery that the operator of a cluster makes, from ClusterVersion's ``clusterID``."""
    return f"{GALLERY_PREFIX}{cluster_id[:_CLUSTER_ID_LENGTH]}"


def pod_of_vm(name: str) -> str | None:
    """Return the pod part of a pod VM's name (lower case, cut where it is long), or None for another VM."""
    match = _POD_VM.fullmatch(name)
    return match["pod"] if match else None


def vm_of_part(kind: str, name: str) -> str | None:
    """Return the name of the pod VM that a NIC, an address or a disk was made for, or None for another one's."""
    suffix = {NIC: "-net", ADDRESS: "-net", DISK: "-disk"}.get(kind.lower())
    if suffix is None or not name.endswith(suffix):
        return None
    vm = name.removesuffix(suffix)
    return vm if pod_of_vm(vm) is not None else None


def is_packers(name: str) -> bool:
    """Return whether packer made it for as long as it builds."""
    return _PACKER.fullmatch(name) is not None


def is_upload(kind: str, name: str) -> bool:
    """Return whether it served the upload of a ready-made image: a storage account, or the endpoint to one."""
    if kind.lower() == ENDPOINT:
        return name.endswith("-pe") and _STORAGE.fullmatch(name.removesuffix("-pe")) is not None
    return kind.lower() == STORAGE and _STORAGE.fullmatch(name) is not None


def is_source_image(kind: str, name: str) -> bool:
    """Return whether it is the image that packer captured, the source of a gallery's version."""
    return kind.lower() == IMAGE and name.startswith(f"{DEFINITION}-")
