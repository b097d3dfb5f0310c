"""What others have on a cluster that the stack would meet, as plain values, and what the stack would make there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coco_azure import names
from coco_azure.settings.azure import AzureSettings
from coco_azure.settings.peer_pods import PeerPodSettings


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator that the stack installs or expects.

    Attributes:
        setting: where its settings stand, such as ``peerPods.operator``.
        namespace: namespace that it is or will be installed in.
        install: whether the stack makes its Subscription.
        create_namespace: whether the stack makes its namespace, too.
        csv: name of the CSV that the stack will have; empty: none can be had, which is told elsewhere.
        treat_as: minor version whose profile a CSV without one gets; None: such a CSV is not deployed.
        catalog, catalog_namespace: the CatalogSource.
    """

    package: str
    setting: str
    namespace: str
    install: bool = True
    create_namespace: bool = True
    csv: str = ""
    treat_as: str | None = None
    catalog: str = names.CATALOG
    catalog_namespace: str = names.CATALOG_NAMESPACE


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What the settings and the plan of KataConfig come to.

    Attributes:
        peer_pods: settings of the pod VMs.
        azure: settings of their place, credentials and roles.
        nodes: nodes that get kata; empty: nobody knows, or none does yet.
        running: kata pods that the cluster has already, each of which may have a pod VM.
        built_image: ARM id of the image that the operator has built; empty: it is still to build one, or has none to.
        reboots: whether this run reboots nodes.
        builds: whether it has the operator build a pod VM image.
        waits: whether it waits for a roll-out that has begun.
        pulled: images that pod VMs pull for the stack itself, and that its settings have no mirror for.
        pulls_by_proxy: whether pod VMs pull images through a proxy.
    """

    peer_pods: PeerPodSettings
    azure: AzureSettings
    nodes: Sequence[str] = ()
    running: int = 0
    built_image: str = ""
    reboots: bool = False
    builds: bool = False
    waits: bool = False
    operators: Sequence[Operator] = ()
    pulled: Sequence[str] = ()
    pulls_by_proxy: bool = False

    @property
    def pods(self) -> int:
        """How many pod VMs there may be at the same time."""
        return self.peer_pods.limit_per_node * len(self.nodes)

    @property
    def image_id(self) -> str:
        """ARM id of the pod VM image; empty: the operator is still to build one."""
        return self.peer_pods.image_id or self.built_image


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
class ForeignWanted:
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
