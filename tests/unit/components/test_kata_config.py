"""KataConfig as the program registers it: refused, shown, protected, and what its hook does before a creation."""

import asyncio
import re
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from coco_azure import names, settings
from coco_azure import run_marks as marks
from coco_azure.clients import stack_history
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.rollout import read_facts as kata_facts
from coco_azure.rollout.drain import Drains
from coco_azure.rollout.facts import LastRollout, RolloutFacts
from coco_azure.settings.peer_pods import TICKET
from components.peer_pods import kata_config
from components.peer_pods.kata_config import PlannedRollout
from components.peer_pods.pod_vm_image import PodVmImage
from tests.unit.fake_cluster import NODES, FakeCluster, node
from tests.unit.recording import Recorder, failed_program, new_event_loop, run_program
from tests.unit.rollout_facts import SPEC, WANTED, facts
from tests.unit.rollout_facts import kata_config as made

decided = kata_config._decided
NAME, GUARD = "peer-pods-kataconfig", "peer-pods-kataconfig-guard"
FORBIDDEN: dict[str, Any] = {"peerPods": {"kataConfig": {"allowReboot": False}}}
GATES = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps"
OUTPUT = {"kataConfig": {"name": "example-kataconfig", "uid": "uid-1", "nodes": ["worker-0", "worker-1"]}}
COMPLETED = {"organization/coco-azure/test": OUTPUT}


def _cluster(*kata_configs: Object, **lists: list[Object]) -> FakeCluster:
    cluster = FakeCluster()
    gate = {"metadata": {"name": "osc-feature-gates"}, "data": {"confidential": "true"}}
    cluster.lists |= {names.KATA_CONFIGS: list(kata_configs), GATES: [gate], **lists}
    return cluster


def _config(**kata_config: Any) -> dict[str, Any]:
    return {"peerPods": {"kataConfig": {"allowReboot": False, **kata_config}}}


def test_a_run_without_approval_ends_before_anything_is_registered() -> None:
    error, run = failed_program(FORBIDDEN)

    assert "Reboot as kata is installed: worker-0, worker-1 (2)." in error
    assert "pulumi config set --path 'coco-azure:peerPods.kataConfig.allowReboot' roll-" in error
    assert set(run.registrations) <= {"coco-azure-test"}


def test_a_preview_without_approval_registers_everything_and_fails_in_the_end_with_each_thing_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error, run = failed_program(FORBIDDEN, Recorder(preview=True))

    assert {NAME, GUARD, "check-job", "trustee-kbsconfig"} <= set(run.registrations)
    everything = "\n".join(record.getMessage() for record in caplog.records)
    assert error in everything
    for text in ("peerPods.kataConfig.allowReboot is false", "this roll-out only: ", "Reboot as kata is installed: "):
        assert everything.count(text) == 1


def test_an_impossible_run_ends_a_preview_at_once() -> None:
    error, run = failed_program(FORBIDDEN, Recorder(preview=True, cluster=_cluster(made(owner=None, uid="uid-9"))))

    assert "existing' adopt" in error
    assert NAME not in run.registrations


def test_what_needs_no_approval_needs_no_setting_and_stays_protected() -> None:
    run = run_program(FORBIDDEN, Recorder(stacks=COMPLETED, cluster=_cluster(made())))

    assert run.registrations[NAME].request.protect
    assert run.registrations[GUARD].request.protect


def test_leave_for_any_roll_out_lifts_the_protection() -> None:
    run = run_program(_config(allowReboot=True))

    assert not run.registrations[NAME].request.protect
    assert not run.registrations[GUARD].request.protect


def test_a_ticket_lifts_the_protection_for_its_replacement_and_leaves_the_guard() -> None:
    answers = Recorder(stacks=COMPLETED, cluster=_cluster(made()))
    config = {"logLevel": "debug", "change": "recreate"}
    error, _ = failed_program(_config(**config), answers)
    ticket = re.findall(TICKET, error)[-1]
    run = run_program(_config(**config, allowReboot=ticket), answers)

    assert not run.registrations[NAME].request.protect
    assert run.registrations[GUARD].request.protect


def test_a_used_ticket_protects_again() -> None:
    run = run_program(_config(allowReboot="roll-0123456789"), Recorder(stacks=COMPLETED, cluster=_cluster(made())))

    assert run.registrations[NAME].request.protect


