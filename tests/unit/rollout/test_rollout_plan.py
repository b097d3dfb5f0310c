"""What a run will do to KataConfig, from what is in the cluster."""

import dataclasses
from typing import Any

import pytest

from coco_azure.rollout.desired_kata_config import make_applied
from coco_azure.rollout.facts import ImageFacts, KataPod, LastRollout, read_kata_config, read_node, read_pods, read_pool
from coco_azure.rollout.plan import decide
from coco_azure.versions.osc_profiles import OSC
from tests.unit.rollout_facts import LAST, SPEC, WANTED, WORKERS, facts, kata_config, node, pool, wish

FOREIGN = kata_config(owner=None, name="by-hand", uid="uid-9")
POOLED = wish(WANTED, pool_selector={"cc": "true"})


def test_without_kataconfig_one_is_created_and_every_worker_reboots() -> None:
    plan = decide(facts(), WANTED, "fail")

    assert (plan.action, plan.name, plan.joining, plan.leaving) == ("create", "example-kataconfig", WORKERS, ())
    assert plan.reboots
    assert not plan.deletes
    assert plan.rounds == 3


def test_only_the_nodes_of_the_selector_reboot() -> None:
    assert decide(facts(), POOLED, "fail").joining == ("worker-0",)


def test_what_was_completed_and_is_as_wanted_needs_nothing() -> None:
    plan = decide(facts(kata_config(), last=LAST), WANTED, "fail")

    assert plan.action == "nothing"
    assert not plan.reboots


def test_a_roll_out_that_was_not_completed_is_waited_for_without_approval() -> None:
    plan = decide(facts(kata_config(uid="uid-2"), last=LAST), WANTED, "fail")

    assert plan.action == "wait"
    assert not plan.reboots


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"confidential": False}, "feature gate confidential: true -> false"),
        ({"log_level": "debug"}, "logLevel: info -> debug"),
        ({"pool_selector": {"cc": "true"}}, "pool selector: every worker -> cc=true"),
    ],
    ids=["gate", "log level", "selector"],
)
def test_what_is_asked_for_differently_and_not_in_place_is_replaced_and_its_nodes_reboot_twice(
    change: dict[str, Any], why: str
) -> None:
    wanted = wish(WANTED, **change, change="recreate")
    plan = decide(facts(kata_config(), last=LAST), wanted, "fail")

    assert (plan.action, plan.why) == ("replace", (why,))
    assert plan.leaving == WORKERS
    assert plan.deletes


def test_a_pool_that_moves_has_nodes_that_leave_and_nodes_that_join() -> None:
    result = facts(kata_config(applied=POOLED), last=LAST)
    labels = {"worker-0": ("worker", "kata-oc"), "worker-1": ("worker",), "worker-2": ("worker",)}
    nodes = tuple(
        read_node(
            node(name, *roles, cc="true" if name == "worker-0" else "no", new="yes" if name != "worker-0" else "no")
        )
        for name, roles in labels.items()
    )
    wanted = wish(WANTED, pool_selector={"new": "yes"}, change="recreate")
    plan = decide(dataclasses.replace(result, nodes=nodes), wanted, "fail")

    assert (plan.leaving, plan.joining) == (("worker-0",), ("worker-1", "worker-2"))
    assert plan.rounds == 3


def test_a_new_kataconfig_follows_the_last_one_so_one_that_vanished_is_made_anew() -> None:
    plan = decide(facts(last=LAST), WANTED, "fail")

    assert plan.action == "create"
    assert plan.applied.trigger == "true after uid-1"
    # The next run reads what it followed from the object, so it triggers nothing.
    again = decide(facts(kata_config(uid="uid-2", after="uid-1"), last=LAST), WANTED, "fail")
    assert (again.action, again.applied.trigger) == ("wait", "true after uid-1")


def test_one_that_is_being_deleted_is_replaced() -> None:
    plan = decide(facts(kata_config(deleting=True), last=LAST), WANTED, "fail")

    assert plan.action == "replace"
    assert plan.why == ("KataConfig example-kataconfig is being deleted",)


def test_a_spec_that_was_edited_by_hand_is_drift_and_no_replacement() -> None:
    edited = kata_config(spec={**SPEC, "logLevel": "debug"})
    plan = decide(facts(edited, last=LAST), WANTED, "fail")

    assert (plan.action, plan.drift) == ("nothing", ("logLevel: debug -> info",))


