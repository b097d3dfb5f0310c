"""Networks and images of a description, as ARM's documents: what GET of each one answers.

Shapes: REST API of Microsoft.Network 2024-05-01 (VirtualNetworks, Subnets, NetworkSecurityGroups, NatGateways,
PublicIPAddresses, RouteTables, NetworkInterfaces - Get) and of Microsoft.Compute galleries 2023-07-03 and
virtualMachines 2024-03-01, as far as whoever looks for the subnet of a node follows them. References back, such as
``subnets`` of a NAT gateway, are not kept but made when somebody asks (``views``). The default rules of a security
group are those of https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rehearsal.azure.arm_state import SUCCEEDED, resource
from rehearsal.azure.description import Content

Document = dict[str, Any]
NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
_DISPLAY = {"eastus": "East US", "eastus2": "East US 2", "westeurope": "West Europe", "francecentral": "France Central"}
_SECTIONS = {"publicIPAddresses": "publicIpAddresses"}
"""Kind in ARM: key of the description, where it is another."""
_DEFAULT_RULES = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)
_RULE_FIELDS = (
    ("sourceAddressPrefix", "source", "sources"),
    ("destinationAddressPrefix", "destination", "destinations"),
    ("sourcePortRange", "sourcePort", "sourcePorts"),
    ("destinationPortRange", "destinationPort", "destinationPorts"),
)


def arm_id(subscription: str, group: str, provider: str, *parts: str) -> str:
    """Return an ARM id, such as of ``Microsoft.Network``, ``virtualNetworks``, its name."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/{'/'.join(parts)}"


def of(content: Content) -> Iterator[Document]:
    """Yield every resource of a description."""
    made = _Maker(content)
    makers: Mapping[str, Callable[[Content], Iterator[Document]]] = {
        "virtualNetworks": made.virtual_network,
        "networkSecurityGroups": made.security_group,
        "natGateways": made.nat_gateway,
        "publicIpAddresses": made.public_ip,
        "routeTables": made.route_table,
        "galleries": made.gallery,
    }
    for section, make in makers.items():
        for spec in content.get(section, ()):
            yield from make(spec)
    yield from made.machines()


def vm_id(content: Content, node: str) -> str:
    """Return the ARM id of a node's VM; with ``azure://`` before it, it is the node's ``spec.providerID``."""
    group = content["cluster"]["resourceGroup"]
    return arm_id(str(content["subscriptionId"]), group, COMPUTE, "virtualMachines", node)


