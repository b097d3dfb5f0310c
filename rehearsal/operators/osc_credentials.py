"""The OSC operator's credentials: it asks the Cloud Credential Operator, and makes ``peer-pods-secret`` of the answer.

Source: openshift/sandboxed-containers-operator ``controllers/credentials_controller.go`` (091aba05) and
``config/peerpods/credentials-requests/credentials_request_azure.yaml``. The request is made when KataConfig is made or
changes, and never where a user has made ``peer-pods-secret``. What is not mapped here is what the operator takes from
``peer-pods-cm``.
"""

from collections.abc import Mapping

from rehearsal.api import Api, Object
from rehearsal.kinds import CREDENTIALS_REQUEST, SECRET, SUBSCRIPTION

NAMESPACE = "openshift-sandboxed-containers-operator"
CCO_NAMESPACE = "openshift-cloud-credential-operator"
REQUEST_NAME, SOURCE, TARGET = "openshift-sandboxed-containers-azure", "cco-secret", "peer-pods-secret"
GENERATED = "kataconfiguration.openshift.io/credentials-request-based"
_KEYS: Mapping[str, str] = {
    "azure_subscription_id": "AZURE_SUBSCRIPTION_ID",
    "azure_client_id": "AZURE_CLIENT_ID",
    "azure_client_secret": "AZURE_CLIENT_SECRET",
    "azure_tenant_id": "AZURE_TENANT_ID",
}


_STS = {"CLIENTID", "TENANTID", "SUBSCRIPTIONID"}
_TOKEN = "bound-sa-token"  # noqa: S105 - the name of a volume


class Credentials:
    """What becomes of ``cco-secret`` and ``peer-pods-secret``."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def ask(self) -> None:
        """Ask for credentials, unless a user has brought some."""
        secret = await self._api.get(SECRET, TARGET, NAMESPACE)
        if secret is not None and not _generated(secret):
            return
        spec = {
            "secretRef": {"name": SOURCE, "namespace": NAMESPACE},
            "providerSpec": {
                "apiVersion": "cloudcredential.openshift.io/v1",
                "kind": "AzureProviderSpec",
                "roleBindings": [{"role": "Contributor"}],
            },
        }
        await self._api.create(CREDENTIALS_REQUEST, {"metadata": _place(), "spec": spec})

    async def give_back(self) -> None:
        """Take the request back: the Cloud Credential Operator deletes its Secret, and ours goes with it."""
        request = await self._api.get(CREDENTIALS_REQUEST, REQUEST_NAME, CCO_NAMESPACE)
        if request is not None:
            await self._api.delete(CREDENTIALS_REQUEST, request)

    async def token_volumes(self) -> Mapping[str, list[Object]]:
        """Return the volume and the mount with the cluster's token, where OLM gives the operator an identity.

        ``peerpods.go`` (00b58ece) configureCAAProvider; the variables are those of the Subscription's ``spec.config``.
        """
        for each in await self._api.list(SUBSCRIPTION, NAMESPACE):
            names = {one["name"] for one in each["spec"].get("config", {}).get("env", []) if one.get("value")}
            if names >= _STS:
                token = {"serviceAccountToken": {"path": "token", "audience": "openshift"}}
                mount = {"name": _TOKEN, "mountPath": "/var/run/secrets/openshift/serviceaccount"}
                return {"volumes": [{"name": _TOKEN, "projected": {"sources": [token]}}], "volumeMounts": [mount]}
        return {"volumes": [], "volumeMounts": []}

    async def map(self) -> Object | None:
        """Bring ``peer-pods-secret`` to what ``cco-secret`` says, and return it; None where there is neither."""
        source = await self._api.get(SECRET, SOURCE, NAMESPACE)
        secret = await self._api.get(SECRET, TARGET, NAMESPACE)
        if source is None or (secret is not None and not _generated(secret)):
            return secret
        data = {_KEYS[key]: value for key, value in source.get("data", {}).items() if key in _KEYS}
        metadata = source["metadata"]
        owner = {"apiVersion": "v1", "kind": "Secret", "name": metadata["name"], "uid": metadata["uid"]}
        place: Object = {"name": TARGET, "namespace": NAMESPACE, "labels": {GENERATED: "true"}}
        wanted = {"metadata": {**place, "ownerReferences": [owner]}, "data": data}
        if secret is None:
            return await self._api.create(SECRET, wanted) or await self._api.get(SECRET, TARGET, NAMESPACE)
        if secret.get("data") != data or secret["metadata"].get("ownerReferences") != [owner]:
            return dict(await self._api.patch(SECRET, secret, wanted))
        return secret


def _generated(secret: Object) -> bool:
    return bool(secret["metadata"].get("labels", {}).get(GENERATED) == "true")


def _place() -> Object:
    return {"name": REQUEST_NAME, "namespace": CCO_NAMESPACE}
