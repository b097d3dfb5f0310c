"""Install an operator through OLM, and hold everything that depends on it until the expected CSV has succeeded.

Does not choose versions (``components.operators.versions`` does), and does not wait for what the operator itself makes:
that is the caller's business.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, ErrorHook, Input, Output, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions import channels as operator_channels
from coco_azure.versions import profiles
from components.cluster.openshift import InstallPlan, OperatorGroup, Subscription
from components.operators.versions import decided

First = Callable[[Sequence[pulumi.Resource]], Sequence[Input[pulumi.Resource]]]
"""Takes what has to be there, and returns what it registers after that."""


@dataclass(frozen=True, kw_only=True)
class OlmOperatorArgs:
    """Which operator, and the names of its objects.

    Attributes:
        namespace: namespace to install into; also the only one that the operator watches.
        settings: channel, catalog, pin, and whether to install at all.
        csv: name of the CSV that is expected, known at preview. Nothing is created while it cannot be had, and the gate
            opens for this CSV alone. Without it the gate opens for any.
        chosen: the same name as plain text, for the names of resources.
        environment: environment variables that OLM gives to the operator.
        first: registers what is there before a version comes, first or next; it takes what that comes after.
    """

    package: str
    namespace: str
    group: str
    subscription: str
    settings: OperatorSettings
    csv: Input[str] | None = None
    chosen: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    first: First = lambda _: ()

    @property
    def pin(self) -> str | None:
        """The CSV that the stack approves; None where OLM upgrades by itself."""
        return None if self.settings.automatic else self.chosen

    @property
    def treated_as(self) -> str | None:
        """Minor version whose profile the CSV is deployed by, where it has none of its own."""
        own = self.chosen is None or profiles.known(self.package, self.chosen)
        return None if own else self.settings.treat_as


class OlmOperator(pulumi.ComponentResource):
    """A namespace, an operator group, a subscription, with a pin its approval, and the gate on the installed CSV.

    A resource that needs the operator at work says ``depends_on=[operator.installed]``: it then waits for the gate, and
    unlike a value passed through the gate it stays fully known in the preview.
    """

    namespace: Output[str]
    """Namespace of the operator, for what only needs the namespace to exist."""
    installed: pulumi.Resource
    """The gate: ready once the CSV has succeeded."""
    made: pulumi.Resource | None
    """The namespace, where the stack makes it; with it goes what is in it."""

    def __init__(self, name: str, args: OlmOperatorArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:OlmOperator", name, None, opts)
        child = ResourceOptions(parent=self)
        # Through the CSV, so that a version that cannot be had is an error before the namespace is made.
        self.namespace = Output.from_input(args.csv).apply(lambda _: args.namespace)
        # The provider's own error only says that it waited in vain.
        advise = ResourceHookBinding(on_error=[ErrorHook(f"{name}-advice", _advice(args))])
        causes: list[pulumi.Resource] = []
        self.made = None
        if args.settings.install and args.settings.create_namespace:
            self.made = kubernetes.core.v1.Namespace(f"{name}-namespace", metadata={"name": self.namespace}, opts=child)
            self.namespace = self.made.metadata.apply(lambda metadata: str(metadata.name))
        if args.settings.install:
            causes = self._subscribe(name, args, advise)
        wait = CustomTimeouts(create=args.settings.install_timeout, update=args.settings.install_timeout)
        self.installed = kubernetes.apiextensions.CustomResourcePatch(
            f"{name}-installed",
            api_version="operators.coreos.com/v1",
            kind="Operator",
            metadata={
                "name": operator_channels.operator_object(args.package, args.namespace),
                "annotations": {
                    names.WAIT_FOR: Output.from_input(args.csv).apply(_succeeded),
                    names.EXPECTS: Output.from_input(args.csv).apply(lambda csv: csv or "any"),
                    **({names.TREATED_AS: args.treated_as} if args.treated_as is not None else {}),
                },
            },
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # The subscription is what makes OLM fill the Operator in; no value of it is used here.
                    depends_on=causes,
                    # The provider adds one to a patch as long as it does not know that the kind has none (seen under
                    # load after an upgrade); without this a run then shows an update that changes nothing.
                    ignore_changes=["metadata.namespace"],
                    custom_timeouts=wait,
                    hooks=advise,
                ),
            ),
        )
        self.register_outputs({"namespace": self.namespace})

    def _subscribe(self, name: str, args: OlmOperatorArgs, advise: ResourceHookBinding) -> list[pulumi.Resource]:
        """Create what makes OLM install the CSV, and return what the gate has to wait for."""
        child = ResourceOptions(parent=self)
        group = OperatorGroup(
            f"{name}-group",
            child,
            metadata={"name": args.group, "namespace": self.namespace},
            spec={"targetNamespaces": [args.namespace]},
        )
        pin = args.pin
        wait = CustomTimeouts(create=args.settings.install_timeout, update=args.settings.install_timeout)
        # OLM resolves a subscription only in a namespace that has its one operator group already.
        ordered = ResourceOptions(depends_on=[group, *args.first([group])], custom_timeouts=wait, hooks=advise)
        metadata: dict[str, Any] = {"name": args.subscription, "namespace": self.namespace}
        if pin is not None:
            metadata["annotations"] = {names.WAIT_FOR: Output.from_input(args.csv).apply(_offered)}
        subscription = Subscription(
            f"{name}-subscription",
            ResourceOptions.merge(child, ordered),
            metadata=metadata,
            spec=_subscription_spec(args),
        )
        if pin is None:
            subscription.status.apply(lambda status: _warn_if_stuck(args.namespace, status or {}))
            return [subscription]
        return [subscription, self._approve(name, args, subscription)]

    def _approve(self, name: str, args: OlmOperatorArgs, subscription: Subscription) -> pulumi.Resource:
        """Approve the subscription's own plan for the pinned CSV, and no other plan ever."""
        if args.csv is None:
            raise ValueError(f"{args.package} has a pin, which needs csv of OlmOperatorArgs")
        version = operator_channels.version_of(str(args.pin))
        plan = Output.all(args.csv, subscription.status).apply(lambda offer: _plan(args, *offer))
        reached = plan.apply(lambda offer: "jsonpath={.status.phase}" + ("=Complete" if offer[1] else ""))
        return InstallPlan(
            # A resource of its own for each pin: the next pin approves the next plan.
            f"{name}-install-plan-{version}",
            ResourceOptions(
                parent=self,
                # After the pinned CSV the subscription goes on to OLM's next offer, which is not to be approved here.
                ignore_changes=["metadata.name", "metadata.annotations", "spec"],
                # The plan is OLM's.
                retain_on_delete=True,
                custom_timeouts=CustomTimeouts(
                    create=args.settings.install_timeout, update=args.settings.install_timeout
                ),
            ),
            metadata={
                "name": plan.apply(lambda offer: offer[0]),
                "namespace": self.namespace,
                # OLM has said no to the plan until now, so its word has to be taken over.
                "annotations": {names.WAIT_FOR: reached, names.PATCH_FORCE: "true"},
            },
            spec=plan.apply(lambda offer: {"approved": True} if offer[1] else {}),
        )


