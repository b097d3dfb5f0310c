"""What Kata's shim asks the agent of a pod VM for, request by request, when the kubelet starts a pod.

Sources: kata-containers 3.13.0 to 3.25.0 ``src/runtime/virtcontainers``: ``kata_agent.go`` (startSandbox,
createContainer, copyFile, handleEphemeralStorage, handleLocalStorage, constrainGRPCSpec), ``fs_share_linux.go``
(ShareFile) and ``configuration-remote.toml.in``; CRI-O for annotations and mounts. A pod VM shares no file system with
its node, so files are copied into it, and it pulls its images itself. What is the same for every pod is in
``shim.yaml``.
"""

import copy
import hashlib
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Document = dict[str, Any]
_GUEST = "/run/kata-containers"
_SHARED = f"{_GUEST}/shared/containers"
_SHM = f"{_GUEST}/sandbox/shm"
_PULL = "image_guest_pull"
_REGULAR, _FOLDER, _LINK = 0o100644, 0o040755, 0o120777
_STAMP = "..2026_01_01_00_00_00.1"


@cache
def _read() -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("shim.yaml").read_text(encoding="utf-8"))
    return content


def _fixed(part: str) -> Any:
    """Return a part of ``shim.yaml``, for whoever wants it to change."""
    return copy.deepcopy(_read()[part])


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume as a container sees it.

    Attributes:
        name: its name in the pod.
        destination: where it is mounted.
        kind: ``disk`` and ``memory`` are emptyDir, ``files`` is what the node has as files.
        files: content by name, of ``files``.
        read_only: whether it is mounted so.
    """

    name: str
    destination: str
    kind: Literal["disk", "memory", "files"] = "files"
    files: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container as the kubelet wants it.

    Attributes:
        name: its name in the pod.
        image: reference of its image.
        command: arguments of its process; empty where the image decides.
        environment: variables of its process.
        pod, namespace: where it belongs.
        volumes: what is mounted into it.
        security: its ``securityContext``.
    """

    name: str
    image: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    pod: str = ""
    namespace: str = ""
    volumes: Sequence[Volume] = ()
    security: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What the node calls it: 64 hexadecimal digits."""
        return hashlib.sha256(f"{self.namespace}/{self.pod}/{self.name}".encode()).hexdigest()


class Shim:
    """The shim of one pod.

    Attributes:
        pause: the pod's first container, which OpenShift's CRI-O gives this command.
    """

    def __init__(self, pod: str, namespace: str, *, copies_named: bool) -> None:
        """Take a pod; ``copies_named`` says how its agent tells a copied file to the policy (``osc_release``)."""
        self.pause = Container(name="pause", image="pause", command=("/usr/bin/pod",), pod=pod, namespace=namespace)
        self._copies_named = copies_named

    def sandbox(self) -> Document:
        """Return CreateSandboxRequest as JSON."""
        return {**_fixed("sandbox"), "hostname": self.pause.pod[:63], "sandbox_id": self.pause.identity}

    def copies(self, container: Container) -> Iterator[Document]:
        """Yield a CopyFileRequest as JSON for each file of the node that the container sees."""
        for destination, content in _read()["files"].items():
            yield self.copy(_copied(container, destination), _REGULAR, content)
        for volume in container.volumes:
            if volume.kind != "files":
                continue
            folder = _copied(container, volume.destination)
            yield self.copy(folder, _FOLDER)
            yield self.copy(f"{folder}/..data", _LINK, _STAMP)
            yield self.copy(f"{folder}/{_STAMP}", _FOLDER)
            for name, content in volume.files.items():
                yield self.copy(f"{folder}/{_STAMP}/{name}", _REGULAR, content)
                yield self.copy(f"{folder}/{name}", _LINK, f"..data/{name}")

    def copy(self, path: str, mode: int, content: str = "") -> Document:
        """Return one CopyFileRequest as the agent hands it to its policy; ``content`` is that of a file or link."""
        raw = content.encode("utf-8", "surrogateescape")
        size = len(raw) if mode == _REGULAR else 0
        document: Document = {**_fixed("copy"), "path": path, "file_size": size, "file_mode": mode}
        if not self._copies_named:
            return document | {"data": list(raw)}
        kind = {_REGULAR: "Regular", _FOLDER: "Directory", _LINK: "Symlink"}[mode]
        return document | {"file_type": kind, "symlink_target": content if mode == _LINK else None}

    def create(self, container: Container) -> Document:
        """Return CreateContainerRequest as JSON."""
        kind = "sandbox" if container is self.pause else "container"
        annotations = {
            "io.kubernetes.cri-o.ContainerType": kind,
            "io.kubernetes.cri-o.ContainerName": container.name,
            "io.kubernetes.cri-o.SandboxID": self.pause.identity,
            "io.kubernetes.cri-o.Namespace": container.namespace,
            "io.kubernetes.cri-o.KubeName": container.pod,
            "io.kubernetes.cri-o.Labels": json.dumps({"io.kubernetes.pod.name": container.pod}),
            "io.katacontainers.pkg.oci.container_type": f"pod_{kind}",
        }
        if kind == "container":
            annotations["io.kubernetes.cri-o.ImageName"] = container.image
        root = f"{_GUEST}/{container.identity}/rootfs"
        pull = _storage(_PULL, container.image, "overlay", root)
        pull["driver_options"] = [f"{_PULL}={json.dumps({'metadata': annotations}, separators=(',', ':'))}"]
        return {
            **_fixed("create"),
            "container_id": container.identity,
            "exec_id": container.identity,
            "OCI": {
                **_fixed("oci"),
                "Annotations": annotations,
                "Hostname": container.pod,
                "Linux": _linux(container),
                "Mounts": [*_kernel_mounts(container), *self._mounts(container)],
                "Process": _process(container),
                "Root": {"Path": root, "Readonly": container.security.get("readOnlyRootFilesystem", False)},
            },
            "storages": [pull, *(self._storage_of(volume) for volume in container.volumes if volume.kind != "files")],
        }

    def _mounts(self, container: Container) -> Iterator[Document]:
        yield _mount("/dev/shm", _SHM, "bind", ["rbind"])  # noqa: S108 - a path in a container
        for destination in _read()["files"]:
            yield _mount(destination, _copied(container, destination), "bind", ["rw", "rbind", "rprivate", "bind"])
        for volume in container.volumes:
            options = ["ro" if volume.read_only else "rw", "rbind", "rprivate", "bind"]
            kind = "local" if volume.kind == "disk" else "bind"
            yield _mount(volume.destination, self._source(container, volume), kind, options)

    def _source(self, container: Container, volume: Volume) -> str:
        if volume.kind == "files":
            return _copied(container, volume.destination)
        if volume.kind == "memory":
            return f"{_GUEST}/sandbox/ephemeral/{volume.name}"
        return f"{_SHARED}/{self.pause.identity}/rootfs/local/{volume.name}"

    def _storage_of(self, volume: Volume) -> Document:
        place = self._source(self.pause, volume)
        if volume.kind == "memory":
            return _storage("ephemeral", "tmpfs", "tmpfs", place)
        return _storage("local", "local", "local", place, ["mode=0777"])


def exec_process(container: Container, command: Sequence[str]) -> Document:
    """Return ExecProcessRequest as JSON."""
    identity = hashlib.sha256("\0".join(command).encode()).hexdigest()
    process = {**_process(container), "Args": list(command)}
    return {"container_id": container.identity, "exec_id": identity, "string_user": None, "process": process}


def pulled(document: Document) -> list[str]:
    """Return the images that the guest pulls for a CreateContainerRequest, but not the pause container's own."""
    images = [storage["source"] for storage in document["storages"] if storage["driver"] == _PULL]
    return [image for image in images if image != "pause"]


