"""Install an operator through OLM, and hold everything that depends on it until its CSV has succeeded.

Does not choose versions, and does not wait for what the operator itself makes: that is the caller's business.
"""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Output, ResourceOptions

from components.openshift import WAIT_FOR, OperatorGroup, Subscription
from settings.operators import OperatorSettings

# OLM puts the phase of a CSV as a condition type into the Operator object (operator-lifecycle-manager
# pkg/controller/operators/decorators/operator.go, csvConditionsJQ). A patch needs its object's name at preview: that of
# the CSV depends on the catalog, that of the Operator is <package>.<namespace>.
_CSV_SUCCEEDED = (
    "jsonpath={.status.components.refs[?@.kind=='ClusterServiceVersion'].conditions[?@.type=='Succeeded'].status}=True"
)


@dataclass(frozen=True, kw_only=True)
class OlmOperatorArgs:
    """Which operator, and the names of its objects.

    Attributes:
        package: name of the package in the catalog.
        namespace: namespace to install into; also the only one that the operator watches.
        group: name of the OperatorGroup.
        subscription: name of the Subscription.
        settings: channel, catalog, and whether to install at all.
    """

    package: str
    namespace: str
    group: str
    subscription: str
    settings: OperatorSettings


class OlmOperator(pulumi.ComponentResource):
    """A namespace, an operator group, a subscription, and the gate on the installed CSV.

    A resource that needs the operator at work says ``depends_on=[operator.installed]``: it then waits for the gate, and
    unlike a value passed through the gate it stays fully known in the preview.
    """

    namespace: Output[str]
    """Namespace of the operator, for what only needs the namespace to exist."""
    installed: pulumi.Resource
    """The gate: ready once the CSV has succeeded."""

    def __init__(self, name: str, args: OlmOperatorArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:OlmOperator", name, None, opts)
        child = ResourceOptions(parent=self)
        self.namespace = Output.from_input(args.namespace)
        causes: list[pulumi.Resource] = []
        if args.settings.install:
            namespace = kubernetes.core.v1.Namespace(f"{name}-namespace", metadata={"name": args.namespace}, opts=child)
            self.namespace = namespace.metadata.apply(lambda metadata: str(metadata.name))
            causes = [_subscribe(name, args, self.namespace, child)]
        wait = CustomTimeouts(create=args.settings.install_timeout, update=args.settings.install_timeout)
        self.installed = kubernetes.apiextensions.CustomResourcePatch(
            f"{name}-installed",
            api_version="operators.coreos.com/v1",
            kind="Operator",
            metadata={"name": f"{args.package}.{args.namespace}", "annotations": {WAIT_FOR: _CSV_SUCCEEDED}},
            # The subscription is what makes OLM fill the Operator in; no value of it is used here.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=causes, custom_timeouts=wait)),
        )
        self.register_outputs({"namespace": self.namespace})


def _subscribe(name: str, args: OlmOperatorArgs, namespace: Output[str], child: ResourceOptions) -> Subscription:
    group = OperatorGroup(
        f"{name}-group",
        child,
        metadata={"name": args.group, "namespace": namespace},
        spec={"targetNamespaces": [args.namespace]},
    )
    return Subscription(
        f"{name}-subscription",
        # OLM resolves a subscription only in a namespace that has its one operator group already.
        ResourceOptions.merge(child, ResourceOptions(depends_on=[group])),
        metadata={"name": args.subscription, "namespace": namespace},
        spec={
            "channel": args.settings.channel,
            "installPlanApproval": "Automatic",
            "name": args.package,
            "source": args.settings.catalog,
            "sourceNamespace": args.settings.catalog_namespace,
        },
    )
