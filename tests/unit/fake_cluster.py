"""A cluster for unit tests: objects by path, with the methods of ``coco_azure.clients.kubernetes.ClusterClient``."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from coco_azure.clients.kubernetes import Object
from coco_azure.versions.channels import operator_object

NODES = "/api/v1/nodes"
NAMESPACES = "/api/v1/namespaces"
"""With one of a workload's."""
POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
CATALOGS = "/apis/operators.coreos.com/v1alpha1/namespaces/{namespace}/catalogsources"
PACKAGES = "/apis/packages.operators.coreos.com/v1/namespaces/{namespace}/packagemanifests"
OPERATORS = "/apis/operators.coreos.com/v1/operators"
SUBSCRIPTIONS = "/apis/operators.coreos.com/v1alpha1/namespaces/{namespace}/subscriptions"


def node(name: str, **labels: str) -> Object:
    """Return a worker node with these labels, ``_`` for ``-``."""
    values = {"node-role.kubernetes.io/worker": "", **{key.replace("_", "-"): value for key, value in labels.items()}}
    return {"metadata": {"name": name, "labels": values}}


def pool(name: str, machines: int) -> Object:
    """Return a MachineConfigPool of the nodes with the role of its name."""
    selector = {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}}
    return {"metadata": {"name": name}, "spec": {"nodeSelector": selector}, "status": {"machineCount": machines}}


@dataclass
class FakeCluster:
    """Lists by path; label selectors are ``key`` or ``key=value``, joined with commas; one of fields is of a name."""

    lists: dict[str, list[Object]] = field(
        default_factory=lambda: {
            NODES: [node("worker-0", cc="true"), node("worker-1", cc="true")],
            POOLS: [pool("master", 3), pool("worker", 2)],
            NAMESPACES: [{"metadata": {"name": "shop"}}],
        }
    )
    deleted: list[str] = field(default_factory=list)
    patched: list[tuple[str, Object]] = field(default_factory=list)
    evicted: list[str] = field(default_factory=list)
    protected: dict[str, str] = field(default_factory=dict)
    """Why a pod (``namespace/name``) may not be evicted."""

    def offer(self, namespace: str, name: str, **packages: str) -> None:
        """Have a CatalogSource that is ready, and one version of each package, ``_`` for ``-``."""
        ready = {"metadata": {"name": name}, "status": {"connectionState": {"lastObservedState": "READY"}}}
        self.lists.setdefault(CATALOGS.format(namespace=namespace), []).append(ready)
        for package, version in packages.items():
            csv = f"{package.replace('_', '-')}.v{version}"
            channel = {"name": "stable", "currentCSV": csv, "entries": [{"name": csv, "version": version}]}
            offered = {"catalogSource": name, "channels": [channel]}
            self.put(PACKAGES.format(namespace=namespace), package.replace("_", "-"), offered)

    def put(self, path: str, name: str, status: Object) -> None:
        """Have an object with this status."""
        self.lists.setdefault(path, []).append({"metadata": {"name": name}, "status": status})

    def install(self, package: str, version: str, namespace: str) -> None:
        """Have an operator that somebody has installed."""
        succeeded = {"type": "Succeeded", "status": "True"}
        refs = [{"kind": "ClusterServiceVersion", "name": f"{package}.v{version}", "conditions": [succeeded]}]
        self.put(OPERATORS, operator_object(package, namespace), {"components": {"refs": refs}})

    def get(self, path: str) -> Object | None:
        """Return the object of this path."""
        folder, name = path.rsplit("/", 1)
        return next((each for each in self.lists.get(folder, []) if each["metadata"]["name"] == name), None)

    def items(
        self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
    ) -> list[Object]:
        """Return the objects of a list; other fields that are selected by: a Route's host, a pod's node."""
        if fields and fields.startswith("spec.host="):
            host = fields.removeprefix("spec.host=")
            return [each for each in self.lists.get(path, []) if each["spec"].get("host") == host]
        if fields and fields.startswith("spec.nodeName="):
            where = fields.removeprefix("spec.nodeName=")
            return [each for each in self.lists.get(path, []) if each["spec"].get("nodeName") == where]
        name = (fields or "").removeprefix("metadata.name=")
        wanted = [each.partition("=") for each in (labels or "").split(",") if each]
        return [
            each if content else {"metadata": each["metadata"]}
            for each in self.lists.get(path, [])
            if name in ("", each["metadata"]["name"])
            and all(
                key in (had := each["metadata"].get("labels", {})) and (not sign or had[key] == value)
                for key, sign, value in wanted
            )
        ]

    def delete(self, path: str) -> None:
        """Delete the object of this path at once."""
        folder, name = path.rsplit("/", 1)
        self.deleted.append(path)
        self.lists[folder] = [each for each in self.lists.get(folder, []) if each["metadata"]["name"] != name]

    def refusal_of_deletion(self, path: str, user: str = "") -> str:
        """Return why an object may not be deleted; to another user none is."""
        del path
        return "held" if user else ""

    def evict(self, namespace: str, name: str) -> str:
        """Evict a pod at once, unless it is protected."""
        title = f"{namespace}/{name}"
        self.evicted.append(title)
        if title not in self.protected:
            pods = self.lists["/api/v1/pods"]
            pods[:] = [pod for pod in pods if f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" != title]
        return self.protected.get(title, "")

    def patch(self, path: str, change: Object) -> None:
        """Remember a merge patch, and put its data, metadata and spec into the object."""
        self.patched.append((path, change))
        folder, name = path.rsplit("/", 1)
        for each in self.lists.get(folder, []):
            if each["metadata"]["name"] == name:
                parts = {part: change[part] for part in ("data", "metadata", "spec") if part in change}
                each.update(_merged(each, parts))  # type: ignore[attr-defined]

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Object]]:
        """Yield the present state of an object, and end."""
        del seconds
        if (result := self.get(f"{path}/{name}")) is not None:
            yield "ADDED", result


def _merged(old: Object, change: Object) -> dict[str, Any]:
    merged = dict(old)
    for key, value in change.items():
        if isinstance(value, Mapping):
            merged[key] = _merged(merged.get(key) or {}, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged
