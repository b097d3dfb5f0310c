"""The order of things: what waits for what, what is replaced with what, and what must not wait."""

from typing import Any

import pytest

from tests.unit.recording import CLOUD_CONF, Recorder, Run, failed_program, run_program
from tests.unit.trust_stacks import EXPIRES, PRODUCTION, changed

ALLOW = {"peerPods": {"kataConfig": {"allowReboot": True}}}
NEWER = Recorder(osc="1.12.1", trustee="1.2.0")  # its OSC operator restarts CAA itself


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program(ALLOW)


@pytest.fixture(scope="module")
def production() -> Run:
    """Return a production stack in which everything is made that can be: certificates, signer, keys."""
    made = changed(PRODUCTION, trustee__referenceValues__initdata=True, trustee__tls={"termination": "passthrough"})
    return run_program(changed(made, trustee__rotation={"tlsAuthority": 2, "tokenSigner": 2, "adminKey": 2}, **ALLOW))


def _above(run: Run, name: str) -> set[str]:
    """Return everything that ``name`` waits for, directly or not."""
    result: set[str] = set()
    ahead = [name]
    while ahead:
        for cause in run.dependencies(ahead.pop()) & run.registrations.keys() - result:
            result.add(cause)
            ahead.append(cause)
    return result


def test_the_node_reboots_do_not_wait_for_kbs_to_roll_out(run: Run) -> None:
    assert "trustee-kbs" not in _above(run, "peer-pods-kataconfig")


def test_trustee_is_there_before_nodes_reboot_and_is_deleted_after_kataconfig(run: Run) -> None:
    assert {"trustee-kbsconfig", "trustee-route"} <= run.dependencies("peer-pods-kataconfig")


def test_the_node_reboots_of_a_production_stack_do_not_wait_for_kbs_to_roll_out_either(production: Run) -> None:
    above = _above(production, "peer-pods-kataconfig")

    assert "trustee-kbs" not in above
    assert not [name for name in _above(production, "trustee-kbs") if name.startswith("peer-pods")]
    # The chain has the authority of KBS in initdata, and looks at the dates of its certificates. All of them are kept
    # in the state, so this waits for nothing in the cluster.
    kept = {production.registrations[name].kind for name in above if name.startswith("trust-chain-")}
    assert kept == {"Stash"}


@pytest.mark.parametrize(
    "title", ["kbs-config-cm", "resource-policy", "attestation-policy", "rvps-reference-values", "kbs-auth-public-key"]
)
def test_content_of_a_new_version_waits_for_its_operator(production: Run, title: str) -> None:
    assert "trustee-operator-installed" in production.dependencies(f"trustee-content-{title}")


def test_every_secret_of_a_production_stack_waits_for_the_operator_and_comes_before_kbsconfig(production: Run) -> None:
    secrets = {name for name, item in production.registrations.items() if item.kind == "Secret"}

    assert {"trustee-content-kbs-https-key", "trustee-content-img-sig", "trustee-content-security-policy"} <= secrets
    for name in secrets:
        assert "trustee-operator-installed" in production.dependencies(name), name
    assert secrets <= production.dependencies("trustee-kbsconfig")


