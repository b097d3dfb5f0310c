"""VMs and NICs of the worker nodes, where a description says with ``workerSubnet`` which subnet they are in.

Shapes: REST API of Microsoft.Compute virtualMachines 2024-03-01 and Microsoft.Network networkInterfaces 2024-05-01, as
far as whoever looks for the subnet of a node follows them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.azure.arm_state import resource
from rehearsal.azure.description import Content


def vm_id(content: Content, node: str) -> str:
    """Return the ARM id of a node's VM; with ``azure://`` before it, it is the node's ``spec.providerID``."""
    return f"{_group(content)}/providers/Microsoft.Compute/virtualMachines/{node}"


def of(content: Content) -> Iterator[dict[str, Any]]:
    """Yield the VM and the NIC of each worker node; ``workerSubnet`` is one name for all, or one for each node."""
    worker_subnet = content.get("workerSubnet") or {}
    for at, node in enumerate(content["nodes"]["worker"] if worker_subnet else ()):
        name = worker_subnet[node] if isinstance(worker_subnet, Mapping) else worker_subnet
        network, subnet = next(
            (network, subnet)
            for network in content["virtualNetworks"]
            for subnet in network["subnets"]
            if subnet["name"] == name
        )
        group = f"/subscriptions/{network.get('subscriptionId', content['subscriptionId'])}/resourceGroups/"
        vnet = f"{group}{network['resourceGroup']}/providers/Microsoft.Network/virtualNetworks/{network['name']}"
        # Named as the addresses of ``usedAddresses`` are, so that none of them is counted twice.
        nic = f"{_group(content)}/providers/Microsoft.Network/networkInterfaces/{subnet['name']}-{at}-nic"
        yield _resource(content, vm_id(content, node), networkProfile={"networkInterfaces": [{"id": nic}]})
        address = {"subnet": {"id": f"{vnet}/subnets/{subnet['name']}"}, "primary": True}
        place = {"id": f"{nic}/ipConfigurations/pipConfig", "name": "pipConfig", "properties": address}
        yield _resource(content, nic, ipConfigurations=[place], virtualMachine={"id": vm_id(content, node)})


def _group(content: Content) -> str:
    return f"/subscriptions/{content['subscriptionId']}/resourceGroups/{content['cluster']['resourceGroup']}"


def _resource(content: Content, arm: str, **properties: Any) -> dict[str, Any]:
    return {**resource(arm, str(content["location"]), **properties), "tags": {}}
