"""Every described Azure of the rehearsal, asked by the pre-flight as it asks Azure: the broken ones say what is broken.

What a file expects stands in its ``expect``: the check, its level, and what is named in what was found.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from coco_azure.clients.arm_ids import subnet_id
from coco_azure.clients.azure import AzureClient
from coco_azure.inventory import arm_reader
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import judge
from coco_azure.preflight.judge import Verdict
from rehearsal.azure import description
from rehearsal.azure.arm_server import serving
from rehearsal.azure.subscription import Subscription
from tests.unit.azure_server import Azure
from tests.unit.preflight_facts import own_subnet, requiring

BROKEN = [name for name in description.names() if name.startswith("broken-")]
HEALTHY = [name for name in description.names() if name not in BROKEN]
DESCRIBED = {name: description.load(description.path_of(name)) for name in description.names()}
ASKED = [name for name in BROKEN if "check" in DESCRIBED[name].get("expect", {})]


def _place(answers: Any) -> PodVmTarget:
    subscription, cluster = str(answers["subscriptionId"]), answers["cluster"]
    group = cluster["resourceGroup"]
    network = cluster.get("vnetResourceGroup") or group
    there = f"/subscriptions/{subscription}/resourceGroups/{network}/providers/Microsoft.Network"
    vnet = f"{there}/virtualNetworks/{cluster['vnetName']}"
    subnet = subnet_id(vnet, cluster.get("subnetName") or _worker_subnet(answers))
    guard = cluster.get("securityGroupResourceGroup") or network
    nsg = there.replace(f"/{network}/", f"/{guard}/") + f"/networkSecurityGroups/{cluster['securityGroupName']}"
    return PodVmTarget(
        subscription=subscription,
        tenant="",
        resource_group=group,
        region=str(answers["location"]),
        vnet_id=vnet,
        subnet_id=subnet,
        workers_id=subnet,
        nsg_id=nsg,
        vnet_resource_group=network,
    )


def _worker_subnet(answers: Any) -> str:
    names = [str(subnet["name"]) for vnet in answers["virtualNetworks"] for subnet in vnet["subnets"]]
    return next(name for name in names if "worker" in name)


def _wanted(answers: Any) -> Requirements:
    image = ""
    for gallery in answers.get("galleries", ()):
        image = (
            f"/subscriptions/{answers['subscriptionId']}/resourceGroups/{gallery['resourceGroup']}/providers/"
            f"Microsoft.Compute/galleries/{gallery['name']}/images/podvm/versions/1.0.0"
        )
    own = answers.get("expect", {}).get("check") == "own-subnet"
    return requiring(
        nodes=tuple(answers["nodes"]["worker"]),
        image_id=image or None,
        reboots=True,
        roles="check",
        own_subnet=own_subnet("10.1.0.0/24") if own else None,
    )


def _verdict(name: str, folder: Path) -> Verdict:
    answers = DESCRIBED[name]
    wanted = _wanted(answers)

    def ask(azure: Azure) -> Any:
        token = azure.sign_in()
        client = AzureClient(azure.access.endpoint, str(answers["subscriptionId"]), lambda: token)
        return arm_reader.gather(client, _place(answers), wanted, answers["identities"]["operators"]["objectId"])

    async def run() -> Any:
        async with serving(Subscription(answers), folder) as access:
            return await asyncio.to_thread(ask, Azure(access))

    return judge.judge(asyncio.run(run()), ClusterFacts(), wanted, ())


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_azure_has_no_problem_and_nothing_that_nobody_could_ask(name: str, tmp_path: Path) -> None:
    verdict = _verdict(name, tmp_path)

    assert (list(verdict.problems), list(verdict.warnings)) == ([], [])


@pytest.mark.parametrize("name", ASKED)
def test_a_broken_azure_is_told_as_its_description_expects_and_nothing_else_is_a_problem(
    name: str, tmp_path: Path
) -> None:
    expected = DESCRIBED[name]["expect"]

    verdict = _verdict(name, tmp_path)

    stops = expected["level"] == "problem"
    findings = verdict.problems if stops else verdict.warnings
    assert [each for each in findings if each.check == expected["check"] and str(expected["found"]) in each.found]
    assert all(each.needed and each.fix for each in findings)
    assert {each.check for each in verdict.problems} == ({expected["check"]} if stops else set())
