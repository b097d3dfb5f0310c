"""What the pre-flight says of a cluster, and that it says nothing of a run that was broken off."""

from dataclasses import replace
from typing import Any

import pytest

from coco_azure import names
from coco_azure.inventory.cluster_facts import Catalog, ClusterFacts, CredentialOperator, CredentialsSecret, Csv
from coco_azure.inventory.requirements import Operator, Requirements
from coco_azure.preflight import cluster, credentials, nodes
from coco_azure.preflight.model import Finding
from coco_azure.rollout.facts import Pool
from coco_azure.settings.azure import CredentialSettings
from tests.unit.preflight_facts import requiring

CSV = f"{names.OSC_PACKAGE}.v1.12.1"
OSC = Operator(package=names.OSC_PACKAGE, setting="peerPods.operator", namespace=names.OSC_NAMESPACE, csv=CSV)
TRUSTEE = Operator(package=names.TRUSTEE_PACKAGE, setting="trustee.operator", namespace=names.TRUSTEE_NAMESPACE)
WANTED = requiring(operators=(OSC, TRUSTEE), reboots=True)
CATALOG = Catalog(name="redhat-operators", namespace="openshift-marketplace", exists=True, state="READY")
HEALTHY = Pool(name="worker", machines=3, at_once=1, paused=False, degraded=None)
ALL = frozenset({"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_CLIENT_SECRET"})
FACTS = ClusterFacts(
    version="4.18.21",
    catalogs=dict.fromkeys((names.OSC_PACKAGE, names.TRUSTEE_PACKAGE), CATALOG),
    csvs={
        names.OSC_PACKAGE: (Csv(name="sandboxed-containers-operator.v1.9.0", phase="Succeeded"),),
        names.TRUSTEE_PACKAGE: (Csv(name="trustee-operator.v0.3.0", phase="Succeeded"),),
    },
    kata_configs=("example-kataconfig",),
    secret=CredentialsSecret(filled=ALL, generated=True),
    secret_known=True,
)


def findings(wanted: Requirements = WANTED, **changes: Any) -> list[Finding]:
    facts = replace(FACTS, **changes)
    checks = (cluster.problems, credentials.problems, nodes.problems)
    return [finding for check in checks for finding in check(facts, wanted)]


def one(wanted: Requirements = WANTED, **changes: Any) -> Finding:
    (problem,) = findings(wanted, **changes)
    return problem


def csvs(name: str, phase: str = "Succeeded", message: str = "") -> dict[str, Any]:
    return {"csvs": {names.OSC_PACKAGE: (Csv(name=f"{names.OSC_PACKAGE}.v{name}", phase=phase, message=message),)}}


NEW: dict[str, Any] = {
    "csvs": dict.fromkeys((names.OSC_PACKAGE, names.TRUSTEE_PACKAGE), ()),
    "kata_configs": (),
    "secret": None,
}
TOKEN = CredentialsSecret(filled=ALL - {"AZURE_CLIENT_SECRET"} | {"AZURE_FEDERATED_TOKEN_FILE"})
MANUAL, ROOT = CredentialOperator(mode="Manual"), CredentialOperator(mode="", root=True)
OTHER = {"csvs": {"other-operator": (Csv(name="other-operator.v9.9.9", phase="Succeeded"),)}}
FINE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a healthy cluster": ({}, {}),
    "a new one without operators and secret": ({}, NEW),
    "a new one with a root credential": ({}, {**NEW, "credential_operator": ROOT}),
    **{
        f"an installation in the middle, {phase}": ({}, csvs("1.9.0", phase))
        for phase in ("", "Pending", "InstallReady", "Installing", "Replacing", "Deleting", "Unknown")
    },
    "a pool that updates": ({}, {"pools": (HEALTHY,)}),
    **{f"OpenShift {each}": ({}, {"version": each}) for each in ("4.15.0", "4.15.0-rc.1", "4.18.21", "5.0.1", "")},
    "a catalog that nothing is installed from": (
        {"install": False},
        {"catalogs": {names.OSC_PACKAGE: replace(CATALOG, exists=False)}},
    ),
    "a version that is treated as a known one": ({"treat_as": "1.13"}, csvs("1.99.0")),
    "an installed version that ends the run elsewhere": ({"csv": ""}, csvs("1.99.0")),
    "versions that are compared as numbers": ({}, csvs("1.10.3")),
    "another operator's versions": ({"package": "other-operator", "install": False}, OTHER),
    "a managed identity's token in the place of the client's secret": ({}, {"secret": TOKEN}),
    "manual mode with a secret": ({}, {"credential_operator": MANUAL}),
    "manual mode with its source": ({}, {"secret": None, "source_exists": True, "credential_operator": MANUAL}),
    "manual mode, and a secret that is not known": (
        {},
        {"secret": None, "secret_known": False, "credential_operator": MANUAL},
    ),
    **{
        f"a root credential that is passed on, {mode}": (
            {},
            {"secret": None, "credential_operator": CredentialOperator(mode=mode, root=True)},
        )
        for mode in ("", "Default", "Passthrough")
    },
}


