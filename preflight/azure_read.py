"""What ARM's answers say, in their REST shapes, as ``preflight.facts``.

Shapes: azure-rest-api-specs, Microsoft.Compute (Resource SKUs 2021-07-01, usages, galleries) and Microsoft.Network.
Keys that ARM leaves out are read as it means them: no restriction, no rule, no gateway.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from preflight.facts import (
    Image,
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


def sizes(skus: Iterable[Json], region: str) -> dict[str, Size]:
    """Return the VM sizes of a region by name; what is no VM or of another region is left out."""
    found = {}
    for sku in skus:
        if str(sku.get("resourceType", "")).lower() != "virtualmachines":
            continue
        size = _size(sku, region)
        if size is not None:
            found[size.name] = size
    return found


def _size(sku: Json, region: str) -> Size | None:
    here = [each for each in sku.get("locationInfo") or () if str(each.get("location", "")).lower() == region.lower()]
    if not here and region.lower() not in {str(each).lower() for each in sku.get("locations") or ()}:
        return None
    said = {str(each["name"]): str(each["value"]) for each in sku.get("capabilities") or ()}
    return Size(
        name=str(sku["name"]),
        family=str(sku.get("family") or ""),
        vcpus=int(said.get("vCPUs", "0")),
        tee=said.get("ConfidentialComputingType", ""),
        zones=tuple(sorted({str(zone) for each in here for zone in each.get("zones") or ()})),
        restrictions=tuple(_restriction(each) for each in sku.get("restrictions") or ()),
    )


def _restriction(found: Json) -> Restriction:
    info = found.get("restrictionInfo") or {}
    zones = tuple(map(str, info.get("zones") or ())) if str(found.get("type")).lower() == "zone" else ()
    return Restriction(reason=str(found.get("reasonCode") or "restricted"), zones=zones)


def usages(found: Iterable[Json]) -> dict[str, Usage]:
    """Return quotas by name."""
    read = (
        Usage(name=str(each["name"]["value"]), used=int(each["currentValue"]), limit=int(each["limit"]))
        for each in found
    )
    return {usage.name: usage for usage in read}


def scores(answer: Json, words: Mapping[str, str]) -> dict[str, str]:
    """Return what is to be said of each size by its placement score; sizes without a word are left out.

    Args:
        answer: of ``placementScores/spot/generate``.
        words: what to say of a score in lower case; other scores are good.
    """
    found = {}
    for each in answer.get("placementScores") or ():
        score = str(each.get("score") or "").lower()
        if score and score != "datanotfoundorstale":
            found[str(each["sku"])] = words.get(score, "")
    return found


def gallery_image(image_id: str, definition: Json, version: Json) -> Image:
    """Return a gallery's image version, with what its definition says."""
    said, published = definition.get("properties") or {}, version.get("properties") or {}
    features = {str(each["name"]).lower(): str(each["value"]) for each in said.get("features") or ()}
    regions = (published.get("publishingProfile") or {}).get("targetRegions") or ()
    return Image(
        id=image_id,
        exists=True,
        security_type=features.get("securitytype", ""),
        generation=str(said.get("hyperVGeneration") or "V1"),
        regions=tuple(str(each["name"]) for each in regions),
        state=str(published.get("provisioningState") or ""),
    )


def managed_image(image_id: str, found: Json) -> Image:
    """Return a managed image, which has no security type and is in one region."""
    said = found.get("properties") or {}
    return Image(
        id=image_id,
        exists=True,
        generation=str(said.get("hyperVGeneration") or "V1"),
        regions=(str(found.get("location") or ""),) if found.get("location") else (),
        state=str(said.get("provisioningState") or ""),
    )


