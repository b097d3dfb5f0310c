"""Requests that the Kata agent is asked, as JSON in the form in which it hands them to its policy.

They are what the shim of a peer pod sends on a node of OpenShift: kata-containers 3.13.0 to 3.25.0
``src/runtime/virtcontainers/kata_agent.go`` and ``fs_share_linux.go`` with ``configuration-remote.toml.in`` (no shared
file system, images pulled in the guest, no seccomp), with the annotations and mounts of CRI-O. ``agent_cases.json`` has
what ordinary pods and hostile hosts change in them. Does not judge anything: ``agent_policy_check`` does.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

SHARED = "/run/kata-containers/shared/containers"
"""Folder of the guest that the host copies files into."""

Document = dict[str, Any]
_SANDBOX_ID, _CONTAINER_ID = "5a" * 32, "c0" * 32
_PULL = "image_guest_pull"
_CRIO, _CONTAINERD = "io.kubernetes.cri-o", "io.kubernetes.cri"
_FILE_TYPES = {"Regular": 0o100644, "Directory": 0o040755, "Symlink": 0o120777, "Device": 0o020644, "Socket": 0o140755}
_NAMED_TYPES = ("Regular", "Directory", "Symlink")
_FLAGS = ["nosuid", "noexec", "nodev"]
_CAPABILITIES = [
    f"CAP_{name}"
    for name in (
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID"),
        *("SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL"),
    )
]


@dataclass(frozen=True, kw_only=True)
class AgentCase:
    """One documented request.

    Attributes:
        request: name of its message.
        documents: the request as JSON, once for each form in which an agent hands it to its policy.
        kind: for a hostile one the kind of harm, a key of ``harms``; empty for one of an ordinary pod.
        after: requests to create a container that come before.
    """

    title: str
    request: str
    documents: tuple[Document, ...]
    kind: str = ""
    after: tuple[Document, ...] = ()


def create_container(
    image: str | None, source: str | None = None, *, cri: Literal["crio", "containerd"] = "crio"
) -> Document:
    """Return a request to create a container.

    Args:
        image: name in the annotations; None for the pause container.
        source: name that the guest pulls; default: the one in the annotations, "pause" for the pause container.
        cri: whose annotations name the image.
    """
    kind, identity = ("sandbox", _SANDBOX_ID) if image is None else ("container", _CONTAINER_ID)
    annotations = {"io.katacontainers.pkg.oci.container_type": f"pod_{kind}"}
    if cri == "crio":
        labels = json.dumps({"io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "shop"})
        annotations |= {f"{_CRIO}.ContainerType": kind, f"{_CRIO}.SandboxID": _SANDBOX_ID, f"{_CRIO}.Labels": labels}
    else:
        annotations |= {f"{_CONTAINERD}.container-type": kind, f"{_CONTAINERD}.sandbox-id": _SANDBOX_ID}
    if image is not None:
        annotations[f"{_CRIO}.ImageName" if cri == "crio" else f"{_CONTAINERD}.image-name"] = image
    return {
        "container_id": identity,
        "exec_id": identity,
        "OCI": _oci(identity, annotations, ["/usr/bin/pod"] if image is None else ["/usr/bin/app"]),
        "devices": [],
        "storages": [_pull(identity, source or image or "pause", annotations)],
        "sandbox_pidns": False,
        "shared_mounts": [],
        "string_user": None,
    }


def create_sandbox() -> Document:
    """Return a request to create the sandbox: the first one of a pod."""
    shm = {
        **_storage("ephemeral", "shm", "tmpfs", "/run/kata-containers/sandbox/shm"),
        "options": ["noexec", "nosuid", "nodev", "mode=1777", "size=67108864"],
    }
    return {
        "hostname": "shop",
        "dns": ["nameserver 172.30.0.10", "options ndots:5"],
        "storages": [shm],
        "sandbox_pidns": False,
        "sandbox_id": _SANDBOX_ID,
        "guest_hook_path": "",
        "kernel_modules": [],
    }


def copy_file(path: str, file_type: str = "Regular", content: str = "", *, named: bool) -> Document:
    """Return a request to copy a file into the guest.

    Args:
        path: absolute path in the guest.
        file_type: ``Regular``, ``Directory``, ``Symlink``, ``Device`` or ``Socket``.
        content: what is in the file, or where the link leads.
        named: whether the agent tells its policy the type and the target by name (``OscProfile.copied_type_named``);
            otherwise they are in the mode and in the data.
    """
    raw = content.encode()
    size = len(raw) if file_type == "Regular" else 0
    document: Document = {"path": path, "file_size": size, "file_mode": _FILE_TYPES[file_type], "dir_mode": 0o750}
    document |= {"uid": 0, "gid": 0, "offset": 0}
    if named:
        sent_type = file_type if file_type in _NAMED_TYPES else "Unknown"
        return document | {"file_type": sent_type, "symlink_target": content if file_type == "Symlink" else None}
    return document | {"data": list(raw)}


def changed(document: Document, changes: Sequence[Sequence[Any]]) -> Document:
    """Return a copy of a document with changes: ``[pointer, value]`` sets or, at ``-``, appends; ``[pointer]`` removes.

    Pointers are those of RFC 6901.
    """
    changed_document = copy.deepcopy(document)
    for pointer, *value in changes:
        *parents, last = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        place: Any = changed_document
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if last == "-":
            place.append(value[0])
        elif value:
            place[int(last) if isinstance(place, list) else last] = value[0]
        else:
            del place[int(last) if isinstance(place, list) else last]
    return changed_document


@lru_cache(maxsize=16)
def cases(group: Literal["ordinary", "hostile"], image: str, *, named: bool | None = None) -> tuple[AgentCase, ...]:
    """Return the documented requests of a group.

    Args:
        group: what ordinary pods need, or what a hostile host asks.
        named: in which form files that are copied are told, see ``copy_file``; None: in each.
    """
    return tuple(_case(each, image, (named,) if named is not None else (False, True)) for each in _data()[group])


def harms() -> Mapping[str, str]:
    """Return what the host gets, by kind of harm."""
    return dict(_data()["harms"])


@cache
def _data() -> Any:
    text = resources.files("coco_azure.formats.policy").joinpath("agent_cases.json").read_text()
    for name, value in {"shared": SHARED, "container": _CONTAINER_ID, "sandbox": _SANDBOX_ID}.items():
        text = text.replace(f"<{name}>", value)
    return json.loads(text)


def _case(entry: Mapping[str, Any], image: str, forms: Sequence[bool]) -> AgentCase:
    request = entry["request"]
    if request == "CopyFileRequest":
        documents = [copy_file(*entry["file"], named=named) for named in forms]
    elif request == "CreateContainerRequest":
        of = entry.get("of", "container")
        documents = [create_container(None if of == "pause" else image, cri=entry.get("cri", "crio"))]
    else:
        documents = [create_sandbox() if request == "CreateSandboxRequest" else {}]
    return AgentCase(
        title=entry["title"],
        request=request,
        documents=tuple(changed(document, entry.get("changes", [])) for document in documents),
        kind=entry.get("kind", ""),
        after=tuple(changed(create_container(image), changes) for changes in entry.get("after", ())),
    )


def _pull(identity: str, source: str, annotations: Mapping[str, str]) -> Document:
    option = f"{_PULL}={json.dumps({'metadata': annotations})}"
    storage = _storage(_PULL, source, "overlay", f"/run/kata-containers/{identity}/rootfs")
    return {**storage, "driver_options": [option]}


def _storage(driver: str, source: str, fstype: str, mount_point: str) -> Document:
    return {
        "driver": driver,
        "driver_options": [],
        "source": source,
        "fstype": fstype,
        "options": [],
        "mount_point": mount_point,
        "fs_group": None,
        "shared": False,
    }


def _oci(identity: str, annotations: Mapping[str, str], command: Sequence[str]) -> Document:
    capabilities = {name: list(_CAPABILITIES) for name in ("Bounding", "Effective", "Permitted")}
    return {
        "Version": "1.1.0",
        "Annotations": dict(annotations),
        "Hooks": None,
        "Hostname": "shop",
        "Linux": _linux(identity),
        "Mounts": _mounts(identity),
        "Process": {
            "Args": list(command),
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "HOSTNAME=shop"],
            "Cwd": "/",
            "Capabilities": {**capabilities, "Ambient": [], "Inheritable": []},
            "NoNewPrivileges": True,
            "OOMScoreAdj": 1000,
            "Rlimits": [],
            "SelinuxLabel": "",
            "Terminal": False,
            "User": {"UID": 1000660000, "GID": 0, "AdditionalGids": [0], "Username": ""},
        },
        "Root": {"Path": f"/run/kata-containers/{identity}/rootfs", "Readonly": False},
        "Solaris": None,
        "Windows": None,
    }


def _linux(identity: str) -> Document:
    masked = ("acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi", "asound")
    return {
        "CgroupsPath": f"kubepods-besteffort-pod4f0c.slice:crio:{identity}",
        "Devices": [],
        "GIDMappings": [],
        "IntelRdt": None,
        "MaskedPaths": [*(f"/proc/{name}" for name in masked), "/sys/firmware"],
        "MountLabel": "",
        "Namespaces": [{"Type": name, "Path": ""} for name in ("ipc", "uts", "mount")],
        "ReadonlyPaths": [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")],
        "Resources": {"CPU": {"Shares": 2}, "Devices": [], "BlockIO": None, "Network": None, "Pids": None},
        "RootfsPropagation": "",
        "Seccomp": None,
        "Sysctl": {},
        "UIDMappings": [],
    }


def _mounts(identity: str) -> list[Document]:
    kernel = (
        ("/proc", "proc", "proc", _FLAGS),
        ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        ("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        ("/dev/mqueue", "mqueue", "mqueue", _FLAGS),
        ("/sys", "sysfs", "sysfs", [*_FLAGS, "ro"]),
        ("/sys/fs/cgroup", "cgroup", "cgroup", [*_FLAGS, "relatime", "ro"]),
        ("/dev/shm", "/run/kata-containers/sandbox/shm", "bind", ["rbind"]),  # noqa: S108 - a path in a container
    )
    names = {
        "/etc/resolv.conf": ["rw", "nosuid", "nodev", "noexec", "bind"],
        "/etc/hostname": ["rw", "nosuid", "nodev", "noexec", "bind"],
        "/run/.containerenv": ["rw", "rprivate", "bind"],
        "/run/secrets": ["rw", "bind"],
        "/etc/hosts": ["rw", "rbind", "rprivate", "bind"],
        "/dev/termination-log": ["rw", "rbind", "rprivate", "bind"],
        "/var/run/secrets/kubernetes.io/serviceaccount": ["ro", "rbind", "rprivate", "bind"],
    }
    copied = [
        (to, f"{SHARED}/{identity}-{number:016x}-{to.rpartition('/')[2]}", "bind", options)
        for number, (to, options) in enumerate(names.items(), 1)
    ]
    return [
        {"destination": to, "source": source, "type_": kind, "options": list(options)}
        for to, source, kind, options in (*kernel, *copied)
    ]
