"""What the pre-flight says of a cluster, and that it says nothing of a run that was broken off."""

from dataclasses import replace
from typing import Any

import pytest

from preflight import cluster, credentials
from preflight.cluster_facts import Catalog, ClusterFacts, CredentialOperator, CredentialsSecret, Csv
from preflight.model import Finding
from preflight.wanted import Operator, Wanted
from rendering.profiles import OSC_PACKAGE, TRUSTEE_PACKAGE
from rollout.facts import Pool

OSC = Operator(
    package=OSC_PACKAGE,
    setting="peerPods.operator",
    namespace="openshift-sandboxed-containers-operator",
    csv=f"{OSC_PACKAGE}.v1.12.1",
)
TRUSTEE = Operator(package=TRUSTEE_PACKAGE, setting="trustee.operator", namespace="trustee-operator-system")
WANTED = Wanted(size="Standard_DC2as_v5", sizes=("Standard_DC2as_v5",), operators=(OSC, TRUSTEE), reboots=True)
CATALOG = Catalog(name="redhat-operators", namespace="openshift-marketplace", exists=True, state="READY")
HEALTHY = Pool(name="worker", machines=3, at_once=1, paused=False, degraded=None)
ALL = frozenset({"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_CLIENT_SECRET"})
FACTS = ClusterFacts(
    version="4.18.21",
    catalogs={OSC_PACKAGE: CATALOG, TRUSTEE_PACKAGE: CATALOG},
    csvs={
        OSC_PACKAGE: (Csv(name="sandboxed-containers-operator.v1.9.0", phase="Succeeded"),),
        TRUSTEE_PACKAGE: (Csv(name="trustee-operator.v0.3.0", phase="Succeeded"),),
    },
    kata_configs=("example-kataconfig",),
    secret=CredentialsSecret(filled=ALL, generated=True),
    secret_known=True,
)


def said(wanted: Wanted = WANTED, **changes: Any) -> list[Finding]:
    facts = replace(FACTS, **changes)
    return [*cluster.problems(facts, wanted), *credentials.problems(facts, wanted)]


def one(wanted: Wanted = WANTED, **changes: Any) -> Finding:
    (found,) = said(wanted, **changes)
    return found


def csvs(name: str, phase: str = "Succeeded", message: str = "") -> dict[str, Any]:
    return {"csvs": {OSC_PACKAGE: (Csv(name=f"{OSC_PACKAGE}.v{name}", phase=phase, message=message),)}}


def test_a_healthy_cluster_is_no_problem() -> None:
    assert said() == []


def test_a_cluster_that_was_not_asked_is_no_problem() -> None:
    unasked = ClusterFacts()
    assert [*cluster.problems(unasked, WANTED), *credentials.problems(unasked, WANTED)] == []


def test_a_new_cluster_without_operators_and_secret_is_no_problem() -> None:
    nothing: dict[str, Any] = {"csvs": {OSC_PACKAGE: (), TRUSTEE_PACKAGE: ()}, "kata_configs": (), "secret": None}
    assert said(**nothing) == []
    assert said(**nothing, credential_operator=CredentialOperator(mode="", root=True)) == []


@pytest.mark.parametrize("phase", ["", "Pending", "InstallReady", "Installing", "Replacing", "Deleting", "Unknown"])
def test_an_installation_in_the_middle_is_no_problem(phase: str) -> None:
    assert said(**csvs("1.9.0", phase)) == []


def test_a_pool_that_updates_is_no_problem() -> None:
    assert said(pools=(HEALTHY,)) == []


@pytest.mark.parametrize("version", ["4.15.0", "4.15.0-rc.1", "4.18.21", "5.0.1", ""])
def test_openshift_4_15_and_later_is_no_problem(version: str) -> None:
    assert said(version=version) == []


@pytest.mark.parametrize("version", ["4.14.40", "4.9.1", "3.11.0"])
def test_an_older_openshift_is_a_problem(version: str) -> None:
    found = one(version=version)
    assert (found.check, found.level) == ("cluster-version", "problem")
    assert version in found.found
    assert "4.15" in found.needed
    assert "oc adm upgrade" in found.fix


def test_an_upgrade_of_the_cluster_is_a_warning() -> None:
    found = one(upgrading_to="4.18.22")
    assert (found.check, found.level) == ("cluster-version", "warning")
    assert "from 4.18.21 to 4.18.22" in found.found


def test_a_degraded_pool_is_a_problem_where_nodes_are_to_reboot() -> None:
    pools = (replace(HEALTHY, degraded="node worker-0 is reporting: disk full"),)
    found = one(pools=pools)
    assert (found.check, found.level) == ("pools", "problem")
    assert "disk full" in found.found
    assert "oc describe mcp worker" in found.fix
    assert said(replace(WANTED, reboots=False), pools=pools) == []


