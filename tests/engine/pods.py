"""Pods of workloads on a rehearsal cluster: what is started in a pod VM, and what became of it."""

import base64
import copy
import gzip
import hashlib
from collections.abc import Mapping
from typing import Any

from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.settings.cluster import ClusterSettings
from rehearsal import negative
from rehearsal.kubelet import workloads
from tests.engine.harness import Stack

CHECK = "coco-attestation-check"
SIGNED = "quay.io/rehearsal/app:1.0"
ANNOTATION_1_9 = "io.katacontainers.config.runtime.cc_init_data"
_GZIP = b"\x1f\x8b"


def namespace(stack: Stack, name: str) -> None:
    """Make a namespace, as the owner of a workload does."""
    stack.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})


def caa(stack: Stack) -> set[str]:
    """Return the uids of CAA's pods."""
    items = stack.get("/api/v1/namespaces/openshift-sandboxed-containers-operator/pods")["items"]
    return {pod["metadata"]["uid"] for pod in items if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds"}


def plain(image: str = SIGNED, env: list[Any] | None = None) -> Any:
    """Return a pod of a workload that runs until it is stopped."""
    container = {"name": "app", "image": image, "env": env or []}
    return {"metadata": {}, "spec": {"runtimeClassName": "kata-remote", "containers": [container]}}


def asking(stack: Stack, resource: str, value: str | bytes, image: str | None = None) -> Any:
    """Return a pod that succeeds if KBS gives it exactly this value; it has the global initdata."""
    pod = copy.deepcopy(negative.model(ClusterClient(ClusterSettings(kubeconfig=str(stack.cluster.kubeconfig)))))
    raw, salt = value.encode() if isinstance(value, str) else value, f"{resource}:"
    digest = hashlib.sha256(salt.encode() + raw).hexdigest()
    values = {"RESOURCE": resource, "SALT": salt, "EXPECTED_SHA256": digest}
    pod["metadata"] = {}
    container = pod["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": text} for name, text in values.items()]
    container["image"] = image or container["image"]
    return pod


def run(stack: Stack, where: str, pods: Mapping[str, Any]) -> dict[str, str]:
    """Start pods side by side, wait until each runs, ends or is refused, remove them, and return how it went.

    A text begins with ``runs``, ``succeeded`` or ``refused``; then follows what the cluster said.
    """
    path = f"/api/v1/namespaces/{where}/pods"
    for name, pod in pods.items():
        metadata = {**pod["metadata"], "name": name}
        stack.api("POST", path, {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": metadata})
    values = {name: stack.wait_for(lambda name=name: _ended(stack, f"{path}/{name}")) for name in pods}  # type: ignore[misc]
    for name in pods:
        stack.api("DELETE", f"{path}/{name}")
        stack.wait_for(lambda name=name: stack.get(f"{path}/{name}") is None)  # type: ignore[misc]
    return values


def decoded(initdata: str) -> str:
    """Return the text of initdata as peer-pods-cm or an annotation has it, of any version."""
    raw = base64.b64decode(initdata)
    return (gzip.decompress(raw) if raw.startswith(_GZIP) else raw).decode()


def encoded(text: str) -> str:
    """Return a text of initdata as OSC 1.9 takes it."""
    return base64.b64encode(text.encode()).decode()


def events(stack: Stack, where: str) -> list[str]:
    """Return the messages of the events of secrets that were unsealed in a namespace."""
    result = stack.get(f"/api/v1/namespaces/{where}/events")["items"]
    return [each["message"] for each in result if each["reason"] == workloads.SECRET_UNSEALED]


def _ended(stack: Stack, path: str) -> str | None:
    status = stack.get(path).get("status", {})
    state = (status.get("containerStatuses") or [{}])[0].get("state", {})
    if "running" in state:
        return None if _is_script(stack, path) else "runs"
    if "terminated" in state:
        result = state["terminated"]
        return f"{'succeeded' if result['exitCode'] == 0 else 'refused'}: {result.get('message', '')}"
    result = state.get("waiting", {}).get("message", "")
    return f"refused: {result}" if "failed to" in result or "blocked" in result else None


def _is_script(stack: Stack, path: str) -> bool:
    return bool(stack.get(path)["spec"]["containers"][0].get("command"))
