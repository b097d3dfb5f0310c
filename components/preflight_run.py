"""The pre-flight: Azure and the clusters are asked and judged before anything is registered, and a table says it all.

``up`` ends here where the settings enforce it. A preview shows the table, goes on, and fails in its end
(``refusal.end``), so that everything else of it is seen, too.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pulumi

from coco_azure import names
from coco_azure import run_marks as marks
from coco_azure.clients import azure as azure_client
from coco_azure.inventory import arm_reader, cluster_facts
from coco_azure.inventory.azure_facts import AzureFacts
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.inventory.foreign_facts import ForeignRequirements
from coco_azure.inventory.requirements import Operator, Requirements
from coco_azure.preflight import cost, judge
from coco_azure.preflight.judge import Verdict
from coco_azure.settings import Settings
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions.profiles import PARTS
from components import foreign
from components.cluster.connections import Connections
from components.operators import versions as operator_versions
from components.peer_pods.kata_config import PlannedRollout

OUTPUT = marks.COSTS
"""Stack output: how many there are at most of what costs by the hour (``coco_azure.preflight.cost.Drivers``)."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the pre-flight found.

    Attributes:
        verdict: findings; None where nothing was asked.
        drivers: counts of what costs; None for a stack without peer pods.
        refusal: why the run must not be carried out; empty: it may.
    """

    verdict: Verdict | None
    drivers: cost.Drivers | None
    refusal: str = ""


def run_preflight(
    stack: Settings,
    cluster: Connections,
    trustee_cluster: Connections,
    versions: operator_versions.ChosenVersions,
    *,
    target: PodVmTarget | None,
    rollout: PlannedRollout | None,
) -> Checked:
    """Ask, judge and tell; nothing is asked where the mode is ``off``.

    Args:
        cluster: that of the peer pods.
        trustee_cluster: that of Trustee, which may be the same.
        versions: CSV of each operator.
        target: where the pod VMs go; None for a stack without peer pods.
        rollout: what becomes of KataConfig; None for such a stack.

    Raises:
        pulumi.RunError: in ``up``, there are problems, and the settings enforce that there are none.
    """
    settings = stack.preflight
    want = wanted(stack, rollout, versions) if rollout is not None else None
    drivers = _counted(want) if want is not None else None
    if settings.mode == "off":
        return Checked(verdict=None, drivers=drivers)
    clusters = _clusters(stack, cluster, trustee_cluster, versions)
    with ThreadPoolExecutor(max(1, len(clusters))) as pool:
        looks = [pool.submit(foreign.look, connections, each) for connections, each in clusters]
        asked = _ask(stack, cluster.reader, target, rollout, want) if target and rollout and want else None
        others = [finding for look in looks for finding in look.result()]
    if asked is not None and want is not None:
        pulumi.log.debug(marks.line(marks.CLUSTER, {"openshift": asked[1].version}))
        verdict = judge.judge(*asked, want, settings.accept, others)
    else:
        verdict = judge.verdict(others, settings.accept)
    refused = settings.mode == "enforce" and bool(verdict.problems)
    refusal = _refusal(verdict, len(settings.accept)) if refused else ""
    pulumi.log.debug(marks.line(marks.PREFLIGHT, judge.records(verdict)))
    text = judge.render(verdict)
    if refusal and not pulumi.runtime.is_dry_run():
        raise pulumi.RunError(f"{text}\n\n{refusal}")
    if text:
        pulumi.log.warn(text)
    if refused and any(each.check == "foreign" for each in verdict.problems):
        for connections, _ in clusters:
            connections.ownership.refusals_shown = True
    return Checked(verdict=verdict, drivers=drivers, refusal=refusal)


def _counted(want: Requirements) -> cost.Drivers:
    drivers = cost.drivers(want)
    pulumi.log.debug(marks.line(marks.COSTS, drivers.output()))
    if pulumi.runtime.is_dry_run():
        pulumi.log.info(cost.text(drivers, want))
    return drivers


def _clusters(
    stack: Settings, cluster: Connections, trustee_cluster: Connections, versions: operator_versions.ChosenVersions
) -> Sequence[tuple[Connections, ForeignRequirements]]:
    """Return what the stack makes on each of its clusters."""
    runtime, trustee = stack.peer_pods.enabled, stack.deploys_trustee
    clusters = []
    for each in dict.fromkeys((cluster, trustee_cluster)):
        parts = {"runtime": runtime and each is cluster, "trustee": trustee and each is trustee_cluster}
        if any(parts.values()):
            clusters.append((each, foreign.wanted(stack, _operators(stack, versions, **parts), **parts)))
    return clusters


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


def wanted(stack: Settings, rollout: PlannedRollout, versions: operator_versions.ChosenVersions) -> Requirements:
    """Return what the settings, the plan of KataConfig and the versions of operators come to."""
    plan, image = rollout.plan, stack.attestation_check.image
    # Which registries stand in for others is said by the stack that has the Trustee.
    checks = stack.checks and stack.deploys_trustee and stack.trustee.pulled(image) == image
    return Requirements(
        peer_pods=stack.peer_pods,
        azure=stack.azure,
        nodes=plan.selected,
        running=len(rollout.facts.pods),
        # An image of the operator's is judged when its roll-out is over: until then it is built, or built anew.
        built_image=rollout.facts.image.id if plan.action == "nothing" else "",
        reboots=plan.reboots,
        builds=plan.builds,
        waits=plan.in_place,
        pulled=(image,) if checks else (),
        pulls_by_proxy=stack.initdata.image_pull.proxy is not None,
        operators=tuple(
            _operators(stack, versions, runtime=True, trustee=stack.deploys_trustee and stack.trustee.cluster is None)
        ),
    )


def _operators(
    stack: Settings, versions: operator_versions.ChosenVersions, *, runtime: bool, trustee: bool
) -> list[Operator]:
    """Return the operators of a cluster with peer pods, Trustee or both."""
    osc = [_operator(names.OSC_PACKAGE, names.OSC_NAMESPACE, stack.peer_pods.operator, versions)] if runtime else []
    other = (
        [_operator(names.TRUSTEE_PACKAGE, names.TRUSTEE_NAMESPACE, stack.trustee.operator, versions)] if trustee else []
    )
    return osc + other


def _operator(
    package: str, namespace: str, settings: OperatorSettings, versions: operator_versions.ChosenVersions
) -> Operator:
    return Operator(
        package=package,
        setting=f"{PARTS[package]}.operator",
        namespace=namespace,
        install=settings.install,
        create_namespace=settings.create_namespace,
        csv=versions.csv(package),
        treat_as=settings.treat_as,
        catalog=settings.catalog,
        catalog_namespace=settings.catalog_namespace,
    )


def _ask(
    stack: Settings, reader: Reads, target: PodVmTarget, rollout: PlannedRollout, want: Requirements
) -> tuple[AzureFacts, ClusterFacts]:
    """Ask Azure and the cluster at the same time."""
    principal = stack.azure.credentials.object_id if stack.azure.roles == "check" else None
    with ThreadPoolExecutor(1) as pool:
        cluster = pool.submit(cluster_facts.gather, reader, want.operators, rollout.plan, rollout.facts)
        azure = _ask_azure(target, want, principal or "")
        return azure, cluster.result()


def _ask_azure(target: PodVmTarget, want: Requirements, principal: str) -> AzureFacts:
    try:
        client = azure_client.connect(target.subscription)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in the table
        return AzureFacts(
            subscription=target.subscription,
            region=target.region,
            resource_group=target.resource_group,
            unknown=(("sizes", f"anything of Azure: {arm_reader.reason(error)}"),),
        )
    return arm_reader.gather(client, target, want, principal)
