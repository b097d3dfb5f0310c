"""A stack's life on real operators and a real KBS in place of the simulated ones, where the environment names them."""

import pytest

from rehearsal.kinds import KATA_CONFIG, KBS_CONFIG
from rehearsal.real import brought
from tests import reality
from tests.engine.harness import Stack

_PROGRAMS = {
    brought.OSC_OPERATOR: reality.OSC_OPERATOR,
    brought.TRUSTEE_OPERATOR: reality.TRUSTEE_OPERATOR,
    brought.KBS: reality.KBS,
}
VARIABLES = {program.variable: str(real.path) for program, real in _PROGRAMS.items() if real.missing() is None}
_WHY = "; ".join(str(real.missing()) for real in _PROGRAMS.values() if real.missing())
pytestmark = [pytest.mark.engine, pytest.mark.skipif(not VARIABLES, reason=_WHY)]


def test_up_attests_and_has_nothing_to_do_the_second_time(stack: Stack) -> None:
    stack.up()

    assert stack.outputs()["attested"] is True
    stack.up("--expect-no-changes")


def test_the_programs_ran_and_none_ended_by_itself(stack: Stack) -> None:
    logs = {each.name for each in (stack.cluster.directory / "real").glob("*.log")}

    assert len(logs) >= len(VARIABLES)
    assert not (stack.cluster.directory / "real" / "ended.jsonl").exists()


def test_destroy_ends_with_nothing_of_the_operators_left(stack: Stack) -> None:
    stack.destroy()

    for kind in (KATA_CONFIG, KBS_CONFIG):
        assert not (stack.get(kind.path()) or {"items": []})["items"]
