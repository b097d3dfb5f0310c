"""How the simulated CAA signs in to Azure: with a client secret, or with a token that the operator has mounted."""

import asyncio
from typing import Any

import pytest

from rehearsal.kubelet.caa import CaaStartError, check_sign_in
from rehearsal.operators.osc_credentials import Credentials

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
