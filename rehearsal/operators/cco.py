"""The Cloud Credential Operator: a CredentialsRequest becomes a Secret with the cluster's own credentials.

On Azure it passes the root credential through, Secret ``kube-system/azure-credentials``, which is what it does by
default there; in mode ``Manual`` it answers no request (OpenShift's pages on its modes). That Azure does not have
``Mint`` any more, and what the operator's condition says then, is from memory. The mode stands in ``CloudCredential``
``cluster`` (``operator.openshift.io/v1``).
"""

import base64
import secrets
from collections.abc import Mapping

from rehearsal.api import Api, Kind, Object
from rehearsal.azure.roles import OPERATORS
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import CLOUD_CREDENTIAL, CREDENTIALS_REQUEST, NAMESPACE, SECRET
from rehearsal.operators.context import Context, KeyOf, condition, key_of

ROOT, ROOT_NAMESPACE = "azure-credentials", "kube-system"
FINALIZER = "cloudcredential.openshift.io/deprovision"
REQUEST = "cloudcredential.openshift.io/credentials-request"
_ALL = ""
_MANUAL, _MINT = "Manual", "Mint"
_FAILURE = "CredentialsProvisionFailure"


class CloudCredentials:
    """The operator's one controller, as far as Azure is concerned."""

    name = "cloud-credential-operator"

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {
            CREDENTIALS_REQUEST: key_of,
            SECRET: _of_ours,
            NAMESPACE: lambda _: _ALL,
            CLOUD_CREDENTIAL: lambda _: _ALL,
        }

    async def reconcile(self, key: str) -> float | None:
        """Give one request its Secret, or take that away; or all of them."""
        mode = await self._mode()
        for request in await self._api.named_by(CREDENTIALS_REQUEST, key) if mode != _MANUAL else ():
            if "deletionTimestamp" in request["metadata"]:
                await self._remove(request)
            else:
                await self._provide(request, mode)
        return None

    async def _mode(self) -> str:
        config = await self._api.get(CLOUD_CREDENTIAL, "cluster")
        return str(((config or {}).get("spec") or {}).get("credentialsMode") or "")

    async def _remove(self, request: Object) -> None:
        place = request["spec"]["secretRef"]
        await self._api.delete(SECRET, {"metadata": {"name": place["name"], "namespace": place["namespace"]}})
        kept = [each for each in request["metadata"].get("finalizers", []) if each != FINALIZER]
        await self._api.patch(CREDENTIALS_REQUEST, request, {"metadata": {"finalizers": kept}})

    async def _provide(self, request: Object, mode: str) -> None:
        kept = request["metadata"].get("finalizers", [])
        if FINALIZER not in kept:
            change = {"metadata": {"finalizers": [*kept, FINALIZER]}}
            request.update(await self._api.patch(CREDENTIALS_REQUEST, request, change))
        place = request["spec"]["secretRef"]
        if await self._api.get(NAMESPACE, place["namespace"]) is None:
            # The rest of the world's order is none of its concern: it looks again once the namespace is there.
            await self._say(request, "MissingTargetNamespace", f"target namespace {place['namespace']} not found")
            return
        root = await self._api.get(SECRET, ROOT, ROOT_NAMESPACE)
        if mode == _MINT or root is None:
            why = (
                "Mint mode is not supported on Azure"
                if root is not None
                else f"secret {ROOT_NAMESPACE}/{ROOT} not found"
            )
            await self._say(request, _FAILURE, f"failed to grant creds: {why}")
            return
        metadata = {"name": place["name"], "namespace": place["namespace"], "annotations": {REQUEST: key_of(request)}}
        made = {"metadata": metadata, "data": root["data"]}
        if await self._api.create(SECRET, made) is None:
            await self._api.patch(SECRET, {"metadata": metadata}, {"data": root["data"]})
        await self._say(request, None, "")

    async def _say(self, request: Object, problem: str | None, message: str) -> None:
        conditions = [] if problem is None else [condition(problem, "True", problem, message)]
        status = {"provisioned": problem is None, "conditions": conditions}
        if request.get("status") != status:
            await self._api.set_status(CREDENTIALS_REQUEST, request, status)


def _of_ours(obj: Object) -> str | None:
    if key_of(obj) == f"{ROOT_NAMESPACE}/{ROOT}":
        return _ALL
    request = obj["metadata"].get("annotations", {}).get(REQUEST)
    return str(request) if request else None


async def install(api: Api, azure: Subscription) -> None:
    """Leave on a cluster what the installer leaves: the operator's mode, and its root credential but in mode Manual."""
    mode = str(azure.content.get("credentialsMode", "Default"))
    spec = {"credentialsMode": "" if mode == "Default" else mode, "managementState": "Managed"}
    await api.create(CLOUD_CREDENTIAL, {"metadata": {"name": "cluster"}, "spec": spec})
    identity = azure.content.get("identities", {}).get(OPERATORS)
    if mode == _MANUAL or identity is None or azure.content.get("rootCredential") is False:
        return
    client = str(identity["clientId"])
    secret = azure.state.secrets.get(client) or secrets.token_urlsafe(24)
    data = {
        "azure_client_id": client,
        "azure_client_secret": secret,
        "azure_region": azure.location,
        "azure_resource_prefix": "rehearsal-x7k2p",
        "azure_resourcegroup": azure.cluster["resourceGroup"],
        "azure_subscription_id": azure.id,
        "azure_tenant_id": azure.tenant,
    }
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {
        "name": ROOT,
        "namespace": ROOT_NAMESPACE,
        "annotations": {"cloudcredential.openshift.io/mode": "passthrough"},
    }
    if await api.create(SECRET, {"metadata": metadata, "data": encoded}) is not None:
        azure.state.remember_secret(client, secret)
