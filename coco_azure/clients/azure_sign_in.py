"""The one way to sign in to Azure: azure-identity, with the variables and the configuration that azure-native takes.

So look-ups, pre-flight, left-overs and the stack's resources are always the same identity's. Names, and the order in
which they are looked at, are those of pulumi/pulumi-azure-native ``provider/pkg/provider/auth_azidentity.go``
(``newSingleMethodAuthCredential``); what a variable ``ARM_CLIENT_ID`` says, ``azure-native:clientId`` in the
configuration of the stack says as well, and wins.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi

ENDPOINT = "https://management.azure.com"
_GOVERNMENT = ("https://management.usgovcloudapi.net", "login.microsoftonline.us")
_CHINA = ("https://management.chinacloudapi.cn", "login.chinacloudapi.cn")
_CLOUDS = {
    **dict.fromkeys(
        ("usgov", "usgovernment", "azureusgovernment", "azureusgovernmentcloud", "usgovernmentl4"), _GOVERNMENT
    ),
    **dict.fromkeys(("china", "azurechinacloud"), _CHINA),
}
"""Endpoint and authority of other clouds, by azure-native's names (its ``provider/pkg/azure/cloud/cloud.go``)."""
_KEYS = (
    "clientCertificatePassword",
    "clientCertificatePath",
    "clientId",
    "clientSecret",
    "environment",
    "oidcAudience",
    "oidcRequestToken",
    "oidcRequestUrl",
    "oidcToken",
    "oidcTokenFilePath",
    "tenantId",
    "useDefaultAzureCredential",
    "useMsi",
    "useOidc",
)
_AZ_TIMEOUT = 60
WAYS = (
    "Sign in with `az login`, or set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET of a service principal, or "
    "ARM_USE_OIDC or ARM_USE_MSI"
)


class SignInError(pulumi.RunError):
    """Azure gives no token; the message says the ways to sign in."""


def configured() -> dict[str, str]:
    """Return what the stack's configuration says of azure-native's sign-in, by names of arguments of its Provider.

    The engine gives it to the default provider only; one with a subscription of its own has to be given it.
    """
    config = pulumi.Config("azure-native")
    values = {_snake(key): config.get(key) for key in _KEYS}
    return {name: value for name, value in values.items() if value}


def variables() -> dict[str, str]:
    """Return the environment with what the stack's configuration says over it."""
    return {**os.environ, **{f"ARM_{name.upper()}": value for name, value in configured().items()}}


def endpoint(variables: Mapping[str, str]) -> str:
    """Return the URL of Azure Resource Manager: that of the environment, or of the cloud that it names."""
    return variables.get("AZURE_RESOURCE_MANAGER_ENDPOINT") or _cloud(variables)[0]


def token_source(variables: Mapping[str, str], subscription: str) -> Callable[[], str]:
    """Return a function that gives a bearer token for Azure Resource Manager, and a new one when it expires.

    Raises:
        SignInError: there is no token to be had now.
    """
    from azure.identity import get_bearer_token_provider  # noqa: PLC0415 - slow to import, and not always needed

    try:
        scope = f"{endpoint(variables).rstrip('/')}/.default"
        token = get_bearer_token_provider(credential(variables, subscription), scope)
        token()
    except Exception as error:
        raise SignInError(f"Azure gives no token: {str(error).strip().rstrip('.')}. {WAYS}") from error
    return token


def credential(variables: Mapping[str, str], subscription: str) -> Any:
    """Return azure-identity's credential that these variables mean.

    Args:
        variables: such as those of the environment.
        subscription: id of a subscription; the Azure CLI gives a token for its tenant.

    Raises:
        ValueError: a variable is missing or wrong.
    """
    import azure.identity as ways  # noqa: PLC0415 - slow to import, and not always needed

    tenant, client = variables.get("ARM_TENANT_ID", ""), variables.get("ARM_CLIENT_ID", "")
    authority = variables.get("AZURE_AUTHORITY_HOST") or _cloud(variables)[1]
    if _is_on(variables, "ARM_USE_DEFAULT_AZURE_CREDENTIAL"):
        return ways.DefaultAzureCredential(authority=authority)
    if path := variables.get("ARM_CLIENT_CERTIFICATE_PATH"):
        password = variables.get("ARM_CLIENT_CERTIFICATE_PASSWORD") or None
        return ways.CertificateCredential(tenant, client, path, password=password, authority=authority)
    if secret := variables.get("ARM_CLIENT_SECRET"):
        return ways.ClientSecretCredential(tenant, client, secret, authority=authority)
    if _is_on(variables, "ARM_USE_OIDC"):
        if not (tenant and client):
            raise ValueError("ARM_USE_OIDC needs ARM_TENANT_ID and ARM_CLIENT_ID")
        return ways.ClientAssertionCredential(tenant, client, lambda: _assertion(variables), authority=authority)
    if _is_on(variables, "ARM_USE_MSI"):
        return ways.ManagedIdentityCredential(client_id=client or None)
    # `az account get-access-token` takes one of both.
    own = None if tenant else subscription
    return ways.AzureCliCredential(tenant_id=tenant, subscription=own, process_timeout=_AZ_TIMEOUT)


def _assertion(variables: Mapping[str, str]) -> str:
    """Return the token that an OpenID Connect issuer, such as GitHub, has for this run."""
    if token := variables.get("ARM_OIDC_TOKEN"):
        return token
    if path := variables.get("ARM_OIDC_TOKEN_FILE_PATH"):
        return Path(path).read_text(encoding="utf-8").strip()
    url = variables.get("ARM_OIDC_REQUEST_URL") or variables.get("ACTIONS_ID_TOKEN_REQUEST_URL")
    bearer = variables.get("ARM_OIDC_REQUEST_TOKEN") or variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not (url and bearer):
        raise ValueError(
            "ARM_USE_OIDC needs ARM_OIDC_TOKEN, ARM_OIDC_TOKEN_FILE_PATH, or ARM_OIDC_REQUEST_URL and "
            "ARM_OIDC_REQUEST_TOKEN (in GitHub Actions: permission id-token: write)"
        )
    from azure.core import PipelineClient  # noqa: PLC0415 - slow to import, and not always needed
    from azure.core.rest import HttpRequest  # noqa: PLC0415 - see above

    audience = variables.get("ARM_OIDC_AUDIENCE") or "api://AzureADTokenExchange"
    request = HttpRequest(
        "GET",
        url,
        params={"audience": audience},
        headers={"Authorization": f"Bearer {bearer}", "Accept": "application/json"},
    )
    client: PipelineClient[Any, Any] = PipelineClient("")
    with client:
        response = client.send_request(request)
    response.raise_for_status()
    return str(response.json()["value"])


def _cloud(variables: Mapping[str, str]) -> tuple[str, str | None]:
    name = variables.get("ARM_ENVIRONMENT") or variables.get("AZURE_ENVIRONMENT") or ""
    return _CLOUDS.get(name.lower(), (ENDPOINT, None))


def _is_on(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").lower() == "true"


def _snake(key: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", key).lower()