def test_of_an_adopted_kataconfig_without_the_annotation_the_spec_and_the_gate_are_compared() -> None:
    adopted = facts(kata_config(owner=None), last=LAST)

    assert decide(adopted, WANTED, "fail").action == "nothing"
    assert decide(dataclasses.replace(adopted, gate=False), WANTED, "fail").action == "update"
    assert decide(adopted, POOLED, "fail").action == "update"
    # The state was made under the gate that is there, so the trigger stays.
    assert decide(dataclasses.replace(adopted, gate=False), WANTED, "fail").applied.trigger == "false"


def test_one_of_nobody_is_refused_with_three_ways_out() -> None:
    plan = decide(facts(FOREIGN), WANTED, "fail")

    assert plan.action == "blocked"
    for way in ("existing' adopt", "existing' recreate", "oc delete kataconfig by-hand"):
        assert way in plan.why[0]


def test_one_of_another_stack_is_refused_whatever_the_setting_says() -> None:
    for existing in ("fail", "adopt", "recreate"):
        plan = decide(facts(kata_config(owner="coco-azure/other")), WANTED, existing)

        assert plan.action == "blocked"
        assert "made by stack coco-azure/other" in plan.why[0]
        assert "oc annotate kataconfig example-kataconfig coco-azure/stack-" in plan.why[0]


def test_one_that_fits_is_adopted_and_nothing_reboots() -> None:
    plan = decide(facts(FOREIGN), WANTED, "adopt")

    assert (plan.action, plan.name, plan.joining, plan.leaving) == ("adopt", "by-hand", (), ())
    assert not plan.reboots


@pytest.mark.parametrize(
    ("spec", "deleting", "why"),
    [
        ({"enablePeerPods": False}, False, "enablePeerPods: false -> true"),
        ({}, True, "it is being deleted"),
    ],
    ids=["peer pods", "deletion"],
)
def test_one_that_cannot_be_changed_in_place_is_not_adopted_and_the_error_says_why(
    spec: dict[str, Any],
    deleting: bool,  # noqa: FBT001 - a case
    why: str,
) -> None:
    result = kata_config(owner=None, name="by-hand", spec={**SPEC, **spec}, deleting=deleting)
    plan = decide(facts(result), WANTED, "adopt")

    assert plan.action == "blocked"
    assert why in plan.why[0]
    assert "existing' recreate" in plan.why[0]


def test_an_image_of_the_users_own_fits_whatever_the_operator_built() -> None:
    wanted = wish(WANTED, image_id="own")

    assert decide(facts(FOREIGN, image=ImageFacts(id="own", confidential=False)), wanted, "adopt").action == "adopt"


def test_one_is_recreated_under_its_own_name() -> None:
    plan = decide(facts(FOREIGN), WANTED, "recreate")

    assert (plan.action, plan.name, plan.leaving) == ("recreate", "by-hand", WORKERS)
    assert plan.deletes


def test_two_of_them_are_refused() -> None:
    plan = decide(facts(kata_config(), FOREIGN), WANTED, "recreate")

    assert plan.action == "blocked"
    assert "by-hand, example-kataconfig" in plan.why[0]


def test_where_control_plane_and_workers_are_the_same_nodes_all_of_them_reboot() -> None:
    nodes = tuple(read_node(node(f"master-{number}", "master", "worker")) for number in range(3))
    pools = (read_pool(pool("master", 3)), read_pool(pool("worker", 0)))
    result = facts(nodes=nodes, pools=pools)

    assert result.converged
    assert decide(result, POOLED, "fail").joining == ("master-0", "master-1", "master-2")


@pytest.mark.parametrize(
    "pools",
    [
        # A pool whose nodes nobody has counted yet is not an empty one.
        [pool("master", 3), {"metadata": {"name": "worker"}}],
        [pool("master", 3), pool("worker", 1)],
        [pool("worker", 1), pool("master", 0)],
        [pool("worker", 0)],
        [pool("master", 3), pool("worker", 0), pool("infra", 0)],
        [pool("master", 3), pool("infra", 0)],
        [],
    ],
)
def test_other_pools_than_an_empty_one_of_workers_beside_the_control_plane_are_apart(pools: list[Any]) -> None:
    assert not facts(pools=tuple(map(read_pool, pools))).converged


