"""The process of a container: its arguments, the commands run beside it, who runs them and with which rights.

Sources: cri-o 1.34 ``internal/factory/container/container.go`` SpecSetProcessArgs and SpecSetupCapabilities,
``server/container_create.go`` setupContainerUser; kubernetes 1.34 ``pkg/kubelet/container/helpers.go`` (variables in
commands), ``pkg/kubelet/prober/prober.go`` (in those of probes only variables with a value of their own).

Sources: kubernetes 1.34 ``pkg/kubelet/kubelet_pods.go`` makeMounts (what is projected from objects is read-only),
kata-containers 3.25 ``src/runtime/virtcontainers`` (``local`` for emptyDir, ``ephemeral`` for one in memory, everything
else copied or mounted below the shared folder), its genpolicy-settings.json (the same paths).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from coco_azure.formats.workload import environment, reading
from coco_azure.formats.workload.environment import Value
from coco_azure.formats.workload.image_config import MAKE, ImageConfig
from coco_azure.formats.workload.reading import ManifestError, Template

CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP"),
    *("NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
)
"""What a container may have that asks for nothing: the default of containerd, of which CRI-O's is a part."""

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
NAMESPACE_USERS = 1_000_000_000
"""From here on OpenShift hands out ranges of user ids to namespaces (security context constraint restricted-v2)."""
_PREFIX = "CAP_"


def arguments(
    container: Mapping[str, Any], image: ImageConfig | None, name: str, known: Mapping[str, Value]
) -> list[Value]:
    """Return the arguments of the container's process, the program first.

    Args:
        image: what the image says, as far as it is known.
        name: the image's name, for messages.
        known: the container's variables.

    Raises:
        ManifestError: they cannot be known.
    """
    command, args = reading.texts(container, "command"), reading.texts(container, "args")
    made = [_expanded(text, known) for text in [*command, *args]]
    if command:
        return made
    if image is None:
        raise ManifestError(
            f"what it runs is up to its image: write command (and args) into the manifest, or make the image's "
            f"configuration known: {MAKE.format(image=name)}, and set imageConfigFiles: {{{name}: FILE}}"
        )
    own = [Value(text=text) for text in (image.entrypoint if args else image.entrypoint + image.command)]
    if not own + made:
        raise ManifestError(f"neither the manifest nor image {name} names a command; write command into the manifest")
    return own + made


def _expanded(text: str, known: Mapping[str, Value]) -> Value:
    refused: list[str] = []
    made = environment.expand(text, known, refused.append)
    if refused:
        raise ManifestError(
            f"$({refused[0]}) in command or args is read from an object that the pods' cluster may change, so that it "
            "could run anything; write its value into the manifest, or let the program read the variable"
        )
    return made


def commands(container: Mapping[str, Any]) -> list[list[str]]:
    """Return the commands that the kubelet runs in the container: those of probes and of hooks of its lifecycle."""
    literal = environment.literal(container)
    probes = [reading.texts(reading.object_of(container, probe, "exec"), "command") for probe in _PROBES]
    expanded = [[environment.expand(text, literal, lambda _: None).text for text in command] for command in probes]
    hooks = [
        reading.texts(reading.object_of(container, "lifecycle", hook, "exec"), "command")
        for hook in ("postStart", "preStop")
    ]
    all_commands = [command for command in [*expanded, *hooks] if command]
    return [command for at, command in enumerate(all_commands) if command not in all_commands[:at]]


def rights(container: Mapping[str, Any], template: Template, image: ImageConfig | None) -> dict[str, object]:
    """Return who the process is and what it may do, as facts of the agent policy.

    Raises:
        ManifestError: it may do what no pod VM can be held to.
    """
    own, shared = reading.object_of(container, "securityContext"), reading.object_of(template.spec, "securityContext")
    if reading.optional(own, "privileged", bool):
        raise ManifestError("securityContext.privileged: a privileged container owns the pod VM; remove it")
    if own.get("procMount", "Default") != "Default":
        raise ManifestError(f"securityContext.procMount is {own['procMount']}, allowed is Default; remove it")
    facts: dict[str, object] = {}
    if (names := _capabilities(own)) is not None:
        facts["caps"] = names
    if reading.optional(own, "allowPrivilegeEscalation", bool) is False:
        facts["no_new_privileges"] = True
    if reading.optional(own, "readOnlyRootFilesystem", bool):
        facts["read_only"] = True
    facts |= _user({**shared, **own}, image)
    group = reading.optional({**shared, **own}, "runAsGroup", int)
    return facts if group is None else {**facts, "gid": group}


def _capabilities(own: Mapping[str, Any]) -> Sequence[str] | None:
    """Return the capabilities that the container may have; None where they are those that any may have."""
    capabilities = reading.object_of(own, "capabilities")
    added = {text.upper().removeprefix(_PREFIX) for text in reading.texts(capabilities, "add")}
    dropped = {text.upper().removeprefix(_PREFIX) for text in reading.texts(capabilities, "drop")}
    if beyond := added - set(CAPABILITIES):
        raise ManifestError(
            f"securityContext.capabilities.add has {', '.join(sorted(beyond))}, which would let the container change "
            f"the pod VM; remove it (allowed: {', '.join(CAPABILITIES)})"
        )
    given = set[str]() if "ALL" in dropped else set(CAPABILITIES)
    names = (given | added) - dropped
    return None if names == set(CAPABILITIES) else sorted(f"{_PREFIX}{name}" for name in names)


def _user(security_context: Mapping[str, Any], image: ImageConfig | None) -> dict[str, object]:
    """Return ``uid`` and ``uid_from``: the process has that user or one from there on."""
    user = reading.optional(security_context, "runAsUser", int)
    if user is not None:
        return {"uid": user}
    lowest = 1 if reading.optional(security_context, "runAsNonRoot", bool) else 0
    if image is None:
        return {"uid_from": lowest}
    name = image.user.partition(":")[0] or "0"
    if name == "root":
        name = "0"
    if not name.isdecimal():
        # The number is in the image's /etc/passwd.
        return {"uid_from": 1}
    own = {} if lowest and int(name) == 0 else {"uid": int(name)}
    return {**own, "uid_from": NAMESPACE_USERS}


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
