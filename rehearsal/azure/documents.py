"""Networks and images of a description, as ARM's documents: what GET of each one answers.

Shapes: REST API of Microsoft.Network 2024-05-01 (VirtualNetworks, Subnets, NetworkSecurityGroups, NatGateways,
PublicIPAddresses, RouteTables - Get) and of Microsoft.Compute galleries 2023-07-03. References back, such as
``subnets`` of a NAT gateway, are not kept but made when somebody asks (``views``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.azure.description import Content
from rehearsal.azure.nsg_rules import default_rules, rule

Document = dict[str, Any]
NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
SUCCEEDED = "Succeeded"
_DISPLAY = {"eastus": "East US", "eastus2": "East US 2", "westeurope": "West Europe", "francecentral": "France Central"}
_SECTIONS = {
    "networkSecurityGroups": "networkSecurityGroups",
    "natGateways": "natGateways",
    "routeTables": "routeTables",
    "publicIPAddresses": "publicIpAddresses",
    "virtualNetworks": "virtualNetworks",
}
"""Kind in ARM: key of the description."""


def arm_id(subscription: str, group: str, provider: str, *parts: str) -> str:
    """Return an ARM id, such as of ``Microsoft.Network``, ``virtualNetworks``, its name."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{'/'.join(parts)}"


def of(content: Content) -> Iterator[Document]:
    """Yield every resource of a description."""
    made = _Maker(content)
    for said in content.get("virtualNetworks", ()):
        yield from made.virtual_network(said)
    for said in content.get("networkSecurityGroups", ()):
        yield made.security_group(said)
    for said in content.get("natGateways", ()):
        yield made.nat_gateway(said)
    for said in content.get("publicIpAddresses", ()):
        yield made.public_ip(said)
    for said in content.get("routeTables", ()):
        yield made.route_table(said)
    for said in content.get("galleries", ()):
        yield from made.gallery(said)


class _Maker:
    def __init__(self, content: Content) -> None:
        self._content = content
        self._subscription = str(content["subscriptionId"])
        self._location = str(content["location"])

    def _id(self, said: Content, kind: str, name: str) -> str:
        subscription = str(said.get("subscriptionId", self._subscription))
        provider = COMPUTE if kind == "galleries" else NETWORK
        return arm_id(subscription, said["resourceGroup"], provider, kind, name)

    def _whole(self, said: Content, kind: str, **properties: Any) -> Document:
        provider = COMPUTE if kind == "galleries" else NETWORK
        return {
            "id": self._id(said, kind, said["name"]),
            "name": said["name"],
            "type": f"{provider}/{kind}",
            "location": said.get("location", self._location),
            "tags": dict(said.get("tags", {})),
            "properties": {"provisioningState": SUCCEEDED, **properties},
        }

    def _reference(self, place: Content, kind: str, name: str) -> dict[str, str]:
        """Return the reference to a resource by its ARM id, or by its name, wherever the description has it."""
        if name.startswith("/"):
            return {"id": f"/subscriptions/{self._subscription}{name}" if name.startswith("/resourceG") else name}
        found = [each for each in self._content.get(_SECTIONS[kind], ()) if each["name"] == name]
        return {"id": self._id(found[0] if found else place, kind, name)}

    def virtual_network(self, said: Content) -> Iterator[Document]:
        """Yield a virtual network and its subnets, as resources of their own."""
        whole = self._whole(
            said,
            "virtualNetworks",
            addressSpace={"addressPrefixes": list(said["addressPrefixes"])},
            virtualNetworkPeerings=[_peering(each) for each in said.get("peerings", ())],
            enableDdosProtection=False,
        )
        yield whole
        for subnet in said["subnets"]:
            yield self._subnet(said, whole["id"], subnet)

    def _subnet(self, network: Content, network_id: str, said: Content) -> Document:
        scope = f"{network_id}/subnets/{said['name']}"
        properties: Document = {
            "provisioningState": SUCCEEDED,
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
        }
        for key in ("addressPrefix", "addressPrefixes", "defaultOutboundAccess"):
            if key in said:
                properties[key] = said[key]
        for field, kind in (
            ("networkSecurityGroup", "networkSecurityGroups"),
            ("natGateway", "natGateways"),
            ("routeTable", "routeTables"),
        ):
            if field in said:
                properties[field] = self._reference(network, kind, said[field])
        properties["delegations"] = [
            {"id": f"{scope}/delegations/{at}", "name": str(at), "properties": {"serviceName": service}}
            for at, service in enumerate(said.get("delegations", ()))
        ]
        interfaces = arm_id(self._subscription, self._content["cluster"]["resourceGroup"], NETWORK, "networkInterfaces")
        if used := int(said.get("usedAddresses", 0)):
            properties["ipConfigurations"] = [
                {"id": f"{interfaces}/{said['name']}-{at}-nic/ipConfigurations/pipConfig"} for at in range(used)
            ]
        return {
            "id": scope,
            "name": said["name"],
            "type": f"{NETWORK}/virtualNetworks/subnets",
            "properties": properties,
        }

    def security_group(self, said: Content) -> Document:
        """Return a network security group with Azure's default rules."""
        whole = self._whole(said, "networkSecurityGroups")
        whole["properties"]["securityRules"] = [rule(whole["id"], each) for each in said.get("rules", ())]
        whole["properties"]["defaultSecurityRules"] = default_rules(whole["id"])
        return whole

    def nat_gateway(self, said: Content) -> Document:
        """Return a NAT gateway."""
        addresses = [self._reference(said, "publicIPAddresses", each) for each in said.get("publicIpAddresses", ())]
        idle = said.get("idleTimeoutInMinutes", 4)
        whole = self._whole(said, "natGateways", idleTimeoutInMinutes=idle)
        if addresses:
            whole["properties"]["publicIpAddresses"] = addresses
        return {**whole, **_zones(said), "sku": {"name": said.get("sku", "Standard")}}

    def public_ip(self, said: Content) -> Document:
        """Return a public IP address."""
        whole = self._whole(
            said,
            "publicIPAddresses",
            ipAddress=said["ipAddress"],
            publicIPAddressVersion="IPv4",
            publicIPAllocationMethod="Static",
            idleTimeoutInMinutes=said.get("idleTimeoutInMinutes", 4),
            ipTags=[],
        )
        return {**whole, **_zones(said), "sku": {"name": said.get("sku", "Standard"), "tier": "Regional"}}

    def route_table(self, said: Content) -> Document:
        """Return a route table."""
        whole = self._whole(said, "routeTables", disableBgpRoutePropagation=False)
        whole["properties"]["routes"] = [
            {
                "id": f"{whole['id']}/routes/{each['name']}",
                "name": each["name"],
                "properties": {"provisioningState": SUCCEEDED, **{key: each[key] for key in each if key != "name"}},
            }
            for each in said.get("routes", ())
        ]
        return whole

    def gallery(self, said: Content) -> Iterator[Document]:
        """Yield a gallery, its image definitions and their versions."""
        gallery = self._whole(said, "galleries")
        yield gallery
        for image in said.get("images", ()):
            place = gallery["location"]
            definition = image_definition(f"{gallery['id']}/images/{image['name']}", place, **_image_words(image))
            yield definition
            for name, version in image.get("versions", {}).items():
                yield image_version(f"{definition['id']}/versions/{name}", place, **(version or {}))


