"""Each known pitfall alone, in a place where all else is well: exactly its check speaks, with what mends it."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from coco_azure.inventory.azure_facts import AzureFacts, Grant, Restriction, Route, RouteTable, Rule
from coco_azure.inventory.cluster_facts import (
    Catalog,
    ClusterFacts,
    CredentialOperator,
    CredentialsSecret,
    Csv,
    RegistryAccess,
)
from coco_azure.inventory.foreign_facts import ForeignFacts, ForeignRequirements, Group
from coco_azure.inventory.requirements import Operator, Requirements
from coco_azure.preflight import foreign, judge
from coco_azure.preflight.model import CHECKS, Finding
from coco_azure.rollout.choice import KeptOut
from coco_azure.rollout.facts import Pool
from tests.unit import preflight_facts as known

_OSC = "sandboxed-containers-operator"
OPERATOR = Operator(
    package=_OSC,
    setting="peerPods.operator",
    namespace="openshift-sandboxed-containers-operator",
    csv=f"{_OSC}.v1.12.1",
)
READY = Catalog(name="redhat-operators", namespace="openshift-marketplace", exists=True, state="READY")
CLUSTER = ClusterFacts(
    version="4.18.21",
    catalogs={_OSC: READY},
    csvs={_OSC: ()},
    secret_known=True,
    credential_operator=CredentialOperator(mode="", root=True),
)
OWNER = Grant(role="Contributor", scope=f"/subscriptions/{known.SUBSCRIPTION}", actions=("*",))
TABLE = f"{known.NETWORK}/routeTables/table"


def usual() -> tuple[AzureFacts, ClusterFacts, Requirements]:
    return known.facts(grants=[OWNER]), CLUSTER, known.wanted(operators=(OPERATOR,), roles="check")


def azure(**changes: Any) -> Callable[[], list[Finding]]:
    def listed() -> list[Finding]:
        facts, cluster, wanted = usual()
        return _all(replace(facts, **changes), cluster, wanted)

    return listed


def subnet(**changes: Any) -> Callable[[], list[Finding]]:
    facts = usual()[0]
    assert facts.subnet is not None
    pods = replace(facts.subnet, **changes)
    more: dict[str, Any] = {"nat": None} if changes.get("nat_gateway_id") == "" else {}
    return azure(subnet=pods, workers=pods, **more)


def rules(**fields: Any) -> Callable[[], list[Finding]]:
    closed = Rule(**{"name": "closed", "priority": 200, "inbound": True, "allow": False, "protocol": "*", **fields})
    group = known.facts().nsgs[known.NSG.lower()]
    return azure(nsgs={known.NSG.lower(): replace(group, rules=(*group.rules, closed))})


def routes(hop: str) -> Callable[[], list[Finding]]:
    facts = usual()[0]
    assert facts.subnet is not None
    table = RouteTable(id=TABLE, routes=(Route(prefix="0.0.0.0/0", hop=hop),))
    return azure(subnet=replace(facts.subnet, route_table_id=TABLE), routes=table)


def cluster(**changes: Any) -> Callable[[], list[Finding]]:
    def listed() -> list[Finding]:
        facts, openshift, wanted = usual()
        return _all(facts, replace(openshift, **changes), wanted)

    return listed


def wanted(**changes: Any) -> Callable[[], list[Finding]]:
    def listed() -> list[Finding]:
        facts, openshift, want = usual()
        return _all(facts, openshift, known.requiring(want, **changes))

    return listed


def image(**changes: Any) -> Callable[[], list[Finding]]:
    def listed() -> list[Finding]:
        facts, openshift, want = usual()
        own = known.requiring(want, image_id=known.IMAGE)
        return _all(replace(facts, image=known.image(**changes)), openshift, own)

    return listed


def ordinary() -> list[Finding]:
    """Judge pod VMs that are not confidential, whose image is of generation 1."""
    facts, openshift, want = usual()
    plain = known.size("Standard_D2as_v5", 2, tee="")
    facts = replace(facts, sizes={plain.name: plain}, capacity=None)
    image = known.image(security_type="", generation="V1")
    own = known.requiring(want, confidential=False, instance_sizes=(plain.name,), image_id=known.IMAGE)
    return _all(replace(facts, image=image), openshift, own)


def _all(facts: AzureFacts, openshift: ClusterFacts, want: Requirements) -> list[Finding]:
    verdict = judge.judge(facts, openshift, want, ())
    return [*verdict.problems, *verdict.warnings]


SHUT = known.size("Standard_DC8as_v5", 8, restrictions=(Restriction(reason="NotAvailableForSubscription"),))
ZONES = known.size("Standard_DC8as_v5", 8, restrictions=(Restriction(reason="QuotaId", zones=("1", "2", "3")),))
LACKING = {name: size for name, size in known.sizes().items() if name != "Standard_DC8as_v5"}
DEGRADED = Pool(name="worker", machines=3, at_once=1, paused=False, degraded="node worker-0 is reporting: disk full")
UNMIRRORED = RegistryAccess(mirrors={}, disconnected=True, images={_OSC: ["registry.redhat.io/osc/caa@sha256:1"]})
BLANK = CredentialsSecret(filled=frozenset({"AZURE_CLIENT_ID"}), blank=frozenset({"AZURE_CLIENT_SECRET"}))

USED = ForeignFacts(
    namespaces={OPERATOR.namespace: ""},
    groups=(Group(namespace=OPERATOR.namespace, name="by-hand", targets=(OPERATOR.namespace,)),),
)

PITFALLS = {
    "a size that the region lacks": ("sizes", azure(sizes=LACKING)),
    "a size that is restricted for the subscription": ("sizes", azure(sizes=known.sizes(SHUT))),
    "a size of the other TEE": ("sizes", azure(sizes=known.sizes(known.size("Standard_DC8as_v5", 8, tee="TDX")))),
    "a size that no zone has for the subscription": ("zones", azure(sizes=known.sizes(ZONES))),
    "a family without quota": ("quota", azure(usages=known.usages(limit=0))),
    "a region whose quota is used up": ("quota", azure(usages=known.usages(used=995))),
    "an image that does not exist": ("image", image(exists=False)),
    "an image that is not confidential": ("image", image(security_type="")),
    "an image that is in another region": ("image", image(regions=("West Europe",))),
    "an image of generation 1 with secure boot": ("secure-boot", ordinary),
    "a full subnet": ("subnet", subnet(used=32763)),
    "a delegated subnet": ("subnet", subnet(delegations=("Microsoft.Web/serverFarms",))),
    "a private subnet without NAT gateway": ("outbound", subnet(nat_gateway_id="", default_outbound=False)),
    "a default route to nowhere": ("outbound", routes("None")),
    "a rule that denies the Internet": ("outbound", rules(inbound=False, destinations=("Internet",))),
    "15150 blocked": ("nsg-rules", rules(protocol="Tcp", destination_ports=("15150",))),
    "the tunnel blocked": ("nsg-rules", rules(protocol="Udp", destination_ports=("9000",))),
    "everything blocked but what is named": ("nsg-rules", rules(sources=("VirtualNetwork",))),
    "a range of its own that meets another": ("own-subnet", wanted(own_subnet=known.own_subnet("10.0.128.0/24"))),
    "a range of its own outside of the network": ("own-subnet", wanted(own_subnet=known.own_subnet("10.9.0.0/24"))),
    "credentials that are blank": ("credentials", cluster(secret=BLANK)),
    "credentials that nobody makes": (
        "credentials",
        cluster(credential_operator=CredentialOperator(mode="Manual", root=False)),
    ),
    "a root credential that is gone": (
        "credentials",
        cluster(credential_operator=CredentialOperator(mode="", root=False)),
    ),
    "an identity without roles": ("roles", azure(grants=[])),
    "an identity that may only read": ("roles", azure(grants=[replace(OWNER, actions=("*/read",))])),
    "a cluster in Azure Government": ("cloud", cluster(cloud="AzureUSGovernmentCloud")),
    "an old OpenShift": ("cluster-version", cluster(version="4.14.30")),
    "a degraded pool": ("pools", cluster(pools=(DEGRADED,))),
    "a hosted control plane": ("machine-config", cluster(without_machine_config="The control plane is hosted.")),
    "a node of a custom pool": ("nodes", cluster(kept_out=(KeptOut(node="worker-2", pools=("infra",)),))),
    "a master that takes workloads": ("nodes", cluster(kept_out=(KeptOut(node="master-0", pools=("master",)),))),
    "a Windows worker": ("nodes", cluster(windows=("win-1",))),
    "an operator whose image no mirror has": ("mirrors", cluster(registries=UNMIRRORED)),
    "a catalog that is not there": ("catalog", cluster(catalogs={_OSC: replace(READY, exists=False)})),
    "a catalog that does not answer": (
        "catalog",
        cluster(catalogs={_OSC: replace(READY, state="TRANSIENT_FAILURE")}),
    ),
    "an operator that is too new": (
        "operators",
        cluster(csvs={_OSC: (Csv(name=f"{_OSC}.v1.99.0", phase="Succeeded"),)}),
    ),
    "a cluster that somebody used before": (
        "foreign",
        lambda: list(foreign.problems(USED, ForeignRequirements(stack="coco-azure/test", operators=(OPERATOR,)))),
    ),
    "a second KataConfig": ("kata-config", cluster(kata_configs=("one", "two"))),
}


def test_where_all_is_well_nothing_is_said() -> None:
    assert _all(*usual()) == []


@pytest.mark.parametrize("name", PITFALLS)
def test_a_pitfall_alone_is_told_by_its_own_check_and_by_no_other(name: str) -> None:
    check, pitfall = PITFALLS[name]
    findings = pitfall()
    assert {each.check for each in findings} == {check}
    # Whether a registry can be reached without a mirror, nobody is ever sure.
    level = "warning" if check == "mirrors" else "problem"
    assert {each.level for each in findings if "and later" not in each.needed} == {level}


@pytest.mark.parametrize("name", PITFALLS)
def test_what_is_said_of_a_pitfall_has_what_was_found_what_is_needed_and_a_way_out(name: str) -> None:
    for each in PITFALLS[name][1]():
        assert each.found
        assert each.needed
        assert re.search(r"\b(pulumi|az|oc) |https://|azure\.|peerPods\.", each.fix), each.fix
        assert "None" not in f"{each.needed} {each.fix}"


def test_every_check_has_a_pitfall_that_it_catches() -> None:
    # Of capacity nobody is ever sure.
    assert {check for check, _ in PITFALLS.values()} == set(CHECKS) - {"capacity"}


def test_all_pitfalls_of_azure_and_the_cluster_at_once_are_told_at_once() -> None:
    facts, openshift, want = usual()
    listed = _all(
        replace(facts, sizes=LACKING, usages=known.usages(limit=0), grants=[]),
        replace(openshift, version="4.14.0", kata_configs=("one", "two")),
        want,
    )
    assert list(dict.fromkeys(each.check for each in listed)) == [
        "sizes",
        "quota",
        "roles",
        "cluster-version",
        "kata-config",
    ]
