"""Every supported pair of versions on the real engine: known at the preview, attested, stable, proven, and silent.

The tests of a pair share one cluster, and go on from each other in their order.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal import attempt, negative
from rehearsal.real import transcript
from rehearsal.real.brought import OSC_OPERATOR
from tests.engine.conftest import start
from tests.engine.harness import WORKLOADS, Stack
from tests.engine.pairs import (
    CHECK,
    MIGRATED,
    OSC,
    PAIRS,
    PCRS,
    TRUSTEE,
    Pair,
    data,
    forms,
    line_of,
    pcr8,
    private_keys,
    secret,
    section,
    sha256,
)

pytestmark = pytest.mark.engine
EXPIRES = "2099-12-31T23:59:59Z"
CONFIG: Mapping[str, Any] = {"initdata": {"workloads": WORKLOADS}}
"""The rehearsal's own stack, whole."""
_NOT_SIMULATED = ("grafana-dashboard", "sandboxed-containers-monitor", "webhook")
_OF_OLM = "vkataconfig.kb.io"
"""The webhook of the bundle, which OLM makes; the simulated operator has a policy for it."""


@pytest.fixture(scope="module", params=PAIRS, ids=str)
def pair(request: pytest.FixtureRequest) -> Pair:
    result: Pair = request.param
    return result


