"""A described Azure subscription: what azure-native look-ups and CAA find in it.

COCO_REHEARSAL_AZURE names the description: ``ipi`` (default), ``aro``, or the path of a YAML file of the same shape.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

NETWORK = "providers/Microsoft.Network"


class NotThereError(LookupError):
    """Azure has no such resource; the message is Azure's."""


class Subscription:
    """One subscription.

    Attributes:
        id: subscription id.
        location: the one region that things are in.
        cluster: what the cluster says of its place in it, with the keys of cloud-conf.
        vm_sizes: sizes that the region has.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content
        self.id = str(content["subscriptionId"])
        self.location = str(content["location"])
        self.cluster: Mapping[str, str] = content["cluster"]
        self.vm_sizes = tuple(content.get("vmSizes", ()))

    @classmethod
    def described(cls) -> "Subscription":
        """Return the subscription that COCO_REHEARSAL_AZURE names.

        Raises:
            FileNotFoundError: there is no such description.
        """
        said = os.environ.get("COCO_REHEARSAL_AZURE", "ipi")
        built_in = Path(__file__).parent / f"{said}.yaml"
        path = built_in if built_in.exists() else Path(said)
        if not path.exists():
            raise FileNotFoundError(
                f"COCO_REHEARSAL_AZURE is {said!r}: neither ipi nor aro, and no file of that path. "
                f"{Path(__file__).with_name('ipi.yaml')} shows the shape"
            )
        return cls(yaml.safe_load(path.read_text(encoding="utf-8")))

    def virtual_network(self, group: str, name: str) -> dict[str, Any]:
        """Return a virtual network as azure-native gives it; raises NotThereError."""
        found = self._one("virtualNetworks", group, name)
        subnets = [self._subnet(found, subnet) for subnet in found["subnets"]]
        prefixes = {"addressPrefixes": found["addressPrefixes"]}
        return {**self._common("virtualNetworks", found), "addressSpace": prefixes, "subnets": subnets}

    def subnet(self, group: str, network: str, name: str) -> dict[str, Any]:
        """Return a subnet as azure-native gives it; raises NotThereError."""
        found = self._one("virtualNetworks", group, network)
        for subnet in found["subnets"]:
            if subnet["name"].lower() == name.lower():
                return self._subnet(found, subnet)
        missing = f"{self._id('virtualNetworks', found)}/subnets/{name}"
        raise NotThereError(f'Code="NotFound" Message="Resource {missing} not found."')

    def network_security_group(self, group: str, name: str) -> dict[str, Any]:
        """Return a network security group as azure-native gives it; raises NotThereError."""
        found = self._one("networkSecurityGroups", group, name)
        return {**self._common("networkSecurityGroups", found), "securityRules": []}

    def subnet_ids(self) -> Iterator[str]:
        """Yield the ARM id of each subnet."""
        for network in self._content["virtualNetworks"]:
            yield from (self._subnet(network, subnet)["id"] for subnet in network["subnets"])

    def nsg_ids(self) -> Iterator[str]:
        """Yield the ARM id of each network security group."""
        for group in self._content["networkSecurityGroups"]:
            yield self._id("networkSecurityGroups", group)

    def resource_groups(self) -> list[str]:
        """Return the names of all resource groups."""
        return list(self._content["resourceGroups"])

    def _one(self, kind: str, group: str, name: str) -> Mapping[str, Any]:
        if group.lower() not in [each.lower() for each in self.resource_groups()]:
            said = f"Resource group '{group}' could not be found."
            raise NotThereError(f'Code="ResourceGroupNotFound" Message="{said}"')
        for found in self._content[kind]:
            if (found["resourceGroup"].lower(), found["name"].lower()) == (group.lower(), name.lower()):
                return dict(found)
        said = f"The Resource 'Microsoft.Network/{kind}/{name}' under resource group '{group}' was not found."
        raise NotThereError(f'Code="ResourceNotFound" Message="{said}"')

    def _id(self, kind: str, found: Mapping[str, Any]) -> str:
        return f"/subscriptions/{self.id}/resourceGroups/{found['resourceGroup']}/{NETWORK}/{kind}/{found['name']}"

    def _common(self, kind: str, found: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self._id(kind, found),
            "name": found["name"],
            "location": self.location,
            "type": f"Microsoft.Network/{kind}",
            "provisioningState": "Succeeded",
            "tags": {},
        }

    def _subnet(self, network: Mapping[str, Any], subnet: Mapping[str, Any]) -> dict[str, Any]:
        answer = {
            "id": f"{self._id('virtualNetworks', network)}/subnets/{subnet['name']}",
            "name": subnet["name"],
            "addressPrefix": subnet["addressPrefix"],
            "provisioningState": "Succeeded",
        }
        scope = f"/subscriptions/{self.id}/resourceGroups/{network['resourceGroup']}/{NETWORK}"
        for field, kind in (("networkSecurityGroup", "networkSecurityGroups"), ("natGateway", "natGateways")):
            if field in subnet:
                answer[field] = {"id": f"{scope}/{kind}/{subnet[field]}"}
        return answer
