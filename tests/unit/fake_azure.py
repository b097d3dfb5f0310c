"""Azure for unit tests: resources by ARM id as its REST API has them, asked through azure-native and the real clients.

The azure-mgmt clients run as they are, with a transport that answers from here; no socket is opened. Whatever a test
wants of Azure it puts into ``resources``, or, where the path is none of a resource, into ``answers``.
"""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import grpc
import pulumi
import pulumi_azure_native as azure_native
import pytest
import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport
from pulumi.runtime.invoke import InvokeResult

from components.azure import client as azure_client
from components.azure.client import AzureClient
from tests.unit import fake_compute

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "99999999-8888-7777-6666-555555555555"
NETWORK_GROUP = "network-rg"
CLUSTER_GROUP = "demo-x7k2p-rg"
Resource = dict[str, Any]

_KINDS = {
    "network:getVirtualNetwork": ("Microsoft.Network/virtualNetworks", "virtualNetworkName"),
    "network:getNetworkSecurityGroup": ("Microsoft.Network/networkSecurityGroups", "networkSecurityGroupName"),
    "network:getNetworkInterface": ("Microsoft.Network/networkInterfaces", "networkInterfaceName"),
    "compute:getVirtualMachine": ("Microsoft.Compute/virtualMachines", "vmName"),
}
"""Resource type, and the argument with its name, of each function of azure-native that is answered."""


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
    said: dict[str, Any] = {"networkSecurityGroup": {"id": NSG}, "natGateway": {"id": NAT}}
    found = [
        vnet(
            subnet("demo-x7k2p-master-subnet", "10.0.0.0/17", networkSecurityGroup={"id": NSG}),
            subnet("demo-x7k2p-worker-subnet", "10.0.128.0/18", **said),
            subnet("peer-pods", "10.0.192.0/18", **said),
        ),
        {"id": NSG, "location": "eastus", "properties": {"securityRules": []}},
        {"id": NAT, "location": "eastus", "properties": {"publicIpAddresses": [{"id": f"{NAT}-address"}]}},
    ]
    return {str(each["id"]).lower(): each for each in found}


