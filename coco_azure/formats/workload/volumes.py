"""The mounts of a container: which destinations, from which kind of source, and which of them read-only.

Sources: kubernetes 1.34 ``pkg/kubelet/kubelet_pods.go`` makeMounts (what is projected from objects is read-only),
kata-containers 3.25 ``src/runtime/virtcontainers`` (``local`` for emptyDir, ``ephemeral`` for one in memory, everything
else copied or mounted below the shared folder), its genpolicy-settings.json (the same paths).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from coco_azure.formats.workload import reading
from coco_azure.formats.workload.objects import ManifestError
from coco_azure.formats.workload.templates import Template

Source = Literal["shared", "local", "memory"]
"""Whence a mount comes in the pod VM: what the host hands in, or what the pod VM makes itself, on disk or in memory.
``agent_workload.rego`` has the paths."""

_KERNEL = ("", "proc", "sys")
_PROJECTED = ("configMap", "secret", "projected", "downwardAPI")
_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
_AZURE_TOKEN = "/var/run/secrets/azure/tokens"  # noqa: S105 - a path
_IMPOSSIBLE: Mapping[str, str] = {
    "hostPath": "a pod VM has no folder of the node; use an emptyDir, a ConfigMap or a PersistentVolumeClaim",
    "image": "a pod VM pulls the images of containers only; copy the files in an init container",
}


@dataclass(frozen=True, kw_only=True)
class Mount:
    """One mount.

    Attributes:
        source: whence it comes.
        read_only: whether it has to be read-only.
        required: whether it is always there.
        volume: name of the volume that the pod VM makes; empty for what the host hands in.
    """

    source: Source
    read_only: bool
    required: bool = True
    volume: str = ""


def mounts(container: Mapping[str, Any], template: Template) -> dict[str, Mount]:
    """Return the mounts of a container that its manifest leads to, by destination.

    Raises:
        ManifestError: a mount cannot be in a pod VM, or has no volume.
    """
    if reading.objects(container, "volumeDevices"):
        raise ManifestError("volumeDevices: a pod VM has no block devices of the node; mount a volume (volumeMounts)")
    made = dict(_given(container, template))
    volumes = {str(volume.get("name")): volume for volume in reading.objects(template.spec, "volumes")}
    for entry in reading.objects(container, "volumeMounts"):
        name, path = str(entry.get("name")), reading.optional(entry, "mountPath", str)
        if not path or ".." in path.split("/"):
            raise ManifestError(f"volumeMounts: mountPath of {name} is {reading.shown(path)}, needed a path without ..")
        if _clean(path).split("/")[1] in _KERNEL:
            raise ManifestError(f"volumeMounts: mountPath {path} hides the kernel's own files; mount it elsewhere")
        if name not in volumes and name not in template.claims:
            raise ManifestError(f"volumeMounts: there is no volume {name} (volumes: {', '.join(volumes) or 'none'})")
        made[_clean(path)] = _mount(entry, volumes.get(name))
    return made


def _given(container: Mapping[str, Any], template: Template) -> Iterator[tuple[str, Mount]]:
    termination = reading.optional(container, "terminationMessagePath", str) or "/dev/termination-log"
    yield _clean(termination), Mount(source="shared", read_only=False, required=False)
    if reading.optional(template.spec, "automountServiceAccountToken", bool) is not False:
        yield _TOKEN, Mount(source="shared", read_only=True, required=False)
    if reading.object_of(template.metadata, "labels").get("azure.workload.identity/use") == "true":
        yield _AZURE_TOKEN, Mount(source="shared", read_only=True, required=False)


def _mount(entry: Mapping[str, Any], volume: Mapping[str, Any] | None) -> Mount:
    read_only = bool(reading.optional(entry, "readOnly", bool))
    if volume is None:
        return Mount(source="shared", read_only=read_only)
    for kind, way in _IMPOSSIBLE.items():
        if kind in volume:
            raise ManifestError(f"volume {volume.get('name')} is a {kind}: {way}")
    if any(kind in volume for kind in _PROJECTED):
        return Mount(source="shared", read_only=True)
    if "emptyDir" in volume:
        source = _empty(entry, volume)
        return Mount(source=source, read_only=read_only, volume="" if source == "shared" else str(volume["name"]))
    return Mount(source="shared", read_only=read_only)


def _empty(entry: Mapping[str, Any], volume: Mapping[str, Any]) -> Source:
    if entry.get("subPath") or entry.get("subPathExpr"):
        # The kubelet hands over the folder below the volume, which Kata takes for any folder, and copies.
        return "shared"
    return "memory" if reading.object_of(volume, "emptyDir").get("medium") == "Memory" else "local"


def _clean(path: str) -> str:
    cleaned = str(PurePosixPath("/", path))
    return cleaned[1:] if cleaned.startswith("//") else cleaned
