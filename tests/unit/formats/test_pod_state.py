"""What became of a peer pod follows from the pod, its events and KBS's log."""

from datetime import UTC, datetime
from typing import Any

import pytest

from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.formats.workload.terms import PodState, judge
from coco_azure.names import POD_VM_SIZE
from tests.unit.workload_terms import ANNOTATION, PASSWORD, terms

RUNNING = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
WAITING = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}


def _pod(annotations: dict[str, str] | None = None, status: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata = {"name": "shop-1", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-12-01T02:00:00Z"}
    own = {ANNOTATION: terms().initdata} if annotations is None else annotations
    return {"metadata": {**metadata, "annotations": own}, "spec": {"nodeName": "worker-1"}, "status": status or RUNNING}


def _request(step: str, reason: str = "", *, minute: int = 1) -> KbsRequest:
    time = datetime(2026, 12, 1, 2, minute, tzinfo=UTC)
    return KbsRequest(time=time, step=step, granted=not reason, reason=reason)


def _judged(pod: dict[str, Any], *log: KbsRequest, **options: Any) -> PodState:
    return judge(pod, [terms(previous="before"), terms(workload="web", initdata="of web")], log, **options)


def test_a_pod_that_runs_with_current_initdata_has_attested_and_its_secret_is_told() -> None:
    state = _judged(_pod(), _request("attest"), _request(PASSWORD), vm="podvm-shop-1-abcdefgh")

    assert (state.workload, state.initdata, state.outcome, state.good) == ("shop", "current", "attested", True)
    assert (state.vm, state.size, state.node) == ("podvm-shop-1-abcdefgh", "Standard_DC2as_v5", "worker-1")
    assert state.secrets == {PASSWORD: "given at 2026-12-01T02:01:00Z"}


@pytest.mark.parametrize(
    ("annotations", "workload", "initdata", "good"),
    [
        ({ANNOTATION: "before"}, "shop", "previous", False),
        ({ANNOTATION: "of web"}, "web", "current", True),
        ({}, "", "global", True),
        ({ANNOTATION: "long ago"}, "", "unknown", False),
        ({"io.katacontainers.config.runtime.cc_init_data": "of OSC 1.9"}, "", "unknown", False),
    ],
)
def test_whose_initdata_a_pod_has_is_told(
    annotations: dict[str, str], workload: str, initdata: str, *, good: bool
) -> None:
    state = _judged(_pod(annotations))

    assert (state.workload, state.initdata, state.good) == (workload, initdata, good)


def test_a_secret_that_kbs_denies_is_the_outcome_with_its_reason() -> None:
    state = _judged(_pod(), _request(PASSWORD, minute=1), _request(PASSWORD, "PolicyDeny", minute=2))

    assert (state.outcome, state.reason, state.good) == ("refused", f"{PASSWORD}: PolicyDeny", False)
    assert state.secrets == {PASSWORD: "denied at 2026-12-01T02:02:00Z: PolicyDeny"}


def test_what_kbs_said_before_the_pod_was_made_is_not_its_own() -> None:
    earlier = KbsRequest(
        time=datetime(2026, 12, 1, 1, 0, tzinfo=UTC), step=PASSWORD, granted=False, reason="PolicyDeny"
    )

    assert _judged(_pod(), earlier).outcome == "attested"


def test_a_pod_whose_containers_do_not_start_is_told_what_kbs_or_the_cluster_says() -> None:
    events = [{"type": "Normal", "message": "Scheduled"}, {"type": "Warning", "message": "failed to pull image"}]

    refused = _judged(_pod(status=WAITING), _request("attest", "verify TEE evidence failed"), events=events)
    waiting = _judged(_pod(status=WAITING), _request("attest"), events=events)
    silent = _judged(_pod(status=WAITING))

    assert (refused.outcome, refused.reason) == ("refused", "attest: verify TEE evidence failed")
    assert (waiting.outcome, waiting.reason) == ("waiting", "failed to pull image")
    assert (silent.outcome, silent.reason) == ("waiting", "ContainerCreating")


def test_the_size_that_a_pod_asks_for_comes_before_the_default() -> None:
    assert _judged(_pod({POD_VM_SIZE: "Standard_DC4as_v5"})).size == "Standard_DC4as_v5"