@pytest.mark.parametrize("case", FINE)
def test_what_is_well_or_under_way_is_no_problem(case: str) -> None:
    operator, facts = FINE[case]
    assert findings(replace(WANTED, operators=(replace(OSC, **operator), TRUSTEE)), **facts) == []


@pytest.mark.parametrize("name", ["", "AzurePublicCloud"])
def test_the_public_cloud_is_no_problem_by_either_of_its_names(name: str) -> None:
    assert list(cluster.cloud_problems(replace(FACTS, cloud=name), WANTED)) == []


@pytest.mark.parametrize("name", ["AzureUSGovernmentCloud", "AzureChinaCloud", "AzureGermanCloud", "AzureStackCloud"])
def test_any_other_cloud_is_a_problem_that_names_it_and_says_why(name: str) -> None:
    (problem,) = cluster.cloud_problems(replace(FACTS, cloud=name), WANTED)

    assert (problem.check, problem.level) == ("cloud", "problem")
    assert problem.found.startswith(f"this cluster is in {name}")
    assert "cloud-api-adaptor makes pod VMs in Azure's public cloud alone" in problem.needed


def test_a_cluster_that_was_not_asked_is_no_problem() -> None:
    unasked = ClusterFacts()
    assert [*cluster.problems(unasked, WANTED), *credentials.problems(unasked, WANTED)] == []


@pytest.mark.parametrize("version", ["4.14.40", "4.9.1", "3.11.0"])
def test_an_older_openshift_is_a_problem(version: str) -> None:
    problem = one(version=version)
    assert (problem.check, problem.level) == ("cluster-version", "problem")
    assert version in problem.found
    assert "4.15" in problem.needed
    assert "oc adm upgrade" in problem.fix


def test_an_upgrade_of_the_cluster_is_a_warning() -> None:
    problem = one(upgrading_to="4.18.22")
    assert (problem.check, problem.level) == ("cluster-version", "warning")
    assert "from 4.18.21 to 4.18.22" in problem.found


def test_a_degraded_pool_is_a_problem_where_nodes_are_to_reboot() -> None:
    pools = (replace(HEALTHY, degraded="node worker-0 is reporting: disk full"),)
    problem = one(pools=pools)
    assert (problem.check, problem.level) == ("pools", "problem")
    assert "disk full" in problem.found
    assert "oc describe mcp worker" in problem.fix
    assert findings(replace(WANTED, reboots=False), pools=pools) == []


def test_a_paused_pool_is_a_warning_with_the_command_that_resumes_it() -> None:
    problem = one(pools=(replace(HEALTHY, paused=True),))
    assert (problem.level, problem.fix.startswith("oc patch mcp worker")) == ("warning", True)


def test_a_catalog_that_fails_is_a_problem_for_an_operator_that_is_not_there() -> None:
    broken = {names.OSC_PACKAGE: replace(CATALOG, state="TRANSIENT_FAILURE")}
    problem = one(catalogs=broken, csvs={names.OSC_PACKAGE: ()})
    assert (problem.check, problem.level) == ("catalog", "problem")
    assert "openshift-marketplace/redhat-operators is TRANSIENT_FAILURE" in problem.found
    assert "olm.catalogSource=redhat-operators" in problem.fix


