"""What others have on the stack's clusters, judged by what the stack would make there (check ``foreign``)."""

from collections.abc import Iterator, Sequence

from coco_azure import names
from coco_azure.inventory import read_foreign
from coco_azure.inventory.foreign_facts import ForeignRequirements, Named
from coco_azure.inventory.requirements import Operator
from coco_azure.preflight import foreign
from coco_azure.preflight.model import Finding
from coco_azure.settings import Settings
from components.cluster import ownership
from components.cluster.connections import Connections
from components.trustee import content


def wanted(stack: Settings, operators: Sequence[Operator], *, runtime: bool, trustee: bool) -> ForeignRequirements:
    """Return what the stack makes on a cluster.

    Args:
        runtime: whether the cluster has the stack's peer pods.
        trustee: whether it has the stack's Trustee.
    """
    settings: dict[Named, str] = {}
    if trustee:
        made = {**content.objects(stack), ("Route", names.KBS_SERVICE): "", ("KbsConfig", names.KBS_CONFIG): ""}
        settings |= {_named(kind, names.TRUSTEE_NAMESPACE, name): key for (kind, name), key in made.items()}
    if runtime:
        settings |= dict(_of_runtime(stack))
    return ForeignRequirements(
        stack=ownership.mark(),
        operators=tuple(operators),
        names=settings,
        host=(stack.trustee.host or "") if trustee else "",
        route=_named("Route", names.TRUSTEE_NAMESPACE, names.KBS_SERVICE) if trustee else None,
    )


def _of_runtime(stack: Settings) -> Iterator[tuple[Named, str]]:
    if stack.azure.credentials.source != "cloudCredentialOperator":
        yield _named("Secret", names.OSC_NAMESPACE, names.PEER_PODS_SECRET), ""
    for title in (names.CAA_HOLD, *([names.GUARD] if stack.peer_pods.kata_config.guard else [])):
        yield from ((Named(kind=kind, name=title), "") for kind in names.ADMISSION_KINDS)
    if stack.checks:
        where = stack.attestation_check.namespace
        yield Named(kind="Namespace", name=where), "attestationCheck.namespace"
        yield _named("Job", where, names.CHECK), ""
    for namespace in stack.initdata.namespaces:
        yield _named("ConfigMap", namespace, names.WORKLOADS_CM), "initdata.workloads.NAME.namespaces"
    for namespace, secrets in stack.sealed_secrets.items():
        for secret in secrets:
            yield _named("Secret", namespace, secret), f"sealedSecrets.{namespace}.{secret}"


def _named(kind: str, namespace: str, name: str) -> Named:
    return Named(kind=kind, namespace=namespace, name=name)


def look(connections: Connections, want: ForeignRequirements) -> list[Finding]:
    """Ask a cluster and return what is in the stack's way."""
    facts = read_foreign.gather(connections.reader, want)
    return list(foreign.problems(facts, want))
