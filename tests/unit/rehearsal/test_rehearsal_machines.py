"""Worker VMs and NICs of a described subscription, as whoever looks for a node's subnet follows them."""

from pathlib import Path
from typing import Any

from rehearsal.azure import documents, views
from rehearsal.azure.arm_state import ArmState
from rehearsal.azure.subscription import Subscription
from tests.unit.azure_server import GROUP, IPI, VNET, Azure, served

WORKERS = "rehearsal-x7k2p-worker-subnet"


def test_without_a_subnet_of_the_workers_nobody_tells_of_their_machines() -> None:
    assert not [each for each in documents.of(IPI) if each["type"].endswith(("virtualMachines", "networkInterfaces"))]


def test_a_nodes_vm_leads_to_its_subnet(tmp_path: Path) -> None:
    def use(azure: Azure) -> Any:
        machine = azure.ask("GET", documents.vm_id(IPI, "worker-eastus2")).body
        nic = machine["properties"]["networkProfile"]["networkInterfaces"][0]["id"]
        return machine["id"], azure.ask("GET", nic).body, azure.ask("GET", GROUP).body

    machine, nic, group = served(tmp_path, use, {"workerSubnet": WORKERS})

    assert machine == documents.vm_id(IPI, "worker-eastus2")
    assert nic["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] == f"{VNET}/subnets/{WORKERS}"
    assert nic["properties"]["virtualMachine"]["id"] == machine
    assert group["id"] == GROUP


def test_each_worker_may_be_in_a_subnet_of_its_own_and_no_address_counts_twice() -> None:
    places = {"worker-eastus1": WORKERS, "worker-eastus2": WORKERS, "worker-eastus3": "rehearsal-x7k2p-master-subnet"}
    azure = Subscription({**IPI, "workerSubnet": places}, ArmState())
    every = azure.resources()

    taken = {name: len(views.taken(every[f"{VNET}/subnets/{name}".lower()], every)) for name in set(places.values())}
    assert taken == {WORKERS: 3, "rehearsal-x7k2p-master-subnet": 4}
