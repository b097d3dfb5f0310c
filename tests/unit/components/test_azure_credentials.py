"""What the operators sign in to Azure with, and the roles that the stack gives them."""

import base64
from typing import Any

import pytest

from coco_azure import names
from components.azure import credentials as azure_credentials
from tests.unit.azure_stacks import CLIENT_SECRET, OFF, PRINCIPAL, ROLES, UUID, azure_resources
from tests.unit.fake_azure import CLUSTER_GROUP, NSG, SUBSCRIPTION, WORKERS, FakeAzure
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, Run, Secret, failed_program, revealed, run_program
from tests.unit.trust_stacks import changed

SECRETS = "/api/v1/namespaces/openshift-sandboxed-containers-operator/secrets"
REQUEST = azure_credentials._REQUEST
NAMESPACE = "openshift-sandboxed-containers-operator"
SECRET = f"Secret {NAMESPACE}/peer-pods-secret"
CONFIG = f"ConfigMapPatch {NAMESPACE}/peer-pods-cm"
SUBSCRIPTION_OBJECT = f"Subscription {NAMESPACE}/sandboxed-containers-operator"
IDENTITY: dict[str, Any] = {**OFF, "azure": {"credentials": {"workloadIdentity": {"clientId": UUID}}}}
OWN: dict[str, Any] = {**OFF, "azure": {"credentials": PRINCIPAL}}


def _assigned(kind: str) -> dict[str, Any]:
    return azure_resources(ROLES)[kind].inputs


def _content(run: Run) -> dict[str, str]:
    data = revealed(run.objects()[SECRET]["data"])
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def test_by_default_the_cloud_credential_operator_has_the_secret_made() -> None:
    run = run_program(OFF)

    assert SECRET not in run.objects()
    assert "COCO_AZURE_CREDENTIALS" not in run.objects()[CONFIG]["data"]
    assert "config" not in run.objects()[SUBSCRIPTION_OBJECT]["spec"]


def test_a_service_principal_becomes_the_secret_that_caa_and_the_image_job_read() -> None:
    run = run_program(OWN)

    assert _content(run) == {
        "AZURE_CLIENT_ID": UUID,
        "AZURE_CLIENT_SECRET": CLIENT_SECRET,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_TENANT_ID": UUID,
    }
    assert isinstance(run.objects()[SECRET]["data"], Secret) or all(
        isinstance(value, Secret) for value in run.objects()[SECRET]["data"].values()
    )


def test_the_secret_is_there_before_kataconfig_and_goes_after_it() -> None:
    run = run_program(OWN)

    assert "peer-pods-credentials-secret" in run.dependencies("peer-pods-kataconfig")
    assert "peer-pods-credentials-secret" in run.dependencies("peer-pods-cm")


def test_the_client_secret_stands_nowhere_but_in_the_secret() -> None:
    run = run_program(OWN)
    encoded = base64.b64encode(CLIENT_SECRET.encode()).decode()

    for name, registration in run.registrations.items():
        if name != "peer-pods-credentials-secret":
            text = str(registration.request.object)
            assert CLIENT_SECRET not in text, name
            assert encoded not in text, name
    assert CLIENT_SECRET not in str(run.exports)


def test_other_credentials_restart_caa_by_a_fingerprint_that_tells_nothing() -> None:
    result = run_program(OWN).objects()[CONFIG]["data"]["COCO_AZURE_CREDENTIALS"]

    assert len(result) == 64
    assert not isinstance(result, Secret)
    other = changed(OWN, azure__credentials__servicePrincipal__clientSecret="another~one")
    assert run_program(other).objects()[CONFIG]["data"]["COCO_AZURE_CREDENTIALS"] != result


def test_a_managed_identity_has_no_secret_and_the_operator_mounts_the_clusters_token() -> None:
    run = run_program(IDENTITY, Recorder(osc="1.12.1"))

    assert _content(run) == {
        "AZURE_CLIENT_ID": UUID,
        "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/openshift/serviceaccount/token",
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_TENANT_ID": UUID,
    }
    assert run.objects()[SUBSCRIPTION_OBJECT]["spec"]["config"]["env"] == [
        {"name": "CLIENTID", "value": UUID},
        {"name": "SUBSCRIPTIONID", "value": SUBSCRIPTION},
        {"name": "TENANTID", "value": UUID},
    ]


@pytest.mark.parametrize("osc", ["1.9.0", "1.11.1"])
def test_an_operator_that_cannot_use_a_managed_identity_is_a_problem_before_anything_is_made(osc: str) -> None:
    error, run = failed_program(IDENTITY, Recorder(osc=osc))

    assert "azure.credentials.workloadIdentity is set" in error
    assert "Install 1.12 or later" in error
    assert not [name for name in run.registrations if name.startswith("peer-pods-operator-")]