def image_definition(
    arm: str, location: str, *, security: str = "ConfidentialVmSupported", generation: str = "V2"
) -> Document:
    """Return an image definition of a gallery; ``security`` is feature SecurityType, empty for none."""
    features = [{"name": "SecurityType", "value": security}] if security else []
    return {
        "id": arm,
        "name": arm.rsplit("/", 1)[1],
        "type": f"{COMPUTE}/galleries/images",
        "location": location,
        "properties": {
            "provisioningState": SUCCEEDED,
            "osType": "Linux",
            "osState": "Generalized",
            "hyperVGeneration": generation,
            "architecture": "x64",
            "identifier": {"publisher": "rehearsal", "offer": "podvm", "sku": "podvm"},
            "features": features,
        },
    }


def image_version(arm: str, location: str, *, regions: tuple[str, ...] = (), state: str = SUCCEEDED) -> Document:
    """Return an image version; ``regions`` are those that it is replicated to, default: its own."""
    targets = [
        {"name": _DISPLAY.get(each, each), "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}
        for each in regions or (location,)
    ]
    return {
        "id": arm,
        "name": arm.rsplit("/", 1)[1],
        "type": f"{COMPUTE}/galleries/images/versions",
        "location": location,
        "properties": {"provisioningState": state, "publishingProfile": {"targetRegions": targets}},
    }


def _image_words(said: Content) -> dict[str, Any]:
    words = {"security": "securityType", "generation": "generation"}
    return {word: said[key] for word, key in words.items() if key in said}


def _zones(said: Content) -> Mapping[str, Any]:
    return {"zones": [str(each) for each in said["zones"]]} if "zones" in said else {}


def _peering(said: Content) -> Document:
    space = {"addressPrefixes": list(said["remoteAddressPrefixes"])}
    return {
        "name": said["name"],
        "properties": {
            "peeringState": "Connected",
            "remoteVirtualNetwork": {"id": said["remoteNetwork"]},
            "remoteAddressSpace": space,
            "remoteVirtualNetworkAddressSpace": space,
        },
    }
