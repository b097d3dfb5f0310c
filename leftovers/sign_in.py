"""A token for Azure Resource Manager: of the service principal in the environment, or of the Azure CLI.

The variables are those that Pulumi's provider takes (``ARM_TENANT_ID``, ``ARM_CLIENT_ID``, ``ARM_CLIENT_SECRET``), or
the same with ``AZURE_`` as Azure's own libraries name them. ``AZURE_AUTHORITY_HOST`` names another cloud's endpoint.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping

from leftovers import web

_LOGIN = "https://login.microsoftonline.com"
_PARTS = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
_TIMEOUT = 60
_WAYS = (
    "sign in with `az login`, or set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET of a service principal with "
    "role Reader"
)


class SignInError(RuntimeError):
    """No token can be had; the message says the ways."""


def token(environment: Mapping[str, str], endpoint: str) -> str:
    """Return a bearer token for the Azure Resource Manager of this endpoint.

    Raises:
        SignInError: neither way works.
    """
    for prefix in ("ARM", "AZURE"):
        tenant, client, secret = (environment.get(f"{prefix}_{part}", "") for part in _PARTS)
        if tenant and client and secret:
            host = environment.get("AZURE_AUTHORITY_HOST", _LOGIN)
            return _of_principal(host, tenant, client, secret, endpoint)
    return _of_cli(environment, endpoint)


def _of_principal(host: str, tenant: str, client: str, secret: str, endpoint: str) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": client,
        "client_secret": secret,
        "scope": f"{endpoint}/.default",
    }
    try:
        answer = web.post_form(f"{host.rstrip('/')}/{tenant}/oauth2/v2.0/token", form)
    except web.WebError as error:
        raise SignInError(f"Azure gives client {client} of tenant {tenant} no token: {error}; {_WAYS}") from error
    return str(answer["access_token"])


def _of_cli(environment: Mapping[str, str], endpoint: str) -> str:
    if shutil.which("az", path=environment.get("PATH")) is None:
        raise SignInError(f"there is no Azure CLI and no service principal in the environment; {_WAYS}")
    command = ["az", "account", "get-access-token", "--resource", endpoint, "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT, env=dict(environment))
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise SignInError(f"`az account get-access-token` failed: {said}; {_WAYS}")
    return str(json.loads(done.stdout)["accessToken"])