def test_a_catalog_that_fails_is_a_warning_for_an_operator_that_is_there() -> None:
    assert one(catalogs={names.OSC_PACKAGE: replace(CATALOG, state="TRANSIENT_FAILURE")}).level == "warning"


@pytest.mark.parametrize("state", ["", "CONNECTING", "IDLE"])
def test_a_catalog_that_has_just_started_is_a_warning(state: str) -> None:
    assert one(catalogs={names.OSC_PACKAGE: replace(CATALOG, state=state)}, csvs={}).level == "warning"


def test_a_catalog_that_does_not_exist_is_a_problem_with_the_setting() -> None:
    problem = one(catalogs={names.OSC_PACKAGE: replace(CATALOG, exists=False)}, csvs={})
    assert (problem.level, "there is no CatalogSource" in problem.found) == ("problem", True)
    assert "coco-azure:peerPods.operator.catalog NAME" in problem.fix


def test_a_catalog_of_two_operators_is_told_once_and_is_a_problem_until_both_are_there() -> None:
    catalogs = dict.fromkeys((names.OSC_PACKAGE, names.TRUSTEE_PACKAGE), replace(CATALOG, exists=False))
    problem = one(catalogs=catalogs, **csvs("1.9.0"))
    assert (problem.level, problem.fix.count("operator.catalog NAME")) == ("problem", 2)
    assert "sandboxed-containers-operator and trustee-operator" in problem.needed
    assert one(catalogs=catalogs).level == "warning"


def test_a_version_newer_than_all_that_is_known_is_a_problem() -> None:
    problem = one(**csvs("1.99.0"))
    assert (problem.check, problem.level) == ("operators", "problem")
    assert "sandboxed-containers-operator.v1.99.0 is installed" in problem.found
    assert "1.9, 1.10, 1.11, 1.12, 1.13" in problem.needed
    assert "peerPods.operator.version VERSION" in problem.fix


def test_a_version_older_than_all_that_is_known_is_a_warning_where_the_stack_upgrades_it() -> None:
    assert one(**csvs("1.8.1")).level == "warning"


def test_a_version_older_than_all_that_is_known_is_a_problem_where_somebody_else_installs() -> None:
    wanted = replace(WANTED, operators=(replace(OSC, install=False),))
    assert one(wanted, **csvs("1.8.1")).level == "problem"


def _floor(version: str, csv: str = "1.13.1", treat_as: str | None = None) -> list[Finding]:
    operator = replace(OSC, csv=f"{names.OSC_PACKAGE}.v{csv}", treat_as=treat_as)
    return findings(replace(WANTED, operators=(operator,)), version=version)


@pytest.mark.parametrize(
    ("version", "least"), [("4.19.37", "4.19.38"), ("4.22.4", "4.22.5"), ("4.18.99", "4.19.38"), ("4.20.3", "4.20.29")]
)
def test_an_openshift_below_what_people_tell_for_the_version_of_osc_is_a_warning(version: str, least: str) -> None:
    (problem,) = _floor(version)

    assert (problem.check, problem.level) == ("cluster-version", "warning")
    assert f"OpenShift {version}, and sandboxed-containers-operator.v1.13.1" in problem.found
    assert "4.19.38, 4.20.29, 4.21.24, 4.22.5" in problem.needed
    assert f"oc adm upgrade --to {least}" in problem.fix
    assert "coco-azure:peerPods.operator.version VERSION" in problem.fix


@pytest.mark.parametrize("version", ["4.19.38", "4.21.30", "4.22.5", "4.22.15", "4.23.0", ""])
def test_an_openshift_that_is_new_enough_is_fine(version: str) -> None:
    assert [each for each in _floor(version) if "sandboxed" in each.found] == []


def test_the_least_openshift_is_that_of_the_version_that_the_stack_will_have() -> None:
    assert _floor("4.19.3", "1.12.1") == []
    assert len(_floor("4.19.3", "1.14.0", treat_as="1.13")) == 1


