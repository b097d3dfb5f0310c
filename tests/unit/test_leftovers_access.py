"""How left-overs are asked for: tokens, pages and refusals, against the Azure of a rehearsal."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from leftovers import __main__ as command
from leftovers import arm, sign_in, stack, web
from rehearsal.azure import made
from rehearsal.azure.arm_server import Access, serving
from rehearsal.azure.arm_state import ArmError, ArmState
from rehearsal.azure.subscription import Subscription
from settings.azure import AzureSettings
from settings.cluster import ClusterSettings

SUBSCRIPTION = Subscription.described()
NAME = "rehearsal-x7k2p-rg"
GROUP = f"/subscriptions/{SUBSCRIPTION.id}/resourceGroups/{NAME}"
GALLERY = made.gallery_id(GROUP, "5b1d1c2e-8f7a-4a63-9a0e-3c1f6d2b7e90")
IMAGE = made.image_id(GROUP, "5b1d1c2e-8f7a-4a63-9a0e-3c1f6d2b7e90")


def _with_azure(state: ArmState, directory: Path, ask: Callable[[Access], Any]) -> Any:
    async def run() -> Any:
        async with serving(Subscription(SUBSCRIPTION.content, state), directory) as access:
            return await asyncio.to_thread(ask, access)

    return asyncio.run(run())


def _filled() -> ArmState:
    state = ArmState()
    made.make_image(state, GROUP, "eastus", IMAGE)
    made.make_pod_vm(state, GROUP, "eastus", "Web_1", "1a2b3c4d5e6f", public_ip=True)
    return state


def _list(access: Access, group: str = NAME, subscription: str = SUBSCRIPTION.id) -> list[str]:
    token = sign_in.token(access.variables(), access.endpoint)
    return [each["name"] for each in arm.resources(access.endpoint, subscription, group, token)]


def test_all_pages_of_a_resource_group_are_read(tmp_path: Path) -> None:
    found = _with_azure(_filled(), tmp_path, _list)

    assert len(found) == 12
    assert {"PodVMGallery_5b1d1c2e/podvm-image/1.0.0", "podvm-web-1-1a2b3c4d", "podvm-web-1-1a2b3c4d-disk"} <= set(
        found
    )
    assert {"rehearsal-x7k2p-vnet", "rehearsal-x7k2p-nsg", "rehearsal-x7k2p-nat"} <= set(found)


def test_a_group_that_does_not_exist_has_nothing(tmp_path: Path) -> None:
    assert _with_azure(_filled(), tmp_path, lambda access: _list(access, "gone")) == []


def test_another_subscription_is_an_error_with_the_option_that_names_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(arm.ArmError, match="--subscription"):
        _with_azure(_filled(), tmp_path, lambda access: _list(access, subscription="other"))


def test_without_a_valid_token_azure_refuses_and_the_error_names_the_role(tmp_path: Path) -> None:
    def ask(access: Access) -> None:
        arm.resources(access.endpoint, SUBSCRIPTION.id, NAME, "forged")

    with pytest.raises(arm.ArmError, match=r"HTTP 401 InvalidAuthenticationToken .* role Reader"):
        _with_azure(_filled(), tmp_path, ask)


def test_a_wrong_secret_gets_no_token_and_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    def ask(access: Access) -> None:
        sign_in.token({**access.variables(), "ARM_CLIENT_SECRET": "wrong-secret"}, access.endpoint)

    with pytest.raises(sign_in.SignInError, match=r"AADSTS7000215.*az login") as error:
        _with_azure(_filled(), tmp_path, ask)
    assert "wrong-secret" not in str(error.value)


def test_a_restarted_azure_keeps_its_address_and_its_secret(tmp_path: Path) -> None:
    first = _with_azure(ArmState(), tmp_path, lambda access: access)

    assert _with_azure(ArmState(), tmp_path, lambda access: access) == first


def test_what_azure_has_outlives_a_restart(tmp_path: Path) -> None:
    made.make_image(ArmState.kept_in(tmp_path / "azure.json"), GROUP, "eastus", IMAGE)

    assert IMAGE.lower() in ArmState.kept_in(tmp_path / "azure.json").resources


def test_what_is_locked_or_not_empty_cannot_be_deleted() -> None:
    state = _filled()
    with pytest.raises(ArmError, match="CannotDeleteResource"):
        state.delete(IMAGE.rsplit("/versions/", 1)[0])
    state.lock(GROUP, "keep")
    with pytest.raises(ArmError, match="ScopeLocked"):
        made.remove_image(state, GROUP, IMAGE, GALLERY)
    state.unlock(GROUP)
    made.remove_image(state, GROUP, IMAGE, GALLERY)
    made.remove_pod_vm(state, f"{GROUP}/providers/Microsoft.Compute/virtualMachines/podvm-web-1-1a2b3c4d")
    assert state.resources == {}


def test_an_image_of_the_users_own_elsewhere_survives_the_deletion_job() -> None:
    state, own = _filled(), f"{GROUP}/providers/Microsoft.Compute/galleries/mine/images/i/versions/2.0.0"
    made.remove_image(state, GROUP, own, GALLERY)

    assert not [key for key in state.resources if "galleries" in key]


def test_a_token_goes_to_no_other_host_than_the_one_that_was_asked() -> None:
    def page(_url: str, _token: str) -> Any:
        return {"value": [], "nextLink": "https://elsewhere.example.com/next"}

    with pytest.raises(arm.ArmError, match=r"elsewhere\.example\.com"):
        arm.resources("https://management.azure.com", "s", "g", "t", page)


def test_credentials_are_never_sent_without_tls_but_on_this_machine() -> None:
    with pytest.raises(web.WebError, match="no https address"):
        web.get("http://management.azure.com/x", "t")


def _cli(folder: Path, script: str) -> Mapping[str, str]:
    (folder / "az").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "az").chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_the_azure_cli_is_asked_where_no_service_principal_is_named(tmp_path: Path) -> None:
    environment = _cli(tmp_path, """echo '{"accessToken": "of-the-cli"}'""")

    assert sign_in.token(environment, arm.ENDPOINT) == "of-the-cli"


def test_a_cli_that_is_not_signed_in_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    environment = _cli(tmp_path, "echo 'ERROR: Please run az login' >&2; exit 1")

    with pytest.raises(sign_in.SignInError, match=r"Please run az login.*ARM_CLIENT_ID"):
        sign_in.token(environment, arm.ENDPOINT)


def test_without_cli_and_principal_both_ways_are_named(tmp_path: Path) -> None:
    with pytest.raises(sign_in.SignInError, match=r"az login.*ARM_TENANT_ID"):
        sign_in.token({"PATH": str(tmp_path)}, arm.ENDPOINT)


def test_the_stacks_settings_say_where_to_look() -> None:
    config = {
        "coco-azure:azure": {"value": json.dumps({"resourceGroup": "mine"}), "objectValue": {"resourceGroup": "mine"}},
        "coco-azure:peerPods": {"value": json.dumps({"imageId": "/own"})},
        "coco-azure:clientSecrets": {"value": "[secret]", "secret": True},
        "kubernetes:context": {"value": "x"},
    }

    found = stack.parse(config)

    assert (found.azure.resource_group, found.image_id) == ("mine", "/own")


def test_a_failing_pulumi_is_an_error_with_what_it_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: Any = subprocess.CompletedProcess([], 1, "", "error: no stack selected")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)

    with pytest.raises(stack.StackError, match=r"no stack selected.*--stack"):
        stack.place(tmp_path, None, {})


class _Gone:
    """A cluster that does not answer."""

    def get(self, path: str) -> None:
        raise ConnectionError(path)


def test_without_the_cluster_azure_is_still_listed_and_the_exit_code_says_that_it_is_not_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = stack.Place(cluster=ClusterSettings(), azure=AzureSettings())
    monkeypatch.setattr(stack, "place", lambda *_: place)
    monkeypatch.setattr("components.cluster.client.connect", lambda _: _Gone())
    named = ["--subscription", SUBSCRIPTION.id, "--resource-group", NAME, "--json"]

    code = _with_azure(_filled(), tmp_path, lambda access: command.main(named, access.variables()))

    said = json.loads(capsys.readouterr().out)
    assert code == 1
    assert "what the cluster has: ConnectionError" in said["unknown"][0]
    assert "podvm-web-1-1a2b3c4d" in [each["name"] for each in said["leftovers"]]
    assert all("cluster was not asked" in each["note"] for each in said["leftovers"])
