"""Judges an agent policy on the containers of a workload: its own run, and none that a host has changed does.

A request is the one of an ordinary pod (``create_container``) with the container's own process and mounts.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coco_azure.formats.policy.agent_requests import AgentCase, create_container
from coco_azure.formats.policy.policy_check import CaseOutcome, PolicyReport
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.formats.workload import containers
from coco_azure.formats.workload.containers import Container
from coco_azure.formats.workload.process import NAMESPACE_USERS, Mount, Source

_RUN = "/run/kata-containers"
_IDENTITY = "c0" * 32
_SOURCES: Mapping[Source, str] = {
    "shared": f"{_RUN}/shared/containers/{_IDENTITY}-0123456789abcdef-files",
    "local": f"{_RUN}/shared/containers/{_IDENTITY}/rootfs/local/",
    "memory": f"{_RUN}/sandbox/ephemeral/",
}


def request(container: Container) -> dict[str, Any]:
    """Return CreateContainerRequest for a container as its manifest has it, as JSON."""
    document = create_container(container.image)
    oci = document["OCI"]
    oci["Annotations"]["io.kubernetes.container.name"] = container.name
    capabilities = list(container.rights.get("caps", ("CAP_CHOWN",)))  # type: ignore[call-overload]
    oci["Process"] = {
        **oci.get("Process", {}),
        "Args": [value.sample for value in container.arguments],
        "Env": [f"{name}={value.sample}" for name, value in container.environment.items()],
        "Cwd": container.folder or "/",
        "Capabilities": dict.fromkeys(("Bounding", "Effective", "Permitted"), capabilities),
        "NoNewPrivileges": True,
        "Terminal": container.terminal,
        "User": {
            "UID": container.rights.get("uid", NAMESPACE_USERS),
            "GID": container.rights.get("gid", 0),
            "AdditionalGids": [],
            "Username": "",
        },
    }
    oci["Root"] = {**oci.get("Root", {}), "Readonly": bool(container.rights.get("read_only"))}
    given = [mount for mount in oci.get("Mounts", []) if mount["type_"] != "bind"]
    # CRI-O sorts them by the depth of their destinations (cri-o 1.34 ``orderedMounts``).
    inward = sorted(container.mounts.items(), key=lambda each: each[0].count("/"))
    oci["Mounts"] = given + [_mount(path, mount) for path, mount in inward]
    return {"container_id": _IDENTITY, **document, "sandbox_pidns": container.shares_processes}


def execution(created: Mapping[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """Return ExecProcessRequest of the kubelet for a container that has been created with a request of ``request``."""
    process = {**created["OCI"]["Process"], "Args": list(command), "Terminal": False, "Capabilities": None}
    ports = dict.fromkeys(("string_user", "stdin_port", "stdout_port", "stderr_port"))
    return {"container_id": created["container_id"], "exec_id": "probe", "process": process, **ports}


def changes(container: Container) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield requests that a host makes of a container's own: what is changed, in words, and the request as JSON."""
    good = request(container)

    def changed(change: str, label: str, added: list[Any]) -> tuple[str, dict[str, Any]]:
        document = copy.deepcopy(good)
        *way, last = label.split("/")
        within = document
        for step in way:
            within = within[step]
        within[last] = within[last] + added if added else ["/bin/sh", "-c", "env"]
        return f"{container.label} with {change}", document

    yield changed("another command", "OCI/Process/Args", [])
    yield changed("one argument more", "OCI/Process/Args", ["--"])
    yield changed("a variable more", "OCI/Process/Env", ["LD_PRELOAD=/tmp/other.so"])
    yield changed("a mount more", "OCI/Mounts", [_mount("/host", Mount(source="shared", read_only=False))])
    yield changed("a capability more", "OCI/Process/Capabilities/Effective", ["CAP_SYS_ADMIN"])
    other = copy.deepcopy(good)
    other["storages"][0]["source"] = "registry.example.org/other/image:1"
    yield f"{container.label} from another image", other


def _mount(path: str, mount: Mount) -> dict[str, Any]:
    kind = "local" if mount.source == "local" else "bind"
    options = ["rbind", "rprivate", "ro" if mount.read_only else "rw"]
    return {"destination": path, "source": f"{_SOURCES[mount.source]}{mount.volume}", "type_": kind, "options": options}


_REQUEST = "CreateContainerRequest"
_TYPES = ("io.kubernetes.cri-o.ContainerType", "io.kubernetes.cri.container-type")


def foreign(case: AgentCase) -> bool:
    """Return whether a case is, or comes after, a container of no workload's, which the policy of one denies."""
    if case.after:
        return True
    annotations = case.documents[0].get("OCI", {}).get("Annotations", {})
    return case.request == _REQUEST and all(annotations.get(key) != "sandbox" for key in _TYPES)


def judge(text: str, workload: Sequence[Container], report: PolicyReport) -> Iterator[CaseOutcome]:
    """Yield what a policy says of the containers; what is wrong is added to the report.

    Args:
        workload: the containers that it is to keep to; none means any.
        report: gets the problems and warnings.
    """
    report.warnings.extend(containers.warnings(workload))
    for container in workload:
        allowed = judge_agent(text, _REQUEST, request(container))
        yield CaseOutcome(case=container.label, expected=True, passed=allowed)
        if not allowed:
            report.problems.append(f"the agent policy denies {container.label}, as the manifest has it")
        for change, document in changes(container):
            let_in = judge_agent(text, _REQUEST, document)
            yield CaseOutcome(case=change, expected=False, passed=let_in)
            if let_in:
                report.problems.append(f"the agent policy allows {change}")
        for command in container.commands:
            # No container of that name runs yet.
            let_in = judge_agent(text, "ExecProcessRequest", {"container_id": "0", "process": {"Args": command}})
            yield CaseOutcome(case=f"{container.label}: {' '.join(command)} elsewhere", expected=False, passed=let_in)
            if let_in:
                report.problems.append(f"the agent policy allows {' '.join(command)} in any container")
