"""The simulated Cloud Credential Operator, what the OSC operator makes of its Secret, and how CAA signs in with it."""

import asyncio
import base64
from typing import Any

import pytest

from rehearsal.azure import description
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import CREDENTIALS_REQUEST, NAMESPACE, SECRET
from rehearsal.kubelet.caa import Caa, CaaStartError, SandboxError, check_sign_in
from rehearsal.operators import cco
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.operators.osc_credentials import CCO_NAMESPACE, REQUEST_NAME, SOURCE, TARGET, Credentials
from rehearsal.operators.osc_credentials import NAMESPACE as OSC
from rehearsal.operators.osc_peer_pods import ImageProblemError, PeerPods
from rehearsal.timings import Clock
from tests.unit.azure_server import IPI
from tests.unit.memory_api import MemoryApi
from tests.unit.pod_vm import ENVIRONMENT

KEY = f"{CCO_NAMESPACE}/{REQUEST_NAME}"


class World:
    """A cluster with both operators, and the credentials that the installer left."""

    def __init__(self, **changes: Any) -> None:
        self.api = MemoryApi()
        self.azure = Subscription(description.merge(IPI, changes))
        context = Context(self.api, Clock(1e9), Faults(self.api))
        self.cco, self.osc, self.peer_pods = cco.CloudCredentials(context), Credentials(self.api), PeerPods(context)
        self.do(cco.install(self.api, self.azure))
        self.do(self.api.create(NAMESPACE, {"metadata": {"name": OSC}}))

    def do(self, work: Any) -> Any:
        """Carry something out."""
        return asyncio.run(work)

    def ask(self) -> Any:
        """Ask for credentials, and return ``peer-pods-secret``."""
        self.do(self.osc.ask())
        self.do(self.cco.reconcile(KEY))
        return self.do(self.osc.map())

    def request(self) -> Any:
        """Return the request."""
        return self.do(self.api.get(CREDENTIALS_REQUEST, REQUEST_NAME, CCO_NAMESPACE))


@pytest.mark.parametrize("mode", ["Default", "Passthrough"])
def test_the_root_credential_is_passed_through_and_opens_azure(mode: str) -> None:
    world = World(credentialsMode=mode)
    secret = world.ask()

    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    client = IPI["identities"]["operators"]["clientId"]
    assert set(values) == {"AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID"}
    assert world.azure.state.secrets == {client: values["AZURE_CLIENT_SECRET"]}
    assert values["AZURE_CLIENT_ID"] == client
    assert secret["metadata"]["ownerReferences"][0]["name"] == SOURCE
    assert world.request()["status"]["provisioned"] is True


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"credentialsMode": "Mint"}, "Mint mode is not supported"),
        ({"rootCredential": False}, "kube-system/azure-credentials not found"),
    ],
)
def test_what_cannot_be_granted_is_told_by_the_request(changes: Any, reason: str) -> None:
    world = World(**changes)

    assert world.ask() is None
    (condition,) = world.request()["status"]["conditions"]
    assert condition["type"] == "CredentialsProvisionFailure"
    assert reason in condition["message"]


def test_in_manual_mode_nobody_answers_and_the_image_waits() -> None:
    world = World(credentialsMode="Manual")

    assert world.ask() is None
    assert "status" not in world.request()
    with pytest.raises(ImageProblemError, match="peer-pods-secret"):
        world.do(world.peer_pods._credentials("1.9.0"))


def test_a_secret_of_the_users_is_left_alone_and_nobody_is_asked() -> None:
    world = World()
    own = {"metadata": {"name": TARGET, "namespace": OSC}, "data": {"AZURE_CLIENT_ID": "x"}}
    world.do(world.api.create(SECRET, own))

    assert world.ask()["data"] == {"AZURE_CLIENT_ID": "x"}
    assert world.request() is None
    with pytest.raises(ImageProblemError, match="AZURE_CLIENT_SECRET, AZURE_SUBSCRIPTION_ID, AZURE_TENANT_ID"):
        world.do(world.peer_pods._credentials("1.9.0"))


def test_only_newer_operators_take_a_token_for_a_secret() -> None:
    world = World()
    keys = ("AZURE_CLIENT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")
    world.do(
        world.api.create(SECRET, {"metadata": {"name": TARGET, "namespace": OSC}, "data": dict.fromkeys(keys, "x")})
    )

    world.do(world.peer_pods._credentials("1.12.0"))
    with pytest.raises(ImageProblemError, match="AZURE_CLIENT_SECRET"):
        world.do(world.peer_pods._credentials("1.11.0"))


