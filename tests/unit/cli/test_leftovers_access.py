"""How left-overs are asked for: pages and refusals, against the Azure of a rehearsal."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coco_azure.cli import CommandContext, CommandError, main
from coco_azure.cli.leftovers import azure_leftovers, command
from coco_azure.clients.azure import AzureClient
from coco_azure.clients.pulumi_cli import Engine
from rehearsal.azure import made, roles
from rehearsal.azure.arm_server import Access, Tokens, serving
from rehearsal.azure.arm_state import ArmError, ArmState
from rehearsal.azure.subscription import Subscription
from tests.unit.programs import script

SUBSCRIPTION = Subscription.described()
PRINCIPAL = roles.principals(SUBSCRIPTION.content)["00000000-1111-2222-3333-444444444444"]
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


def _client(access: Access, subscription: str = SUBSCRIPTION.id, token: str = "") -> AzureClient:
    given = token or Tokens(SUBSCRIPTION.tenant, access.secret).give("client", PRINCIPAL, access.endpoint)
    return AzureClient(access.endpoint, subscription, lambda: given)


def _list(access: Access, group: str = NAME) -> list[str]:
    return [each["name"] for each in azure_leftovers.resources(_client(access), group)]


def test_all_pages_of_a_resource_group_are_read(tmp_path: Path) -> None:
    listed = _with_azure(_filled(), tmp_path, _list)

    assert len(listed) == 12
    assert {"PodVMGallery_5b1d1c2e/podvm-image/1.0.0", "podvm-web-1-1a2b3c4d", "podvm-web-1-1a2b3c4d-disk"} <= set(
        listed
    )
    assert {"rehearsal-x7k2p-vnet", "rehearsal-x7k2p-nsg", "rehearsal-x7k2p-nat"} <= set(listed)


def test_a_group_that_does_not_exist_has_nothing(tmp_path: Path) -> None:
    assert _with_azure(_filled(), tmp_path, lambda access: _list(access, "gone")) == []


def test_another_subscription_is_an_error_with_the_option_that_names_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--subscription"):
        _with_azure(_filled(), tmp_path, lambda access: azure_leftovers.resources(_client(access, "other"), NAME))


def test_without_a_valid_token_azure_refuses_and_the_error_names_the_role(tmp_path: Path) -> None:
    def ask(access: Access) -> None:
        azure_leftovers.resources(_client(access, token="forged"), NAME)

    with pytest.raises(CommandError, match=r"InvalidAuthenticationToken.* role Reader"):
        _with_azure(_filled(), tmp_path, ask)


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
        made.remove_image(state, GROUP, IMAGE, f"{GALLERY}/images/podvm-image")
    state.unlock(GROUP)
    made.remove_image(state, GROUP, IMAGE, f"{GALLERY}/images/podvm-image")
    made.remove_pod_vm(state, f"{GROUP}/providers/Microsoft.Compute/virtualMachines/podvm-web-1-1a2b3c4d")
    assert state.resources == {}


def test_an_image_of_the_users_own_elsewhere_survives_the_deletion_job() -> None:
    state, own = _filled(), f"{GROUP}/providers/Microsoft.Compute/galleries/mine/images/i/versions/2.0.0"
    made.remove_image(state, GROUP, own, f"{GALLERY}/images/podvm-image")

    assert not [key for key in state.resources if "galleries" in key]


def test_the_stacks_settings_say_where_to_look() -> None:
    config: dict[str, Any] = {
        "coco-azure:azure": {"value": json.dumps({"resourceGroup": "mine"}), "objectValue": {"resourceGroup": "mine"}},
        "coco-azure:peerPods": {"value": json.dumps({"imageId": "/own"})},
        "coco-azure:clientSecrets": {"value": "[secret]", "secret": True},
        "kubernetes:context": {"value": "x"},
    }

    engine: Any = SimpleNamespace(config=lambda: config)
    scope = command.scope_of(engine)

    assert (scope.azure.resource_group, scope.image_id) == ("mine", "/own")


def test_a_failing_pulumi_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    program = script(tmp_path, "pulumi", "#!/bin/sh\necho 'error: no stack selected' >&2\nexit 255\n")

    with pytest.raises(CommandError, match=r"no stack selected.*--stack"):
        command.scope_of(Engine(folder=tmp_path, program=str(program)))


class _Gone:
    """A cluster that does not answer."""

    def get(self, path: str) -> None:
        raise ConnectionError(path)


def test_without_the_cluster_azure_is_still_listed_and_the_exit_code_says_that_it_is_not_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "scope_of", lambda _: command.Scope())
    monkeypatch.setattr("coco_azure.clients.kubernetes.connect", lambda _: _Gone())
    named = ["--subscription", SUBSCRIPTION.id, "--resource-group", NAME, "--json"]

    def run(access: Access) -> int:
        for name, value in access.variables().items():
            monkeypatch.setenv(name, value)
        return main(["leftovers", *named], CommandContext(environment=access.variables()))

    code = _with_azure(_filled(), tmp_path, run)

    answer = json.loads(capsys.readouterr().out)
    assert code == 1
    assert "what the cluster has: the API server" in answer["unknown"][0]
    assert "does not answer" in answer["unknown"][0]
    assert "podvm-web-1-1a2b3c4d" in [each["name"] for each in answer["leftovers"]]
    assert all("cluster was not asked" in each["note"] for each in answer["leftovers"])