def _copied(container: Container, destination: str) -> str:
    chance = hashlib.sha256(destination.encode()).hexdigest()[:16]
    return f"{_SHARED}/{container.identity}-{chance}-{posixpath.basename(destination.rstrip('/'))}"


def _storage(driver: str, source: str, fstype: str, mount_point: str, options: Sequence[str] = ()) -> Document:
    own = {"driver": driver, "source": source, "fstype": fstype, "options": list(options), "mount_point": mount_point}
    return {**_fixed("storage"), **own}


def _mount(destination: str, source: str, kind: str, options: Sequence[str]) -> Document:
    return {"destination": destination, "source": source, "type_": kind, "options": list(options)}


def _kernel_mounts(container: Container) -> Iterator[Document]:
    access = "rw" if container.security.get("privileged") else "ro"
    for destination, mount in _fixed("mounts").items():
        options = [*mount["options"], access] if destination.startswith("/sys") else mount["options"]
        yield {**mount, "destination": destination, "options": options}


def _linux(container: Container) -> Document:
    unbound: Document = {"MaskedPaths": [], "ReadonlyPaths": []} if container.security.get("privileged") else {}
    path = f"kubepods-besteffort.slice:crio:{container.identity}"
    return {**_fixed("linux"), **unbound, "CgroupsPath": path}


def _process(container: Container) -> Document:
    security, known = container.security, _read()["capabilities"]
    added, dropped = (security.get("capabilities", {}).get(key, []) for key in ("add", "drop"))
    kept = [] if "ALL" in dropped else [name for name in known["crio"] if name not in dropped]
    kept += [name for name in added if name not in kept]
    if security.get("privileged"):
        kept = [*known["crio"], *known["privileged"]]
    capabilities = [f"CAP_{name}" for name in kept]
    sets = {name: list(capabilities) for name in ("Bounding", "Effective", "Permitted")}
    user = {"UID": security.get("runAsUser", 0), "GID": security.get("runAsGroup", 0)}
    return {
        **_fixed("process"),
        "Args": list(container.command),
        "Capabilities": {**sets, "Ambient": [], "Inheritable": []},
        "Env": [f"{name}={value}" for name, value in container.environment.items()],
        "NoNewPrivileges": security.get("allowPrivilegeEscalation") is False,
        "User": {**_fixed("user"), **user},
    }
