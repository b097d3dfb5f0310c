"""What ARM's answers say, in their REST shapes, as ``coco_azure.inventory.azure_facts``.

Shapes: azure-rest-api-specs, Microsoft.Compute (Resource SKUs 2021-07-01, usages, galleries) and Microsoft.Network.
Keys that ARM leaves out are read as it means them: no restriction, no rule, no gateway.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from coco_azure.inventory.azure_facts import (
    AzureImage,
    NatGateway,
    Nsg,
    Restriction,
    Route,
    RouteTable,
    Rule,
    Size,
    Subnet,
    Usage,
    Vnet,
)

Json = Mapping[str, Any]
_POD_VM = "/networkinterfaces/podvm-"
"""In the id of an IP configuration of a pod VM: cloud-api-adaptor names the interface ``podvm-POD-HASH-net``."""


def flat(value: Any) -> Any:
    """Return an answer without the level of ``properties``, here and in all that is in it."""
    if isinstance(value, list):
        return [flat(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    folded = {**value, **(value.get("properties") or {})}
    return {key: flat(each) for key, each in folded.items() if key != "properties"}


def sizes(skus: Iterable[Json], region: str) -> dict[str, Size]:
    """Return the VM sizes of a region by name; what is no VM or of another region is left out."""
    sizes_by_name = {}
    for sku in skus:
        if str(sku.get("resourceType", "")).lower() != "virtualmachines":
            continue
        size = _size(sku, region)
        if size is not None:
            sizes_by_name[size.name] = size
    return sizes_by_name


def _size(sku: Json, region: str) -> Size | None:
    locations = [
        each for each in sku.get("locationInfo") or () if str(each.get("location", "")).lower() == region.lower()
    ]
    if not locations and region.lower() not in {str(each).lower() for each in sku.get("locations") or ()}:
        return None
    capabilities = {str(each["name"]): str(each["value"]) for each in sku.get("capabilities") or ()}
    return Size(
        name=str(sku["name"]),
        family=str(sku.get("family") or ""),
        vcpus=int(capabilities.get("vCPUs", "0")),
        tee=capabilities.get("ConfidentialComputingType", ""),
        zones=tuple(sorted({str(zone) for each in locations for zone in each.get("zones") or ()})),
        restrictions=tuple(_restriction(each) for each in sku.get("restrictions") or ()),
    )


def _restriction(restriction: Json) -> Restriction:
    info = restriction.get("restrictionInfo") or {}
    zones = tuple(map(str, info.get("zones") or ())) if str(restriction.get("type")).lower() == "zone" else ()
    return Restriction(reason=str(restriction.get("reasonCode") or "restricted"), zones=zones)


def usages(answers: Iterable[Json]) -> dict[str, Usage]:
    """Return quotas by name."""
    read = (
        Usage(name=str(each["name"]["value"]), used=int(each["currentValue"]), limit=int(each["limit"]))
        for each in answers
    )
    return {usage.name: usage for usage in read}


def scores(answer: Json) -> dict[str, str]:
    """Return the placement score of each size, in lower case; sizes of which Azure knows nothing are left out.

    Args:
        answer: of ``placementScores/spot/generate``.
    """
    scores_by_size = {}
    for each in answer.get("placementScores") or ():
        score = str(each.get("score") or "").lower()
        if score and score != "datanotfoundorstale":
            scores_by_size[str(each["sku"])] = score
    return scores_by_size


def gallery_image(image_id: str, definition: Json, version: Json) -> AzureImage:
    """Return a gallery's image version, with what its definition says."""
    definition, version = flat(definition), flat(version)
    features = {str(each["name"]).lower(): str(each["value"]) for each in definition.get("features") or ()}
    regions = (version.get("publishingProfile") or {}).get("targetRegions") or ()
    return AzureImage(
        id=image_id,
        exists=True,
        security_type=features.get("securitytype", ""),
        generation=str(definition.get("hyperVGeneration") or "V1"),
        regions=tuple(str(each["name"]) for each in regions),
        state=str(version.get("provisioningState") or ""),
    )


