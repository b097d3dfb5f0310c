"""Settings of what the operators sign in to Azure with."""

from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr, model_validator

from coco_azure.settings.base import Model, matching

Source = Literal["cloudCredentialOperator", "servicePrincipal", "workloadIdentity"]
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

ClientId = Annotated[str, matching(_UUID, "a client id (UUID): az ad sp list --display-name NAME --query [].appId")]
TenantId = Annotated[str, matching(_UUID, "a tenant id (UUID): az account show --query tenantId")]
ObjectId = Annotated[str, matching(_UUID, "an object id (UUID): az ad sp show --id CLIENT_ID --query id")]


def _is_a_secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.strip():
        raise ValueError("needed the client's secret, found nothing: the operators could not sign in")
    if text != text.strip():
        raise ValueError("needed the client's secret without blanks and line ends around it: pipe it through tr -d")
    return value


ClientSecret = Annotated[SecretStr, AfterValidator(_is_a_secret)]


class ServicePrincipal(Model):
    """A service principal with a secret. The stack makes ``peer-pods-secret`` of it."""

    client_id: ClientId
    """Its client id (appId)."""
    tenant_id: TenantId | None = None
    """Its tenant; default: that of the subscription."""
    client_secret: ClientSecret
    """Its secret; set it with: pulumi config set --secret --path."""


class WorkloadIdentity(Model):
    """A managed identity that trusts tokens of the cluster. Needs OpenShift sandboxed containers 1.12 or later."""

    client_id: ClientId
    """Its client id: az identity show --query clientId."""
    tenant_id: TenantId | None = None
    """Its tenant; default: that of the subscription."""


class CredentialSettings(Model):
    """What the operators sign in to Azure with. Nothing set: the Cloud Credential Operator gives it to them."""

    service_principal: ServicePrincipal | None = None
    """A service principal with a secret."""
    workload_identity: WorkloadIdentity | None = None
    """A managed identity without any secret."""
    object_id: ObjectId | None = None
    """Object id of the identity in Entra ID, whichever it is; roles are checked and assigned by it."""

    @model_validator(mode="after")
    def _is_one(self) -> "CredentialSettings":
        if self.service_principal is not None and self.workload_identity is not None:
            raise ValueError("azure.credentials has servicePrincipal and workloadIdentity; remove one of the two")
        return self

    @property
    def source(self) -> Source:
        """Who gives the operators their credentials."""
        if self.service_principal is not None:
            return "servicePrincipal"
        return "cloudCredentialOperator" if self.workload_identity is None else "workloadIdentity"
