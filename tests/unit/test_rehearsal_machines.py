"""Worker VMs and NICs of a described subscription, as whoever looks for a node's subnet follows them."""

from pathlib import Path
from typing import Any

from pulumi.provider.experimental.provider import InvokeRequest

from rehearsal.azure import machines, views
from rehearsal.azure.arm_state import ArmState
from rehearsal.azure.subscription import Subscription
from rehearsal.azure_provider.arm import ArmClient
from rehearsal.azure_provider.properties import plain, properties
from rehearsal.azure_provider.provider import AzureNative
from tests.unit.azure_server import GROUP, IPI, VNET, with_client

WORKERS = "rehearsal-x7k2p-worker-subnet"


def test_without_a_subnet_of_the_workers_nobody_tells_of_their_machines() -> None:
    assert list(machines.of(IPI)) == []


def test_a_nodes_vm_leads_to_its_subnet(tmp_path: Path) -> None:
    async def use(arm: ArmClient) -> Any:
        async def get(token: str, **names: str) -> Any:
            asked = properties({"resourceGroupName": "rehearsal-x7k2p-rg", **names})
            return plain(
                (await AzureNative(arm).invoke(InvokeRequest(f"azure-native:{token}", asked))).return_value or {}
            )

        machine = await get("compute:getVirtualMachine", vmName="worker-eastus2")
        nic = machine["networkProfile"]["networkInterfaces"][0]["id"].rsplit("/", 1)[1]
        return (
            machine["id"],
            await get("network:getNetworkInterface", networkInterfaceName=nic),
            await get("resources:getResourceGroup"),
        )

    machine, nic, group = with_client(tmp_path, use, {"workerSubnet": WORKERS})

    assert machine == machines.vm_id(IPI, "worker-eastus2")
    assert nic["ipConfigurations"][0]["subnet"]["id"] == f"{VNET}/subnets/{WORKERS}"
    assert nic["virtualMachine"]["id"] == machine
    assert group["id"] == GROUP


def test_each_worker_may_be_in_a_subnet_of_its_own_and_no_address_counts_twice() -> None:
    places = {"worker-eastus1": WORKERS, "worker-eastus2": WORKERS, "worker-eastus3": "rehearsal-x7k2p-master-subnet"}
    azure = Subscription({**IPI, "workerSubnet": places}, ArmState())
    every = azure.resources()

    taken = {name: len(views.taken(every[f"{VNET}/subnets/{name}".lower()], every)) for name in set(places.values())}
    assert taken == {WORKERS: 3, "rehearsal-x7k2p-master-subnet": 4}
