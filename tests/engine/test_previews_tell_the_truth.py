"""On an installed stack: what a change of each setting would do, and nothing else."""

from typing import Any

import pytest

from tests.engine.harness import Stack, names

KATA_CONFIG, INSTALLED, FEATURE_GATES, PEER_PODS_CM, RESTARTED = (
    f"peer-pods-{role}" for role in ("kataconfig", "kata-installed", "feature-gates", "cm", "caa-restarted")
)
KBS_CONFIG, KBS, CHECK = "trustee-kbsconfig", "trustee-kbs", "check-job"
POLICIES = {"trustee-content-attestation-policy", "trustee-content-resource-policy"}
IMAGE_POLICY = "trustee-content-security-policy"
OF_PCR8 = {"trustee-content-rvps-reference-values", "trustee-content-resource-policy"}
SECRET = {"clientSecrets": {"kbsres1": {"key1": "another", "key2": "value"}}}


def test_the_run_before_has_attested(installed: Stack) -> None:
    outputs = installed.outputs()

    assert outputs["attested"] is True
    assert outputs["trusteeUrl"] == "https://kbs-service-trustee-operator-system.apps.rehearsal.example.com"
    assert outputs["subnetId"].endswith("/virtualNetworks/rehearsal-x7k2p-vnet/subnets/rehearsal-x7k2p-worker-subnet")
    assert outputs["nsgId"].endswith("/networkSecurityGroups/rehearsal-x7k2p-nsg")
    assert (outputs["resourceGroup"], outputs["region"]) == ("rehearsal-x7k2p-rg", "eastus")


def test_a_second_run_has_nothing_to_change(installed: Stack) -> None:
    installed.up("--expect-no-changes")


def test_a_refresh_finds_nothing_that_differs(installed: Stack) -> None:
    # Of what was only looked up, the official provider's refresh forgets what it took for inputs: no matter here.
    before = _managed(installed)
    installed.run("refresh", "--stack", "rehearsal", "--yes", "--skip-preview")

    assert _managed(installed) == before
    installed.up("--expect-no-changes")


IN_PLACE = {KATA_CONFIG, INSTALLED}


def _managed(stack: Stack) -> dict[str, Any]:
    resources = stack.state("--show-secrets")  # an encrypted value differs whenever it is written
    managed = {each["urn"]: each.get("inputs") or {} for each in resources if not each.get("external")}
    for inputs in managed.values():
        # The provider puts it on patches of cluster-scoped objects, and a refresh takes it off again.
        if inputs.get("metadata", {}).get("namespace") == "default":
            del inputs["metadata"]["namespace"]
    return managed


@pytest.mark.parametrize(
    ("change", "updated", "replaced"),
    [
        (
            # Pod VMs that are not confidential are no production stack's; its policies of Trustee go with it, and what
            # the check has of its own there: initdata, and an image policy.
            {
                "environment": "development",
                "peerPods": {"confidential": False},
                "initdata": {"agentPolicy": "production"},
                "trustee": {"securityPolicyDefault": "reject"},
            },
            {
                FEATURE_GATES,
                PEER_PODS_CM,
                *POLICIES,
                *OF_PCR8,
                IMAGE_POLICY,
                KBS_CONFIG,
                KBS,
                *IN_PLACE,
                RESTARTED,
            },
            {CHECK},
        ),
        ({"peerPods": {"kataConfig": {"poolSelector": {"matchLabels": {"cc": "true"}}}}}, IN_PLACE, set()),
        ({"peerPods": {"kataConfig": {"logLevel": "debug"}}}, IN_PLACE, set()),
        ({"peerPods": {"rebuildImage": "again"}}, {*IN_PLACE, RESTARTED}, {CHECK}),
        # What lives on the nodes goes with it: a pod that is left would block the deletion, and CAA starts anew.
        (
            {"peerPods": {"kataConfig": {"logLevel": "debug", "change": "recreate"}}},
            set(),
            {KATA_CONFIG, INSTALLED, CHECK, RESTARTED},
        ),
    ],
    ids=["feature gate", "pool selector", "log level", "image", "the chapter's way"],
)
def test_a_change_of_kataconfig_shows_as_an_update_and_as_a_replacement_where_it_is_asked_for(
    installed: Stack, change: dict[str, Any], updated: set[str], replaced: set[str]
) -> None:
    preview = installed.preview(change)

    assert names(preview, "replace") == replaced
    assert names(preview, "update") == updated
    assert names(preview, "create") == set()


@pytest.mark.parametrize(
    ("change", "updated", "replaced"),
    [
        ({"peerPods": {"proxyTimeout": "7m"}}, {PEER_PODS_CM, RESTARTED}, {CHECK}),
        # The new PCR 8 is a reference value as well, which KBS has to know before the pods come.
        (
            {"initdata": {"algorithm": "sha384"}},
            {PEER_PODS_CM, RESTARTED, *OF_PCR8, KBS_CONFIG, KBS},
            {CHECK},
        ),
        # Which secrets it may have is in the resource policy, although it may have none.
        ({"trustee": {"referenceValues": {"alsoAccept": ["ab" * 32]}}}, {*OF_PCR8, KBS_CONFIG, KBS}, {CHECK}),
        (SECRET, {"trustee-content-kbsres1", KBS_CONFIG, KBS}, {CHECK}),
    ],
    ids=["key of peer-pods-cm", "initdata", "initdata of another stack", "client secret"],
)
def test_a_change_that_reboots_nothing_shows_the_update_and_the_restart_that_it_needs(
    installed: Stack, change: dict[str, Any], updated: set[str], replaced: set[str]
) -> None:
    preview = installed.preview(change)

    assert names(preview, "update") == updated
    assert names(preview, "replace") == replaced
    assert names(preview, "create") == set()