def test_a_paused_pool_is_a_warning_with_the_command_that_resumes_it() -> None:
    found = one(pools=(replace(HEALTHY, paused=True),))
    assert (found.level, found.fix.startswith("oc patch mcp worker")) == ("warning", True)


def test_a_catalog_that_fails_is_a_problem_for_an_operator_that_is_not_there() -> None:
    broken: dict[str, Any] = {"catalogs": {OSC_PACKAGE: replace(CATALOG, state="TRANSIENT_FAILURE")}}
    found = one(**broken, csvs={OSC_PACKAGE: ()})
    assert (found.check, found.level) == ("catalog", "problem")
    assert "openshift-marketplace/redhat-operators is TRANSIENT_FAILURE" in found.found
    assert "olm.catalogSource=redhat-operators" in found.fix


def test_a_catalog_that_fails_is_a_warning_for_an_operator_that_is_there() -> None:
    assert one(catalogs={OSC_PACKAGE: replace(CATALOG, state="TRANSIENT_FAILURE")}).level == "warning"


@pytest.mark.parametrize("state", ["", "CONNECTING", "IDLE"])
def test_a_catalog_that_has_just_started_is_a_warning(state: str) -> None:
    assert one(catalogs={OSC_PACKAGE: replace(CATALOG, state=state)}, csvs={}).level == "warning"


def test_a_catalog_that_does_not_exist_is_a_problem_with_the_setting() -> None:
    found = one(catalogs={OSC_PACKAGE: replace(CATALOG, exists=False)}, csvs={})
    assert (found.level, "there is no CatalogSource" in found.found) == ("problem", True)
    assert "coco-azure:peerPods.operator.catalog NAME" in found.fix


def test_a_catalog_of_two_operators_is_told_once_and_is_a_problem_until_both_are_there() -> None:
    broken: dict[str, Any] = {"catalogs": dict.fromkeys((OSC_PACKAGE, TRUSTEE_PACKAGE), replace(CATALOG, exists=False))}
    found = one(**broken, **csvs("1.9.0"))
    assert (found.level, found.fix.count("operator.catalog NAME")) == ("problem", 2)
    assert "sandboxed-containers-operator and trustee-operator" in found.needed
    assert one(**broken).level == "warning"


def test_a_catalog_that_nothing_is_installed_from_is_not_asked_for() -> None:
    wanted = replace(WANTED, operators=(replace(OSC, install=False),))
    assert said(wanted, catalogs={OSC_PACKAGE: replace(CATALOG, exists=False)}) == []


def test_a_version_newer_than_all_that_is_known_is_a_problem() -> None:
    found = one(**csvs("1.99.0"))
    assert (found.check, found.level) == ("operators", "problem")
    assert "sandboxed-containers-operator.v1.99.0 is installed" in found.found
    assert "1.9, 1.10, 1.11, 1.12, 1.13" in found.needed
    assert "peerPods.operator.version VERSION" in found.fix


def test_a_version_that_is_treated_as_a_known_one_is_no_problem() -> None:
    assert said(replace(WANTED, operators=(replace(OSC, treat_as="1.13"),)), **csvs("1.99.0")) == []


def test_an_installed_version_that_ends_the_run_elsewhere_is_not_told_twice() -> None:
    assert said(replace(WANTED, operators=(replace(OSC, csv=""),)), **csvs("1.99.0")) == []


def test_a_version_older_than_all_that_is_known_is_a_warning_where_the_stack_upgrades_it() -> None:
    assert one(**csvs("1.8.1")).level == "warning"


def test_a_version_older_than_all_that_is_known_is_a_problem_where_somebody_else_installs() -> None:
    wanted = replace(WANTED, operators=(replace(OSC, install=False),))
    assert one(wanted, **csvs("1.8.1")).level == "problem"


def _floor(version: str, csv: str = "1.13.1", treat_as: str | None = None) -> list[Finding]:
    operator = replace(OSC, csv=f"{OSC_PACKAGE}.v{csv}", treat_as=treat_as)
    return said(replace(WANTED, operators=(operator,)), version=version)


@pytest.mark.parametrize(
    ("version", "least"), [("4.19.37", "4.19.38"), ("4.22.4", "4.22.5"), ("4.18.99", "4.19.38"), ("4.20.3", "4.20.29")]
)
def test_an_openshift_below_what_people_tell_for_the_version_of_osc_is_a_warning(version: str, least: str) -> None:
    (found,) = _floor(version)

    assert (found.check, found.level) == ("cluster-version", "warning")
    assert f"OpenShift {version}, and sandboxed-containers-operator.v1.13.1" in found.found
    assert "4.19.38, 4.20.29, 4.21.24, 4.22.5" in found.needed
    assert f"oc adm upgrade --to {least}" in found.fix
    assert "coco-azure:peerPods.operator.version VERSION" in found.fix