def vnet(found: Json) -> Vnet:
    """Return a virtual network with its subnets and the ranges of its peers."""
    said = found.get("properties") or {}
    peers = (each.get("properties") or {} for each in said.get("virtualNetworkPeerings") or ())
    return Vnet(
        id=str(found["id"]),
        location=str(found.get("location") or ""),
        prefixes=_prefixes(said.get("addressSpace")),
        subnets=tuple(map(subnet, said.get("subnets") or ())),
        peered=tuple(prefix for peer in peers for prefix in _prefixes(peer.get("remoteVirtualNetworkAddressSpace"))),
    )


def _prefixes(space: Json | None) -> tuple[str, ...]:
    return tuple(map(str, (space or {}).get("addressPrefixes") or ()))


def subnet(found: Json) -> Subnet:
    """Return a subnet."""
    said = found.get("properties") or {}
    taken = [str(each.get("id", "")).lower() for each in said.get("ipConfigurations") or ()]
    return Subnet(
        id=str(found["id"]),
        prefixes=tuple(map(str, said.get("addressPrefixes") or [said["addressPrefix"]])),
        used=len(taken),
        pod_vms=sum(_POD_VM in each for each in taken),
        nsg_id=_id(said.get("networkSecurityGroup")),
        nat_gateway_id=_id(said.get("natGateway")),
        route_table_id=_id(said.get("routeTable")),
        default_outbound=said.get("defaultOutboundAccess"),
        delegations=tuple(
            str((each.get("properties") or {}).get("serviceName") or each.get("name"))
            for each in said.get("delegations") or ()
        ),
    )


def _id(found: Json | None) -> str:
    return str((found or {}).get("id") or "")


def nsg(found: Json) -> Nsg:
    """Return a network security group with its own rules and Azure's defaults."""
    said = found.get("properties") or {}
    rules = [*(said.get("securityRules") or ()), *(said.get("defaultSecurityRules") or ())]
    return Nsg(id=str(found["id"]), location=str(found.get("location") or ""), rules=tuple(map(_rule, rules)))


def _rule(found: Json) -> Rule:
    said = found.get("properties") or {}
    groups = ("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups")
    return Rule(
        name=str(found.get("name") or ""),
        priority=int(said["priority"]),
        inbound=str(said["direction"]).lower() == "inbound",
        allow=str(said["access"]).lower() == "allow",
        protocol=str(said["protocol"]),
        sources=_either(said, "sourceAddressPrefix", "sourceAddressPrefixes"),
        destinations=_either(said, "destinationAddressPrefix", "destinationAddressPrefixes"),
        source_ports=_either(said, "sourcePortRange", "sourcePortRanges"),
        destination_ports=_either(said, "destinationPortRange", "destinationPortRanges"),
        groups=any(said.get(key) for key in groups),
    )


def _either(said: Json, one: str, many: str) -> tuple[str, ...]:
    """Return the values of a rule, which has one or several of them; none at all stands beside security groups."""
    several: Sequence[Any] = said.get(many) or ()
    single = said.get(one)
    return tuple(map(str, [*([single] if single else []), *several])) or ("*",)


def nat_gateway(found: Json) -> NatGateway:
    """Return a NAT gateway."""
    said = found.get("properties") or {}
    return NatGateway(
        id=str(found["id"]),
        sku=str((found.get("sku") or {}).get("name") or "Standard"),
        zones=tuple(map(str, found.get("zones") or ())),
        addresses=tuple(_addresses(said)),
        idle_minutes=int(said.get("idleTimeoutInMinutes") or 4),
    )


def _addresses(said: Json) -> Iterator[str]:
    for key in ("publicIpAddresses", "publicIpPrefixes", "publicIpAddressesV6", "publicIpPrefixesV6"):
        yield from (_id(each) for each in said.get(key) or ())


def route_table(found: Json) -> RouteTable:
    """Return a route table with its routes."""
    return RouteTable(
        id=str(found["id"]),
        routes=tuple(
            Route(
                name=str(each.get("name") or ""),
                prefix=str((each.get("properties") or {}).get("addressPrefix") or ""),
                hop=str((each.get("properties") or {}).get("nextHopType") or ""),
            )
            for each in (found.get("properties") or {}).get("routes") or ()
        ),
    )
