"""What others have on a cluster that the stack would meet: asked before anything is registered, and read only.

Few requests, and of Secrets no value. Operators are found by OLM's Operator objects, which list the CSVs of a package
in each namespace and are short, as CSVs are not (operator-lifecycle-manager ``pkg/controller/operators/decorators``).
"""

from collections.abc import Iterator, Mapping, Sequence

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory.cluster_reader import Reads, Unanswered
from coco_azure.inventory.foreign_facts import (
    ALL,
    ForeignFacts,
    ForeignRequirements,
    Group,
    Installed,
    Kbs,
    Named,
    Occupied,
    Subscription,
)

_LISTS: Mapping[str, str] = {
    "ConfigMap": names.CONFIG_MAPS,
    "Secret": names.SECRETS,
    "ValidatingAdmissionPolicy": names.ADMISSION_POLICIES,
    "ValidatingAdmissionPolicyBinding": names.ADMISSION_BINDINGS,
    "Job": names.JOBS,
    "Route": names.ROUTES,
    "KbsConfig": names.KBS_CONFIGS,
    "TrusteeConfig": names.TRUSTEE_CONFIGS,
}
"""Where the kinds are listed that the stack makes, or that make them."""


def gather(reader: Reads, requirements: ForeignRequirements) -> ForeignFacts:
    """Return what is there; what the cluster refuses to tell is named in ``unknown`` and raises nothing.

    The Route's host needs OpenShift's field selector of Routes, ``spec.host`` (openshift/openshift-apiserver, tested in
    ``pkg/route/apis/route/install``), so that no other Route is read.
    """
    asking = _Asking(reader, requirements)
    namespaces = asking.namespaces()
    gone = frozenset(name for name, owner in namespaces.items() if owner == _GONE)
    host = asking.host()
    return ForeignFacts(
        namespaces={name: owner for name, owner in namespaces.items() if name not in gone},
        marked=frozenset(asking.marked),
        missing=gone,
        groups=asking.ask("OperatorGroups", asking.groups) or () if requirements.operators else (),
        subscriptions=asking.ask("Subscriptions", asking.subscriptions) or () if requirements.operators else (),
        csvs=asking.ask("OLM's Operators", asking.csvs) or () if requirements.operators else (),
        occupied=tuple(asking.occupied(gone)),
        kbs=asking.kbs() if requirements.trustee and requirements.trustee not in gone else (),
        host=host,
        claims=asking.ask("Routes", lambda: asking.claims(host)) or () if host else (),
        unknown=tuple(asking.reasons),
    )


_GONE = "\0"
"""Owner of a namespace that is not there, or that is being deleted with all that is in it."""


