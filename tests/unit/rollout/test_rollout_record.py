"""What a report is told of a plan."""

import json

from coco_azure import run_marks as marks
from coco_azure.rollout import plan
from coco_azure.rollout.facts import KataPod, read_node, read_pool
from coco_azure.rollout.plan import decide
from tests.unit.rollout_facts import LAST, WANTED, WORKERS, facts, kata_config, node, pool, wish


def test_a_creation_reboots_each_selected_node_once() -> None:
    result = facts(nodes=(*facts().nodes, read_node(node("master-0", "master"))))
    outcome = plan.record(decide(result, WANTED, "fail"), result, "text", approved=False)

    assert outcome["reboots"] == dict.fromkeys(WORKERS, 1)
    assert (outcome["action"], outcome["spared"], outcome["others"], outcome["approved"]) == ("create", [], 1, False)


def test_a_replacement_reboots_them_twice_and_says_why_and_what_is_in_the_way() -> None:
    pods = (KataPod(namespace="shop", name="cart"),)
    pools = tuple(map(read_pool, [pool("worker", paused=True), pool("kata-oc", degraded="node worker-1 is not ready")]))
    result = facts(kata_config(), last=LAST, pods=pods, pools=pools)
    outcome = plan.record(
        decide(result, wish(WANTED, log_level="debug", change="recreate"), "fail"), result, "", approved=True
    )

    assert outcome["reboots"] == dict.fromkeys(WORKERS, 2)
    assert outcome["why"] == ["logLevel: info -> debug"]
    assert outcome["pods"] == ["shop/cart"]
    assert outcome["pools"] == {"worker": "paused", "kata-oc": "degraded: node worker-1 is not ready"}


def test_what_needs_nothing_spares_every_selected_node() -> None:
    result = facts(kata_config(), last=LAST)
    outcome = plan.record(decide(result, WANTED, "fail"), result, "", approved=True)

    assert (outcome["action"], outcome["reboots"], outcome["spared"], outcome["others"]) == (
        "nothing",
        {},
        list(WORKERS),
        0,
    )


def test_without_machine_config_pools_no_node_reboots() -> None:
    result = facts(pools=())
    outcome = plan.record(decide(result, WANTED, "fail"), result, "", approved=True)

    assert (outcome["reboots"], outcome["spared"]) == ({}, list(WORKERS))


def test_it_goes_through_the_log_as_it_was() -> None:
    result = facts()
    outcome = plan.record(decide(result, WANTED, "fail"), result, "two\nlines", approved=True)

    assert marks.read(marks.line(marks.ROLLOUT, outcome)) == ("rollout", json.loads(json.dumps(outcome)))
    assert "\n" not in marks.line(marks.ROLLOUT, outcome)


def test_other_messages_are_no_marks() -> None:
    assert marks.read("coco-azure is fine") is None
    assert marks.read("coco-azure:rollout {") is None
