"""The simulated Azure under the real engine: a tiny program makes a subnet, its egress and a role; they go again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.azure.arm_server import Access
from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.unit.azure_server import NETWORK, SUBSCRIPTION, VNET, Azure

PROGRAM = Path(__file__).parent / "programs" / "subnet"
SUBNET = f"{VNET}/subnets/own"
ROLES = f"{SUBNET}/providers/Microsoft.Authorization/roleAssignments"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    variables = {
        "TEST_SUBSCRIPTION": SUBSCRIPTION,
        "TEST_GROUP": "rehearsal-x7k2p-rg",
        "TEST_VNET": "rehearsal-x7k2p-vnet",
    }
    yield from start(tmp_path_factory.mktemp("azure"), tools, variables, PROGRAM)


@pytest.fixture
def azure(stack: Stack) -> Azure:
    access = Access.read(stack.cluster.directory)
    assert access is not None
    return Azure(access)


def _own(azure: Azure) -> list[str]:
    kinds = ("natGateways", "publicIPAddresses")
    items = [each["name"] for kind in kinds for each in azure.every(f"{NETWORK}/{kind}")]
    return [each for each in items if not each.startswith("rehearsal")]


def test_a_preview_makes_nothing(stack: Stack, azure: Azure) -> None:
    changes = stack.preview()

    assert names(changes, "create") >= {"subnet", "gateway", "address", "role"}
    assert _own(azure) == []


def test_they_are_made_and_a_second_run_with_refresh_changes_nothing(stack: Stack, azure: Azure) -> None:
    stack.up()
    stack.up("--refresh", "--expect-no-changes")

    outputs, subnet = stack.outputs(), azure.ask("GET", SUBNET).body
    assert outputs["subnet"] == SUBNET
    assert outputs["ip"].startswith("198.51.100.")
    assert subnet["properties"]["natGateway"]["id"].startswith(f"{NETWORK}/natGateways/gateway")
    assert len(azure.every(ROLES, **{"$filter": "atScope()"})) > len(
        azure.every(f"{VNET}/providers/Microsoft.Authorization/roleAssignments", **{"$filter": "atScope()"})
    )


def test_a_change_is_an_update_in_place(stack: Stack, azure: Azure) -> None:
    stack.configure({"idle": "10"})

    assert names(stack.preview(), "update") == {"gateway"}
    stack.up()
    (gateway,) = [each for each in azure.every(f"{NETWORK}/natGateways") if each["name"].startswith("gateway")]
    assert gateway["properties"]["idleTimeoutInMinutes"] == 10


def test_what_others_changed_is_put_back_after_a_refresh(stack: Stack, azure: Azure) -> None:
    assert azure.ask("PUT", SUBNET, {"properties": {"addressPrefix": "10.1.0.0/24"}}).status == 200
    stack.up("--refresh")

    assert "natGateway" in azure.ask("GET", SUBNET).body["properties"]


def test_destroy_removes_them_in_the_order_that_azure_allows(stack: Stack, azure: Azure) -> None:
    stack.destroy()

    assert azure.ask("GET", SUBNET).status == 404
    assert _own(azure) == []
    assert azure.ask("GET", f"{VNET}/subnets/rehearsal-x7k2p-worker-subnet").status == 200
