"""What the operators sign in to Azure with: the Cloud Credential Operator's, a service principal, an identity."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.azure import description
from rehearsal.azure.arm_server import Access
from rehearsal.azure.subscription import COPY
from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.pods import caa
from tests.engine.trustee import attested
from tests.unit.azure_server import GROUP, Azure

NAMESPACE = "openshift-sandboxed-containers-operator"
SECRET = f"/api/v1/namespaces/{NAMESPACE}/secrets/peer-pods-secret"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/peer-pods-cm"
SUBSCRIPTION = f"/apis/operators.coreos.com/v1alpha1/namespaces/{NAMESPACE}/subscriptions/sandboxed-containers-operator"
REQUESTS = "/apis/cloudcredential.openshift.io/v1/namespaces/openshift-cloud-credential-operator/credentialsrequests"
REQUEST = f"{REQUESTS}/openshift-sandboxed-containers-azure"
# A client whose secret the described Azure does not know, and the object id of one that it does.
CLIENT, OBJECT = "0c0c0c0c-5555-6666-7777-888888888888", "0b0b0b0b-5555-6666-7777-888888888888"
FIRST, SECOND = "first~client~secret", "second~client~secret"
ROLES = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack with the chapter's versions and the Cloud Credential Operator's credentials."""
    variables = {"COCO_REHEARSAL_OSC": "1.9", "COCO_REHEARSAL_TRUSTEE": "0.3"}
    for started in start(tmp_path_factory.mktemp("credentials"), tools, variables):
        _know_secrets(started)
        started.up()
        yield started


def _know_secrets(stack: Stack) -> None:
    """Give the operators' client two secrets more, as ``az ad app credential reset --append`` does."""
    path = stack.cluster.directory / COPY
    values = {"identities": {"operators": {"secrets": [FIRST, SECOND]}}}
    path.write_text(yaml.safe_dump(description.merge(description.load(path), values)))


def _configure(stack: Stack, credentials: dict[str, Any], **azure: Any) -> None:
    approved = {"peerPods": {"kataConfig": {"allowReboot": True}}}
    stack.configure({**approved, "azure": {"credentials": credentials, **azure}})


def _principal(stack: Stack, secret: str, **azure: Any) -> None:
    """Configure a service principal, its secret encrypted as a user has it."""
    _configure(stack, {"servicePrincipal": {"clientId": CLIENT}, "objectId": OBJECT}, **azure)
    path = "coco-azure:azure.credentials.servicePrincipal.clientSecret"
    stack.run("config", "set", "--stack", stack.name, "--path", "--secret", path, secret)


def _content(stack: Stack) -> dict[str, str]:
    data = stack.get(SECRET)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_the_cloud_credential_operators_secret_makes_room_for_the_stacks_and_caa_reads_it(stack: Stack) -> None:
    before = caa(stack)
    assert stack.get(REQUEST) is not None
    _principal(stack, FIRST)
    preview = stack.preview()
    done = stack.up()

    assert "peer-pods-credentials-secret" in names(preview, "create")
    assert "peer-pods-secret of the Cloud Credential Operator makes room" in done.output
    assert _content(stack)["AZURE_CLIENT_SECRET"] == FIRST
    assert _content(stack)["AZURE_CLIENT_ID"] == CLIENT
    assert not before & caa(stack)
    assert attested(stack)
    stack.up("--expect-no-changes")
    assert _content(stack)["AZURE_CLIENT_SECRET"] == FIRST


def test_the_next_client_secret_restarts_caa_once(stack: Stack) -> None:
    before = caa(stack)
    _principal(stack, SECOND)
    preview = stack.preview()
    stack.up()

    assert {"peer-pods-credentials-secret", "peer-pods-cm", "peer-pods-caa-restarted"} <= names(preview, "update")
    assert _content(stack)["AZURE_CLIENT_SECRET"] == SECOND
    assert not before & caa(stack)
    stack.up("--expect-no-changes")


def test_no_client_secret_stands_in_the_state_in_what_was_printed_or_in_another_object(stack: Stack) -> None:
    texts = {str(path): text for path, text in stack.files().items()}
    texts |= {f"run {number}": text for number, text in enumerate(stack.log)}
    texts["peer-pods-cm"] = str(stack.get(CONFIG))

    for secret in (FIRST, SECOND):
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            assert not [where for where, text in texts.items() if form in text]
    assert any(SECOND in str(value) for value in stack.shown_secrets()) or any(
        base64.b64encode(SECOND.encode()).decode() in str(value) for value in stack.shown_secrets()
    )


def test_roles_are_assigned_and_go_with_the_setting(stack: Stack) -> None:
    access = Access.read(stack.cluster.directory)
    assert access is not None
    azure = Azure(access)

    def theirs() -> set[str]:
        result = azure.every(ROLES, **{"$filter": f"principalId eq '{OBJECT}'"})
        return {each["name"] for each in result}

    before = theirs()
    _principal(stack, SECOND, roles="assign")
    stack.up()
    made = theirs() - before

    assert len(made) >= 4
    stack.up("--expect-no-changes")
    _principal(stack, SECOND, roles="off")
    stack.up()
    assert theirs() == before


def test_at_the_end_the_secret_goes_after_kataconfig(stack: Stack) -> None:
    _principal(stack, SECOND)
    stack.up()
    done = stack.destroy()

    order = [done.output.rindex(f" {name} ") for name in ("peer-pods-kataconfig", "peer-pods-credentials-secret")]
    assert order == sorted(order)
    assert stack.get(SECRET) is None


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    variables = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for started in start(tmp_path_factory.mktemp("identity"), tools, variables):
        _know_secrets(started)
        yield started


def test_a_managed_identity_has_the_operators_sign_in_with_the_clusters_token(newer: Stack) -> None:
    _configure(newer, {"workloadIdentity": {"clientId": CLIENT}})
    newer.up()

    assert sorted(_content(newer)) == [
        "AZURE_CLIENT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_SUBSCRIPTION_ID",
        "AZURE_TENANT_ID",
    ]
    env = newer.get(SUBSCRIPTION)["spec"]["config"]["env"]
    assert {each["name"] for each in env} == {"CLIENTID", "TENANTID", "SUBSCRIPTIONID"}
    assert attested(newer)
    newer.up("--expect-no-changes")


def test_an_operator_that_restarts_caa_itself_does_so_for_new_credentials_too(newer: Stack) -> None:
    before = caa(newer)
    request = newer.get(REQUEST)
    _principal(newer, FIRST)
    newer.up()

    assert request is None
    assert "AZURE_FEDERATED_TOKEN_FILE" not in _content(newer)
    assert "config" not in newer.get(SUBSCRIPTION)["spec"]
    newer.wait_for(lambda: not before & caa(newer))
    assert attested(newer)
    newer.up("--expect-no-changes")
