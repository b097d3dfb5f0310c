"""Tickets: the same through interruptions, another one for anything else; and what people read."""

import dataclasses
import re

import pytest

from coco_azure.rollout import plan as planning
from coco_azure.rollout import text
from coco_azure.rollout.desired_kata_config import DesiredKataConfig
from coco_azure.rollout.facts import KataPod, LastRollout, RolloutFacts, read_last, read_node, read_pool
from coco_azure.rollout.plan import decide
from coco_azure.settings.peer_pods import TICKET as TICKET_FORM
from coco_azure.settings.peer_pods import Existing
from tests.unit.rollout_facts import LAST, WANTED, WORKERS, facts, kata_config, node, pool, wish

TICKET = "roll-0123456789"
DEBUG = wish(WANTED, log_level="debug")


def _ticket(rollout_facts: RolloutFacts, wanted: DesiredKataConfig = DEBUG, existing: Existing = "fail") -> str:
    return planning.ticket(decide(rollout_facts, wanted, existing), rollout_facts, existing)


def test_a_ticket_is_a_word_that_pulumi_does_not_take_for_a_number() -> None:
    assert re.fullmatch(TICKET_FORM, _ticket(facts()))


def test_a_replacement_keeps_its_ticket_through_deletion_and_creation() -> None:
    before = facts(kata_config(), last=LAST)
    deleting = facts(kata_config(deleting=True), last=LAST)
    unlabelled = tuple(read_node(node(name, "worker")) for name in WORKERS)
    gone = facts(last=LAST, nodes=unlabelled)
    made = facts(kata_config(uid="uid-2", applied=DEBUG, after="uid-1"), last=LAST)

    assert len({_ticket(each) for each in (before, deleting, gone, made)}) == 1


def test_a_ticket_is_used_up_once_the_roll_out_has_been_completed() -> None:
    gone_again = facts(last=LastRollout(uid="uid-2", nodes=WORKERS))

    assert _ticket(facts(last=LAST)) != _ticket(gone_again)


@pytest.mark.parametrize(
    "other",
    [
        (facts(last=LAST), WANTED, "fail"),
        (facts(last=LAST), DEBUG, "recreate"),
        (
            facts(last=LAST, nodes=tuple(read_node(node(f"worker-{number}", "worker")) for number in range(4))),
            DEBUG,
            "fail",
        ),
        (dataclasses.replace(facts(last=LAST), stack="coco-azure/other"), DEBUG, "fail"),
    ],
    ids=["settings", "existing", "a node more", "another stack"],
)
def test_a_ticket_is_for_one_stack_its_settings_and_its_nodes(
    other: tuple[RolloutFacts, DesiredKataConfig, Existing],
) -> None:
    assert _ticket(*other) != _ticket(facts(last=LAST))


def test_a_roll_out_needs_true_or_its_own_ticket() -> None:
    result = facts()
    plan, ticket = decide(result, WANTED, "fail"), _ticket(result, WANTED)

    assert planning.approved(plan, ticket, allowed=True)
    assert planning.approved(plan, ticket, ticket)
    assert not planning.approved(plan, ticket, allowed=False)
    assert not planning.approved(plan, ticket, "roll-0000000000")


def test_what_reboots_nothing_needs_no_approval_and_what_is_blocked_gets_none() -> None:
    done, foreign = facts(kata_config(), last=LAST), facts(kata_config(owner=None, uid="uid-9"))

    assert planning.approved(decide(done, WANTED, "fail"), "", allowed=False)
    assert planning.approved(decide(foreign, WANTED, "adopt"), "", allowed=False)
    assert not planning.approved(decide(foreign, WANTED, "fail"), "", allowed=True)


def test_the_last_roll_out_is_read_from_the_output_and_nothing_from_anything_else() -> None:
    values = {"name": "example-kataconfig", "uid": "uid-1", "nodes": list(WORKERS)}

    assert read_last(values) == LAST
    for odd in (None, "text", {}, {"uid": ""}, {"uid": None}):
        assert read_last(odd) is None


def _message(
    rollout_facts: RolloutFacts, wanted: DesiredKataConfig = WANTED, timeout: str = "90m", existing: Existing = "fail"
) -> str:
    return text.blast_radius(decide(rollout_facts, wanted, existing), rollout_facts, wanted, timeout)