def _advice(args: OlmOperatorArgs) -> Callable[[pulumi.ErrorHookArgs], bool]:
    """Return a hook that tells what to do when OLM does not get there in time."""
    expected: list[str] = []
    if args.csv is not None:
        Output.from_input(args.csv).apply(expected.append)

    def advise(failed: pulumi.ErrorHookArgs) -> bool:
        csv, status = (expected or [args.package])[-1], (failed.old_outputs or {}).get("status")
        advice = operator_channels.advice(
            args.settings, args.package, args.namespace, csv, status or {}, name=args.subscription
        )
        pulumi.log.error(advice)
        return False  # no other try

    return advise


def _subscription_spec(args: OlmOperatorArgs) -> dict[str, Any]:
    settings = args.settings
    spec: dict[str, Any] = {
        "channel": settings.channel,
        "installPlanApproval": "Automatic",
        "name": args.package,
        "source": settings.catalog,
        "sourceNamespace": settings.catalog_namespace,
    }
    if args.environment:
        named = [{"name": name, "value": value} for name, value in sorted(args.environment.items())]
        spec["config"] = {"env": named}
    return spec if args.pin is None else {**spec, "installPlanApproval": "Manual", "startingCSV": args.csv}


def _succeeded(csv: str | None) -> str:
    """Return the wait for the CSV's success, and for the mark of this very gate.

    Without the mark the wait can end on the object as it was before the patch (a watch may begin with an older state
    of it), which the provider then keeps as the result: the next run would show an update that changes nothing.

    OLM puts the phase of a CSV as a condition type into the Operator object (operator-lifecycle-manager
    pkg/controller/operators/decorators/operator.go, csvConditionsJQ). A patch needs its object's name at preview: that
    of the Operator is known, and unlike the CSV it is there whatever is installed.
    """
    one = f" && @.name=='{csv}'" if csv is not None else ""
    succeeded = ".conditions[?@.type=='Succeeded'].status"
    return json.dumps(
        [
            f"jsonpath={{.metadata.annotations['{names.EXPECTS}']}}={csv or 'any'}",
            f"jsonpath={{.status.components.refs[?@.kind=='ClusterServiceVersion'{one}]{succeeded}}}=True",
        ]
    )


def _offered(csv: str | None) -> str:
    """Return the wait for the CSV to be OLM's next step (``currentCSV``), or to be installed (``installedCSV``)."""
    return f"jsonpath={{.status[?@ == '{csv}']}}"


def _plan(args: OlmOperatorArgs, csv: str, status: dict[str, Any] | None) -> tuple[str, bool]:
    decided(
        lambda: operator_channels.check_offer(
            args.settings, args.package, args.namespace, csv, status or {}, name=args.subscription
        )
    )
    return operator_channels.approval(csv, status or {})


def _warn_if_stuck(namespace: str, status: dict[str, Any]) -> None:
    if (advice := operator_channels.stuck(namespace, status)) is not None:
        pulumi.log.warn(advice)