class _Maker:
    def __init__(self, content: Content) -> None:
        self._content = content
        self._subscription = str(content["subscriptionId"])
        self._location = str(content["location"])

    def _id(self, spec: Content, kind: str, name: str) -> str:
        subscription = str(spec.get("subscriptionId", self._subscription))
        provider = COMPUTE if kind == "galleries" else NETWORK
        return arm_id(subscription, spec["resourceGroup"], provider, kind, name)

    def _whole(self, spec: Content, kind: str, **properties: Any) -> Document:
        location = str(spec.get("location", self._location))
        whole = resource(self._id(spec, kind, spec["name"]), location, **properties)
        return {**whole, "tags": dict(spec.get("tags", {}))}

    def _reference(self, place: Content, kind: str, name: str) -> dict[str, str]:
        """Return the reference to a resource by its ARM id, or by its name, wherever the description has it."""
        if name.startswith("/"):
            return {"id": f"/subscriptions/{self._subscription}{name}" if name.startswith("/resourceG") else name}
        matches = [each for each in self._content.get(_SECTIONS.get(kind, kind), ()) if each["name"] == name]
        return {"id": self._id(matches[0] if matches else place, kind, name)}

    def virtual_network(self, spec: Content) -> Iterator[Document]:
        """Yield a virtual network and its subnets, as resources of their own."""
        whole = self._whole(
            spec,
            "virtualNetworks",
            addressSpace={"addressPrefixes": list(spec["addressPrefixes"])},
            virtualNetworkPeerings=[_peering(each) for each in spec.get("peerings", ())],
            enableDdosProtection=False,
        )
        yield whole
        for subnet in spec["subnets"]:
            yield self._subnet(spec, whole["id"], subnet)

    def _subnet(self, network: Content, network_id: str, spec: Content) -> Document:
        whole = resource(
            f"{network_id}/subnets/{spec['name']}",
            privateEndpointNetworkPolicies="Disabled",
            privateLinkServiceNetworkPolicies="Enabled",
        )
        properties = whole["properties"]
        for key in ("addressPrefix", "addressPrefixes", "defaultOutboundAccess"):
            if key in spec:
                properties[key] = spec[key]
        for field, kind in (
            ("networkSecurityGroup", "networkSecurityGroups"),
            ("natGateway", "natGateways"),
            ("routeTable", "routeTables"),
        ):
            if field in spec:
                properties[field] = self._reference(network, kind, spec[field])
        properties["delegations"] = [
            {"id": f"{whole['id']}/delegations/{at}", "name": str(at), "properties": {"serviceName": service}}
            for at, service in enumerate(spec.get("delegations", ()))
        ]
        interfaces = arm_id(self._subscription, self._content["cluster"]["resourceGroup"], NETWORK, "networkInterfaces")
        if used := int(spec.get("usedAddresses", 0)):
            properties["ipConfigurations"] = [
                {"id": f"{interfaces}/{spec['name']}-{at}-nic/ipConfigurations/pipConfig"} for at in range(used)
            ]
        return whole

    def machines(self) -> Iterator[Document]:
        """Yield the VM and the NIC of each worker node; ``workerSubnet`` is one name for all, or one for each node."""
        content, place = self._content, {**self._content["cluster"], "location": self._location}
        worker_subnet = content.get("workerSubnet") or {}
        for at, node in enumerate(content["nodes"]["worker"] if worker_subnet else ()):
            name = worker_subnet[node] if isinstance(worker_subnet, Mapping) else worker_subnet
            vnets = content["virtualNetworks"]
            vnet = next(each for each in vnets if name in [subnet["name"] for subnet in each["subnets"]])
            # Named as the addresses of ``usedAddresses`` are, so that none of them is counted twice.
            nic = self._id(place, "networkInterfaces", f"{name}-{at}-nic")
            machine = {"networkProfile": {"networkInterfaces": [{"id": nic}]}}
            yield {**resource(vm_id(content, node), self._location, **machine), "tags": {}}
            subnet = f"{self._id(vnet, 'virtualNetworks', vnet['name'])}/subnets/{name}"
            address = {"subnet": {"id": subnet}, "primary": True}
            configuration = {"id": f"{nic}/ipConfigurations/pipConfig", "name": "pipConfig", "properties": address}
            interface = {"ipConfigurations": [configuration], "virtualMachine": {"id": vm_id(content, node)}}
            yield {**resource(nic, self._location, **interface), "tags": {}}

    def security_group(self, spec: Content) -> Iterator[Document]:
        """Yield a network security group with Azure's default rules."""
        whole = self._whole(spec, "networkSecurityGroups")
        whole["properties"]["securityRules"] = [_rule(whole["id"], each) for each in spec.get("rules", ())]
        whole["properties"]["defaultSecurityRules"] = _default_rules(whole["id"])
        yield whole

    def nat_gateway(self, spec: Content) -> Iterator[Document]:
        """Yield a NAT gateway."""
        addresses = [self._reference(spec, "publicIPAddresses", each) for each in spec.get("publicIpAddresses", ())]
        idle = spec.get("idleTimeoutInMinutes", 4)
        whole = self._whole(spec, "natGateways", idleTimeoutInMinutes=idle)
        if addresses:
            whole["properties"]["publicIpAddresses"] = addresses
        yield {**whole, **_zones(spec), "sku": {"name": spec.get("sku", "Standard")}}

    def public_ip(self, spec: Content) -> Iterator[Document]:
        """Yield a public IP address."""
        whole = self._whole(
            spec,
            "publicIPAddresses",
            ipAddress=spec["ipAddress"],
            publicIPAddressVersion="IPv4",
            publicIPAllocationMethod="Static",
            idleTimeoutInMinutes=spec.get("idleTimeoutInMinutes", 4),
            ipTags=[],
        )
        yield {**whole, **_zones(spec), "sku": {"name": spec.get("sku", "Standard"), "tier": "Regional"}}

    def route_table(self, spec: Content) -> Iterator[Document]:
        """Yield a route table."""
        whole = self._whole(spec, "routeTables", disableBgpRoutePropagation=False)
        whole["properties"]["routes"] = [
            resource(f"{whole['id']}/routes/{each['name']}", **{key: each[key] for key in each if key != "name"})
            for each in spec.get("routes", ())
        ]
        yield whole

    def gallery(self, spec: Content) -> Iterator[Document]:
        """Yield a gallery, its image definitions and their versions."""
        gallery = self._whole(spec, "galleries")
        yield gallery
        for image in spec.get("images", ()):
            place = gallery["location"]
            definition = image_definition(f"{gallery['id']}/images/{image['name']}", place, **_image_words(image))
            yield definition
            for name, version in image.get("versions", {}).items():
                yield image_version(f"{definition['id']}/versions/{name}", place, **(version or {}))