def test_a_name_without_a_version_is_a_problem() -> None:
    problem = one(csvs={names.OSC_PACKAGE: (Csv(name="sandboxed-containers-operator.vlatest", phase="Succeeded"),)})
    assert (problem.check, problem.level) == ("operators", "problem")


def test_a_failed_csv_is_a_warning_because_olm_goes_on() -> None:
    problem = one(**csvs("1.9.0", "Failed", "deployment not ready"), catalogs={})
    assert (problem.check, problem.level, "deployment not ready" in problem.found) == ("operators", "warning", True)


@pytest.mark.parametrize(("name", "level"), [("1.9.1", "problem"), ("1.10.0", "problem"), ("1.9.0", "warning")])
def test_a_failed_csv_newer_than_what_is_installed_is_a_problem(name: str, level: str) -> None:
    asked = replace(OSC, csv=f"{names.OSC_PACKAGE}.v1.9.0")
    operators = [asked, replace(asked, install=False), replace(asked, csv="")]
    failed = [one(replace(WANTED, operators=(each,)), **csvs(name, "Failed"), catalogs={}) for each in operators]

    removal = f"delete csv {names.OSC_PACKAGE}.v{name}; or take its version: pulumi config set --path "
    assert [each.level for each in failed] == [level, "warning", "warning"]
    assert (f"{removal}coco-azure:peerPods.operator.version {name}" in failed[0].fix) == (level == "problem")


def test_a_second_kataconfig_is_a_problem() -> None:
    problem = one(kata_configs=("b", "a"))
    assert (problem.check, problem.level, problem.found) == ("kata-config", "problem", "2 KataConfigs: a, b")


@pytest.mark.parametrize("key", sorted(ALL))
def test_a_blank_value_in_the_secret_is_a_problem_that_names_the_key_and_no_value(key: str) -> None:
    problem = one(secret=CredentialsSecret(filled=ALL - {key}, blank=frozenset({key})))
    assert (problem.check, problem.level) == ("credentials", "problem")
    assert f"{key} is blank" in problem.found
    assert "--secret" in problem.fix


def test_a_missing_key_of_the_secret_is_a_problem() -> None:
    problem = one(secret=CredentialsSecret(filled=ALL - {"AZURE_TENANT_ID"}))
    assert "AZURE_TENANT_ID is missing" in problem.found


def test_a_secret_that_the_operator_is_still_making_is_a_warning() -> None:
    problem = one(secret=CredentialsSecret(filled=frozenset(), generated=True))
    assert (problem.level, "credentialsrequest" in problem.fix) == ("warning", True)


@pytest.mark.parametrize("source", ["servicePrincipal", "workloadIdentity"])
def test_a_secret_that_the_stack_makes_is_not_judged(source: str) -> None:
    blank = CredentialsSecret(filled=frozenset(), blank=ALL)
    client = {"clientId": "11111111-2222-3333-4444-555555555555"}
    secret = {"clientSecret": "secret"} if source == "servicePrincipal" else {}
    credentials = CredentialSettings.model_validate({source: {**client, **secret}})
    assert findings(requiring(WANTED, credentials=credentials), secret=blank) == []


def test_manual_mode_without_a_secret_is_a_problem() -> None:
    problem = one(secret=None, credential_operator=CredentialOperator(mode="Manual"))
    assert (problem.check, problem.level) == ("credentials", "problem")
    assert "manual mode" in problem.found
    assert "azure.credentials.servicePrincipal.clientId" in problem.fix


def test_no_root_credential_and_no_secret_is_a_problem() -> None:
    none = CredentialOperator(mode="", root=False)
    problem = one(secret=None, credential_operator=none)
    assert (problem.level, "kube-system/azure-credentials" in problem.found) == ("problem", True)
    assert findings(credential_operator=none) == []
    assert findings(secret=None, source_exists=True, credential_operator=none) == []


def test_mint_mode_is_a_warning_because_azure_does_not_have_it_any_more() -> None:
    problem = one(secret=None, credential_operator=CredentialOperator(mode="Mint", root=True))
    assert (problem.level, "oc patch cloudcredential cluster" in problem.fix) == ("warning", True)