@pytest.fixture(scope="module")
def fresh(pair: Pair, tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """An empty stack on a cluster whose catalog offers the pair."""
    for stack in start(tmp_path_factory.mktemp("pair"), tools, pair.variables):
        stack.configure(CONFIG)
        yield stack


@pytest.fixture(scope="module")
def previewed(fresh: Stack) -> str:
    """What the preview of the empty stack shows."""
    return fresh.run("preview", "--stack", "rehearsal", "--suppress-progress", "--show-full-output").output


@pytest.fixture(scope="module")
def deployed(fresh: Stack, previewed: str) -> Stack:
    """The stack after ``pulumi up``."""
    assert previewed
    fresh.up("--diff")
    return fresh


@pytest.fixture(scope="module")
def outputs(deployed: Stack) -> Any:
    """What the stack exports."""
    return deployed.outputs()


def _document(stack: Stack, pair: Pair) -> bytes:
    return pair.document(stack.get(f"{OSC}/configmaps/peer-pods-cm")["data"]["INITDATA"])


def test_the_preview_of_an_empty_stack_knows_everything_that_will_be_proven(pair: Pair, previewed: str) -> None:
    proof = line_of(previewed, "proof")

    # The outcome of the check is not known yet, which shows how the engine writes that.
    assert "attested         : [unknown]" in previewed
    assert "[unknown]" not in proof
    assert [each["csv"] for each in pair.versions if each["csv"] not in proof] == []
    names = [pair.reference_name.format(number) for number in PCRS]
    assert [name for name in names if f'"{name}"' not in proof] == []
    # The document of pods that bring none of their own, the check's and the workload's.
    assert proof.count('"digest":') == 3
    assert proof.count('"pcr8":') == 3
    assert all(kind in proof for kind in ("agent", "attestation", "image", "resource"))


def test_each_simulated_operator_writes_what_the_real_one_did(deployed: Stack, pair: Pair) -> None:
    kept = transcript.kept(pair.variables)
    if not kept:
        pytest.skip(f"no real operator of {pair} was recorded; `make record` does it (docs/rehearsal.md)")

    for program, wrote in kept.items():
        simulated = transcript.of(deployed.cluster.audit_log, program, real=False)
        if program is OSC_OPERATOR:  # its controllers work side by side
            assert {each for each in simulated if _OF_OLM not in each} == {
                each for each in wrote if not any(part in each for part in _NOT_SIMULATED)
            }
        else:
            assert simulated == wrote


def test_up_ends_attested_and_keeps_what_the_preview_said(outputs: Any, previewed: str) -> None:
    initdata = section(previewed, "initdataPcr8")

    assert outputs["attested"] is True
    assert outputs["initdataPcr8"]["global"] in initdata
    assert outputs["initdataDigest"] in previewed
    shown = line_of(previewed, "proof")
    hashes = [each["sha256"] for each in (*outputs["proof"]["policies"], *outputs["proof"]["referenceValues"])]
    assert [each for each in hashes if each not in shown] == []


def test_a_second_run_has_nothing_to_change(deployed: Stack) -> None:
    deployed.up("--expect-no-changes")


def test_a_refresh_and_the_preview_after_it_find_nothing_to_change(deployed: Stack) -> None:
    deployed.run("refresh", "--stack", "rehearsal", "--yes", "--skip-preview", "--expect-no-changes")

    assert deployed.preview() == []


def test_the_proof_names_both_csvs_with_the_profile_that_they_were_deployed_by(outputs: Any, pair: Pair) -> None:
    proof = outputs["proof"]

    assert proof["environment"] == "production"
    assert proof["versions"] == pair.versions


def test_the_proof_has_each_reference_value_with_its_expiry(outputs: Any, pair: Pair) -> None:
    values = outputs["proof"]["referenceValues"]

    assert [each["name"] for each in values] == [pair.reference_name.format(number) for number in PCRS]
    # PCR 8 is that of pods without initdata of their own, of the check's, or of the workload's.
    assert {each["name"]: (each["count"], each["expires"]) for each in values} == {
        pair.reference_name.format(number): (3 if number == 8 else 1, EXPIRES) for number in PCRS
    }


def test_the_hashes_in_the_proof_are_those_of_the_policies_that_trustee_and_pod_vms_read(
    deployed: Stack, pair: Pair, outputs: Any
) -> None:
    policies = outputs["proof"]["policies"]
    files = tomllib.loads(_document(deployed, pair).decode())["data"]

    assert {each["kind"]: each["sha256"] for each in policies} == {
        "agent": sha256(files["policy.rego"]),
        "attestation": sha256(data(deployed, "attestation-policy")[pair.attestation_policy]),
        "image": sha256(secret(deployed, "security-policy")["osc"]),
        "resource": sha256(data(deployed, "resource-policy")[pair.resource_policy]),
    }
    assert {each["source"] for each in policies} == {"production"}


def test_initdata_in_the_encoding_of_the_version_has_the_exported_digest_and_pcr8(
    deployed: Stack, pair: Pair, outputs: Any
) -> None:
    document = _document(deployed, pair)

    assert tomllib.loads(document.decode())["algorithm"] == "sha256"
    assert hashlib.sha256(document).hexdigest() == outputs["initdataDigest"]
    assert pcr8(document) == outputs["initdataPcr8"]["global"]
    proven = {each["scope"]: each for each in outputs["proof"]["initdata"]}
    assert {scope: each["pcr8"] for scope, each in proven.items()} == outputs["initdataPcr8"]
    assert proven.keys() == {"global", "attestation-check", "cart"}
    assert proven["global"] == {
        "scope": "global",
        "algorithm": "sha256",
        "digest": outputs["initdataDigest"],
        "pcr8": outputs["initdataPcr8"]["global"],
    }


def test_the_checks_pod_has_its_initdata_in_the_annotation_of_the_version_and_in_no_other(
    deployed: Stack, pair: Pair
) -> None:
    (pod,) = deployed.get(f"{CHECK}/pods")["items"]
    annotations = pod["metadata"]["annotations"]

    assert [key for key in annotations if "katacontainers" in key] == [pair.annotation]
    document = pair.document(annotations[pair.annotation])
    assert pcr8(document) == deployed.outputs()["initdataPcr8"]["attestation-check"]
    assert document != _document(deployed, pair)


def test_kbs_accepts_exactly_the_pcr8_of_this_initdata(deployed: Stack, pair: Pair, outputs: Any) -> None:
    registered = pair.registered(deployed)
    expected = pcr8(_document(deployed, pair))

    assert registered.keys() == {pair.reference_name.format(number) for number in PCRS}
    of_documents = set(outputs["initdataPcr8"].values())
    accepted, expires = registered[pair.reference_name.format(8)]
    assert expected in of_documents
    assert (set(accepted), expires) == (of_documents, EXPIRES)
    assert set(outputs["proof"]["acceptedPcr8"]) == of_documents


def test_the_config_maps_have_the_keys_of_the_version_and_are_marked_as_migrated(deployed: Stack, pair: Pair) -> None:
    for title, keys in pair.config_maps.items():
        result = deployed.get(f"{TRUSTEE}/configmaps/{title}")
        assert result["data"].keys() == keys, title
        assert result["metadata"]["annotations"].items() >= MIGRATED.items(), title


def test_what_must_be_denied_is_denied_and_the_untouched_pod_gets_its_secret(deployed: Stack) -> None:
    workload = deployed.outputs()["workloadInitdata"]["cart"]
    outcomes = negative.run(deployed.cluster.kubeconfig, workload)

    assert {each.name for each in outcomes} == {
        "the same pod, untouched",
        "tampered initdata",
        "unsigned image",
        "exec into the pod",
        "sample attester",
        "a file copied with .. in its path",
        "a link to / copied, and a file through it",
        "an OCI hook",
        "a root that no image was pulled for",
        "a workload's own probe",
        "exec into that workload",
        "another command in that workload",
        "another pod, its own secret",
        "the check's pod, that secret",
        "another pod, the check's secret",
        "expired reference value",
    }
    assert [each for each in outcomes if not each.as_expected] == [], attempt.table(outcomes)


def test_no_secret_stands_in_plain_text_or_base64_in_state_outputs_or_what_the_runs_said(deployed: Stack) -> None:
    client = {*secret(deployed, "kbsres1").values(), *secret(deployed, "attestation-check").values()}
    signer = private_keys(secret(deployed, "kbs-auth-public-key"))
    keys = private_keys(deployed.shown_secrets())
    outputs = deployed.run("stack", "output", "--stack", "rehearsal", "--json").output
    places = {str(path): text for path, text in deployed.files().items()}
    places |= {"outputs": outputs, "log": "\n".join(deployed.log)}

    # The administrator's key and the token signer's.
    assert (len(client), len(signer), len(keys)) == (3, 1, 2)
    assert signer < keys
    assert any("kbsres1" in text and "ciphertext" in text for text in places.values())
    hidden = {form for each in client | keys for form in forms(each)}
    assert all(forms(each) for each in client | keys)
    assert [(place, len(form)) for place, text in places.items() for form in hidden if form in text] == []
