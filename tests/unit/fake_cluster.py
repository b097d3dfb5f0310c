"""A cluster for unit tests: objects by path, with the methods of ``components.cluster.client.ClusterClient``."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from components.cluster.client import Object
from components.operators.channels import operator_object

NODES = "/api/v1/nodes"
CATALOGS = "/apis/operators.coreos.com/v1alpha1/namespaces/{namespace}/catalogsources"
PACKAGES = "/apis/packages.operators.coreos.com/v1/namespaces/{namespace}/packagemanifests"
OPERATORS = "/apis/operators.coreos.com/v1/operators"
SUBSCRIPTIONS = "/apis/operators.coreos.com/v1alpha1/namespaces/{namespace}/subscriptions"


def node(name: str, **labels: str) -> Object:
    """Return a worker node with these labels, ``_`` for ``-``."""
    said = {"node-role.kubernetes.io/worker": "", **{key.replace("_", "-"): value for key, value in labels.items()}}
    return {"metadata": {"name": name, "labels": said}}


@dataclass
class FakeCluster:
    """Lists by path; label selectors are ``key`` or ``key=value``, joined with commas; one of fields is of a name."""

    lists: dict[str, list[Object]] = field(
        default_factory=lambda: {NODES: [node("worker-0", cc="true"), node("worker-1", cc="true")]}
    )
    deleted: list[str] = field(default_factory=list)
    patched: list[tuple[str, Object]] = field(default_factory=list)

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

    def items(self, path: str, *, labels: str | None = None, fields: str | None = None) -> list[Object]:
        """Return the objects of a list."""
        name = (fields or "").removeprefix("metadata.name=")
        wanted = [each.partition("=") for each in (labels or "").split(",") if each]
        return [
            each
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

    def patch(self, path: str, change: Object) -> None:
        """Remember a merge patch, and put its data and annotations into the object."""
        self.patched.append((path, change))
        folder, name = path.rsplit("/", 1)
        for each in self.lists.get(folder, []):
            if each["metadata"]["name"] == name:
                each.setdefault("data", {}).update(change.get("data") or {})  # type: ignore[attr-defined]

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Object]]:
        """Yield the present state of an object, and end."""
        del seconds
        if (found := self.get(f"{path}/{name}")) is not None:
            yield "ADDED", found
