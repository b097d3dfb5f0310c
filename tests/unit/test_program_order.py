"""The order of things: what waits for what, what is replaced with what, and what must not wait."""

from typing import Any

import pytest

from tests.unit.recording import CLOUD_CONF, Recorder, Run, run_program

ALLOW = {"peerPods": {"kataConfig": {"allowReboot": True}}}


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program(ALLOW)


def _above(run: Run, name: str) -> set[str]:
    """Return everything that ``name`` waits for, directly or not."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        for cause in run.dependencies(ahead.pop()) & run.registrations.keys() - found:
            found.add(cause)
            ahead.append(cause)
    return found


def test_the_node_reboots_do_not_wait_for_trustee(run: Run) -> None:
    assert not [name for name in _above(run, "peer-pods-kataconfig") if name.startswith("trustee")]


def test_trustee_does_not_wait_for_the_node_reboots(run: Run) -> None:
    assert not [name for name in _above(run, "trustee-kbs") if name.startswith("peer-pods")]


@pytest.mark.parametrize("cause", ["peer-pods-operator-installed", "peer-pods-feature-gates", "peer-pods-cm"])
def test_kataconfig_comes_after_what_decides_its_image(run: Run, cause: str) -> None:
    assert cause in run.dependencies("peer-pods-kataconfig")


@pytest.mark.parametrize(
    "cause",
    [
        "trustee-operator-installed",
        "trustee-content-kbs-config-cm",
        "trustee-content-kbs-auth-public-key",
        "trustee-content-kbsres1",
        "trustee-content-security-policy",
        "trustee-content-resource-policy",
        "trustee-content-rvps-reference-values",
    ],
)
def test_kbsconfig_comes_after_everything_that_it_names(run: Run, cause: str) -> None:
    assert cause in run.dependencies("trustee-kbsconfig")


def test_the_check_waits_for_both_sides(run: Run) -> None:
    assert {"trustee-kbs", "peer-pods-caa"} <= run.dependencies("check-job")


@pytest.mark.parametrize("name", ["check-job", "peer-pods-caa"])
def test_what_lives_by_kataconfig_is_replaced_with_it(run: Run, name: str) -> None:
    request = run.registrations[name].request

    assert [urn.rsplit("::", 1)[-1] for urn in request.replace_with] == ["peer-pods-kataconfig"]
    assert request.deleteBeforeReplace


@pytest.mark.parametrize("allowed", [True, False])
def test_kataconfig_is_protected_until_reboots_are_allowed(allowed: bool) -> None:  # noqa: FBT001
    run = run_program({"peerPods": {"kataConfig": {"allowReboot": allowed}}})

    assert run.registrations["peer-pods-kataconfig"].request.protect is not allowed


@pytest.mark.parametrize(("confidential", "trigger"), [(True, "true"), (False, "false")])
def test_the_feature_gate_triggers_a_replacement_of_kataconfig(confidential: bool, trigger: str) -> None:  # noqa: FBT001
    run = run_program({"peerPods": {"confidential": confidential}})

    request = run.registrations["peer-pods-kataconfig"].request
    assert request.replacement_trigger.string_value == trigger
    assert list(request.replaceOnChanges) == ["spec"]


def test_every_wait_has_a_time_out(run: Run) -> None:
    waiting = [
        name
        for name, registration in run.registrations.items()
        if "pulumi.com/waitFor" in str(registration.inputs) or registration.kind in {"Job", "DaemonSetPatch"}
    ]

    assert len(waiting) == 7
    for name in waiting:
        assert run.registrations[name].request.customTimeouts.create, name


def test_kataconfig_may_take_longer_than_an_hour_both_ways(run: Run) -> None:
    timeouts = run.registrations["peer-pods-kataconfig"].request.customTimeouts

    assert (timeouts.create, timeouts.delete) == ("90m", "90m")


def test_every_component_registers_the_outputs_that_it_has(run: Run) -> None:
    components = [name for name, registration in run.registrations.items() if not registration.request.custom]

    for name in components:
        assert name in run.component_outputs, name


def test_every_resource_has_a_component_above_it(run: Run) -> None:
    loose = [
        name
        for name, registration in run.registrations.items()
        if registration.request.custom and registration.request.parent.endswith("pulumi:pulumi:Stack::coco-azure-test")
    ]

    assert sorted(loose) == ["azure", "cluster", "cluster-without-dry-run"]


def test_kataconfig_alone_is_never_created_in_a_dry_run(run: Run) -> None:
    users = [
        name
        for name, registration in run.registrations.items()
        if "::cluster-without-dry-run::" in registration.request.provider
    ]

    # The operator's webhook refuses a second KataConfig in a dry run, too: no replacement could be previewed.
    assert users == ["peer-pods-kataconfig"]


def test_the_same_settings_register_the_same_objects_again() -> None:
    config = {"clientSecrets": {"kbsres1": {"key1": "v"}}, "trustee": {"host": "kbs.example.com"}}
    kept = {"Secret trustee-operator-system/kbs-auth-public-key"}

    first, second = (_without_keys(run_program(config).objects(), kept) for _ in range(2))

    # The admin key is made anew by every run under mocks; the engine's Stash keeps the first.
    assert first == second


def _without_keys(objects: dict[str, Any], kept: set[str]) -> dict[str, Any]:
    dependent = {"KbsConfig", "DeploymentPatch", "Job"}
    return {title: value for title, value in objects.items() if title not in kept and title.split()[0] not in dependent}


def test_nothing_is_looked_up_where_everything_is_set() -> None:
    network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
    azure = {
        "resourceGroup": "g",
        "region": "westeurope",
        "subnetId": f"{network}/virtualNetworks/mine/subnets/pods",
        "nsgId": f"{network}/networkSecurityGroups/n",
    }

    run = run_program({"azure": azure})

    assert run.invokes == []
    assert "azure" not in run.registrations
    assert run.exports["vnet"] == "mine"
    assert run.exports["region"] == "westeurope"


def test_a_network_in_another_resource_group_is_looked_up_there() -> None:
    run = run_program({"azure": {"vnetResourceGroup": "aro-network", "nsgResourceGroup": "aro-nsgs"}})

    groups = {token.rsplit(":", 1)[-1]: args["resourceGroupName"] for token, args in run.invokes}
    assert groups == {
        "getVirtualNetwork": "aro-network",
        "getSubnet": "aro-network",
        "getNetworkSecurityGroup": "aro-nsgs",
    }


def test_a_cluster_that_is_not_on_azure_is_refused() -> None:
    answers = Recorder(infrastructure={"infrastructureName": "x", "platformStatus": {"type": "AWS", "aws": {}}})

    with pytest.raises(Exception, match=r"runs on AWS, needed one on Azure.*oc get infrastructure"):
        run_program({}, answers)


def test_a_cloud_conf_without_a_subnet_says_what_to_set() -> None:
    answers = Recorder(cloud_conf={name: value for name, value in CLOUD_CONF.items() if name != "subnetName"})

    with pytest.raises(Exception, match=r"names no subnetName.*azure.subnetId"):
        run_program({}, answers)