def test_a_ticket_lifts_the_protection_until_its_roll_out_has_been_completed() -> None:
    # The state of a killed run still has the old KataConfig, and the engine calls what goes on a replacement.
    gone, under_way = _cluster(), _cluster(made(uid="uid-2", after="uid-1"))
    error, _ = failed_program(FORBIDDEN, Recorder(stacks=COMPLETED, cluster=gone))
    ticket = re.findall(TICKET, error)[-1]

    for cluster, value, lifted in (
        (gone, ticket, True),
        (under_way, ticket, True),
        (under_way, False, False),
        (_cluster(made()), ticket, False),
    ):
        run = run_program(_config(allowReboot=value), Recorder(stacks=COMPLETED, cluster=cluster))
        assert run.registrations[NAME].request.protect is not lifted


def test_the_output_keeps_the_roll_out_and_changes_only_with_another_one() -> None:
    cluster = _cluster(made())
    cluster.lists["/api/v1/nodes"].append({"metadata": {"name": "worker-2", "labels": cast("Any", {})}})
    run = run_program(FORBIDDEN, Recorder(stacks=COMPLETED, cluster=cluster))

    assert run.exports["kataConfig"]["nodes"] == ["worker-0", "worker-1"]


def test_a_selector_that_matches_no_node_ends_a_run_and_is_shown_by_a_preview() -> None:
    config = _config(allowReboot=True, poolSelector={"matchLabels": {"cc": "nobody"}})
    error, _ = failed_program(config)
    run = run_program(config, Recorder(preview=True))

    assert "oc label node NODE cc=nobody" in error
    assert NAME in run.registrations


def test_a_cluster_that_does_not_answer_is_told_with_what_is_needed() -> None:
    class Silent(FakeCluster):
        def items(self, path: str, **selectors: Any) -> list[Object]:
            raise OSError(f"no route to {path} {selectors}")

    error, _ = failed_program({}, Recorder(cluster=Silent()))

    assert "no route to" in error
    assert "coco-azure:cluster" in error


@pytest.mark.parametrize("value", ["yes", "roll-1", 1, None], ids=str)
def test_leave_is_true_false_or_a_ticket(value: object) -> None:
    with pytest.raises(settings.SettingsError, match="the ticket that the preview prints"):
        settings.parse({"peerPods": {"kataConfig": {"allowReboot": value}}}, Path())


def test_an_own_state_that_is_being_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_history, "_PAUSE", 0)

    run = run_program(FORBIDDEN, Recorder(stacks=COMPLETED, cluster=_cluster(made()), unreadable=3))

    assert run.exports["kataConfig"]["nodes"] == ["worker-0", "worker-1"]


@pytest.fixture
def _engine() -> None:
    """Messages of hooks go to a recording engine."""
    new_event_loop()
    pulumi.runtime.set_mocks(Recorder(), project="coco-azure", stack="test")


def _planned(cluster: FakeCluster, last: LastRollout | None = None, **overrides: Any) -> PlannedRollout:
    stack = settings.parse(_config(**overrides), Path())
    client = cast("ClusterClient", cluster)
    facts = kata_facts.gather(stack, client, "coco-azure/test", last)
    return decided(stack, client, facts)


async def _recheck(planned: PlannedRollout) -> None:
    await kata_config.recheck_before_create(planned, PodVmImage(planned.client, planned.stack.peer_pods))


@pytest.mark.usefixtures("_engine")
def test_before_a_creation_that_nobody_approved_the_hook_ends_the_run() -> None:
    with pytest.raises(pulumi.RunError, match="roll-"):
        asyncio.run(_recheck(_planned(_cluster())))


@pytest.mark.usefixtures("_engine")
def test_the_hook_looks_at_the_cluster_as_it_is_now_and_not_as_it_was() -> None:
    cluster = _cluster()
    planned = _planned(cluster, allowReboot=True)
    cluster.lists[names.KATA_CONFIGS].append(made(owner=None, name="by-hand", uid="uid-9"))

    with pytest.raises(pulumi.RunError, match="KataConfig by-hand, which was not made by this stack"):
        asyncio.run(_recheck(planned))
    assert cluster.deleted == []


@pytest.mark.usefixtures("_engine")
def test_the_hook_leaves_what_is_taken_over_alone() -> None:
    for cluster, existing in (
        (_cluster(made(uid="uid-2")), "fail"),
        (_cluster(made(owner=None, uid="uid-9", spec=SPEC)), "adopt"),
    ):
        asyncio.run(_recheck(_planned(cluster, existing=existing)))

        assert cluster.deleted == []