@pytest.fixture
def own_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_credentials, "mark", lambda: "coco-azure/test")


def _minted(**labels: str) -> FakeCluster:
    secret = {"metadata": {"name": "peer-pods-secret", "labels": labels}}
    request = {"metadata": {"name": REQUEST.rpartition("/")[2]}}
    return FakeCluster(lists={SECRETS: [secret], REQUEST.rpartition("/")[0]: [request]})


@pytest.mark.usefixtures("own_stack")
def test_the_cloud_credential_operators_request_is_taken_back_before_the_stacks_secret_is_made() -> None:
    cluster = _minted(**{names.MINTED: "true"})
    azure_credentials._Before(cluster)._take_back()  # type: ignore[arg-type]

    ((path, change),) = cluster.patched
    assert path == f"{SECRETS}/peer-pods-secret"
    assert change["metadata"]["labels"] == {names.MINTED: None}
    assert change["metadata"]["ownerReferences"] is None
    assert change["data"] is None
    assert cluster.deleted == [REQUEST]


def test_a_secret_that_somebody_else_has_made_keeps_its_request() -> None:
    cluster = _minted()
    azure_credentials._Before(cluster)._take_back()  # type: ignore[arg-type]
    azure_credentials._Before(FakeCluster())._take_back()  # type: ignore[arg-type]

    assert cluster.deleted == []


def test_without_a_tenant_anywhere_the_setting_is_named() -> None:
    conf = {key: value for key, value in Recorder().cloud_conf.items() if key != "tenantId"}
    error, _ = failed_program(OWN, Recorder(cloud_conf=conf, azure=FakeAzure(token="opaque")))

    assert "pulumi config set --path 'coco-azure:azure.credentials.servicePrincipal.tenantId' VALUE" in error


def test_roles_are_assigned_to_the_identity_before_kataconfig() -> None:
    run = run_program(ROLES)
    made = {name for name in run.registrations if run.registrations[name].kind == "RoleAssignment"}

    assert len(made) == 7
    assert made <= run.dependencies("peer-pods-kataconfig")
    assigned = _assigned("peer-pods-roles-network-contributor-subnets")
    assert assigned["scope"] == WORKERS
    assert assigned["principalId"] == UUID
    assert assigned["principalType"] == "ServicePrincipal"
    assert assigned["roleDefinitionId"].endswith("/roleDefinitions/4d97b98b-1d4f-4787-a291-c67834d212e7")


def test_roles_that_are_only_checked_are_not_assigned() -> None:
    assert azure_resources(changed(ROLES, azure__roles="check")) == {}
    assert azure_resources(changed(ROLES, azure__roles="off")) == {}


def _assignment(scope: str, role: str, name: str) -> dict[str, Any]:
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    where = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
    return {
        "id": where,
        "name": name,
        "properties": {"scope": scope, "roleDefinitionId": definition, "principalId": UUID},
    }


def _listed(*assignments: dict[str, Any]) -> FakeAzure:
    azure = FakeAzure()
    for scope in (f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{CLUSTER_GROUP}"):
        azure.answers[f"{scope}/providers/microsoft.authorization/roleassignments".lower()] = list(assignments)
    for scope in (WORKERS, NSG):
        azure.answers[f"{scope}/providers/microsoft.authorization/roleassignments".lower()] = []
    return azure


def test_what_somebody_else_has_assigned_already_is_left_to_them() -> None:
    reader = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
    theirs = _assignment(f"/subscriptions/{SUBSCRIPTION}", reader, "6b3c2a10-0000-4000-8000-000000000000")

    made = azure_resources(ROLES, Recorder(azure=_listed(theirs)))

    assert "peer-pods-roles-reader-subscriptions" not in made
    assert len(made) == 6


def test_the_stacks_own_assignments_go_on_being_its_own() -> None:
    own = _assigned("peer-pods-roles-reader-subscriptions")
    mine = _assignment(own["scope"], own["roleDefinitionId"].rsplit("/", 1)[-1], own["roleAssignmentName"])

    assert len(azure_resources(ROLES, Recorder(azure=_listed(mine)))) == 7


def test_who_may_not_read_assignments_is_told_which_role_can() -> None:
    azure = FakeAzure(refused={"roleassignments": (403, "AuthorizationFailed", "no")})
    error, _ = failed_program(ROLES, Recorder(azure=azure))

    assert "Microsoft.Authorization/roleAssignments/read and write" in error
    assert "pulumi config set --path 'coco-azure:azure.roles' check" in error