def test_the_text_of_a_first_roll_out_names_nodes_and_time() -> None:
    assert _message(facts()) == (
        "KataConfig example-kataconfig will be created.\n"
        "  Selector: every worker.\n"
        "  Reboot as kata is installed: worker-0, worker-1, worker-2 (3).\n"
        "  Time: roughly 25 to 75 minutes (3 reboots one after another at 5 to 15 minutes, and 10 to 30 "
        "minutes for the pod VM image)."
    )


def test_the_text_of_a_replacement_names_everything_in_the_way() -> None:
    pools = tuple(map(read_pool, [pool("worker", paused=True), pool("kata-oc", degraded="no disk"), pool("master")]))
    pods = (KataPod(namespace="shop", name="till"),)
    wanted = wish(DEBUG, change="recreate")
    result = _message(facts(kata_config(), pools=pools, pods=pods, last=LAST), wanted)

    assert result.startswith(
        "KataConfig example-kataconfig will be deleted and created anew (logLevel: info -> debug)."
    )
    assert "Reboot twice, as kata is removed and installed: worker-0, worker-1, worker-2 (3)." in result
    assert "oc delete pod -n shop till" in result
    assert "Machine config pool worker is paused" in result
    assert "oc patch mcp worker --type merge" in result
    assert "Machine config pool kata-oc is degraded (no disk); what it needs: oc describe mcp kata-oc" in result


def test_a_timeout_that_may_be_too_short_is_told_with_a_longer_one() -> None:
    assert "kataConfig.timeout" not in _message(facts())
    assert (
        "timeout is 1h; a longer one: pulumi config set --path 'coco-azure:peerPods.kataConfig.timeout' 105m"
        in _message(facts(), timeout="1h")
    )
    assert text.minutes("1h30m") == text.minutes("90m") == 90


def test_a_large_pool_is_told_by_its_size_and_not_by_every_name() -> None:
    nodes = tuple(read_node(node(f"worker-{number:02}", "worker")) for number in range(30))
    result = _message(facts(nodes=nodes))

    assert "worker-11 and 18 more (30)." in result


def test_a_selector_that_matches_no_node_is_told_with_the_label_that_is_missing() -> None:
    wanted = wish(WANTED, pool_selector={"cc": "yes"})
    plan = decide(facts(), wanted, "fail")

    assert "oc label node NODE cc=yes" in text.nobody(plan, wanted)
    assert text.nobody(decide(facts(), WANTED, "fail"), WANTED) == ""


def test_a_cluster_without_machine_config_pools_is_not_said_to_reboot() -> None:
    result = _message(facts(pools=()))

    assert "no machine config pools" in result
    assert "Reboot" not in result


def test_nothing_is_said_where_nothing_is_done() -> None:
    assert _message(facts(kata_config(), last=LAST)) == ""


def test_what_waits_or_adopts_says_so_in_a_line() -> None:
    assert "waits for its roll-out" in _message(facts(kata_config(uid="uid-2"), last=LAST))
    assert "no node reboots" in _message(facts(kata_config(owner=None, uid="uid-9")), existing="adopt")


def test_a_refusal_has_the_command_for_this_roll_out_and_says_when_a_ticket_was_for_another() -> None:
    plan = decide(facts(), WANTED, "fail")

    assert "'coco-azure:peerPods.kataConfig.allowReboot' roll-0123456789" in text.refusal(
        plan, "roll-0123456789", allowed=False
    )
    assert "allowReboot is roll-0000000000, a ticket for another roll-out" in text.refusal(
        plan, "roll-0123456789", "roll-0000000000"
    )


def test_leave_for_any_roll_out_is_warned_about_in_production_only() -> None:
    plan = decide(facts(), WANTED, "fail")

    assert "allowReboot is true in a production stack" in text.approval(plan, "", allowed=True, production=True)
    assert text.approval(plan, "", allowed=True, production=False) == ""
    assert text.approval(plan, TICKET, TICKET, production=True) == "Approved by ticket roll-0123456789."


def test_a_roll_out_that_is_waited_for_says_which_ticket_it_began_with_where_that_is_gone() -> None:
    plan = decide(facts(kata_config(uid="uid-2"), last=LAST), WANTED, "fail")

    assert f"allowReboot' {TICKET}" in text.approval(plan, TICKET, allowed=False, production=False)
    assert text.approval(plan, TICKET, TICKET, production=False) == ""