class _Asking(Unanswered):
    """Questions about what a stack wants of a cluster."""

    def __init__(self, reader: Reads, requirements: ForeignRequirements) -> None:
        super().__init__()
        self._reader = reader
        self._wanted = requirements
        self.marked: set[str] = set()
        self._lists: dict[str, list[Object]] = {}

    def _listed(self, kind: str, namespace: str) -> list[Object]:
        """Return the metadata of the objects of a kind in a namespace; each list is asked for once."""
        path = names.path(_LISTS[kind], namespace=namespace)
        if path not in self._lists:
            self._lists[path] = self.ask(f"{kind}s", lambda: self._reader.items(path, content=False)) or []
        return self._lists[path]

    def namespaces(self) -> dict[str, str | None]:
        """Return whose each of the stack's own namespaces is."""
        own = [each.namespace for each in self._wanted.operators] + [self._wanted.trustee]
        own += [each.name for each in self._wanted.names if each.kind == "Namespace"]
        owners: dict[str, str | None] = {}
        for name in dict.fromkeys(filter(None, own)):
            answer = self.ask("namespaces", lambda name=name: (self._reader.get(f"{names.NAMESPACES}/{name}"),))  # type: ignore[misc]
            if answer is not None:
                existing = answer[0]
                going = existing is None or "deletionTimestamp" in existing["metadata"]
                owners[name] = _GONE if going or existing is None else self._owner(existing)
                if existing is not None and _mark(existing) == self._wanted.stack:
                    self.marked.add(name)
        return owners

    def _own(self, obj: Object) -> bool:
        return is_own(obj, self._wanted.stack)

    def _owner(self, obj: Object) -> str | None:
        """Return None for an object of this stack's, else the stack that has made it, or an empty text."""
        return None if self._own(obj) else _mark(obj)

    def groups(self) -> tuple[Group, ...]:
        return tuple(_group(each, own=self._own(each)) for each in self._reader.items(names.OPERATOR_GROUPS))

    def subscriptions(self) -> tuple[Subscription, ...]:
        return tuple(
            Subscription(package=str(each["spec"]["name"]), own=self._own(each), **_place(each))
            for each in self._reader.items(names.SUBSCRIPTIONS)
        )

    def csvs(self) -> tuple[Installed, ...]:
        by_name = {str(each["metadata"]["name"]): each for each in self._reader.items(names.OPERATORS)}
        return tuple(
            csv
            for operator in self._wanted.operators
            for name, each in by_name.items()
            if name.startswith(f"{operator.package}.")
            for csv in _csvs(operator.package, each)
        )

    def occupied(self, gone: frozenset[str]) -> Iterator[Occupied]:
        """Yield what has a name of the stack's and is not its own; nothing is asked of namespaces that are gone."""
        lists = dict.fromkeys((each.kind, each.namespace) for each in self._wanted.names if each.kind in _LISTS)
        for kind, namespace in lists:
            if namespace in gone:
                continue
            for each in self._listed(kind, namespace):
                named = Named(kind=kind, namespace=namespace, name=str(each["metadata"]["name"]))
                # What the Cloud Credential Operator has given is taken back by the run (components.azure.credentials).
                minted = names.MINTED in (each["metadata"].get("labels") or {})
                if named in self._wanted.names and not minted and (owner := self._owner(each)) is not None:
                    yield Occupied(what=named, owner=owner)

    def kbs(self) -> tuple[Kbs, ...]:
        """Return the KbsConfigs and TrusteeConfigs beside the stack's own, which has one of its names."""
        others = []
        for kind in ("TrusteeConfig", "KbsConfig"):
            for each in self._listed(kind, self._wanted.trustee):
                named = Named(kind=kind, namespace=self._wanted.trustee, name=str(each["metadata"]["name"]))
                owners = each["metadata"].get("ownerReferences") or ()
                maker = next((str(one["name"]) for one in owners if one.get("kind") == "TrusteeConfig"), "")
                if named not in self._wanted.names:
                    others.append(Kbs(what=named, owner=maker))
        return tuple(others)

    def host(self) -> str:
        """Return the host of the stack's Route; empty: there is none, or the cluster does not say."""
        if self._wanted.route is None or self._wanted.host:
            return self._wanted.host
        ingress = self.ask("the Ingress", lambda: self._reader.get(names.INGRESS)) or {}
        domain = (ingress.get("spec") or {}).get("domain")
        return f"{self._wanted.route.name}-{self._wanted.route.namespace}.{domain}" if domain else ""

    def claims(self, host: str) -> tuple[Named, ...]:
        """Return the Routes of the host that are older than the stack's own, or all where that has another host yet.

        One in its namespace with a path of its own is served beside it (``hostindex.SameNamespace``).
        """
        routes = {
            Named(kind="Route", **_place(each)): each
            for each in self._reader.items(names.ROUTES, fields=f"spec.host={host}")
        }
        own = routes.pop(self._wanted.route, None) if self._wanted.route is not None else None
        before = _age(own) if own is not None and self._own(own) else None
        return tuple(
            named
            for named, each in routes.items()
            if (before is None or _age(each) < before)
            and not (named.namespace == self._wanted.trustee and each["spec"].get("path"))
        )


def is_own(obj: Object, stack: str) -> bool:
    """Return whether the stack of this mark has made the object, or may have made it before there were marks."""
    owner = (obj["metadata"].get("annotations") or {}).get(names.STACK)
    return bool(owner == stack) or (owner is None and made_by_pulumi(obj))


def made_by_pulumi(obj: Object) -> bool:
    """Return whether Pulumi's provider has written the object, in this program or another one."""
    managers = [str(each.get("manager", "")) for each in obj["metadata"].get("managedFields") or ()]
    return any(manager.startswith("pulumi-kubernetes") for manager in managers)


def _mark(obj: Object) -> str:
    return str((obj["metadata"].get("annotations") or {}).get(names.STACK, ""))


def _place(obj: Object) -> dict[str, str]:
    return {"namespace": str(obj["metadata"]["namespace"]), "name": str(obj["metadata"]["name"])}


def _group(group: Object, *, own: bool) -> Group:
    """Read an OperatorGroup: without targets and selector it is for all namespaces, and OLM's status says which."""
    spec = group.get("spec") or {}
    targets: Sequence[str] = (group.get("status") or {}).get("namespaces") or spec.get("targetNamespaces") or ()
    return Group(targets=tuple(targets) or (() if spec.get("selector") else (ALL,)), own=own, **_place(group))


def _csvs(package: str, operator: Object) -> Iterator[Installed]:
    for each in ((operator.get("status") or {}).get("components") or {}).get("refs") or ():
        if each.get("kind") == "ClusterServiceVersion" and each.get("namespace"):
            yield Installed(package=package, namespace=str(each["namespace"]), name=str(each["name"]))


def _age(route: Object) -> tuple[str, str]:
    """Return what the router orders Routes by (openshift/router ``routeapihelpers.RouteLessThan``)."""
    return str(route["metadata"].get("creationTimestamp", "")), str(route["metadata"].get("uid", ""))
