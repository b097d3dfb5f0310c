"""The pre-flight in the program: before anything is registered, with one Azure, and with an output of what costs."""

from typing import Any

import pytest

from tests.unit.fake_azure import SUBSCRIPTION, FakeAzure
from tests.unit.preflight_tables import row, rows
from tests.unit.recording import Recorder, failed_program, run_program

USAGES = f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.compute/locations/eastus/usages"
NETWORK = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/network-rg/providers/Microsoft.Network"
BY_HAND = {
    "resourceGroup": "demo-x7k2p-rg",
    "region": "eastus",
    "subnetId": f"{NETWORK}/virtualNetworks/demo-x7k2p-vnet/subnets/peer-pods",
    "nsgId": f"{NETWORK}/networkSecurityGroups/demo-x7k2p-nsg",
}


def _without_quota() -> FakeAzure:
    azure = FakeAzure()
    azure.answers[USAGES] = []
    return azure


def test_an_up_with_a_problem_registers_nothing_but_providers() -> None:
    result, run = failed_program({}, Recorder(azure=_without_quota()))

    assert row(result, "quota").found == "standardDCASv5Family in eastus: limit 0, in use 0"
    kinds = {each.request.type for each in run.registrations.values()}
    assert kinds - {"pulumi:pulumi:Stack"} == {"pulumi:providers:azure-native"}


def _in(cloud: str) -> dict[str, Any]:
    azure = {"resourceGroupName": "demo-x7k2p-rg", "cloudName": cloud}
    return {"infrastructureName": "demo-x7k2p", "platformStatus": {"type": "Azure", "azure": azure}}


@pytest.mark.parametrize("cloud", ["AzureUSGovernmentCloud", "AzureChinaCloud"])
def test_a_cluster_in_another_cloud_is_refused_before_anything_is_registered(cloud: str) -> None:
    result, run = failed_program({}, Recorder(infrastructure=_in(cloud)))

    assert row(result, "cloud").found.startswith(f"this cluster is in {cloud}")
    kinds = {each.request.type for each in run.registrations.values()}
    assert kinds - {"pulumi:pulumi:Stack"} == {"pulumi:providers:azure-native"}


@pytest.mark.parametrize("preflight", [{"mode": "off"}, {"accept": ["cloud"]}])
def test_with_the_cloud_accepted_or_the_pre_flight_off_the_run_goes_on(preflight: dict[str, Any]) -> None:
    run = run_program({"preflight": preflight}, Recorder(infrastructure=_in("AzureUSGovernmentCloud")))

    assert "peer-pods-kataconfig" in run.registrations


def test_a_look_up_that_fails_in_another_cloud_says_first_which_cloud_it_is() -> None:
    azure = FakeAzure()
    azure.resources.clear()
    result, _ = failed_program({}, Recorder(azure=azure, infrastructure=_in("AzureChinaCloud")))

    assert (
        "this cluster is in AzureChinaCloud, and cloud-api-adaptor makes pod VMs in Azure's public cloud alone"
        in result
    )


def test_a_preview_with_a_problem_registers_everything_and_fails_in_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    result, run = failed_program({}, Recorder(azure=_without_quota(), preview=True))

    assert "the pre-flight found 1 problem (quota)" in result
    assert "peer-pods-kataconfig" in run.registrations
    assert row(caplog.text, "quota").found.startswith("standardDCASv5Family")
    assert "at most 20 confidential VMs at a time" in caplog.text


def test_a_preview_that_is_not_approved_and_has_a_problem_fails_with_both() -> None:
    unapproved = {"peerPods": {"kataConfig": {"allowReboot": False}}}
    result, _ = failed_program(unapproved, Recorder(azure=_without_quota(), preview=True))

    assert "the pre-flight found 1 problem (quota)" in result
    assert "'coco-azure:peerPods.kataConfig.allowReboot' roll-" in result


def test_a_healthy_run_warns_of_nothing_and_exports_the_counts(caplog: pytest.LogCaptureFixture) -> None:
    run = run_program({"peerPods": {"limitPerNode": 4}})

    assert rows(caplog.text) == []
    assert run.exports["costDrivers"]["podVMs"] == 8


def test_an_own_subnet_counts_its_gateway_and_its_address() -> None:
    azure = {"ownSubnet": {"addressRange": "10.0.255.0/24"}}
    recorder = Recorder()
    for vnet in [each for each in recorder.azure.resources.values() if "subnets" in each.get("properties", {})]:
        vnet["properties"]["subnets"] = vnet["properties"]["subnets"][:2]

    run = run_program({"azure": azure}, recorder)

    drivers = run.exports["costDrivers"]
    assert (drivers["natGateways"], drivers["publicIPs"], drivers["imageVersions"]) == (1, 1, 1)


@pytest.mark.parametrize(("mode", "asked"), [("off", False), ("warn", True)])
def test_where_all_is_set_and_the_pre_flight_is_off_nothing_is_asked_of_azure(mode: str, *, asked: bool) -> None:
    recorder = Recorder()
    config: dict[str, Any] = {"azure": BY_HAND, "preflight": {"mode": mode}}

    run = run_program(config, recorder)

    assert bool(recorder.azure.asked) is asked
    assert any(each.request.type == "pulumi:providers:azure-native" for each in run.registrations.values()) is asked


def test_a_stack_with_only_trustee_has_no_pre_flight() -> None:
    recorder = Recorder(azure=_without_quota())

    run = run_program({"peerPods": {"enabled": False}}, recorder)

    assert "costDrivers" not in run.exports
    assert recorder.azure.asked == []
