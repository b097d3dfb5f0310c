"""Azure for unit tests: resources by ARM id as its REST API has them, asked through the real client.

Its pipeline runs as it is, with a transport that answers from here; no socket is opened. Whatever a test wants of Azure
it puts into ``resources``, or, where the path is none of a resource, into ``answers``.
"""

import base64
import io
import json
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pulumi_azure_native as azure_native
import pytest
import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport

from coco_azure.clients import azure as azure_client
from coco_azure.clients.azure import AzureClient
from tests.unit import fake_compute

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
TOKEN = f".{base64.urlsafe_b64encode(json.dumps({'tid': TENANT}).encode()).decode()}."
"""A token of that tenant, without header and signature, which nobody looks at."""
NETWORK_GROUP = "network-rg"
CLUSTER_GROUP = "demo-x7k2p-rg"
Resource = dict[str, Any]


def arm_id(kind: str, name: str, group: str = NETWORK_GROUP, subscription: str = SUBSCRIPTION) -> str:
    """Return an ARM id, ``kind`` being such as ``Microsoft.Network/virtualNetworks``."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}"


VNET = arm_id("Microsoft.Network/virtualNetworks", "demo-x7k2p-vnet")
NSG = arm_id("Microsoft.Network/networkSecurityGroups", "demo-x7k2p-nsg")
NAT = arm_id("Microsoft.Network/natGateways", "demo-nat")
WORKERS = f"{VNET}/subnets/demo-x7k2p-worker-subnet"


def subnet(name: str, prefix: str, *, vnet: str = VNET, **properties: object) -> Resource:
    """Return a subnet of a VNet, with these properties."""
    return {"id": f"{vnet}/subnets/{name}", "name": name, "properties": {"addressPrefix": prefix, **properties}}


def vnet(*subnets: Resource, location: str = "eastus", resource_id: str = VNET) -> Resource:
    """Return a VNet with these subnets."""
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    return {"id": resource_id, "location": location, "properties": {"addressSpace": space, "subnets": list(subnets)}}


def worker(name: str, subnet_id: str, group: str = CLUSTER_GROUP) -> list[Resource]:
    """Return the VM of a worker node and its NIC."""
    nic = arm_id("Microsoft.Network/networkInterfaces", f"{name}-nic", group)
    address = {"name": "pipConfig", "properties": {"primary": True, "subnet": {"id": subnet_id}}}
    return [
        {
            "id": vm_of(name, group),
            "location": "eastus",
            "properties": {"networkProfile": {"networkInterfaces": [{"id": nic}]}},
        },
        {"id": nic, "location": "eastus", "properties": {"ipConfigurations": [address]}},
    ]


def vm_of(name: str, group: str = CLUSTER_GROUP) -> str:
    """Return the ARM id of a worker node's VM; ``azure://`` before it is the node's ``spec.providerID``."""
    return arm_id("Microsoft.Compute/virtualMachines", name, group)


def demo() -> dict[str, Resource]:
    """Return the network of the cluster ``demo-x7k2p``: two subnets of its own, and ``peer-pods`` for pod VMs."""
    by_name: dict[str, Any] = {"networkSecurityGroup": {"id": NSG}, "natGateway": {"id": NAT}}
    items = [
        vnet(
            subnet("demo-x7k2p-master-subnet", "10.0.0.0/17", networkSecurityGroup={"id": NSG}),
            subnet("demo-x7k2p-worker-subnet", "10.0.128.0/18", **by_name),
            subnet("peer-pods", "10.0.192.0/18", **by_name),
        ),
        {"id": NSG, "location": "eastus", "properties": {"securityRules": []}},
        {"id": NAT, "location": "eastus", "properties": {"publicIpAddresses": [{"id": f"{NAT}-address"}]}},
    ]
    return {str(each["id"]).lower(): each for each in items}


@dataclass
class FakeAzure:
    """Azure as a test wants it.

    Attributes:
        resources: what there is, by ARM id in lower case.
        groups: names of resource groups.
        answers: other answers of the REST API, by path in lower case without query; a list is the value of a page.
        refused: HTTP status, code and message, by a pattern of paths (in lower case) that are refused.
        token: the bearer token that it takes; its claim ``tid`` is the tenant.
        asked: paths of the REST API that were asked, in order.
    """

    resources: dict[str, Resource] = field(default_factory=demo)
    groups: list[str] = field(default_factory=lambda: [CLUSTER_GROUP, NETWORK_GROUP, "pod-vms"])
    answers: dict[str, Any] = field(default_factory=lambda: dict(fake_compute.answers(SUBSCRIPTION)))
    refused: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    token: str = TOKEN
    asked: list[str] = field(default_factory=list)

    def put(self, *resources: Resource) -> None:
        """Add resources, or replace those with the same id."""
        self.resources |= {str(each["id"]).lower(): each for each in resources}

    def installed(self, monkeypatch: pytest.MonkeyPatch) -> "FakeAzure":
        """Be Azure for the program's own functions, without a program: look-ups and clients ask here."""

        def provider(name: str, subscription_id: str) -> SimpleNamespace:
            return SimpleNamespace(name=name, subscription=subscription_id)

        monkeypatch.setattr(azure_native, "Provider", provider)
        monkeypatch.setattr(azure_client, "connect", self.client)
        return self

    def client(self, subscription: str = SUBSCRIPTION) -> AzureClient:
        """Return the client, which asks here; stands for ``coco_azure.clients.azure.connect``."""
        return AzureClient("https://management.azure.com", subscription, lambda: self.token, self._transport)

    def _transport(self) -> RequestsTransport:
        session = requests.Session()
        session.mount("https://", _Adapter(self))
        return RequestsTransport(session=session)

    def answer(self, path: str) -> tuple[int, Any]:
        """Return HTTP status and body of a GET."""
        self.asked.append(path)
        key = path.lower()
        for part, (status, code, message) in self.refused.items():
            if re.search(part, key):
                return status, {"error": {"code": code, "message": message}}
        if key in self.answers:
            result = self.answers[key]
            return 200, {"value": result} if isinstance(result, list) else result
        if resource := self.resources.get(key) or self._group(path):
            return 200, _whole(resource)
        inside = [_whole(each) for name, each in self.resources.items() if name.rpartition("/")[0] == key]
        if inside or key.rsplit("/", 1)[-1] in _LISTS:
            return 200, {"value": inside}
        if image := fake_compute.image(path):
            return 200, image
        return 404, {"error": {"code": "ResourceNotFound", "message": f"The Resource '{path}' was not found."}}

    def _group(self, path: str) -> Resource | None:
        group = re.fullmatch(r"/subscriptions/[^/]+/resourcegroups/([^/]+)", path, re.IGNORECASE)
        exists = group is not None and group[1].lower() in map(str.lower, self.groups)
        return {"id": path, "location": "eastus"} if exists else None


_LISTS = {"virtualnetworks", "networksecuritygroups", "natgateways", "subnets", "roleassignments", "usages", "skus"}
"""Lists that are empty rather than not there."""


class _Adapter(requests.adapters.BaseAdapter):
    def __init__(self, azure: FakeAzure) -> None:
        super().__init__()
        self._azure = azure

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        reads = request.method == "GET" or "/placementScores/spot/generate?" in str(request.url)
        assert reads, f"{request.method} {request.url}: only questions are asked"
        assert request.headers["Authorization"] == f"Bearer {self._azure.token}"
        status, body = self._azure.answer(unquote(urlsplit(str(request.url)).path).rstrip("/"))
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = status, str(request.url), request
        answer.headers["Content-Type"] = "application/json"
        answer.raw = urllib3.HTTPResponse(
            io.BytesIO(json.dumps(body).encode()), {"Content-Type": "application/json"}, status, preload_content=False
        )
        return answer

    def close(self) -> None:
        """Nothing is open."""


def _whole(resource: Resource) -> Resource:
    """Return a resource with what Azure adds to each."""
    return {"name": str(resource["id"]).rsplit("/", 1)[-1], **resource}
