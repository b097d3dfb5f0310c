"""Which resources of a resource group are left over: made by the operators, and used by nothing that is alive."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coco_azure.cli.leftovers import azure_names as names
from coco_azure.cli.leftovers.model import Leftover

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
        pod = names.pod_of_vm(each["name"]) if _kind(each) == names.VM else None
        if pod is not None:
            by_pod.setdefault(pod, []).append(each)
    for pod, machines in by_pod.items():
        living = sum(_fits(pod, name) for name in alive.pods)
        oldest_first = sorted(machines, key=lambda each: str(each.get("createdTime", "")))
        for each in oldest_first[: max(0, len(oldest_first) - living)]:
            ended = "its pod has ended" if not living else "a younger one has its pod"
            yield _leftover(each, names.CAA, f"{ended}; NIC, disk and address go with it", alive, what="pod VM")


def _parts(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield NICs, addresses and disks of pod VMs that are gone."""
    machines = {each["name"] for each in resources if _kind(each) == names.VM}
    for each in resources:
        vm = names.vm_of_part(_kind(each), each["name"])
        if vm is not None and vm not in machines:
            yield _leftover(each, names.CAA, "its pod VM is gone", alive)


def _images(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield galleries, definitions, versions and packer's images that no runtime uses."""
    used = {image.lower() for image in alive.images}
    kept_versions = {image.rsplit("/", 1)[1] for image in used}
    for each in resources:
        kind, key = _kind(each), str(each["id"]).lower()
        if kind in (names.GALLERY, names.GALLERY_IMAGE, names.GALLERY_VERSION) and _is_ours(each, alive):
            parent_of_used = any(image == key or image.startswith(f"{key}/") for image in used)
            # A definition beside the one in use is of an image from before a change in place; one that no image is
            # known beside may be what the operator is about to use.
            begun = alive.kata_config and (kind == names.GALLERY or (kind == names.GALLERY_IMAGE and not used))
            at_work = alive.building or begun
            if not parent_of_used and not at_work:
                yield _leftover(each, names.IMAGE_JOB, "", alive)
        elif names.is_source_image(kind, each["name"]) and not alive.building:
            version = str(each["name"]).removeprefix(f"{names.DEFINITION}-").lower()
            if version not in kept_versions and key not in used:
                yield _leftover(each, names.PACKER, "", alive)


def _building(resources: Sequence[Resource], alive: Alive) -> Iterator[tuple[int, Leftover]]:
    """Yield what an image job needs only while it is at work."""
    for each in resources if not alive.building else ():
        if names.is_packers(each["name"]):
            yield _leftover(each, names.PACKER, "an image job that was broken off left it", alive)
        elif names.is_upload(_kind(each), each["name"]):
            yield _leftover(each, names.IMAGE_JOB, "an upload that was broken off left it", alive)


def _is_ours(resource: Resource, alive: Alive) -> bool:
    gallery = str(resource["name"]).partition("/")[0]
    if alive.gallery is None:
        return gallery.startswith(names.GALLERY_PREFIX)
    return gallery.lower() == alive.gallery.lower()


def _fits(part: str, pod: str) -> bool:
    """Return whether a pod VM's name may stand for a pod: other characters became dashes, and it may be cut."""
    clean = "".join(each if each.isascii() and (each.isalnum() or each == "-") else "-" for each in pod.lower())
    longest = 63 - len("podvm") - 10
    return part == clean[:longest]


def _leftover(
    resource: Resource, made_by: str, note: str, alive: Alive, *, what: str | None = None
) -> tuple[int, Leftover]:
    how = names.removal(_kind(resource))
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
        remove=names.command(_kind(resource), str(resource["id"])),
        billed=how.billed,
        note="; ".join(filter(None, (note, warning))),
        id=str(resource["id"]),
    )


def _kind(resource: Resource) -> str:
    return str(resource["type"]).lower()
