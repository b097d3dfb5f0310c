"""A subnet of the pod VMs' own, from the first run to the end of the stack, where Azure refuses as ARM does."""

from typing import Any

import pytest

from rehearsal.azure.arm_server import Access
from tests.engine.harness import Stack, names
from tests.engine.trustee import attested
from tests.unit.azure_server import NETWORK, VNET, Azure

NAMESPACE = "openshift-sandboxed-containers-operator"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/peer-pods-cm"
SUBNET = f"{VNET}/subnets/coco-podvms"
GATEWAY = f"{NETWORK}/natGateways/coco-podvms-nat"
ADDRESS = f"{NETWORK}/publicIPAddresses/coco-podvms-ip"
RANGE = "10.1.64.0/24"
MADE = {"peer-pod-subnet", "peer-pod-subnet-nat", "peer-pod-subnet-address"}


@pytest.fixture
def azure(stack: Stack) -> Azure:
    access = Access.read(stack.cluster.directory)
    assert access is not None
    return Azure(access)


def _configure(stack: Stack, own: dict[str, Any] | None) -> None:
    approved = {"peerPods": {"kataConfig": {"allowReboot": True}}}
    stack.configure(approved if own is None else {**approved, "azure": {"ownSubnet": own}})


def _there(azure: Azure) -> list[str]:
    kinds = ("natGateways", "publicIPAddresses")
    items = [each["name"] for kind in kinds for each in azure.every(f"{NETWORK}/{kind}")]
    return [each for each in items if each.startswith("coco-podvms")]


def test_a_preview_of_the_first_run_knows_the_subnet(stack: Stack, azure: Azure) -> None:
    _configure(stack, {"addressRange": RANGE})

    assert names(stack.preview(), "create") >= MADE
    assert _there(azure) == []


def test_what_an_interrupted_run_has_left_is_made_anew_and_pod_vms_attest_in_the_subnet(
    stack: Stack, azure: Azure
) -> None:
    # As if a run had been killed between Azure's answer and the next write of the state.
    tags = {"coco-azure-stack": f"coco-azure/{stack.name}"}
    body = {
        "location": "eastus",
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"},
        "tags": tags,
    }
    assert azure.ask("PUT", ADDRESS, body).status in (200, 201)
    _configure(stack, {"addressRange": RANGE})
    done = stack.up()

    assert "PublicIPAddress of an interrupted run is in Azure; it is deleted and made anew" in done.output
    assert attested(stack)
    assert stack.outputs()["outboundAddress"].startswith("198.51.100.")
    assert stack.get(CONFIG)["data"]["AZURE_SUBNET_ID"] == SUBNET
    result = azure.ask("GET", SUBNET).body["properties"]
    assert result["natGateway"]["id"] == GATEWAY
    assert result["networkSecurityGroup"]["id"] == f"{NETWORK}/networkSecurityGroups/rehearsal-x7k2p-nsg"
    assert result["defaultOutboundAccess"] is False
    stack.up("--expect-no-changes")
    stack.up("--refresh", "--expect-no-changes")


def test_a_longer_idle_time_and_tags_are_changed_in_place(stack: Stack, azure: Azure) -> None:
    own = {"addressRange": RANGE, "natGateway": {"idleMinutes": 30}, "tags": {"cost-centre": "4711"}}
    _configure(stack, own)
    preview = stack.preview()
    stack.up()

    assert names(preview, "update") == {"peer-pod-subnet-nat", "peer-pod-subnet-address"}
    assert not names(preview, "replace") & MADE
    result = azure.ask("GET", GATEWAY).body
    assert result["properties"]["idleTimeoutInMinutes"] == 30
    assert result["tags"] == {"cost-centre": "4711", "coco-azure-stack": f"coco-azure/{stack.name}"}


def test_another_zone_makes_a_new_pair_before_the_old_one_goes(stack: Stack, azure: Azure) -> None:
    _configure(stack, {"addressRange": RANGE, "natGateway": {"zone": "2", "publicIpZones": ["1", "2", "3"]}})
    stack.up()

    assert _there(azure) == ["coco-podvms-nat-2-123", "coco-podvms-ip-2-123"]
    assert azure.ask("GET", SUBNET).body["properties"]["natGateway"]["id"] == f"{GATEWAY}-2-123"
    assert attested(stack)
    stack.up("--expect-no-changes")


def test_a_subnet_of_somebody_elses_is_left_alone(stack: Stack, azure: Azure) -> None:
    theirs = f"{VNET}/subnets/theirs"
    assert azure.ask("PUT", theirs, {"properties": {"addressPrefix": "10.1.80.0/24"}}).status in (200, 201)
    _configure(stack, {"addressRange": "10.1.80.0/24", "name": "theirs", "natGateway": {"zone": "2"}})
    done = stack.up(check=False)

    assert done.code != 0
    assert "cannot create already existing resource" in done.output
    assert azure.ask("GET", theirs).body["properties"]["addressPrefix"] == "10.1.80.0/24"


def test_back_in_the_worker_subnet_the_own_one_goes(stack: Stack, azure: Azure) -> None:
    _configure(stack, None)
    stack.up()

    assert _there(azure) == []
    assert azure.ask("GET", SUBNET).status == 404
    assert stack.get(CONFIG)["data"]["AZURE_SUBNET_ID"].endswith("/rehearsal-x7k2p-worker-subnet")
    assert attested(stack)


def test_destroy_removes_the_own_subnet_after_kataconfig_in_the_order_that_azure_accepts(
    stack: Stack, azure: Azure
) -> None:
    _configure(stack, {"addressRange": RANGE})
    stack.up()
    assert azure.ask("GET", SUBNET).status == 200
    done = stack.destroy()

    assert azure.ask("GET", SUBNET).status == 404
    assert _there(azure) == []
    order = [done.output.rindex(f" {name} ") for name in ("peer-pods-kataconfig", "peer-pod-subnet")]
    assert order == sorted(order)
