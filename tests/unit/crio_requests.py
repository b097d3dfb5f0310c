"""CreateContainerRequest and ExecProcessRequest as kubelet, CRI-O and Kata's shim make them of a manifest.

Written from their sources (kubernetes 1.34 ``pkg/kubelet/kubelet_pods.go``, cri-o 1.34 ``server/container_create.go``,
kata-containers 3.25 ``src/runtime/virtcontainers``) and not from the code under test: what both get wrong would be seen
on real requests only.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure.formats.policy import agent_requests
from tests.unit.crio_mounts import IDENTITY, RUN, SANDBOX, Document, mounts

CRIO_CAPABILITIES = (
    *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "SETGID"),
    *("SETUID", "SETPCAP", "NET_BIND_SERVICE", "KILL"),
)
SERVICES: Mapping[str, str] = {
    "KUBERNETES_SERVICE_HOST": "172.30.0.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "KUBERNETES_SERVICE_PORT_HTTPS": "443",
    "KUBERNETES_PORT": "tcp://172.30.0.1:443",
    "KUBERNETES_PORT_443_TCP": "tcp://172.30.0.1:443",
    "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
    "KUBERNETES_PORT_443_TCP_PORT": "443",
    "KUBERNETES_PORT_443_TCP_ADDR": "172.30.0.1",
}
OTHER_SERVICES: Mapping[str, str] = {
    "SHOP_DB_SERVICE_HOST": "fd02::17",
    "SHOP_DB_SERVICE_PORT": "5432",
    "SHOP_DB_SERVICE_PORT_PG": "5432",
    "SHOP_DB_PORT": "tcp://[fd02::17]:5432",
    "SHOP_DB_PORT_5432_TCP": "tcp://[fd02::17]:5432",
    "SHOP_DB_PORT_5432_TCP_PROTO": "tcp",
    "SHOP_DB_PORT_5432_TCP_PORT": "5432",
    "SHOP_DB_PORT_5432_TCP_ADDR": "fd02::17",
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a pod finds on the cluster that it runs on.

    Attributes:
        images: ``config`` of each image.
        objects: data of ConfigMaps and Secrets by name.
        pod: name of the pod; user: the id that the admission gave it where the pod names none.
        names: the annotations that hold the image's name: ``crio`` or ``containerd``.
    """

    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pod: str = "shop-5d8f7c6b9-x2x4z"
    namespace: str = "default"
    user: int = 1000660000
    names: str = "crio"