@pytest.mark.usefixtures("_engine")
def test_the_hook_deletes_what_is_recreated_and_waits_for_its_end() -> None:
    cluster = _cluster(made(owner=None, name="by-hand", uid="uid-9"))
    asyncio.run(_recheck(_planned(cluster, existing="recreate", allowReboot=True)))

    assert cluster.deleted == [f"{names.KATA_CONFIGS}/by-hand"]


@pytest.mark.usefixtures("_engine")
def test_one_of_ours_that_the_state_does_not_know_is_deleted_only_where_it_has_to_be_a_new_one() -> None:
    cluster = _cluster(made(uid="uid-2", applied=WANTED))
    asyncio.run(_recheck(_planned(cluster, logLevel="debug", allowReboot=True)))
    assert cluster.deleted == []

    asyncio.run(_recheck(_planned(cluster, logLevel="debug", change="recreate", allowReboot=True)))
    assert cluster.deleted == [f"{names.KATA_CONFIGS}/example-kataconfig"]


@pytest.mark.usefixtures("_engine")
def test_a_deletion_that_does_not_end_names_the_pods_and_says_how_to_go_on(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(FakeCluster):
        def delete(self, path: str) -> None:
            self.deleted.append(path)

    stuck = made(owner=None, name="by-hand", uid="uid-9")
    stuck["status"]["conditions"] = [{"type": "InProgress", "status": "False", "reason": "BlockedByExistingKataPods"}]
    spec = {"runtimeClassName": "kata-remote"}
    cluster = Stuck(
        _cluster(stuck).lists | {"/api/v1/pods": [{"metadata": {"namespace": "shop", "name": "till"}, "spec": spec}]}
    )

    with pytest.raises(pulumi.RunError, match=r"not gone after 1ms .BlockedByExistingKataPods.* the next `pulumi up`"):
        asyncio.run(_recheck(_planned(cluster, existing="recreate", allowReboot=True, timeout="1ms")))
    assert "kata pods keep KataConfig by-hand from being deleted; delete them: shop/till" in caplog.text


def test_a_report_is_told_of_the_plan_as_data() -> None:
    name, overrides = marks.read(_planned(_cluster()).mark()) or ("", {})

    assert name == marks.ROLLOUT
    assert (overrides["action"], overrides["approved"]) == ("create", False)
    assert overrides["text"].startswith("KataConfig example-kataconfig will be created")


def _drains(cluster: FakeCluster, known: RolloutFacts) -> Drains:
    return kata_facts.with_drains(known, cast("ClusterClient", cluster)).drains


def test_of_drains_only_the_pods_are_asked_that_a_budget_may_hold() -> None:
    budgets: list[Object] = [
        {
            "metadata": {"namespace": namespace, "name": "b", "generation": 1},
            "spec": {"selector": {}, "minAvailable": 1},
            "status": {"disruptionsAllowed": allowed, "observedGeneration": 1},
        }
        for namespace, allowed in (("shop", 0), ("bank", 2))
    ]
    pods: dict[str, list[Object]] = {
        f"/api/v1/namespaces/{namespace}/pods": [
            {"metadata": {"namespace": namespace, "name": "p"}, "spec": {"nodeName": "worker-0"}}
        ]
        for namespace in ("shop", "bank")
    }
    cluster = _cluster(**pods, **{"/apis/policy/v1/poddisruptionbudgets": budgets})
    asked = _drains(cluster, facts())

    assert [each.namespace for each in asked.budgets] == ["shop"]
    assert [each.namespace for each in asked.pods] == ["shop"]
    assert asked.unknown == ""


def test_budgets_that_cannot_be_listed_stop_no_run() -> None:
    class Refusing(FakeCluster):
        def items(
            self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
        ) -> list[Object]:
            del path, labels, fields, content
            raise PermissionError("poddisruptionbudgets is forbidden")

    assert "is forbidden" in _drains(Refusing(), facts()).unknown


def test_the_spec_of_a_new_kataconfig_leaves_windows_workers_out() -> None:
    cluster = _cluster()
    cluster.lists[NODES].append(node("win-1", **{"kubernetes.io/os": "windows"}))
    run = run_program(_config(allowReboot=True), Recorder(cluster=cluster))

    assert run.registrations[NAME].inputs["spec"]["kataConfigPoolSelector"] == {
        "matchLabels": {"kubernetes.io/os": "linux"}
    }
