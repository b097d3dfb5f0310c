"""What the check ``foreign`` says of things that others have on a cluster, and the remediation that it offers."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure import names
from coco_azure.inventory.foreign_facts import (
    ForeignFacts,
    ForeignRequirements,
    Group,
    Installed,
    Kbs,
    Named,
    Occupied,
    Subscription,
)
from coco_azure.inventory.requirements import Operator
from coco_azure.preflight import foreign
from coco_azure.preflight.model import Finding

OSC, TRUSTEE = "openshift-sandboxed-containers-operator", "trustee-operator-system"
STACK = "coco-azure/test"
OPERATORS = (
    Operator(package=names.OSC_PACKAGE, setting="peerPods.operator", namespace=OSC),
    Operator(package=names.TRUSTEE_PACKAGE, setting="trustee.operator", namespace=TRUSTEE),
)


def _named(kind: str, name: str, namespace: str = TRUSTEE) -> Named:
    return Named(kind=kind, namespace=namespace, name=name)


WANTED = ForeignRequirements(
    stack=STACK,
    operators=OPERATORS,
    names={
        _named("ConfigMap", "resource-policy"): "",
        _named("Secret", "kbsres1"): "clientSecrets.kbsres1",
        Named(kind="Namespace", name="coco-attestation-check"): "attestationCheck.namespace",
    },
    route=_named("Route", "kbs-service"),
)
GROUP = Group(namespace=OSC, name=f"{OSC}-7xk2p", targets=(OSC,))
CONSOLE = Subscription(namespace=OSC, name=names.OSC_PACKAGE, package=names.OSC_PACKAGE)
CSV = Installed(namespace=OSC, package=names.OSC_PACKAGE, name=f"{names.OSC_PACKAGE}.v1.13.1")


def _findings(wanted: ForeignRequirements = WANTED, **facts: Any) -> list[Finding]:
    return list(foreign.problems(ForeignFacts(**facts), wanted))


def _settings(operator: str, **changes: Any) -> ForeignRequirements:
    return replace(
        WANTED, operators=[replace(each, **changes) if each.setting == operator else each for each in OPERATORS]
    )


def test_an_empty_cluster_has_nothing_foreign() -> None:
    assert _findings() == []


def test_what_the_stack_has_made_itself_is_no_matter() -> None:
    finding = _findings(
        namespaces={OSC: None, TRUSTEE: None},
        groups=[replace(GROUP, own=True)],
        subscriptions=[replace(CONSOLE, own=True)],
        csvs=[CSV],
    )
    assert finding == []


def test_an_operator_that_the_console_has_installed_is_offered_to_be_used_first_and_its_namespace_stays() -> None:
    (finding,) = _findings(namespaces={OSC: ""}, groups=[GROUP], subscriptions=[CONSOLE], csvs=[CSV])

    assert finding.level == "problem"
    assert (
        f"Subscription {names.OSC_PACKAGE}; ClusterServiceVersion {CSV.name}; OperatorGroup {OSC}-7xk2p"
        in finding.found
    )
    assert "TooManyOperatorGroups" in finding.needed
    lines = finding.fix.splitlines()
    assert lines[1] == "pulumi config set --path coco-azure:peerPods.operator.install false"
    assert lines[3] == (
        f"oc -n {OSC} delete subscriptions.operators.coreos.com/{names.OSC_PACKAGE} "
        f"clusterserviceversions.operators.coreos.com/{CSV.name} operatorgroups.operators.coreos.com/{OSC}-7xk2p"
    )
    assert lines[4] == "pulumi config set --path coco-azure:peerPods.operator.createNamespace false"


def test_it_is_no_matter_where_the_stack_uses_it() -> None:
    wanted = _settings("peerPods.operator", install=False)

    assert _findings(wanted, namespaces={OSC: ""}, groups=[GROUP], subscriptions=[CONSOLE], csvs=[CSV]) == []


def test_a_subscription_of_another_name_for_the_same_package_is_found() -> None:
    (finding,) = _findings(namespaces={OSC: ""}, subscriptions=[replace(CONSOLE, name="by-hand")])

    assert "Subscription by-hand" in finding.found


def test_a_csv_without_a_subscription_is_found_because_olm_resolves_nothing_beside_it() -> None:
    (finding,) = _findings(namespaces={OSC: None}, csvs=[CSV])

    assert f"delete clusterserviceversions.operators.coreos.com/{CSV.name}" in finding.fix


def test_in_the_stacks_own_namespace_nothing_is_offered_that_pulumi_would_delete_it_for() -> None:
    own = replace(CONSOLE, name="own", own=True)
    (finding,) = _findings(namespaces={OSC: None}, subscriptions=[own, CONSOLE], groups=[GROUP], csvs=[CSV])

    assert "install false" not in finding.fix
    assert "createNamespace" not in finding.fix
    assert CSV.name not in finding.fix  # it is the stack's own Subscription's


@pytest.mark.parametrize(
    ("changes", "key"), [({"install": False}, "install"), ({"create_namespace": False}, "createNamespace")]
)
def test_a_setting_that_would_have_pulumi_delete_the_stacks_own_namespace_is_told(
    changes: dict[str, bool], key: str
) -> None:
    (finding,) = _findings(_settings("peerPods.operator", **changes), namespaces={OSC: None}, marked=frozenset({OSC}))

    assert "would delete the namespace" in finding.needed
    assert finding.fix == f"pulumi config rm --path coco-azure:peerPods.operator.{key}"


def test_a_group_that_operators_of_others_need_is_not_offered_to_be_deleted() -> None:
    other = Subscription(namespace=OSC, name="other", package="other-operator")
    (finding,) = _findings(namespaces={OSC: ""}, groups=[GROUP], subscriptions=[other])

    assert "other-operator needs it" in finding.needed
    assert "delete" not in finding.fix
    assert "peerPods.operator.install false" in finding.fix
    (finding,) = _findings(namespaces={OSC: None}, groups=[GROUP], subscriptions=[other])
    assert "delete" in finding.fix  # the stack's own group is there for it, too


def test_a_namespace_alone_is_used_as_it_is_and_nobody_is_told_to_delete_it() -> None:
    (finding,) = _findings(namespaces={OSC: "coco-azure/prod"})

    assert "stack coco-azure/prod has made it" in finding.found
    assert finding.fix == "pulumi config set --path coco-azure:peerPods.operator.createNamespace false"
    assert _findings(_settings("peerPods.operator", create_namespace=False), namespaces={OSC: ""}) == []


def test_a_namespace_that_somebody_else_was_to_make_is_missed() -> None:
    (finding,) = _findings(_settings("peerPods.operator", create_namespace=False), missing=frozenset({OSC}))

    assert finding.fix.splitlines()[1] == f"or: oc create namespace {OSC}"
    assert _findings(missing=frozenset({OSC})) == []


def test_the_namespace_of_the_check_gets_another_name() -> None:
    (finding,) = _findings(namespaces={"coco-attestation-check": ""})

    assert finding.fix == "pulumi config set --path coco-azure:attestationCheck.namespace NAMESPACE"


@pytest.mark.parametrize(
    ("package", "targets", "level"),
    [
        (names.OSC_PACKAGE, ("elsewhere",), "problem"),
        (names.TRUSTEE_PACKAGE, ("elsewhere",), "warning"),
        (names.TRUSTEE_PACKAGE, ("elsewhere", TRUSTEE), "problem"),
        (names.TRUSTEE_PACKAGE, ("",), "problem"),
    ],
)
def test_an_installation_in_another_namespace_is_told_and_stops_a_run_where_both_work_on_the_same_objects(
    package: str, targets: tuple[str, ...], level: str
) -> None:
    (finding,) = _findings(
        groups=[Group(namespace="elsewhere", name="g", targets=targets)],
        subscriptions=[Subscription(namespace="elsewhere", name="s", package=package)],
        csvs=[Installed(namespace="elsewhere", package=package, name=f"{package}.v1.0.0")],
    )

    assert finding.level == level
    assert finding.fix.endswith(
        "oc -n elsewhere delete subscriptions.operators.coreos.com/s "
        f"clusterserviceversions.operators.coreos.com/{package}.v1.0.0"
    )


def test_objects_with_the_stacks_names_are_told_together_with_the_setting_of_each_first() -> None:
    occupied = [Occupied(what=each) for each in WANTED.names if each.namespace]
    (finding,) = _findings(occupied=occupied)

    assert "ConfigMap resource-policy; Secret kbsres1" in finding.found
    lines = finding.fix.splitlines()
    assert lines[0] == "secret/kbsres1: another name in coco-azure:clientSecrets.kbsres1, or as the others:"
    assert lines[-1] == (
        f"oc -n {TRUSTEE} annotate --overwrite configmap/resource-policy secret/kbsres1 coco-azure/stack={STACK}"
    )


def test_a_trustee_config_is_told_with_the_kbsconfig_that_goes_with_it() -> None:
    made = Kbs(what=_named("KbsConfig", "mine-kbs-config"), owner="mine")
    (finding,) = _findings(kbs=[Kbs(what=_named("TrusteeConfig", "mine")), made])

    assert "TrusteeConfig mine; KbsConfig mine-kbs-config" in finding.found
    assert finding.fix.splitlines()[0].endswith("coco-azure:trustee.cluster.context CONTEXT")
    assert finding.fix.splitlines()[-1] == f"oc -n {TRUSTEE} delete trusteeconfig/mine"


def test_a_claimed_host_is_told_with_the_setting_first() -> None:
    (finding,) = _findings(host="kbs.example.com", claims=[_named("Route", "old-kbs", "shop")])

    assert finding.found == "Route old-kbs in namespace shop has host kbs.example.com"
    assert finding.fix.splitlines() == [
        "pulumi config set --path coco-azure:trustee.host HOST",
        "or, if nobody needs that one: oc -n shop delete route/old-kbs",
    ]


def test_what_may_not_be_read_is_one_warning_with_the_right_that_is_missing() -> None:
    (finding,) = _findings(unknown=[("OperatorGroups", "Forbidden"), ("Routes", "Forbidden"), ("Routes", "Forbidden")])

    assert finding.level == "warning"
    assert finding.found.endswith("does not let OperatorGroups, Routes be read: Forbidden")
    assert "oc auth can-i list routes" in finding.fix


def test_all_of_it_is_told_at_once() -> None:
    finding = _findings(
        namespaces={OSC: "", TRUSTEE: "", "coco-attestation-check": ""},
        groups=[GROUP],
        occupied=[Occupied(what=each) for each in WANTED.names if each.namespace],
        kbs=[Kbs(what=_named("KbsConfig", "second"))],
        host="kbs.example.com",
        claims=[_named("Route", "old-kbs", "shop")],
    )

    assert len(finding) == 6


owners = st.sampled_from([None, "", "coco-azure/prod"])
places = st.sampled_from([OSC, TRUSTEE, "elsewhere"])
packages = st.sampled_from([names.OSC_PACKAGE, names.TRUSTEE_PACKAGE, "other-operator"])


@given(
    st.dictionaries(places, owners),
    st.lists(st.builds(Group, namespace=places, name=st.just("g"), targets=st.just(()), own=st.booleans())),
    st.lists(st.builds(Subscription, namespace=places, name=st.just("s"), package=packages, own=st.booleans())),
    st.lists(st.builds(Installed, namespace=places, package=packages, name=st.just("c"))),
    st.booleans(),
)
def test_no_advice_ever_deletes_a_namespace_or_hands_one_over(
    namespaces: dict[str, str | None],
    groups: Sequence[Group],
    subscriptions: Sequence[Subscription],
    csvs: Sequence[Installed],
    install: bool,  # noqa: FBT001 - a value that is drawn
) -> None:
    wanted = replace(WANTED, operators=[replace(each, install=install) for each in OPERATORS])
    for finding in _findings(wanted, namespaces=namespaces, groups=groups, subscriptions=subscriptions, csvs=csvs):
        for line in finding.fix.splitlines():
            command = re.search(r"\boc .*", line)
            words = shlex.split(command[0]) if command else []
            assert not any(each.startswith(("namespace", "ns/")) for each in words), line
        assert finding.fix
