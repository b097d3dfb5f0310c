"""What the operators sign in to Azure with: ``peer-pods-secret``, where the stack makes it.

The Secret is there before KataConfig: at its creation the operator looks for one, and asks the Cloud Credential
Operator only where there is none (sandboxed-containers-operator ``credentials_controller.go`` 091aba05; older ones ask
all the same, and leave a Secret of the user's as it is). It is gone after KataConfig, whose image job needs it.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Input, Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.formats import fingerprint
from coco_azure.formats.pki import issuing
from coco_azure.settings.azure import CredentialSettings
from components.cluster.ownership import mark
from components.cluster.watching import in_thread
from components.trustee.keys import kept_secret

_REQUEST = names.path(
    names.CREDENTIALS_REQUESTS, names.CREDENTIALS_REQUEST, namespace=names.CREDENTIAL_OPERATOR_NAMESPACE
)
TOKEN_FILE = "/var/run/secrets/openshift/serviceaccount/token"  # noqa: S105 - a path
"""Where image job and CAA have the cluster's token (sandboxed-containers-operator ``peerpods.go`` 00b58ece)."""


@dataclass(frozen=True, kw_only=True)
class OperatorCredentialsArgs:
    """Whose credentials, and for where.

    Attributes:
        subscription: id of the subscription of the pod VMs.
        tenant: its tenant, for settings that name none.
        client: client of the cluster, for what the Cloud Credential Operator has given before.
    """

    settings: CredentialSettings
    subscription: str
    tenant: str
    namespace: Input[str]
    client: ClusterClient


class OperatorCredentials(pulumi.ComponentResource):
    """``peer-pods-secret``, or nothing where the Cloud Credential Operator has it made."""

    made: list[pulumi.Resource]
    """The Secret, if there is one: what needs credentials depends on it."""
    fingerprint: Output[str | None]
    """Changes with the credentials, and tells nothing about them; None where the stack gives none."""

    def __init__(self, name: str, args: OperatorCredentialsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:OperatorCredentials", name, None, opts)
        self.made, self.fingerprint = [], Output.from_input(None)
        if args.settings.source != "cloudCredentialOperator":
            self._make(name, args)
        self.register_outputs({"fingerprint": self.fingerprint})

    def _make(self, name: str, args: OperatorCredentialsArgs) -> None:
        content = _content(args)
        child = ResourceOptions(parent=self)
        before = ResourceHook(f"{name}-request", _Before(args.client).take_back)
        secret = kubernetes.core.v1.Secret(
            f"{name}-secret",
            metadata={"name": names.PEER_PODS_SECRET, "namespace": args.namespace},
            data={key: Output.secret(base64.b64encode(text.encode()).decode()) for key, text in content.items()},
            opts=ResourceOptions.merge(child, ResourceOptions(hooks=ResourceHookBinding(before_create=[before]))),
        )
        self.made = [secret]
        # Keyed with a key of its own: whoever sees the fingerprint cannot try secrets against it.
        key = kept_secret(f"{name}-key", issuing.generate_secret(), child)
        marked = Output.all(key, secret.urn).apply(lambda both: fingerprint.keyed(content, both[0]))
        self.fingerprint = cast("Output[str | None]", Output.unsecret(marked))


class _Before:
    """What the Cloud Credential Operator has given until now, and would go on writing."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client

    async def take_back(self, _: ResourceHookArgs) -> None:
        """Make the operator's Secret one of this stack's, and take its request back; CAA keeps what it has read.

        In one patch, which leaves nothing for the operator to write into and no moment without a Secret: it would ask
        again at once. What is in it goes, so that no two credentials are mixed.
        """
        await in_thread(self._take_back)

    def _take_back(self) -> None:
        path = names.path(names.SECRETS, names.PEER_PODS_SECRET, namespace=names.OSC_NAMESPACE)
        secret = self._client.get(path)
        if secret is None or names.MINTED not in (secret["metadata"].get("labels") or {}):
            return
        pulumi.log.info(
            f"{names.PEER_PODS_SECRET} of the Cloud Credential Operator makes room for the one of azure.credentials"
        )
        metadata = {"labels": {names.MINTED: None}, "ownerReferences": None, "annotations": {names.STACK: mark()}}
        self._client.patch(path, {"metadata": metadata, "data": None})
        if self._client.get(_REQUEST) is not None:
            self._client.delete(_REQUEST)


def operator_environment(settings: CredentialSettings, subscription: str, tenant: str) -> Mapping[str, str]:
    """Return the variables by which the operator gives CAA the cluster's token; without them it mounts none.

    Names: sandboxed-containers-operator ``docs/credentials-handling.md``, ``peerpods.go`` configureCAAProvider.
    """
    identity = settings.workload_identity
    if identity is None:
        return {}
    return {"CLIENTID": identity.client_id, "TENANTID": identity.tenant_id or tenant, "SUBSCRIPTIONID": subscription}


def _content(args: OperatorCredentialsArgs) -> dict[str, str]:
    """Return the Secret's content: the names are those of CAA (``manager.go``) and of the image job.

    Raises:
        pulumi.RunError: nobody knows the tenant.
    """
    principal, identity = args.settings.service_principal, args.settings.workload_identity
    credentials = principal or identity
    if credentials is None:
        return {}
    tenant = credentials.tenant_id or args.tenant
    if not tenant:
        part = args.settings.source
        raise pulumi.RunError(
            f"nothing names the tenant of azure.credentials.{part} (az account show --query tenantId). Set it: "
            f"pulumi config set --path 'coco-azure:azure.credentials.{part}.tenantId' VALUE"
        )
    content = {
        "AZURE_CLIENT_ID": credentials.client_id,
        "AZURE_TENANT_ID": tenant,
        "AZURE_SUBSCRIPTION_ID": args.subscription,
    }
    if principal is not None:
        return {**content, "AZURE_CLIENT_SECRET": principal.client_secret.get_secret_value()}
    return {**content, "AZURE_FEDERATED_TOKEN_FILE": TOKEN_FILE}
