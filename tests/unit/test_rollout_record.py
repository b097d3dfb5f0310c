"""What a report is told of a plan."""

import dataclasses
import json

from report import marks
from rollout import record
from rollout.facts import KataPod, read_node, read_pool
from rollout.plan import decide
from tests.unit.rollout_facts import LAST, WANTED, WORKERS, facts, kata_config, node, pool


def test_a_creation_reboots_each_selected_node_once() -> None:
    found = facts(nodes=(*facts().nodes, read_node(node("master-0", "master"))))
    said = record.of(decide(found, WANTED, "fail"), found, "text", approved=False)

    assert said["reboots"] == dict.fromkeys(WORKERS, 1)
    assert (said["action"], said["spared"], said["others"], said["approved"]) == ("create", [], 1, False)


def test_a_replacement_reboots_them_twice_and_says_why_and_what_is_in_the_way() -> None:
    pods = (KataPod(namespace="shop", name="cart"),)
    pools = tuple(map(read_pool, [pool("worker", paused=True), pool("kata-oc", degraded="node worker-1 is not ready")]))
    found = facts(kata_config(), last=LAST, pods=pods, pools=pools)
    said = record.of(decide(found, dataclasses.replace(WANTED, log_level="debug"), "fail"), found, "", approved=True)

    assert said["reboots"] == dict.fromkeys(WORKERS, 2)
    assert said["why"] == ["logLevel: info -> debug"]
    assert said["pods"] == ["shop/cart"]
    assert said["pools"] == {"worker": "paused", "kata-oc": "degraded: node worker-1 is not ready"}


def test_what_needs_nothing_spares_every_selected_node() -> None:
    found = facts(kata_config(), last=LAST)
    said = record.of(decide(found, WANTED, "fail"), found, "", approved=True)

    assert (said["action"], said["reboots"], said["spared"], said["others"]) == ("nothing", {}, list(WORKERS), 0)


def test_without_machine_config_pools_no_node_reboots() -> None:
    found = facts(pools=())
    said = record.of(decide(found, WANTED, "fail"), found, "", approved=True)

    assert (said["reboots"], said["spared"]) == ({}, list(WORKERS))


def test_it_goes_through_the_log_as_it_was() -> None:
    found = facts()
    said = record.of(decide(found, WANTED, "fail"), found, "two\nlines", approved=True)

    assert marks.read(marks.line(marks.ROLLOUT, said)) == ("rollout", json.loads(json.dumps(said)))
    assert "\n" not in marks.line(marks.ROLLOUT, said)


def test_other_messages_are_no_marks() -> None:
    assert marks.read("coco-azure is fine") is None
    assert marks.read("coco-azure:rollout {") is None
