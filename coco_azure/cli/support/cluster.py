"""What a cluster says of the stack's parts: conditions, events, logs. Of Secrets and ConfigMaps only the names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.rollout.diagnosis import caa, name_of

_BY_STATUS = {
    "clusterServiceVersions": names.CSVS,
    "subscriptions": names.SUBSCRIPTIONS,
    "installPlans": names.INSTALL_PLANS,
    "deployments": names.DEPLOYMENTS,
    "daemonSets": names.DAEMON_SETS,
    "jobs": names.JOBS,
}
_WHOLE = {"kbsConfigs": names.KBS_CONFIGS, "trusteeConfigs": names.TRUSTEE_CONFIGS}
_BY_NAME = {"secrets (names)": names.SECRETS, "configMaps (names)": names.CONFIG_MAPS}
_LINES = 400
_STATUS = ("conditions", "phase", "reason", "message", "state", "installedCSV", "currentCSV")
_NODE_INFO = ("osImage", "kernelVersion", "kubeletVersion", "containerRuntimeVersion")
_MACHINE_CONFIG = "machineconfiguration.openshift.io/"


def collect(client: ClusterClient, namespaces: Sequence[str]) -> dict[str, Any]:
    """Return what the cluster says; of what it does not say, why.

    Args:
        namespaces: of the operators and of the check.
    """
    parts: dict[str, Callable[[], Any]] = {
        "openshift": lambda: _version(client),
        "kataConfigs": lambda: [_whole(each) for each in client.items(names.KATA_CONFIGS)],
        "nodes": lambda: [_node(each) for each in client.items(names.NODES)],
        "machineConfigPools": lambda: [_whole(each) for each in client.items(names.POOLS)],
    }
    answer = {name: _asked(part) for name, part in parts.items()}
    return {**answer, "namespaces": {each: _namespace(client, each) for each in namespaces}}


def _namespace(client: ClusterClient, namespace: str) -> dict[str, Any]:
    def items(kind: str, *, content: bool = True) -> list[Object]:
        return client.items(names.path(kind, namespace=namespace), content=content)

    answer = {name: _asked(lambda kind=kind: list(map(_status, items(kind)))) for name, kind in _BY_STATUS.items()}  # type: ignore[misc]
    answer |= {name: _asked(lambda kind=kind: list(map(_whole, items(kind)))) for name, kind in _WHOLE.items()}  # type: ignore[misc]
    answer |= {
        name: _asked(lambda kind=kind: [name_of(each) for each in items(kind, content=False)])  # type: ignore[misc]
        for name, kind in _BY_NAME.items()
    }
    answer["events"] = _asked(lambda: list(map(_event, items(names.EVENTS))))
    pods = _asked(lambda: items(names.PODS))
    if not isinstance(pods, list):
        return {**answer, "pods": pods}
    answer["pods"] = list(map(_pod, pods))
    answer["logs"] = {name: text for each in pods for name, text in _logs(client, namespace, each).items()}
    of_kbs = {name: text for name, text in answer["logs"].items() if name.endswith("/kbs") and isinstance(text, str)}
    verdicts = {name: caa.kbs_verdict(text) for name, text in of_kbs.items()}
    return {**answer, "lastErrorOfKbs": verdicts} if verdicts else answer


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - whatever a request raises, the rest is worth having
        return {"notKnown": (str(error).splitlines() or [type(error).__name__])[0]}


def _version(client: ClusterClient) -> dict[str, Any]:
    status = (client.get(names.CLUSTER_VERSION) or {}).get("status") or {}
    return {"version": (status.get("desired") or {}).get("version"), "conditions": status.get("conditions")}


def _whole(obj: Object) -> dict[str, Any]:
    """Return what a kind without secrets says of itself."""
    metadata = obj["metadata"]
    shown = {key: metadata[key] for key in ("name", "creationTimestamp", "deletionTimestamp") if key in metadata}
    return {**shown, "spec": obj.get("spec"), "status": obj.get("status")}


def _status(obj: Object) -> dict[str, Any]:
    """Return what an object's controller says of it; its spec may hold anything."""
    status: Mapping[str, Any] = obj.get("status") or {}
    counts = {key: value for key, value in status.items() if isinstance(value, int)}
    return {"name": name_of(obj), **{key: status[key] for key in _STATUS if key in status}, **counts}


def _node(node: Object) -> dict[str, Any]:
    metadata, status = node["metadata"], node.get("status") or {}
    info = status.get("nodeInfo") or {}
    return {
        "name": name_of(node),
        "labels": metadata.get("labels"),
        "machineConfig": {
            key.removeprefix(_MACHINE_CONFIG): value
            for key, value in (metadata.get("annotations") or {}).items()
            if key.startswith(_MACHINE_CONFIG)
        },
        "conditions": status.get("conditions"),
        "info": {key: info[key] for key in _NODE_INFO if key in info},
    }


def _pod(pod: Object) -> dict[str, Any]:
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    return {
        "name": name_of(pod),
        "node": spec.get("nodeName"),
        "runtimeClass": spec.get("runtimeClassName"),
        "phase": status.get("phase"),
        "conditions": status.get("conditions"),
        "containers": [
            _container(each) for key in ("initContainerStatuses", "containerStatuses") for each in status.get(key) or ()
        ],
    }


def _container(status: Object) -> dict[str, Any]:
    shown = {key: status.get(key) for key in ("name", "image", "restartCount")}
    return {**shown, **(status.get("state") or {})}


def _event(event: Object) -> dict[str, Any]:
    about = event.get("involvedObject") or {}
    return {
        "at": event.get("lastTimestamp") or event.get("eventTime"),
        "about": f"{about.get('kind')} {about.get('name')}",
        **{key: event.get(key) for key in ("type", "reason", "message", "count")},
    }


def _logs(client: ClusterClient, namespace: str, pod: Object) -> dict[str, Any]:
    name = name_of(pod)
    path = names.path(names.PODS, name, namespace=namespace)
    containers = [str(each["name"]) for each in (pod.get("spec") or {}).get("containers") or ()]
    return {
        f"{name}/{container}": _asked(
            lambda container=container: client.log(path, _LINES, container)  # type: ignore[misc]
        )
        for container in containers
    }
