"""Every described Azure of the rehearsal, asked by the pre-flight as it asks Azure: the broken ones say what is broken.

What a file expects stands in its ``expect``: the check, its level, and what is named in what was found.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from components.azure import preflight as preflight_azure
from components.azure.client import AzureClient
from components.azure.place import Place, subnet_id
from preflight import judge
from preflight.cluster_facts import ClusterFacts
from preflight.judge import Verdict
from preflight.wanted import Wanted
from rehearsal.azure import description
from rehearsal.azure.arm_server import serving
from rehearsal.azure.subscription import Subscription
from rendering.peer_pods import INSTANCE_SIZES
from tests.unit.azure_server import Azure

BROKEN = [name for name in description.names() if name.startswith("broken-")]
HEALTHY = [name for name in description.names() if name not in BROKEN]
DESCRIBED = {name: description.load(description.path_of(name)) for name in description.names()}
ASKED = [name for name in BROKEN if "check" in DESCRIBED[name].get("expect", {})]


def _place(said: Any) -> Place:
    subscription, cluster = str(said["subscriptionId"]), said["cluster"]
    group = cluster["resourceGroup"]
    network = cluster.get("vnetResourceGroup") or group
    there = f"/subscriptions/{subscription}/resourceGroups/{network}/providers/Microsoft.Network"
    vnet = f"{there}/virtualNetworks/{cluster['vnetName']}"
    subnet = subnet_id(vnet, cluster.get("subnetName") or _worker_subnet(said))
    guard = cluster.get("securityGroupResourceGroup") or network
    nsg = there.replace(f"/{network}/", f"/{guard}/") + f"/networkSecurityGroups/{cluster['securityGroupName']}"
    return Place(
        subscription=subscription,
        tenant="",
        resource_group=group,
        region=str(said["location"]),
        vnet_id=vnet,
        subnet_id=subnet,
        workers_id=subnet,
        nsg_id=nsg,
        vnet_resource_group=network,
    )


def _worker_subnet(said: Any) -> str:
    names = [str(subnet["name"]) for vnet in said["virtualNetworks"] for subnet in vnet["subnets"]]
    return next(name for name in names if "worker" in name)


def _wanted(said: Any) -> Wanted:
    sizes = INSTANCE_SIZES["snp"]
    image = ""
    for gallery in said.get("galleries", ()):
        image = (
            f"/subscriptions/{said['subscriptionId']}/resourceGroups/{gallery['resourceGroup']}/providers/"
            f"Microsoft.Compute/galleries/{gallery['name']}/images/podvm/versions/1.0.0"
        )
    own = said.get("expect", {}).get("check") == "own-subnet"
    return Wanted(
        size=sizes[0],
        sizes=sizes,
        nodes=tuple(said["nodes"]["worker"]),
        image_id=image,
        own_image=bool(image),
        reboots=True,
        roles="check",
        own_range="10.1.0.0/24" if own else "",
        own_name="coco-podvms" if own else "",
    )


def _verdict(name: str, folder: Path) -> Verdict:
    said = DESCRIBED[name]
    wanted = _wanted(said)

    def ask(azure: Azure) -> Any:
        token = azure.sign_in()
        client = AzureClient(azure.access.endpoint, str(said["subscriptionId"]), lambda: token)
        return preflight_azure.gather(client, _place(said), wanted, said["identities"]["operators"]["objectId"])

    async def run() -> Any:
        async with serving(Subscription(said), folder) as access:
            return await asyncio.to_thread(ask, Azure(access))

    return judge.judge(asyncio.run(run()), ClusterFacts(), wanted, ())


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_azure_has_no_problem_and_nothing_that_nobody_could_ask(name: str, tmp_path: Path) -> None:
    verdict = _verdict(name, tmp_path)

    assert (list(verdict.problems), list(verdict.warnings)) == ([], [])


@pytest.mark.parametrize("name", ASKED)
def test_a_broken_azure_is_told_as_its_description_expects(name: str, tmp_path: Path) -> None:
    expected = DESCRIBED[name]["expect"]
    verdict = _verdict(name, tmp_path)
    found = verdict.problems if expected["level"] == "problem" else verdict.warnings
    assert [each for each in found if each.check == expected["check"] and str(expected["found"]) in each.found]


@pytest.mark.parametrize("name", ASKED)
def test_a_broken_azure_has_no_problem_but_the_one_that_it_is_for(name: str, tmp_path: Path) -> None:
    expected = DESCRIBED[name]["expect"]
    problems = {each.check for each in _verdict(name, tmp_path).problems}
    assert problems == ({expected["check"]} if expected["level"] == "problem" else set())