@pytest.mark.parametrize("version", ["4.19.38", "4.21.30", "4.22.5", "4.22.15", "4.23.0", ""])
def test_an_openshift_that_is_new_enough_is_fine(version: str) -> None:
    assert [each for each in _floor(version) if "sandboxed" in each.found] == []


def test_the_least_openshift_is_that_of_the_version_that_the_stack_will_have() -> None:
    assert _floor("4.19.3", "1.12.1") == []
    assert len(_floor("4.19.3", "1.14.0", treat_as="1.13")) == 1


def test_versions_are_compared_as_numbers() -> None:
    assert said(**csvs("1.10.3")) == []


def test_a_name_without_a_version_is_a_problem() -> None:
    found = one(csvs={OSC_PACKAGE: (Csv(name="sandboxed-containers-operator.vlatest", phase="Succeeded"),)})
    assert (found.check, found.level) == ("operators", "problem")


def test_another_operator_s_versions_are_not_judged() -> None:
    other = replace(OSC, package="other-operator", install=False)
    facts = {"csvs": {"other-operator": (Csv(name="other-operator.v9.9.9", phase="Succeeded"),)}}
    assert said(replace(WANTED, operators=(other,)), **facts) == []


def test_a_failed_csv_is_a_warning_because_olm_goes_on() -> None:
    found = one(**csvs("1.9.0", "Failed", "deployment not ready"), catalogs={})
    assert (found.check, found.level, "deployment not ready" in found.found) == ("operators", "warning", True)


def test_a_second_kataconfig_is_a_problem() -> None:
    found = one(kata_configs=("b", "a"))
    assert (found.check, found.level, found.found) == ("kata-config", "problem", "2 KataConfigs: a, b")


@pytest.mark.parametrize("key", sorted(ALL))
def test_a_blank_value_in_the_secret_is_a_problem_that_names_the_key_and_no_value(key: str) -> None:
    found = one(secret=CredentialsSecret(filled=ALL - {key}, blank=frozenset({key})))
    assert (found.check, found.level) == ("credentials", "problem")
    assert f"{key} is blank" in found.found
    assert "--secret" in found.fix


def test_a_missing_key_of_the_secret_is_a_problem() -> None:
    found = one(secret=CredentialsSecret(filled=ALL - {"AZURE_TENANT_ID"}))
    assert "AZURE_TENANT_ID is missing" in found.found


def test_a_managed_identity_s_token_takes_the_place_of_the_client_s_secret() -> None:
    keys = ALL - {"AZURE_CLIENT_SECRET"} | {"AZURE_FEDERATED_TOKEN_FILE"}
    assert said(secret=CredentialsSecret(filled=keys)) == []


def test_a_secret_that_the_operator_is_still_making_is_a_warning() -> None:
    found = one(secret=CredentialsSecret(filled=frozenset(), generated=True))
    assert (found.level, "credentialsrequest" in found.fix) == ("warning", True)


@pytest.mark.parametrize("source", ["servicePrincipal", "workloadIdentity"])
def test_a_secret_that_the_stack_makes_is_not_judged(source: str) -> None:
    blank = CredentialsSecret(filled=frozenset(), blank=ALL)
    assert said(replace(WANTED, credentials=source), secret=blank) == []


def test_manual_mode_without_a_secret_is_a_problem() -> None:
    found = one(secret=None, credential_operator=CredentialOperator(mode="Manual"))
    assert (found.check, found.level) == ("credentials", "problem")
    assert "manual mode" in found.found
    assert "azure.credentials.servicePrincipal.clientId" in found.fix


def test_manual_mode_with_a_secret_or_its_source_is_no_problem() -> None:
    manual = CredentialOperator(mode="Manual")
    assert said(credential_operator=manual) == []
    assert said(secret=None, source_exists=True, credential_operator=manual) == []
    assert said(secret=None, secret_known=False, credential_operator=manual) == []


def test_no_root_credential_and_no_secret_is_a_problem() -> None:
    none = CredentialOperator(mode="", root=False)
    found = one(secret=None, credential_operator=none)
    assert (found.level, "kube-system/azure-credentials" in found.found) == ("problem", True)
    assert said(credential_operator=none) == []
    assert said(secret=None, source_exists=True, credential_operator=none) == []


def test_mint_mode_is_a_warning_because_azure_does_not_have_it_any_more() -> None:
    found = one(secret=None, credential_operator=CredentialOperator(mode="Mint", root=True))
    assert (found.level, "oc patch cloudcredential cluster" in found.fix) == ("warning", True)


@pytest.mark.parametrize("mode", ["", "Default", "Passthrough"])
def test_a_root_credential_that_is_passed_on_is_enough(mode: str) -> None:
    assert said(secret=None, credential_operator=CredentialOperator(mode=mode, root=True)) == []
