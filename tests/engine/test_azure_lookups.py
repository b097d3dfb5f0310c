"""What is looked up in Azure, on a cluster whose network is elsewhere (ARO), and where it is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import start
from tests.engine.harness import Stack


@pytest.fixture(scope="module")
def aro(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    yield from start(tmp_path_factory.mktemp("aro"), tools, "auto", {"COCO_REHEARSAL_AZURE": "aro"})


def _preview(stack: Stack, *, check: bool = True) -> str:
    return stack.run("preview", "--stack", "rehearsal", "--suppress-progress", check=check).output


def test_on_aro_the_network_is_found_in_its_own_resource_group(aro: Stack) -> None:
    shown = _preview(aro)

    assert re.search(r'resourceGroup +: "aro-rehearsal-x7k2p"', shown)
    assert "resourceGroups/network-rg/providers/Microsoft.Network/virtualNetworks/aro-vnet/subnets/worker" in shown
    assert "resourceGroups/aro-rehearsal-x7k2p/providers/Microsoft.Network/networkSecurityGroups" in shown


def test_a_subnet_that_azure_does_not_have_ends_the_preview_with_its_name(aro: Stack) -> None:
    aro.configure({"azure": {"subnetName": "none-such"}})
    shown = _preview(aro, check=False)
    aro.configure({})

    assert "none-such" in shown
    assert "error" in shown


def test_with_every_azure_value_set_nothing_is_looked_up(aro: Stack) -> None:
    scope = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/mine/providers/Microsoft.Network"
    aro.configure(
        {
            "azure": {
                "resourceGroup": "mine",
                "region": "westeurope",
                "subnetId": f"{scope}/virtualNetworks/vnet/subnets/subnet",
                "nsgId": f"{scope}/networkSecurityGroups/nsg",
            }
        }
    )
    shown = _preview(aro)
    aro.configure({})

    assert "azure-native" not in shown
    assert re.search(r'region +: "westeurope"', shown)
