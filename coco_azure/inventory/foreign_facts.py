"""What others have on a cluster that the stack would meet, as plain values, and what the stack would make there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coco_azure.inventory.requirements import Operator

ALL = ""
"""Target of an OperatorGroup for all namespaces, as OLM writes it (``metav1.NamespaceAll``)."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """An object by its kind, namespace and name.

    Attributes:
        kind: such as ``ConfigMap``.
        namespace: empty for what has none.
    """

    kind: str
    name: str
    namespace: str = ""

    @property
    def path(self) -> str:
        """What ``oc`` takes, such as ``configmap/kbs-config-cm``; OLM's kinds with their group, as others have them."""
        kind = self.kind.lower()
        return f"{_GROUPED.get(kind, kind)}/{self.name}"


_GROUPED = {
    "subscription": "subscriptions.operators.coreos.com",
    "operatorgroup": "operatorgroups.operators.coreos.com",
    "clusterserviceversion": "clusterserviceversions.operators.coreos.com",
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """An OperatorGroup.

    Attributes:
        targets: namespaces that its operators watch; ``ALL`` among them: every one.
        own: whether this stack has made it.
    """

    namespace: str
    name: str
    targets: tuple[str, ...]
    own: bool = False

    def reaches(self, namespace: str) -> bool:
        """Return whether its operators watch a namespace."""
        return namespace in self.targets or ALL in self.targets


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """A Subscription: its namespace and name, its package, and whether this stack has made it."""

    namespace: str
    name: str
    package: str
    own: bool = False


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A CSV, no copy of another namespace's: its namespace, package and name."""

    namespace: str
    package: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Occupied:
    """An object that has a name of the stack's, and that the stack has not made.

    Attributes:
        owner: stack that has made it; empty: none of this program.
    """

    what: Named
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class Kbs:
    """A KbsConfig or TrusteeConfig beside the stack's KbsConfig.

    Attributes:
        owner: name of the TrusteeConfig that has made it and takes it along when it goes; empty: none.
    """

    what: Named
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class ForeignFacts:
    """What is there.

    Attributes:
        namespaces: the stack's namespaces that exist: whose each is, as of ``Occupied.owner``; None: this stack's.
        marked: those of them that have this stack's mark; one from before there were marks may be its own, too.
        missing: the stack's namespaces that are not there, or are being deleted with all that is in them.
        csvs: CSVs of the stack's packages in all namespaces.
        occupied: objects with the names of the stack's; no namespaces.
        kbs: KbsConfigs and TrusteeConfigs in Trustee's namespace, but for the stack's own KbsConfig.
        host: host of the stack's Route; empty: not known, or there is none.
        claims: Routes that have this host, but for those that the router admits after the stack's own.
        unknown: what could not be asked, as pairs of what it was, such as ``OperatorGroups``, and the reason.
    """

    namespaces: Mapping[str, str | None] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    groups: Sequence[Group] = ()
    subscriptions: Sequence[Subscription] = ()
    csvs: Sequence[Installed] = ()
    occupied: Sequence[Occupied] = ()
    kbs: Sequence[Kbs] = ()
    host: str = ""
    claims: Sequence[Named] = ()
    unknown: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class ForeignRequirements:
    """What the stack would make on a cluster.

    Attributes:
        stack: the stack's mark, as PROJECT/STACK.
        operators: operators that it installs, or expects where ``install`` is off.
        names: every object that it makes there, but for OLM's: the setting that names it; empty: none does.
        host: host of its Route, where the settings name one; empty: that of the Route's name and namespace.
        route: its Route, where the stack has a Trustee on this cluster.
    """

    stack: str
    operators: Sequence[Operator] = ()
    names: Mapping[Named, str] = field(default_factory=dict)
    host: str = ""
    route: Named | None = None

    @property
    def trustee(self) -> str:
        """Namespace of its Trustee; empty: it has none on this cluster."""
        return self.route.namespace if self.route is not None else ""
