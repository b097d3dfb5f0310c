"""Outputs that are one line on a terminal, and data for programs."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats import one_line
from tests.unit.recording import Recorder, run_program
from tests.unit.trust_stacks import PRODUCTION

_CUT = 150
"""Characters after which the engine cuts a line of an output."""


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=8) | st.integers() | st.lists(st.booleans())))
def test_what_was_written_is_read_again(data: dict[str, Any]) -> None:
    line = one_line.write("2 things; all of it: ./coco-azure proof", data)

    assert "\n" not in line
    assert one_line.read(line) == data


@pytest.mark.parametrize("value", [True, None, {"a": 1}, "plain", "no data | {at all", "https://x"])
def test_any_other_output_stays_as_it_is(value: Any) -> None:
    assert one_line.read(value) == value


@pytest.mark.parametrize("environment", ["development", "production"])
def test_proof_and_costs_are_one_line_each_whose_beginning_says_what_matters(environment: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_line, "read_all", dict)
        exports = run_program({} if environment == "development" else PRODUCTION, Recorder(osc="1.12.1")).exports

    for name in ("proof", "costDrivers"):
        text = exports[name]
        with pytest.raises(json.JSONDecodeError):  # which the engine would show on a line for each field
            json.loads(text)
        assert "\n" not in text
    assert exports["proof"].startswith(f"a {environment} deployment, held to ")
    assert exports["proof"].index("./coco-azure proof") < _CUT
    assert exports["costDrivers"].startswith("at most 20 confidential VMs at a time | {")


def test_the_check_says_when_it_attested() -> None:
    class Done(Recorder):
        def new_resource(self, args: Any) -> tuple[str | None, dict[str, Any]]:
            name, outputs = super().new_resource(args)
            if args.typ == "kubernetes:batch/v1:Job":
                outputs["status"] = {"succeeded": 1, "completionTime": "2027-01-01T00:00:00Z"}
            return name, outputs

    exports = run_program({}, Done()).exports

    assert (exports["attested"], exports["attestedAt"]) == (True, "2027-01-01T00:00:00Z")