@pytest.mark.parametrize(("at_once", "rounds"), [(1, 3), (2, 2), ("34%", 3), ("67%", 2), ("1%", 3)])
def test_a_pool_that_updates_several_nodes_at_once_needs_fewer_rounds(at_once: int | str, rounds: int) -> None:
    pools = (read_pool(pool("worker")), read_pool(pool("kata-oc", maxUnavailable=at_once)), read_pool(pool("master")))

    assert decide(facts(pools=pools), WANTED, "fail").rounds == rounds


def test_pools_that_are_paused_or_degraded_are_named_unless_no_node_of_the_roll_out_is_in_them() -> None:
    pools = [pool("master", degraded="x"), pool("worker", paused=True), pool("kata-oc", degraded="node worker-1: y")]
    plan = decide(facts(kata_config(), pools=tuple(map(read_pool, pools)), last=LAST), POOLED, "fail")

    assert [(each.name, each.paused, each.degraded) for each in plan.pools] == [
        ("worker", True, None),
        ("kata-oc", False, "node worker-1: y"),
    ]


def test_pods_of_the_runtime_are_in_the_way_of_a_deletion_but_not_those_of_the_check() -> None:
    def pod(namespace: str, name: str, runtime: str | None, **labels: str) -> dict[str, Any]:
        spec = {} if runtime is None else {"runtimeClassName": runtime}
        return {"metadata": {"namespace": namespace, "name": name, "labels": labels}, "spec": spec}

    pods = [
        pod("default", "app", "kata-remote"),
        pod("default", "plain", None),
        pod("coco", "attestation-check-x", "kata-remote", app="attestation-check"),
    ]
    result = read_pods(pods, read_kata_config(kata_config()).runtime_classes, ("coco", "attestation-check"))

    assert result == (KataPod(namespace="default", name="app"),)
    replacing = wish(POOLED, change="recreate")
    assert decide(facts(kata_config(), pods=result, last=LAST), replacing, "fail").pods == result
    assert decide(facts(pods=result), POOLED, "fail").pods == ()


def test_a_kataconfig_whose_mark_was_taken_off_is_still_the_stacks_by_its_uid() -> None:
    assert decide(facts(kata_config(owner=None, uid="uid-1"), last=LAST), WANTED, "fail").action == "nothing"
    other = LastRollout(uid="uid-7", nodes=())
    assert decide(facts(kata_config(owner=None, uid="uid-1"), last=other), WANTED, "fail").action == "blocked"


def test_wishes_know_the_labels_of_their_nodes() -> None:
    wanted = wish(pool_selector={"b": "2", "a": "1"})
    assert make_applied(wanted, "").spec["kataConfigPoolSelector"] == {"matchLabels": {"b": "2", "a": "1"}}


@pytest.mark.parametrize("version", OSC)
def test_the_table_of_what_reboots_is_the_plan_of_every_version(version: str) -> None:
    one_image = OSC[version].one_image
    all_once = dict.fromkeys(WORKERS, 1)
    table: list[tuple[dict[str, Any], dict[str, int], bool]] = [
        ({}, {}, False),
        ({"pool_selector": {"cc": "true"}}, {"worker-1": 1, "worker-2": 1}, False),
        ({"confidential": False}, {}, not one_image),
        ({"log_level": "debug"}, all_once, False),
        ({"rebuild_image": "again"}, {}, True),
        ({"log_level": "debug", "change": "recreate"}, dict.fromkeys(WORKERS, 2), True),
    ]
    for changes, reboots, builds in table:
        plan = decide(facts(kata_config(), last=LAST), wish(WANTED, one_image=one_image, **changes), "fail")
        assert (changes, dict(plan.counts), plan.builds) == (changes, reboots, builds)
        adopted = decide(facts(kata_config(owner=None)), wish(WANTED, one_image=one_image, **changes), "adopt")
        if "change" not in changes and "rebuild_image" not in changes:
            assert (changes, dict(adopted.counts), adopted.builds) == (changes, reboots, builds)
    assert dict(decide(facts(), wish(WANTED, one_image=one_image), "fail").counts) == all_once
