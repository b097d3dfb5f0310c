"""The process of a container: its arguments, the commands run beside it, who runs them and with which rights.

Sources: cri-o 1.34 ``internal/factory/container/container.go`` SpecSetProcessArgs and SpecSetupCapabilities,
``server/container_create.go`` setupContainerUser; kubernetes 1.34 ``pkg/kubelet/container/helpers.go`` (variables in
commands), ``pkg/kubelet/prober/prober.go`` (in those of probes only variables with a value of their own).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coco_azure.formats.workload import environment, reading, values
from coco_azure.formats.workload.image_config import MAKE, ImageConfig
from coco_azure.formats.workload.objects import ManifestError
from coco_azure.formats.workload.templates import Template
from coco_azure.formats.workload.values import Value

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
        container: the container's entry in the template.
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
    made = values.expand(text, known, refused.append)
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
    expanded = [[values.expand(text, literal, lambda _: None).text for text in command] for command in probes]
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