class RefusedError(grpc.RpcError):  # type: ignore[misc]
    """What the engine says where azure-native fails; the text is azure-native's own (``client_azcore.go``)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.text = f'Status={status} Code="{code}" Message="{message}"'
        super().__init__(self.text)

    def code(self) -> grpc.StatusCode:
        """Return the code of errors that have none of their own."""
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        """Return what the provider says."""
        return self.text


@dataclass
class FakeAzure:
    """Azure as a test wants it.

    Attributes:
        resources: what there is, by ARM id in lower case.
        groups: names of resource groups.
        answers: other answers of the REST API, by path in lower case without query; a list is the value of a page.
        refused: HTTP status, code and message, by a part (in lower case) of what is refused: a token or a path.
        providers: subscription of each provider of azure-native that the program has made, by its name.
        asked: tokens of azure-native and paths of the REST API that were asked, in order.
    """

    resources: dict[str, Resource] = field(default_factory=demo)
    groups: list[str] = field(default_factory=lambda: [CLUSTER_GROUP, NETWORK_GROUP, "pod-vms"])
    answers: dict[str, Any] = field(default_factory=lambda: dict(fake_compute.answers(SUBSCRIPTION)))
    refused: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, *resources: Resource) -> None:
        """Add resources, or replace those with the same id."""
        self.resources |= {str(each["id"]).lower(): each for each in resources}

    def invoke(self, token: str, args: Mapping[str, Any], subscription: str = SUBSCRIPTION) -> dict[str, Any]:
        """Return what azure-native's function answers; raises RefusedError."""
        self.asked.append(token)
        self._refuse(token)
        function = token.removeprefix("azure-native:")
        if function == "authorization:getClientToken":
            return {"token": "a-token"}
        if function == "authorization:getClientConfig":
            return {"tenantId": TENANT, "subscriptionId": subscription}
        group = str(args["resourceGroupName"])
        if group.lower() not in map(str.lower, self.groups):
            raise RefusedError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
        if function == "resources:getResourceGroup":
            return {"id": f"/subscriptions/{subscription}/resourceGroups/{group}", "name": group, "location": "eastus"}
        kind, name = _KINDS[function]
        wanted = arm_id(kind, str(args[name]), group, subscription)
        if (found := self.resources.get(wanted.lower())) is None:
            raise RefusedError(404, "ResourceNotFound", f"The Resource '{wanted}' was not found.")
        return dict(_flat(_whole(found)))

    def installed(self, monkeypatch: pytest.MonkeyPatch) -> "FakeAzure":
        """Be Azure for the program's own functions, without a program: look-ups and clients ask here."""

        def invoke(token: str, args: Mapping[str, Any], options: pulumi.InvokeOptions) -> InvokeResult:
            return InvokeResult(self.invoke(token, args, str(getattr(options.provider, "subscription", SUBSCRIPTION))))

        def provider(name: str, subscription_id: str) -> SimpleNamespace:
            return SimpleNamespace(name=name, subscription=subscription_id)

        monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
        monkeypatch.setattr(azure_native, "Provider", provider)
        monkeypatch.setattr(azure_client, "connect", self.connect)
        return self

    def subscription_of(self, reference: str | None) -> str:
        """Return the subscription that the provider of this reference (``URN::ID``) asks."""
        name = str(reference).rpartition("::")[0].rpartition("::")[2]
        return self.providers.get(name, SUBSCRIPTION)

    def connect(self, subscription: str, provider: pulumi.ProviderResource | None = None) -> AzureClient:
        """Return the official clients, which ask here; stands for ``components.azure.client.connect``."""
        del provider
        return self.client(subscription)

    def client(self, subscription: str = SUBSCRIPTION) -> AzureClient:
        """Return the official clients, which ask here."""
        return AzureClient("https://management.azure.com", subscription, lambda: "a-token", self._transport)

    def _transport(self) -> RequestsTransport:
        session = requests.Session()
        session.mount("https://", _Adapter(self))
        return RequestsTransport(session=session)

    def answer(self, path: str) -> tuple[int, Any]:
        """Return HTTP status and body of a GET."""
        self.asked.append(path)
        try:
            self._refuse(path)
        except RefusedError as error:
            found = re.fullmatch(r'Status=(\d+) Code="(.*)" Message="(.*)"', error.text)
            assert found is not None
            return int(found[1]), {"error": {"code": found[2], "message": found[3]}}
        key = path.lower()
        if key in self.answers:
            said = self.answers[key]
            return 200, {"value": said} if isinstance(said, list) else said
        if key in self.resources:
            return 200, _whole(self.resources[key])
        inside = [_whole(each) for name, each in self.resources.items() if name.rpartition("/")[0] == key]
        if inside or key.rsplit("/", 1)[-1] in _LISTS:
            return 200, {"value": inside}
        if image := fake_compute.image(path):
            return 200, image
        return 404, {"error": {"code": "ResourceNotFound", "message": f"The Resource '{path}' was not found."}}

    def _refuse(self, what: str) -> None:
        for part, said in self.refused.items():
            if part in what.lower():
                raise RefusedError(*said)


_LISTS = {"virtualnetworks", "networksecuritygroups", "natgateways", "subnets", "roleassignments", "usages", "skus"}
"""Lists that are empty rather than not there."""


class _Adapter(requests.adapters.BaseAdapter):
    def __init__(self, azure: FakeAzure) -> None:
        super().__init__()
        self._azure = azure

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        reads = request.method == "GET" or "/placementScores/spot/generate?" in str(request.url)
        assert reads, f"{request.method} {request.url}: only questions are asked"
        assert request.headers["Authorization"] == "Bearer a-token"
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


def _flat(value: Any) -> Any:
    """Return a value as azure-native has it: without the level of ``properties``."""
    if isinstance(value, list):
        return [_flat(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = value.get("properties")
    merged = {**{key: each for key, each in value.items() if key != "properties"}, **(inner or {})}
    return {key: _flat(each) for key, each in merged.items()}
