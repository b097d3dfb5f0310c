"""What is left over in a resource group: what operators make there, how each is removed, and what nothing alive uses.

Sources: openshift/sandboxed-containers-operator at 0d14cc8c, ``config/peerpods/podvm/azure-podvm-image-handler.sh``
(gallery, definition, packer's image, storage account ``oscsa...`` with its private endpoint; until 1.9 it was
``podvmartifacts<seconds>``) and ``controllers/image_generator.go`` (``PodVMGallery_`` and the first 8 characters of the
cluster's id); openshift/cloud-api-adaptor release-1.9, ``src/cloud-providers/azure/provider.go`` and
``util/instance.go`` (``podvm-<pod>-<sandbox>``, ``-net``, ``-disk``); packer's plugin for Azure (``pkr``, two letters
for the kind, ten characters).
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from coco_azure.cli import CommandError
from coco_azure.cli.leftovers.model import Leftover
from coco_azure.clients.azure import AzureClient

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


Resource = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Alive:
    """What still uses things in Azure, as the cluster and the settings say.

    Attributes:
        gallery: name of the cluster's gallery, or None where the cluster could not be asked: any operator's then.
        kata_config: whether there is a KataConfig, and with it an operator that takes its gallery down.
        images: ids of image versions in use, and of those that the settings name.
        pods: names of pods of the runtime that have not ended.
        building: whether an image job is at work.
        shared: whether other clusters may use the resource group, because the settings name another than the cluster's.
    """

    gallery: str | None = None
    kata_config: bool = False
    images: frozenset[str] = frozenset()
    pods: Sequence[str] = ()
    building: bool = False
    shared: bool = False


_SHARED = "the resource group is not the cluster's own: make sure that no other cluster uses it"
_ANY_CLUSTER = "the cluster was not asked: make sure that it is not another cluster's"


def left_over(resources: Sequence[Resource], alive: Alive) -> list[Leftover]:
    """Return what is left, in an order in which it can be removed."""
    leftovers = [
        *_pod_vms(resources, alive),
        *_parts(resources, alive),
        *_images(resources, alive),
        *_building(resources, alive),
    ]
    return [made for _, made in sorted(leftovers, key=lambda pair: (pair[0], pair[1].id))]


def _pod_vms(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield VMs whose pod is gone; of several for one pod, all but the youngest."""
    by_pod: dict[str, list[Resource]] = {}
    for each in resources:
        pod = pod_of_vm(each["name"]) if _kind(each) == VM else None
        if pod is not None:
            by_pod.setdefault(pod, []).append(each)
    for pod, machines in by_pod.items():
        living = sum(_fits(pod, name) for name in alive.pods)
        oldest_first = sorted(machines, key=lambda each: str(each.get("createdTime", "")))
        for each in oldest_first[: max(0, len(oldest_first) - living)]:
            ended = "its pod has ended" if not living else "a younger one has its pod"
            yield _leftover(each, CAA, f"{ended}; NIC, disk and address go with it", alive, what="pod VM")


def _parts(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield NICs, addresses and disks of pod VMs that are gone."""
    machines = {each["name"] for each in resources if _kind(each) == VM}
    for each in resources:
        vm = vm_of_part(_kind(each), each["name"])
        if vm is not None and vm not in machines:
            yield _leftover(each, CAA, "its pod VM is gone", alive)


def _images(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield galleries, definitions, versions and packer's images that no runtime uses."""
    used = {image.lower() for image in alive.images}
    kept_versions = {image.rsplit("/", 1)[1] for image in used}
    for each in resources:
        kind, key = _kind(each), str(each["id"]).lower()
        if kind in (GALLERY, GALLERY_IMAGE, GALLERY_VERSION) and _is_ours(each, alive):
            parent_of_used = any(image == key or image.startswith(f"{key}/") for image in used)
            # A definition beside the one in use is of an image from before a change in place; one that no image is
            # known beside may be what the operator is about to use.
            begun = alive.kata_config and (kind == GALLERY or (kind == GALLERY_IMAGE and not used))
            at_work = alive.building or begun
            if not parent_of_used and not at_work:
                yield _leftover(each, IMAGE_JOB, "", alive)
        elif is_source_image(kind, each["name"]) and not alive.building:
            version = str(each["name"]).removeprefix(f"{DEFINITION}-").lower()
            if version not in kept_versions and key not in used:
                yield _leftover(each, PACKER, "", alive)


def _building(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield what an image job needs only while it is at work."""
    for each in resources if not alive.building else ():
        if is_packers(each["name"]):
            yield _leftover(each, PACKER, "an image job that was broken off left it", alive)
        elif is_upload(_kind(each), each["name"]):
            yield _leftover(each, IMAGE_JOB, "an upload that was broken off left it", alive)


def _is_ours(resource: Resource, alive: Alive) -> bool:
    gallery = str(resource["name"]).partition("/")[0]
    if alive.gallery is None:
        return gallery.startswith(GALLERY_PREFIX)
    return gallery.lower() == alive.gallery.lower()


def _fits(part: str, pod: str) -> bool:
    """Return whether a pod VM's name may stand for a pod: other characters became dashes, and it may be cut."""
    clean = "".join(each if each.isascii() and (each.isalnum() or each == "-") else "-" for each in pod.lower())
    longest = 63 - len("podvm") - 10
    return part == clean[:longest]


def _leftover(
    resource: Resource, made_by: str, note: str, alive: Alive, *, what: str | None = None
) -> tuple[int, Leftover]:
    how = removal(_kind(resource))
    warning = ""
    if alive.shared:
        warning = _SHARED
    elif alive.gallery is None:
        warning = _ANY_CLUSTER
    return how.rank, Leftover(
        side="azure",
        what=what or how.words,
        name=str(resource["name"]),
        made_by=made_by,
        remove=command(_kind(resource), str(resource["id"])),
        billed=how.billed,
        note="; ".join(filter(None, (note, warning))),
        id=str(resource["id"]),
    )


def _kind(resource: Resource) -> str:
    return str(resource["type"]).lower()


def resources(client: AzureClient, group: str) -> list[dict[str, Any]]:
    """Return every resource of a group, each with ``id``, ``name``, ``type`` and ``createdTime``.

    A group that does not exist has none.

    Raises:
        CommandError: Azure refuses or does not answer.
    """
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    scope = f"/subscriptions/{quote(client.subscription)}/resourceGroups/{quote(group)}"
    try:
        return list(client.pages(f"{scope}/resources", expand="createdTime"))
    except (AzureError, ValueError) as error:
        code = str(getattr(getattr(error, "error", None), "code", None) or "")
        if code == "ResourceGroupNotFound":
            return []
        raise CommandError(_advice(client.subscription, group, code, error)) from error


def _advice(subscription: str, group: str, code: str, error: Exception) -> str:
    message = " ".join(str(error).split())
    problem = f"resource group {group} of subscription {subscription} cannot be listed: {message}"
    if getattr(error, "status_code", None) in (401, 403):
        return f"{problem}. Needed is role Reader on the resource group: az role assignment create --role Reader ..."
    if code == "SubscriptionNotFound":
        return f"{problem}. Name the right one with --subscription: az account show --query id"
    return problem
