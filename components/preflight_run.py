"""The pre-flight: Azure and the cluster are asked and judged before anything is registered, and a table says it all.

``up`` ends here where the settings enforce it. A preview shows the table, goes on, and fails in its end (``conclude``),
so that everything else of it is seen, too.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pulumi

from components.azure import client as azure_client
from components.azure import preflight as preflight_azure
from components.azure.place import Place
from components.cluster import preflight as cluster_preflight
from components.cluster.client import ClusterClient
from components.operators import versions as operator_versions
from components.peer_pods.kata_config import Foreseen
from components.trustee.stack import NAMESPACE as TRUSTEE_NAMESPACE
from diagnosis import NAMESPACE
from preflight import cost, judge, table
from preflight.cluster_facts import ClusterFacts
from preflight.facts import AzureFacts
from preflight.judge import Verdict
from preflight.wanted import Operator, Wanted
from rendering.profiles import OSC_PACKAGE, PARTS, TRUSTEE_PACKAGE
from report import marks
from settings import Settings
from settings.operators import OperatorSettings

OUTPUT = marks.COSTS
"""Stack output: how many there are at most of what costs by the hour (``preflight.cost.Drivers``)."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the pre-flight found.

    Attributes:
        verdict: findings; None where nothing was asked.
        drivers: counts of what costs.
        refusal: why the run must not be carried out; empty: it may.
    """

    verdict: Verdict | None
    drivers: cost.Drivers
    refusal: str = ""


def foresee(
    stack: Settings, client: ClusterClient, place: Place, rollout: Foreseen, versions: operator_versions.Foreseen
) -> Checked:
    """Ask, judge and tell; nothing is asked where the mode is ``off``.

    Raises:
        pulumi.RunError: in ``up``, there are problems, and the settings enforce that there are none.
    """
    want, said = wanted(stack, rollout, versions), stack.preflight
    drivers = cost.drivers(want)
    pulumi.log.debug(marks.line(marks.COSTS, drivers.output()))
    if pulumi.runtime.is_dry_run():
        pulumi.log.info(cost.text(drivers, want))
    if said.mode == "off":
        return Checked(verdict=None, drivers=drivers)
    azure, cluster = _ask(stack, client, place, rollout, want)
    verdict = judge.judge(azure, cluster, want, said.accept)
    refused = said.mode == "enforce" and bool(verdict.problems)
    checked = Checked(verdict=verdict, drivers=drivers, refusal=_refusal(verdict, len(said.accept)) if refused else "")
    pulumi.log.debug(marks.line(marks.PREFLIGHT, table.records(verdict)))
    text = table.render(verdict)
    if checked.refusal and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(f"{text}\n\n{checked.refusal}")
    if text:
        pulumi.log.warn(text)
    return checked


def conclude(checked: Checked | None) -> None:
    """End a preview with problems; called when everything has been registered, so that all of it is shown.

    Raises:
        pulumi.RunError: there are problems, and the settings enforce that there are none.
    """
    if checked is not None and checked.refusal:
        raise pulumi.RunError(checked.refusal)


def _refusal(verdict: Verdict, accepted: int) -> str:
    checks = list(dict.fromkeys(finding.check for finding in verdict.problems))
    count = len(verdict.problems)
    return (
        f"the pre-flight found {count} problem{'' if count == 1 else 's'} ({', '.join(checks)}); nothing was changed. "
        "Mend what the table says, or\n"
        f"  accept one: pulumi config set --path 'coco-azure:preflight.accept[{accepted}]' {checks[0]}\n"
        "  only be told: pulumi config set --path coco-azure:preflight.mode warn\n"
        "  before a destroy --run-program: pulumi config set --path coco-azure:preflight.mode off"
    )


def wanted(stack: Settings, rollout: Foreseen, versions: operator_versions.Foreseen) -> Wanted:
    """Return what the settings, the plan of KataConfig and the versions of operators come to."""
    said, azure, plan = stack.peer_pods, stack.azure, rollout.plan
    # An image of the operator's is judged when its roll-out is over: until then it is built, or built anew.
    built = rollout.facts.image.id if plan.action == "nothing" else ""
    own = azure.own_subnet
    return Wanted(
        confidential=said.confidential,
        tee=said.tee,
        size=said.size,
        sizes=said.sizes,
        limit_per_node=said.limit_per_node,
        nodes=plan.selected,
        running=len(rollout.facts.pods),
        image_id=said.image_id or built,
        own_image=said.image_id is not None,
        secure_boot=said.secure_boot,
        vxlan_port=said.vxlan_port,
        reboots=plan.reboots,
        own_subnet=own is not None,
        own_range=own.address_range if own else "",
        own_name=own.name if own else "",
        own_nat_gateway=own is not None and own.nat_gateway.enabled,
        credentials=azure.credentials.source,
        roles=azure.roles,
        operators=tuple(_operators(stack, versions)),
    )


def _operators(stack: Settings, versions: operator_versions.Foreseen) -> list[Operator]:
    found = [_operator(OSC_PACKAGE, NAMESPACE, stack.peer_pods.operator, versions)]
    if stack.deploys_trustee and stack.trustee.cluster is None:
        found.append(_operator(TRUSTEE_PACKAGE, TRUSTEE_NAMESPACE, stack.trustee.operator, versions))
    return found


def _operator(package: str, namespace: str, said: OperatorSettings, versions: operator_versions.Foreseen) -> Operator:
    return Operator(
        package=package,
        setting=f"{PARTS[package]}.operator",
        namespace=namespace,
        install=said.install,
        csv=versions.csv(package),
        treat_as=said.treat_as,
        catalog=said.catalog,
        catalog_namespace=said.catalog_namespace,
    )


def _ask(
    stack: Settings, client: ClusterClient, place: Place, rollout: Foreseen, want: Wanted
) -> tuple[AzureFacts, ClusterFacts]:
    """Ask Azure and the cluster at the same time."""
    names = [found.name for found in rollout.facts.kata_configs]
    principal = stack.azure.credentials.object_id if stack.azure.roles == "check" else None
    with ThreadPoolExecutor(1) as pool:
        cluster = pool.submit(cluster_preflight.gather, client, want.operators, rollout.plan.pools, names)
        azure = _ask_azure(place, want, principal or "")
        return azure, cluster.result()


def _ask_azure(place: Place, want: Wanted, principal: str) -> AzureFacts:
    try:
        # The token is had in this thread: the engine is not asked from others.
        client = azure_client.connect(place.subscription, place.provider)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in the table
        return AzureFacts(
            subscription=place.subscription,
            region=place.region,
            resource_group=place.resource_group,
            unknown=(("sizes", f"anything of Azure: {preflight_azure.reason(error)}"),),
        )
    return preflight_azure.gather(client, place, want, principal)
