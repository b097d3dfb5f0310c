"""What the program knows of its own last run, and that nothing is created beside a chain that has a problem."""

from typing import Any

import pulumi
import pytest

from coco_azure.clients import stack_history
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, Run, run_program

EARLIER = "ab" * 32
CONFIG: dict[str, Any] = {"trustee": {"referenceValues": {"expires": "2099-12-31", "initdata": True}}}
WITH_WORKLOADS: dict[str, Any] = {
    "initdata": {"workloads": {"web": {"allowedImages": ["quay.io/org/web"]}, "shop": {}}}
}
STACKS = {"organization/coco-azure/test": {"initdataPcr8": {"global": EARLIER}}}


def _accepted(run: Run) -> str:
    return str(
        run.objects()["ConfigMap trustee-operator-system/rvps-reference-values"]["data"]["reference-values.json"]
    )


def test_what_the_last_finished_run_deployed_stays_accepted() -> None:
    assert EARLIER in _accepted(run_program(CONFIG, Recorder(stacks=STACKS)))
    assert EARLIER not in _accepted(run_program(CONFIG, Recorder()))


def test_a_trustee_that_the_state_has_and_its_cluster_has_not_is_told_with_the_way_to_make_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: warned.append(text))
    deployed = {"organization/coco-azure/test": {"trusteeContent": "ab"}}
    path = "/apis/confidentialcontainers.org/v1alpha1/namespaces/trustee-operator-system/kbsconfigs"

    def lost(answers: Recorder) -> list[str]:
        warned.clear()
        run_program({}, answers)
        return [text for text in warned if "pulumi up --refresh --run-program" in text]

    assert len(lost(Recorder(stacks=deployed))) == 1
    assert lost(Recorder()) == []
    whole = FakeCluster()
    whole.put(path, "kbsconfig", {})
    assert lost(Recorder(stacks=deployed, cluster=whole)) == []


def test_a_state_that_the_engine_is_writing_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_history, "_PAUSE", 0)
    answers = Recorder(stacks=STACKS, unreadable=3)

    assert EARLIER in _accepted(run_program(CONFIG, answers))
    assert answers.unreadable == 0


def test_a_state_that_stays_unreadable_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_history, "_PAUSE", 0)

    with pytest.raises(Exception, match="failed to load checkpoint"):
        run_program(CONFIG, Recorder(unreadable=1000))


@pytest.mark.parametrize(
    "answers", [Recorder(trustee="2.0.0"), Recorder(osc="1.14.0", trustee="1.2.0")], ids=["Trustee", "OSC"]
)
def test_without_a_profile_no_object_is_created_not_even_the_namespace_of_the_check(
    answers: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[str] = []
    usual = answers.new_resource

    def noted(args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ.startswith("kubernetes:") and not args.resource_id:
            created.append(args.name)
        return usual(args)

    monkeypatch.setattr(answers, "new_resource", noted)
    with pytest.raises(pulumi.RunError, match="has no profile"):
        run_program({}, answers)

    assert created == []


def _workloads(run: Run) -> list[str]:
    return [name for name in run.registrations if name.endswith("-workload-initdata")]


def test_initdata_of_workloads_is_a_resource_so_that_previews_and_the_policy_pack_see_it() -> None:
    run = run_program(WITH_WORKLOADS)

    (name,) = _workloads(run)
    registration = run.registrations[name]
    assert (registration.kind, name) == ("Stash", "trust-chain-workload-initdata")
    assert registration.request.parent.endswith("coco-azure:index:TrustChain::trust-chain")
    # As it stands there: a secret would be shown to nobody.
    assert registration.inputs == {"input": run.exports["workloadInitdata"]}
    assert set(registration.inputs["input"]) == {"web", "shop"}


def test_nothing_waits_for_what_is_only_shown_and_it_waits_for_nothing_in_the_cluster() -> None:
    run = run_program({**WITH_WORKLOADS, "trustee": {"tls": {"termination": "passthrough"}}})

    (name,) = _workloads(run)
    assert [other for other in run.registrations if name in run.dependencies(other)] == []
    ahead = [run.registrations[cause] for cause in run.dependencies(name) if cause in run.registrations]
    assert {cause.kind for cause in ahead} <= {"Stash"}
    request = run.registrations[name].request
    assert not any((request.protect, request.retainOnDelete, request.deletedWith, list(request.replace_with)))


@pytest.mark.parametrize(
    "config",
    [{}, {**WITH_WORKLOADS, "peerPods": {"enabled": False}}],
    ids=["no workloads", "a stack with Trustee alone"],
)
def test_where_no_workload_has_initdata_there_is_no_such_resource(config: dict[str, Any]) -> None:
    assert _workloads(run_program(config)) == []
