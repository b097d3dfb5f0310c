"""What the program knows of its own last run, and that nothing is created beside a chain that has a problem."""

from typing import Any

import pulumi
import pytest

from components.trustee import chain as trust_chain
from tests.unit.recording import Recorder, Run, run_program

EARLIER = "ab" * 32
CONFIG: dict[str, Any] = {"trustee": {"referenceValues": {"expires": "2099-12-31", "initdata": True}}}
STACKS = {"organization/coco-azure/test": {"initdataPcr8": {"global": EARLIER}}}


def _accepted(run: Run) -> str:
    return str(
        run.objects()["ConfigMap trustee-operator-system/rvps-reference-values"]["data"]["reference-values.json"]
    )


def test_what_the_last_finished_run_deployed_stays_accepted() -> None:
    assert EARLIER in _accepted(run_program(CONFIG, Recorder(stacks=STACKS)))
    assert EARLIER not in _accepted(run_program(CONFIG, Recorder()))


def test_a_state_that_the_engine_is_writing_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_chain, "_PAUSE", 0)
    answers = Recorder(stacks=STACKS, unreadable=3)

    assert EARLIER in _accepted(run_program(CONFIG, answers))
    assert answers.unreadable == 0


def test_a_state_that_stays_unreadable_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_chain, "_PAUSE", 0)

    with pytest.raises(Exception, match="failed to load checkpoint"):
        run_program(CONFIG, Recorder(unreadable=1000))


@pytest.mark.parametrize("answers", [Recorder(trustee="2.0.0"), Recorder(osc="1.13.0")], ids=["Trustee", "OSC"])
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