def managed_image(image_id: str, answer: Json) -> AzureImage:
    """Return a managed image, which has no security type and is in one region."""
    answer = flat(answer)
    return AzureImage(
        id=image_id,
        exists=True,
        generation=str(answer.get("hyperVGeneration") or "V1"),
        regions=(str(answer["location"]),) if answer.get("location") else (),
        state=str(answer.get("provisioningState") or ""),
    )


def vnet(answer: Json) -> Vnet:
    """Return a virtual network with its subnets and the ranges of its peers."""
    answer = flat(answer)
    peers = [each.get("remoteVirtualNetworkAddressSpace") for each in answer.get("virtualNetworkPeerings") or ()]
    return Vnet(
        id=str(answer["id"]),
        location=str(answer.get("location") or ""),
        prefixes=_prefixes(answer.get("addressSpace")),
        subnets=tuple(map(_subnet, answer.get("subnets") or ())),
        peered=tuple(prefix for peer in peers for prefix in _prefixes(peer)),
    )


def _prefixes(space: Json | None) -> tuple[str, ...]:
    return tuple(map(str, (space or {}).get("addressPrefixes") or ()))


def _subnet(answer: Json) -> Subnet:
    taken = [str(each.get("id", "")).lower() for each in answer.get("ipConfigurations") or ()]
    return Subnet(
        id=str(answer["id"]),
        prefixes=tuple(map(str, answer.get("addressPrefixes") or [answer["addressPrefix"]])),
        used=len(taken),
        pod_vms=sum(_POD_VM in each for each in taken),
        nsg_id=_id(answer.get("networkSecurityGroup")),
        nat_gateway_id=_id(answer.get("natGateway")),
        route_table_id=_id(answer.get("routeTable")),
        default_outbound=answer.get("defaultOutboundAccess"),
        delegations=tuple(str(each.get("serviceName") or each.get("name")) for each in answer.get("delegations") or ()),
    )


def _id(reference: Json | None) -> str:
    return str((reference or {}).get("id") or "")


def nsg(answer: Json) -> Nsg:
    """Return a network security group with its own rules and Azure's defaults."""
    answer = flat(answer)
    rules = [*(answer.get("securityRules") or ()), *(answer.get("defaultSecurityRules") or ())]
    return Nsg(id=str(answer["id"]), location=str(answer.get("location") or ""), rules=tuple(map(_rule, rules)))


def _rule(answer: Json) -> Rule:
    groups = ("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups")
    return Rule(
        name=str(answer.get("name") or ""),
        priority=int(answer["priority"]),
        inbound=str(answer["direction"]).lower() == "inbound",
        allow=str(answer["access"]).lower() == "allow",
        protocol=str(answer["protocol"]),
        sources=_either(answer, "sourceAddressPrefix", "sourceAddressPrefixes"),
        destinations=_either(answer, "destinationAddressPrefix", "destinationAddressPrefixes"),
        source_ports=_either(answer, "sourcePortRange", "sourcePortRanges"),
        destination_ports=_either(answer, "destinationPortRange", "destinationPortRanges"),
        groups=any(answer.get(key) for key in groups),
    )


def _either(rule: Json, one: str, many: str) -> tuple[str, ...]:
    """Return the values of a rule, which has one or several of them; none at all stands beside security groups."""
    several: Sequence[Any] = rule.get(many) or ()
    single = rule.get(one)
    return tuple(map(str, [*([single] if single else []), *several])) or ("*",)


def nat_gateway(answer: Json) -> NatGateway:
    """Return a NAT gateway."""
    answer = flat(answer)
    keys = ("publicIpAddresses", "publicIpPrefixes", "publicIpAddressesV6", "publicIpPrefixesV6")
    return NatGateway(
        id=str(answer["id"]), addresses=tuple(_id(each) for key in keys for each in answer.get(key) or ())
    )


def route_table(answer: Json) -> RouteTable:
    """Return a route table with its routes."""
    answer = flat(answer)
    routes = [
        Route(prefix=str(each.get("addressPrefix") or ""), hop=str(each.get("nextHopType") or ""))
        for each in answer.get("routes") or ()
    ]
    return RouteTable(id=str(answer["id"]), routes=tuple(routes))