BROKEN: dict[str, dict[str, Any]] = {
    "a policy that KBS does not take": {"trustee": {"resourcePolicyFile": "README.md"}},
    "a policy of the agent that does not compile": {"initdata": {"agentPolicyFile": "README.md"}},
    "a value that has expired": {"trustee": {"referenceValues": {"expires": "2020-01-01", "initdata": True}}},
    "a certificate for another host": {
        "trustee": {
            "tls": {
                "certificateFile": "tests/unit/keys/kbs-golden.crt",
                "privateKeyFile": "tests/unit/keys/kbs-golden.key",
            }
        }
    },
    "initdata that is not measured": changed(PRODUCTION, trustee__tls={"termination": "passthrough"}),
    "a pinned version beside a bad policy": {
        "trustee": {
            "resourcePolicyFile": "README.md",
            "operator": {"version": "0.3.0"},
            "cluster": {"context": "other"},
        },
        "peerPods": {"operator": {"version": "1.9.0"}},
    },
    "an operator that is there already": {
        "trustee": {"resourcePolicyFile": "README.md", "operator": {"install": False}},
        "peerPods": {"operator": {"install": False}},
    },
    "a hub": {"trustee": {"resourcePolicyFile": "README.md"}, "peerPods": {"enabled": False}},
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_error_in_the_chain_leaves_the_cluster_as_it_is(case: str) -> None:
    message, run = failed_program(BROKEN[case])

    assert message.startswith("1 problem in the settings of this stack (nothing was changed):")
    made = {item.request.type for item in run.registrations.values() if item.request.custom}
    assert made <= {"pulumi:providers:kubernetes", "pulumi:providers:azure-native", "pulumi:index:Stash"}


def test_a_version_without_a_profile_leaves_the_cluster_as_it_is() -> None:
    message, run = failed_program({}, Recorder(trustee="9.9.0"))

    assert "trustee-operator.v9.9.0 has no profile" in message
    assert not run.objects()


def test_values_that_a_hub_accepts_are_dated() -> None:
    hub = {
        "peerPods": {"enabled": False},
        "trustee": {"referenceValues": {"expires": EXPIRES, "alsoAccept": ["ab" * 32]}},
    }

    (value,) = run_program(hub).exports["proof"]["referenceValues"]

    assert (value["name"], value["count"]) == ("azsnpvtpm.tpm.pcr08", 1)


def test_trustee_does_not_wait_for_the_node_reboots(run: Run) -> None:
    assert not [name for name in _above(run, "trustee-kbs") if name.startswith("peer-pods")]


def test_the_namespace_that_the_provider_adds_to_a_gate_is_no_change(run: Run) -> None:
    for name in ("trustee-operator-installed", "peer-pods-operator-installed"):
        assert list(run.registrations[name].request.ignoreChanges) == ["metadata.namespace"]


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
    assert {"trustee-kbs", "peer-pods-caa-restarted"} <= run.dependencies("check-job")
    assert "peer-pods-cm" in run.dependencies("peer-pods-caa-restarted")


def test_caa_is_held_before_what_it_reads_is_changed_and_before_another_version_of_its_operator(run: Run) -> None:
    assert "peer-pods-caa-hold-binding" in run.dependencies("peer-pods-cm")
    assert "peer-pods-caa-hold-binding" in run.dependencies("peer-pods-operator-subscription")
    # A run that is refused the namespace changes nothing of others' CAA.
    assert "peer-pods-operator-group" in run.dependencies("peer-pods-caa-hold-policy")
    others = run_program({"peerPods": {"operator": {"install": False}}})
    assert "peer-pods-operator-installed" in others.dependencies("peer-pods-caa-hold-policy")


@pytest.mark.parametrize("name", ["check-job", "peer-pods-caa-restarted"])
def test_what_lives_by_kataconfig_is_replaced_with_it(run: Run, name: str) -> None:
    request = run.registrations[name].request

    assert [urn.rsplit("::", 1)[-1] for urn in request.replace_with] == ["peer-pods-kataconfig"]
    assert request.deleteBeforeReplace


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

    assert len(waiting) == 10
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

    assert sorted(loose) == ["azure", "cluster"]


def test_kataconfig_is_applied_because_its_webhook_refuses_a_second_one_in_a_dry_run_too(run: Run) -> None:
    assert "::cluster::" in run.registrations["peer-pods-kataconfig"].request.provider
    assert run.registrations["cluster"].inputs["upsertExistingObjects"] == "true"
    assert "enableServerSideApply" not in run.registrations["cluster"].inputs


def test_the_same_settings_register_the_same_objects_again() -> None:
    config = {"clientSecrets": {"kbsres1": {"key1": "v"}}, "trustee": {"host": "kbs.example.com"}}
    kept = {"Secret trustee-operator-system/kbs-auth-public-key"}

    first, second = (_without_keys(run_program(config).objects(), kept) for _ in range(2))

    # The admin key is made anew by every run under mocks; the engine's Stash keeps the first.
    assert first == second


def _without_keys(objects: dict[str, Any], kept: set[str]) -> dict[str, Any]:
    dependent = {"KbsConfig", "DeploymentPatch", "Job"}
    return {title: value for title, value in objects.items() if title not in kept and title.split()[0] not in dependent}


def test_nothing_is_looked_up_where_everything_is_set_and_there_is_no_pre_flight() -> None:
    network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
    azure = {
        "resourceGroup": "g",
        "region": "westeurope",
        "subnetId": f"{network}/virtualNetworks/mine/subnets/pods",
        "nsgId": f"{network}/networkSecurityGroups/n",
    }

    run = run_program({"azure": azure, "preflight": {"mode": "off"}})

    assert run.invokes == []
    assert "azure" not in run.registrations
    assert run.exports["vnet"] == "mine"
    assert run.exports["region"] == "westeurope"


def test_the_place_is_known_before_anything_is_registered() -> None:
    error, run = failed_program({"azure": {"subnetName": "none-such"}})

    assert "has no subnet none-such" in error
    kinds = {each.request.type for each in run.registrations.values()}
    assert kinds - {"pulumi:pulumi:Stack"} == set()


def test_a_cluster_that_is_not_on_azure_is_refused() -> None:
    answers = Recorder(infrastructure={"infrastructureName": "x", "platformStatus": {"type": "AWS", "aws": {}}})

    with pytest.raises(Exception, match=r"runs on AWS, needed one on Azure.*oc get infrastructure"):
        run_program({}, answers)


def test_a_cloud_conf_without_a_subnet_says_what_to_set() -> None:
    answers = Recorder(cloud_conf={name: value for name, value in CLOUD_CONF.items() if name != "subnetName"})

    with pytest.raises(Exception, match=r"names no subnetName.*azure.subnetName NAME"):
        run_program({}, answers)


def test_what_is_deleted_with_something_is_replaced_with_it_by_every_engine() -> None:
    """From 3.260 on the engine takes the second from the first; the oldest one that is let in does not."""
    registered = run_program({}, NEWER).registrations.items()
    bound = {name: each.request for name, each in registered if each.request.deletedWith}

    assert {"trustee-kbs", "peer-pods-cm", "peer-pods-feature-gates", "peer-pods-caa"} <= bound.keys()
    for name, request in bound.items():
        assert list(request.replace_with) == [request.deletedWith], name
        # Their target is deleted before it is made anew, and so are they.
        assert request.deleteBeforeReplace, name


def test_a_patch_of_what_an_operator_takes_away_is_never_given_up_because_that_fails_once_it_is_gone() -> None:
    for name in ("peer-pods-caa", "trustee-kbs"):
        request = run_program({}, NEWER).registrations[name].request
        assert request.deletedWith
        assert request.retainOnDelete