def template(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the pod template of an object."""
    if manifest["kind"] == "Pod":
        return manifest
    spec = manifest["spec"]
    result: Mapping[str, Any] = spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    return result


def create(manifest: Mapping[str, Any], name: str, node: Node | None = None) -> Document:
    """Return CreateContainerRequest for the container ``name`` of an object."""
    node, pod = node or Node(), template(manifest)
    container = next(
        each for each in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])] if each["name"] == name
    )
    image = container["image"]
    config = node.images.get(image, {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]})
    made = _request(_annotations(node, name, image), image, node.pod)
    return {
        **made,
        "OCI": {
            **made["OCI"],
            "Mounts": mounts(container, pod),
            "Process": _process(container, pod, config, node),
            "Root": {
                "Path": f"{RUN}/{IDENTITY}/rootfs",
                "Readonly": container.get("securityContext", {}).get("readOnlyRootFilesystem", False),
            },
        },
        "sandbox_pidns": pod["spec"].get("shareProcessNamespace", False),
    }


def sandbox() -> Document:
    """Return CreateContainerRequest for the pause container."""
    node = Node()
    annotations = {"io.kubernetes.cri-o.ContainerType": "sandbox", "io.kubernetes.cri-o.SandboxID": SANDBOX}
    made = _request(annotations, "pause", node.pod)
    process = _process({"command": ["/usr/bin/pod"]}, {"spec": {}}, {}, node)
    made["OCI"] |= {
        "Mounts": [],
        "Process": process,
        "Root": {"Path": f"{RUN}/{IDENTITY}/rootfs", "Readonly": True},
    }
    return json.loads(json.dumps(made).replace(IDENTITY, SANDBOX))  # type: ignore[no-any-return]


def run(created: Document, command: Sequence[str]) -> Document:
    """Return ExecProcessRequest for a command in a created container, as the shim makes it for a probe."""
    process = created["OCI"]["Process"]
    kept = {key: process[key] for key in ("Env", "Cwd", "User")}
    own = {"Args": list(command), "Capabilities": None, "NoNewPrivileges": False, "Terminal": False}
    return {
        "container_id": created["container_id"],
        "exec_id": "1",
        "process": {**kept, **own},
        "string_user": None,
    }


def changed(document: Document, *places: tuple[str, Any]) -> Document:
    """Return a copy with other values; ``OCI/Process/Args/0`` names one, and ``OCI/Mounts/-`` appends."""
    return agent_requests.changed(document, [(f"/{place}", value) for place, value in places])


def _annotations(node: Node, name: str, image: str) -> dict[str, str]:
    if node.names == "containerd":
        return {
            "io.kubernetes.cri.container-type": "container",
            "io.kubernetes.cri.container-name": name,
            "io.kubernetes.cri.image-name": image,
        }
    return {
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.ImageName": image,
        "io.kubernetes.cri-o.ContainerName": f"k8s_{name}_{node.pod}_{node.namespace}_4f0c0b9e_0",
        "io.kubernetes.container.name": name,
        "io.kubernetes.pod.name": node.pod,
    }


def _request(annotations: Mapping[str, str], source: str, pod: str) -> Document:
    """Return a request with all that no manifest says; that is no policy's business."""
    made = agent_requests.create_container(source)
    made["storages"][0]["driver_options"] = [f"image_guest_pull={json.dumps({'metadata': annotations})}"]
    return agent_requests.changed(made, [("/OCI/Hostname", pod), ("/OCI/Annotations", annotations)])


def _process(container: Mapping[str, Any], pod: Mapping[str, Any], config: Mapping[str, Any], node: Node) -> Document:
    variables = _pod_environment(container, pod, node)
    command = [_expanded(text, variables) for text in container.get("command") or []]
    args = [_expanded(text, variables) for text in container.get("args") or []]
    if not command:
        args = args or list(config.get("Cmd") or [])
        command = list(config.get("Entrypoint") or [])
    context = {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}
    given = {"NSS_SDB_USE_CACHE": "no", "HOSTNAME": node.pod}
    given |= {"TERM": "xterm"} if container.get("tty") else {}
    own = dict(entry.split("=", 1) for entry in config.get("Env") or [])
    environment = {**given, **own, **variables}
    return {
        "Args": [*command, *args],
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Cwd": container.get("workingDir") or config.get("WorkingDir") or "/",
        "Capabilities": {**_capabilities(context), "Ambient": [], "Inheritable": []},
        "NoNewPrivileges": not context.get("allowPrivilegeEscalation", False),
        "OOMScoreAdj": 1000,
        "Rlimits": [],
        "SelinuxLabel": "",
        "Terminal": container.get("tty", False),
        "User": {
            "UID": context.get("runAsUser", node.user),
            "GID": context.get("runAsGroup", 0),
            "AdditionalGids": [0],
            "Username": "",
        },
    }


def _pod_environment(container: Mapping[str, Any], pod: Mapping[str, Any], node: Node) -> dict[str, str]:
    services = {**SERVICES, **(OTHER_SERVICES if pod["spec"].get("enableServiceLinks", True) else {})}
    made: dict[str, str] = {}
    for source in container.get("envFrom", []):
        reference = source.get("configMapRef") or source.get("secretRef")
        made |= {f"{source.get('prefix', '')}{key}": text for key, text in node.objects[reference["name"]].items()}
    for entry in container.get("env", []):
        made[entry["name"]] = (
            _taken(entry["valueFrom"], pod, node)
            if "valueFrom" in entry
            else _expanded(entry.get("value", ""), {**services, **made})
        )
    return {**services, **made}


def _taken(source: Mapping[str, Any], pod: Mapping[str, Any], node: Node) -> str:
    if "resourceFieldRef" in source:
        return "2"
    if "fieldRef" in source:
        path = source["fieldRef"]["fieldPath"]
        labels = {"pod-template-hash": "5d8f7c6b9", **pod.get("metadata", {}).get("labels", {})}
        fields = {f"metadata.labels['{key}']": text for key, text in labels.items()}
        by_name: dict[str, str] = {
            **fields,
            "metadata.name": node.pod,
            "metadata.namespace": node.namespace,
            "metadata.uid": "4f0c0b9e-1c5d-4a8e-9c3b-2d1e0f9a8b7c",
            "spec.nodeName": "worker-0.example.com",
            "spec.serviceAccountName": pod["spec"].get("serviceAccountName", "default"),
            "status.podIP": "10.128.2.17",
            "status.hostIP": "10.0.128.4",
            "status.podIPs": "10.128.2.17,fd01::17",
        }
        return by_name[path]
    reference = source.get("configMapKeyRef") or source["secretKeyRef"]
    return node.objects[str(reference["name"])][str(reference["key"])]


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    def meant(value: re.Match[str]) -> str:
        return "$" if value[0] == "$$" else variables.get(value[1], value[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", meant, text)


def _capabilities(context: Mapping[str, Any]) -> dict[str, list[str]]:
    result = context.get("capabilities", {})
    dropped = set(result.get("drop", []))
    given = set() if "ALL" in dropped else set(CRIO_CAPABILITIES)
    names = sorted(f"CAP_{name}" for name in (given | set(result.get("add", []))) - dropped)
    return {kind: list(names) for kind in ("Bounding", "Effective", "Permitted")}
