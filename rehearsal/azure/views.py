"""Resources as ARM shows them: with references back, and in lists of a resource group only with their outlines."""

import copy
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from rehearsal.azure.documents import Document

_NETWORK = "Microsoft.Network"
_SUBNET = f"{_NETWORK}/virtualNetworks/subnets"
_IN_A_SUBNET = {
    f"{_NETWORK}/networkSecurityGroups": "networkSecurityGroup",
    f"{_NETWORK}/natGateways": "natGateway",
    f"{_NETWORK}/routeTables": "routeTable",
}
_OUTLINE = ("id", "type", "location", "tags", "sku", "zones", "createdTime")
_NOT_LISTED = ("subnets", "roleAssignments")
"""Kinds that are no resources of a group to its list: ARM lists what it tracks."""


def whole(document: Document, every: Mapping[str, Document]) -> Document:
    """Return what GET of a resource answers."""
    shown = copy.deepcopy(document)
    properties = shown.setdefault("properties", {})
    shown.pop("createdTime", None)
    key, kind = str(shown["id"]).lower(), str(shown["type"])
    if kind == f"{_NETWORK}/virtualNetworks":
        properties["subnets"] = [whole(each, every) for each in inside(shown["id"], "subnets", every)]
    if (field := _IN_A_SUBNET.get(kind)) and (users := users_of(key, field, every)):
        properties["subnets"] = [{"id": each} for each in users]
    if kind == f"{_NETWORK}/publicIPAddresses" and (gateway := gateway_of(key, every)):
        properties["natGateway"] = {"id": gateway}
    if kind == _SUBNET and (attached := taken(document, every)):
        properties["ipConfigurations"] = [{"id": each} for each in attached]
    if kind.startswith(_NETWORK):
        shown["etag"] = f'W/"{sha256(repr(shown).encode()).hexdigest()[:32]}"'
    return shown


def outline(document: Document) -> Document:
    """Return what ``Resources - List By Resource Group`` says of a resource."""
    names = str(document["id"]).split("/")[8::2]
    return {"name": "/".join(names), **{key: document[key] for key in _OUTLINE if key in document}}


def is_listed(document: Document) -> bool:
    """Return whether the list of a resource group has it."""
    return str(document["type"]).rsplit("/", 1)[1] not in _NOT_LISTED


def inside(parent: str, kind: str, every: Mapping[str, Document]) -> list[Document]:
    """Return the resources of a kind one level below another one."""
    prefix = f"{parent.lower()}/{kind.lower()}/"
    return [each for key, each in every.items() if key.startswith(prefix) and "/" not in key[len(prefix) :]]


def users_of(arm: str, field: str, every: Mapping[str, Document]) -> list[str]:
    """Return the ARM ids of the subnets that refer to a resource with a field."""
    subnets = (each for each in every.values() if each["type"] == _SUBNET)
    return [each["id"] for each in subnets if refers(each, field) == arm.lower()]


def refers(document: Document, field: str) -> str | None:
    """Return the ARM id, in lower case, that a field of a resource refers to."""
    reference: Any = document.get("properties", {}).get(field)
    return str(reference["id"]).lower() if isinstance(reference, Mapping) and reference.get("id") else None


def gateway_of(address: str, every: Mapping[str, Document]) -> str | None:
    """Return the ARM id of the NAT gateway that has a public IP address."""
    for each in every.values():
        if each["type"] == f"{_NETWORK}/natGateways":
            addresses = each["properties"].get("publicIpAddresses") or ()
            if address.lower() in [str(one["id"]).lower() for one in addresses]:
                return str(each["id"])
    return None


def taken(subnet: Document, every: Mapping[str, Document]) -> list[str]:
    """Return the ARM ids of the IP configurations in a subnet: those described, and those of pod VMs."""
    configurations = [str(each["id"]) for each in subnet["properties"].get("ipConfigurations", ())]
    for each in every.values():
        if each["type"] == f"{_NETWORK}/networkInterfaces":
            places = each["properties"].get("ipConfigurations", ())
            configurations += [str(place["id"]) for place in places if _lies_in(place, subnet)]
    return list(dict.fromkeys(configurations))


def _lies_in(place: Mapping[str, Any], subnet: Document) -> bool:
    return str(place["properties"]["subnet"]["id"]).lower() == str(subnet["id"]).lower()
