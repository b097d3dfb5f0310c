"""Upgrades of operators under a stack that is at work, and the way back: what changes is previewed, nothing is lost.

The tests of a cluster go on from each other's state, in their order.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.kubelet import evidence
from rehearsal.operators.olm_catalog import OSC, TRUSTEE
from tests.engine import trustee
from tests.engine.conftest import start
from tests.engine.harness import WORKLOADS, Stack, names
from tests.engine.trustee import NAMESPACE, OLM, attested, config_maps, csvs, identities, kbs_version, move
from tests.unit import oci_registry

pytestmark = pytest.mark.engine

KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
PEER_PODS_CM = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
AUTOMATIC = {"approval": "Automatic", "treatAs": "1.2"}
"""Settings of an operator that OLM upgrades by itself."""
V1_1, V1_2 = "trustee-operator.v1.1.0", "trustee-operator.v1.2.1"
GATE, KBS_CONFIG, KBS, CHECK = "trustee-operator-installed", "trustee-kbsconfig", "trustee-kbs", "check-job"
REWRITTEN = {f"trustee-content-{name}" for name in ("kbs-config-cm", "rvps-reference-values", "resource-policy")}
VARIABLES = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.1"}
"""What the stack begins with; later the catalog moves."""


@pytest.fixture(scope="module")
def own(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of policies that are good at 1.1 and at 1.2, and know the stack's documents."""
    stack.up()
    return trustee.own_policies(stack, tmp_path_factory.mktemp("policies"), "1.1")


@pytest.fixture(scope="module")
def before(stack: Stack, own: dict[str, str]) -> dict[str, str]:
    """The ConfigMaps of Trustee, on a stack that has attested at 1.1, by name."""
    stack.configure({"trustee": {**own, "operator": AUTOMATIC}})
    stack.up()
    assert attested(stack)
    return identities(stack)


def _pinned(own: dict[str, str], version: str, **more: str) -> dict[str, Any]:
    return {"trustee": {**own, "operator": {"version": version, **more}}}


def _wait_for_csv(stack: Stack, csv: str) -> None:
    stack.wait_for(lambda: csvs(stack) == {csv: "Succeeded"})


def _output(stack: Stack, *arguments: str) -> str:
    return stack.run(*arguments, "--stack", "rehearsal", "--suppress-progress", check=False).output


def _holds_own_policies(stack: Stack, own: dict[str, str], resource_key: str) -> bool:
    result = config_maps(stack)
    resource, attestation = (result[name]["data"] for name in ("resource-policy", "attestation-policy"))
    texts = {name: Path(path).read_text() for name, path in own.items()}
    same = resource == {resource_key: texts["resourcePolicyFile"]}
    return same and bool(attestation == {"default_cpu.rego": texts["attestationPolicyFile"]})


def test_when_the_catalog_moves_olm_upgrades_by_itself_and_the_migration_deletes_nothing_of_ours(
    stack: Stack, own: dict[str, str], before: dict[str, str]
) -> None:
    unchanged = trustee.versions(stack)
    move(stack, TRUSTEE, "1.2.1")
    _wait_for_csv(stack, V1_2)
    stack.wait_for(lambda: kbs_version(stack) == "1.2.1")

    assert trustee.versions(stack) == unchanged
    assert identities(stack) == before
    assert not [name for name in before if name.endswith(".v1.1")]
    assert _holds_own_policies(stack, own, "policy.rego")


def test_the_preview_of_an_upgrade_names_exactly_what_changes(stack: Stack) -> None:
    preview = stack.preview()

    assert names(preview, "update") == {GATE, KBS_CONFIG, KBS} | REWRITTEN
    assert names(preview, "replace") == {CHECK}
    assert {change.operation for change in preview} == {"update", "replace"}
    result = _output(stack, "preview")
    assert f"trustee-operator goes from 1.1 to 1.2 ({V1_1} to {V1_2})" in result
    assert "resource-policy has its Rego in resource-policy.rego instead of policy.rego" in result
    assert "trustee.resourcePolicyFile and trustee.attestationPolicyFile stays as it is" in result
    assert "OLM takes this step by itself" in result


def test_up_brings_the_content_to_the_new_version_and_the_policies_are_the_users_still(
    stack: Stack, own: dict[str, str], before: dict[str, str]
) -> None:
    stack.up()

    assert attested(stack)
    assert identities(stack) == before, "a ConfigMap was replaced, or backed up"
    assert _holds_own_policies(stack, own, "resource-policy.rego")
    stack.up("--expect-no-changes")


def test_going_back_is_an_error_that_names_the_way_and_changes_nothing(stack: Stack, own: dict[str, str]) -> None:
    stack.configure(_pinned(own, "1.1.0"))
    mark = stack.mark()
    result = _output(stack, "preview")

    assert f"asks for {V1_1}, and {V1_2} is installed already: OLM never goes back" in result
    subscription = "subscriptions.operators.coreos.com/trustee-operator-system"
    csv = f"clusterserviceversions.operators.coreos.com/{V1_2}"
    assert f"oc -n {NAMESPACE} delete {subscription} {csv}, and then: pulumi up --refresh" in result
    assert stack.requests(mark) == []


def test_the_way_back_that_the_error_names_is_one(stack: Stack, own: dict[str, str], before: dict[str, str]) -> None:
    kata_config = stack.get(KATA_CONFIG)["metadata"]["uid"]
    stack.api("DELETE", f"{OLM}/subscriptions/trustee-operator-system")
    stack.api("DELETE", f"{OLM}/clusterserviceversions/{V1_2}")
    assert trustee.outcome(stack, "meanwhile", trustee.model(stack))[0], "KBS goes on meanwhile"
    stack.up("--refresh")

    assert attested(stack)
    assert csvs(stack) == {V1_1: "Succeeded"}
    assert kbs_version(stack) == "1.1.0"
    assert identities(stack) == before
    assert _holds_own_policies(stack, own, "policy.rego")
    assert stack.get(KATA_CONFIG)["metadata"]["uid"] == kata_config, "nodes have rebooted"
    stack.up("--expect-no-changes")