def image_definition(
    arm: str, location: str, *, security: str = "ConfidentialVmSupported", generation: str = "V2", sku: str = "podvm"
) -> Document:
    """Return an image definition of a gallery; ``security`` is feature SecurityType, empty for none."""
    features = [{"name": "SecurityType", "value": security}] if security else []
    return resource(
        arm,
        location,
        osType="Linux",
        osState="Generalized",
        hyperVGeneration=generation,
        architecture="x64",
        identifier={"publisher": "rehearsal", "offer": "podvm", "sku": sku},
        features=features,
    )


def image_version(arm: str, location: str, *, regions: tuple[str, ...] = (), state: str = SUCCEEDED) -> Document:
    """Return an image version; ``regions`` are those that it is replicated to, default: its own."""
    targets = [
        {"name": _DISPLAY.get(each, each), "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}
        for each in regions or (location,)
    ]
    return resource(arm, location, provisioningState=state, publishingProfile={"targetRegions": targets})


def _image_words(spec: Content) -> dict[str, Any]:
    words = {"security": "securityType", "generation": "generation"}
    return {word: spec[key] for word, key in words.items() if key in spec}


def _zones(spec: Content) -> Mapping[str, Any]:
    return {"zones": [str(each) for each in spec["zones"]]} if "zones" in spec else {}


def _peering(spec: Content) -> Document:
    space = {"addressPrefixes": list(spec["remoteAddressPrefixes"])}
    return {
        "name": spec["name"],
        "properties": {
            "peeringState": "Connected",
            "remoteVirtualNetwork": {"id": spec["remoteNetwork"]},
            "remoteAddressSpace": space,
            "remoteVirtualNetworkAddressSpace": space,
        },
    }


def _default_rules(group: str) -> list[dict[str, Any]]:
    """Return the six rules that every group has."""
    return [
        resource(
            f"{group}/defaultSecurityRules/{name}",
            protocol="*",
            sourcePortRange="*",
            destinationPortRange="*",
            sourceAddressPrefix=source,
            destinationAddressPrefix=destination,
            access=access,
            priority=priority,
            direction=direction,
        )
        for name, priority, direction, access, source, destination in _DEFAULT_RULES
    ]


def _rule(group: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a description: ``source`` or ``sources`` and so on; ``*`` where nothing is said."""
    properties: dict[str, Any] = {
        "protocol": spec.get("protocol", "*"),
        "access": spec["access"],
        "priority": int(spec["priority"]),
        "direction": spec["direction"],
    }
    for field, one, many in _RULE_FIELDS:
        plural = field + "es" if field.endswith("Prefix") else field + "s"
        if many in spec:
            properties[plural] = [str(each) for each in spec[many]]
        else:
            properties[field] = str(spec.get(one, "*"))
    for side in ("source", "destination"):
        if f"{side}Groups" in spec:
            del properties[f"{side}AddressPrefix"]
            properties[f"{side}ApplicationSecurityGroups"] = [{"id": each} for each in spec[f"{side}Groups"]]
    return resource(f"{group}/securityRules/{spec['name']}", **properties)
