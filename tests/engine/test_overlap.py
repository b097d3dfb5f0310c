"""A change of initdata: the old one stays accepted until the next run that comes to its end, and then goes.

The tests share a cluster and go on from each other's state, in their order.
"""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import pods, trustee
from tests.engine.conftest import start
from tests.engine.harness import Stack, interrupt, names
from tests.engine.trustee import accepted_pcr8, attested

pytestmark = pytest.mark.engine

ANNOTATION = "io.katacontainers.config.hypervisor.cc_init_data"
OSC = "openshift-sandboxed-containers-operator"
DROPPED = {
    "trustee-content-resource-policy",
    "trustee-content-rvps-reference-values",
    "trustee-kbsconfig",
    "trustee-kbs",
}
SECRET = "default/kbsres1/key1"
IMAGES = {"initdata": {"allowedImages": ["registry.access.redhat.com/ubi9"]}}
SHA384, SHA512 = ({"initdata": {"algorithm": name}} for name in ("sha384", "sha512"))
UNCHECKED = {"attestationCheck": {"enabled": False}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack that has attested, on the newest versions, with a digest that is not the default."""
    variables = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for started in start(tmp_path_factory.mktemp("overlap"), tools, variables):
        started.configure(SHA384)
        started.up()
        assert attested(started)
        yield started


@pytest.fixture(scope="module")
def first(stack: Stack) -> str:
    """PCR 8 of the first initdata."""
    return _pcr8(stack)


@pytest.fixture(scope="module")
def before(stack: Stack, first: str) -> set[str]:
    """PCR 8 of each of the first documents."""
    documents = _documents(stack)
    assert first in documents
    return documents


@pytest.fixture(scope="module")
def old_pod(stack: Stack, first: str) -> Any:
    """A pod that was made with the first initdata, and asks for the secret that this document lists."""
    pod = pods.asking(stack, SECRET, trustee.secret(stack, "kbsres1")["key1"])
    config = stack.get(f"/api/v1/namespaces/{OSC}/configmaps/peer-pods-cm")
    assert set(accepted_pcr8(stack)) == _documents(stack)
    assert first in _documents(stack)
    pod["metadata"] = {"annotations": {ANNOTATION: config["data"]["INITDATA"]}}
    return pod


def _pcr8(stack: Stack) -> str:
    return str(stack.outputs()["initdataPcr8"]["global"])


def _documents(stack: Stack) -> set[str]:
    """Return PCR 8 of each document of the last finished run: the global one, and the check's."""
    return set(stack.outputs()["initdataPcr8"].values())


def _preview(stack: Stack) -> str:
    return stack.run("preview", "--stack", "rehearsal", "--suppress-progress").output


def test_the_preview_of_the_default_digest_says_that_the_old_initdata_stays_accepted(
    stack: Stack, first: str, before: set[str], old_pod: Any
) -> None:
    assert trustee.outcome(stack, "old", old_pod)[0]
    stack.configure({})
    preview = _preview(stack)

    assert f"PCR 8 {first} of the last run is still accepted" in preview
    # The proof is a text in one line, and the new one stands behind the old one.
    *_, accepted = re.findall(r'acceptedPcr8\\?": ?\[([^\]]*)\]', preview)
    values = re.findall(r"[0-9a-f]{64}", accepted)
    assert before <= set(values)
    assert len(values) == 2 * len(before), accepted
    assert f"keeps {SECRET}, default/kbsres1/key2" in " ".join(preview.split())


def test_after_the_run_pods_with_either_initdata_get_their_secret(
    stack: Stack, first: str, before: set[str], old_pod: Any
) -> None:
    stack.up()

    assert attested(stack)
    assert set(accepted_pcr8(stack)) == before | _documents(stack)
    assert first != _pcr8(stack)
    assert trustee.outcome(stack, "old", old_pod)[0]


def test_pods_with_the_old_initdata_get_nothing_that_it_did_not_list(stack: Stack, old_pod: Any) -> None:
    (check,) = stack.get(f"/apis/batch/v1/namespaces/{trustee.CHECKS}/jobs")["items"]
    result = check["spec"]["template"]["spec"]["containers"][0]["env"]
    reaching = {**old_pod, "spec": copy.deepcopy(old_pod["spec"])}
    reaching["spec"]["containers"][0]["env"] = result

    got_it, why = trustee.outcome(stack, "reaching", reaching)
    assert not got_it
    assert "PolicyDeny" in why


def test_the_run_after_that_drops_the_old_one_and_its_preview_says_so(stack: Stack, first: str, old_pod: Any) -> None:
    preview = stack.preview()
    result = _preview(stack)
    stack.up()

    assert names(preview, "update") == DROPPED
    assert names(preview, "replace") == {"check-job"}
    assert f"PCR 8 {first} of an earlier run is no longer accepted from this run on" in result
    assert set(accepted_pcr8(stack)) == _documents(stack)
    got_it, why = trustee.outcome(stack, "old", old_pod)
    assert not got_it, why
    stack.up("--expect-no-changes")


def test_a_run_that_is_interrupted_does_not_lose_the_old_one(stack: Stack) -> None:
    old, job = _pcr8(stack), _job(stack)
    stack.ask_for_fault("pod-vm-fails", "SkuNotAvailable")
    stack.configure(IMAGES)
    process = stack.started("up", "--stack", "rehearsal", "--yes", "--skip-preview")
    stack.wait_for(lambda: _job(stack) not in ("", job))
    done = interrupt(process)
    stack.ask_for_fault("pod-vm-fails", None)

    assert done.code != 0
    assert _pcr8(stack) == old
    assert len(accepted_pcr8(stack)) == 3, "the global document's before and after, and the check's, which stays"
    assert old in accepted_pcr8(stack)


def test_the_next_run_goes_on_and_still_accepts_the_old_one(stack: Stack) -> None:
    old = _documents(stack)
    stack.up()

    assert attested(stack)
    assert set(accepted_pcr8(stack)) == old | _documents(stack)
    assert len(old - _documents(stack)) == 1, "that of the global document"


def test_without_a_check_a_run_that_fails_late_does_not_lose_the_old_one_either(stack: Stack) -> None:
    stack.configure({**IMAGES, **UNCHECKED})
    stack.up()
    stack.up()
    old = _pcr8(stack)
    assert accepted_pcr8(stack) == [old]
    trustee.forbid_roll_outs(stack)
    stack.configure({**SHA512, **UNCHECKED, "peerPods": {"kataConfig": {"timeout": "30s"}}})
    done = stack.up(check=False)
    trustee.allow_roll_outs(stack)
    stack.configure({**SHA512, **UNCHECKED})

    assert done.code != 0
    assert "peer-pods-caa" in done.output
    assert _pcr8(stack) == old, "the outputs are those of a run that has failed"
    stack.up()
    assert set(accepted_pcr8(stack)) == {old, _pcr8(stack)}
    assert names(stack.preview(), "update") == DROPPED


def _job(stack: Stack) -> str:
    """Return the uid of the check's Job; empty where there is none."""
    result = stack.get(f"/apis/batch/v1/namespaces/{trustee.CHECKS}/jobs/attestation-check")
    return str(result["metadata"]["uid"]) if result else ""