def test_the_next_pin_previews_its_approval_and_what_follows(stack: Stack, own: dict[str, str]) -> None:
    preview = stack.preview(_pinned(own, "1.2.1"))

    assert names(preview, "create") == {"trustee-operator-install-plan-1.2.1"}
    assert names(preview, "update") == {"trustee-operator-subscription", GATE, KBS_CONFIG, KBS} | REWRITTEN
    assert names(preview, "replace") == {CHECK}
    # Only forgotten: the plan is OLM's.
    assert names(preview, "delete") == {"trustee-operator-install-plan-1.1.0"}


def test_an_upgrade_that_fails_leaves_the_old_kbs_at_work_with_its_content(stack: Stack, own: dict[str, str]) -> None:
    unchanged = trustee.versions(stack)
    stack.ask_for_fault("csv-fails", "trustee-operator")
    stack.configure(_pinned(own, "1.2.1", installTimeout="6s"))
    done = stack.up(check=False)

    assert done.code != 0
    assert f"{V1_2} has not succeeded within 6s. Nothing that depends on it has been changed" in done.output
    assert csvs(stack)[V1_2] == "Failed"
    assert trustee.versions(stack) == unchanged
    assert kbs_version(stack) == "1.1.0"
    assert trustee.outcome(stack, "meanwhile", trustee.model(stack))[0]


def test_once_it_has_healed_the_next_run_goes_on(stack: Stack, own: dict[str, str], before: dict[str, str]) -> None:
    stack.ask_for_fault("csv-fails", None)
    stack.configure(_pinned(own, "1.2.1"))
    stack.up()

    assert attested(stack)
    assert csvs(stack) == {V1_2: "Succeeded"}
    assert identities(stack) == before
    assert _holds_own_policies(stack, own, "resource-policy.rego")
    stack.up("--expect-no-changes")


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack that has attested with the chapter's versions and its image, on a catalog that has moved since."""
    maker = oci_registry.Maker()
    variables = {"COCO_REHEARSAL_OSC": "1.9", "COCO_REHEARSAL_TRUSTEE": "0.3", "NO_PROXY": "127.0.0.1"}
    with oci_registry.serving() as registry:
        registry.push_measured("1.9.0", maker, evidence.measurements())
        registry.push_measured("1.12.1", maker, dict.fromkeys(evidence.measurements(), "ab" * 32))
        key = tmp_path_factory.mktemp("maker") / "maker.pem"
        key.write_text(maker.pem)
        values = {"measurementsFile": None, "measurementsSignatureFile": None, "image": registry.image}
        values["measurementsPublicKeyFile"] = str(key)
        for started in start(tmp_path_factory.mktemp("oldest"), tools, variables):
            trustee_settings = {"operator": AUTOMATIC, "referenceValues": values}
            peer_pods = {"operator": {**AUTOMATIC, "treatAs": "1.12"}}
            workloads = {"workloads": WORKLOADS}
            started.configure({"trustee": trustee_settings, "peerPods": peer_pods, "initdata": workloads})
            started.up()
            assert attested(started)
            move(started, OSC, "1.12.1")
            move(started, TRUSTEE, "1.2.1")
            _wait_for_csv(started, V1_2)
            yield started


def test_from_the_chapters_versions_to_the_newest_the_preview_replaces_no_kataconfig(oldest: Stack) -> None:
    preview = oldest.preview()
    result = _output(oldest, "preview")

    # Simple tokens are signed with RSA, EAR tokens are not.
    assert names(preview, "replace") == {CHECK, "trustee-content-token-signer"}
    updated = {"peer-pods-operator-installed", "peer-pods-cm", GATE, KBS_CONFIG, KBS, "peer-pods-caa-restarted"}
    content = {"trustee-content-attestation-policy", "trustee-content-kbs-auth-public-key"}
    # Its annotation has another name and another encoding.
    content |= {"trust-chain-workload-initdata"}
    assert names(preview, "update") == updated | REWRITTEN | content
    assert "sandboxed-containers-operator goes from 1.9 to 1.12" in result
    assert "in annotation io.katacontainers.config.hypervisor.cc_init_data instead of" in result
    assert "tokens are Ear instead of Simple" in result
    assert "a new token signer is made" in result


def test_from_the_chapters_versions_to_the_newest_in_one_run(oldest: Stack) -> None:
    uids = identities(oldest)
    kata_config = oldest.get(KATA_CONFIG)["metadata"]["uid"]
    initdata = oldest.get(PEER_PODS_CM)["data"]["INITDATA"]
    pcr8 = oldest.outputs()["initdataPcr8"]
    mark = oldest.mark()
    oldest.up()

    assert attested(oldest)
    assert identities(oldest) == uids
    assert oldest.get(KATA_CONFIG)["metadata"]["uid"] == kata_config
    assert not [request for request in oldest.requests(mark) if request.kind == "kataconfigs"]
    assert oldest.get(PEER_PODS_CM)["data"]["INITDATA"] != initdata, "1.12 reads it compressed"
    assert oldest.outputs()["initdataPcr8"] == pcr8, "what is measured stays"
    accepted = oldest.outputs()["measuredImages"]
    # Nobody has built the new version's image yet, so that pods have the old one: the check attested with it.
    assert [each["reference"].rpartition(":")[2] for each in accepted["images"]] == ["1.9.0", "1.12.1"]
    assert accepted["current"].endswith(":1.9.0")
    oldest.up("--expect-no-changes")
