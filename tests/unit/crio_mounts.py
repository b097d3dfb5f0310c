"""The mounts of a container as CRI-O makes them and Kata's shim hands them over; see ``crio_requests``."""

from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

RUN = "/run/kata-containers"
SHARED = f"{RUN}/shared/containers"
IDENTITY, SANDBOX = "c0" * 32, "5a" * 32
SHM = "/dev/shm"  # noqa: S108 - a path in a guest


def bind(destination: str, source: str, *options: str, kind: str = "bind") -> Document:
    """Return a mount."""
    return {"destination": destination, "source": source, "type_": kind, "options": ["rbind", "rprivate", *options]}


def copied(name: str) -> str:
    """Return where Kata copies a file or folder of the host to."""
    return f"{SHARED}/{IDENTITY}-0123456789abcdef-{name}"


def mounts(container: Mapping[str, Any], pod: Mapping[str, Any]) -> list[Document]:
    """Return the mounts of a container: the kernel's, CRI-O's files, the pod's volumes."""
    flags = ["nosuid", "noexec", "nodev"]
    kernel = (
        ("/proc", "proc", flags),
        ("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        ("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        ("/dev/mqueue", "mqueue", flags),
        ("/sys", "sysfs", [*flags, "ro"]),
        ("/sys/fs/cgroup", "cgroup", [*flags, "relatime", "ro"]),
    )
    made = [{"destination": path, "source": kind, "type_": kind, "options": options} for path, kind, options in kernel]
    files = ["/etc/resolv.conf", "/etc/hostname", "/run/.containerenv", "/run/secrets", "/etc/hosts", "/etc/group"]
    files.append(container.get("terminationMessagePath", "/dev/termination-log"))
    made += [bind(path, copied(path.rpartition("/")[2]), "rw") for path in files]
    if pod["spec"].get("automountServiceAccountToken", True):
        made.append(bind("/var/run/secrets/kubernetes.io/serviceaccount", copied("kube-api-access"), "ro"))
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    own = [_volume(entry, volumes.get(entry["name"], {})) for entry in container.get("volumeMounts", [])]
    own.sort(key=lambda each: each["destination"].rstrip("/").count("/"))
    taken = {each["destination"] for each in own}
    made.append(bind(SHM, f"{RUN}/sandbox/shm"))
    return [each for each in made if each["destination"] not in taken] + own


def _volume(entry: Mapping[str, Any], volume: Mapping[str, Any]) -> Document:
    name, path = entry["name"], entry["mountPath"]
    projected = any(kind in volume for kind in ("configMap", "secret", "projected", "downwardAPI"))
    option = "ro" if entry.get("readOnly") or projected else "rw"
    if "emptyDir" in volume and not entry.get("subPath"):
        if (volume["emptyDir"] or {}).get("medium") == "Memory":
            return bind(path, f"{RUN}/sandbox/ephemeral/{name}", option)
        return bind(path, f"{SHARED}/{SANDBOX}/rootfs/local/{name}", option, kind="local")
    return bind(path, copied(name), option)