def test_a_new_root_credential_reaches_the_pods_secret() -> None:
    world = World()
    world.ask()
    root = world.do(world.api.get(SECRET, cco.ROOT, cco.ROOT_NAMESPACE))
    world.do(world.api.patch(SECRET, root, {"data": {"azure_client_secret": "bmV3"}}))
    world.do(world.cco.reconcile(KEY))

    assert world.do(world.osc.map())["data"]["AZURE_CLIENT_SECRET"] == "bmV3"


def test_a_request_that_is_taken_back_takes_its_secret_along() -> None:
    world = World()
    world.ask()
    request = world.request()
    assert cco.FINALIZER in request["metadata"]["finalizers"]
    world.do(world.api.patch(CREDENTIALS_REQUEST, request, {"metadata": {"deletionTimestamp": "now"}}))
    world.do(world.cco.reconcile(KEY))

    assert world.do(world.api.get(SECRET, SOURCE, OSC)) is None
    assert world.request()["metadata"]["finalizers"] == []


def test_without_the_operators_namespace_the_request_waits() -> None:
    world = World()
    world.do(world.api.delete(NAMESPACE, {"metadata": {"name": OSC}}))

    assert world.ask() is None
    assert world.request()["status"]["conditions"][0]["type"] == "MissingTargetNamespace"
    world.do(world.api.create(NAMESPACE, {"metadata": {"name": OSC}}))
    assert world.ask() is not None


def _environment(**changes: str) -> dict[str, str]:
    client = str(IPI["identities"]["operators"]["clientId"])
    return {**ENVIRONMENT, "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": "right", **changes}


def _subscription(role: str) -> Subscription:
    changes = {
        "identities": {"operators": {"secrets": ["right"]}},
        "roleAssignments": [{"identity": "operators", "role": role, "scope": "subscription"}],
    }
    return Subscription(description.merge(IPI, changes))


def test_a_pod_vm_needs_credentials_that_azure_takes_and_a_role() -> None:
    assert Caa(_environment(), _subscription("Contributor")).create({}).size == "Standard_DC2as_v5"
    with pytest.raises(SandboxError, match="AADSTS7000215"):
        Caa(_environment(AZURE_CLIENT_SECRET="wrong"), _subscription("Contributor")).create({})
    with pytest.raises(SandboxError, match=r"AuthorizationFailed.*Microsoft\.Compute/virtualMachines/write"):
        Caa(_environment(), _subscription("Network Contributor")).create({})
    with pytest.raises(SandboxError, match=r"AuthorizationFailed.*networkSecurityGroups/join/action"):
        Caa(_environment(), _custom()).create({})


def _custom() -> Subscription:
    actions = ["Microsoft.Compute/*", "Microsoft.Network/networkInterfaces/*", "Microsoft.Network/virtualNetworks/*"]
    changes = {
        "identities": {"operators": {"secrets": ["right"]}},
        "roleDefinitions": [{"name": "narrow", "actions": actions}],
        "roleAssignments": [{"identity": "operators", "role": "narrow", "scope": "subscription"}],
    }
    return Subscription(description.merge(IPI, changes))


TOKEN = "/var/run/secrets/openshift/serviceaccount/token"


class _Api:
    """An API server with one Subscription."""

    def __init__(self, env: list[dict[str, str]]) -> None:
        self._env = env

    async def list(self, *_: Any) -> list[dict[str, Any]]:
        return [{"spec": {"config": {"env": self._env}}}]


def _mounts(*names: str) -> list[Any]:
    api = _Api([{"name": name, "value": "x"} for name in names])
    return asyncio.run(Credentials(api).token_volumes())["volumeMounts"]  # type: ignore[arg-type]


def test_caa_starts_with_a_client_secret_or_with_a_mounted_token() -> None:
    check_sign_in({"AZURE_CLIENT_SECRET": "x"}, {})
    check_sign_in({"AZURE_FEDERATED_TOKEN_FILE": TOKEN}, {TOKEN: "x"})


@pytest.mark.parametrize(
    ("environment", "text"), [({}, "no token file specified"), ({"AZURE_FEDERATED_TOKEN_FILE": TOKEN}, f"open {TOKEN}")]
)
def test_caa_does_not_start_without_both(environment: dict[str, str], text: str) -> None:
    with pytest.raises(CaaStartError, match=text):
        check_sign_in(environment, {})


def test_the_operator_mounts_the_token_only_with_all_three_variables() -> None:
    assert [each["mountPath"] for each in _mounts("CLIENTID", "TENANTID", "SUBSCRIPTIONID")] == [
        TOKEN[: -len("/token")]
    ]
    assert _mounts("CLIENTID", "TENANTID") == []
