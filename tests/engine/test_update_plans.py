"""``pulumi preview --save-plan`` and ``pulumi up --plan``, as the workflows in ``examples/ci`` use them.

The tests share a cluster and go on from each other's state, in their order.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import CHECKOUT
from tests.engine.harness import Done, Stack

pytestmark = [pytest.mark.engine, pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not on PATH")]

_KEY = "-----BEGIN"
_LATER: Mapping[str, Any] = {
    "peerPods": {"tags": {"key1": "other"}},
    "initdata": {"workloads": {"shop": {"allowedImages": ["quay.io/rehearsal/app"]}}},
}


def _save(stack: Stack, plan: Path) -> dict[str, str]:
    """Save a plan and return what examples/ci/plan.jq says of it."""
    stack.run("preview", "--stack", stack.name, "--save-plan", str(plan))
    command = ["jq", "-r", "-f", str(CHECKOUT / "examples/ci/plan.jq"), str(plan)]
    result = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split("=") for line in result.splitlines())


def _up(stack: Stack, plan: Path) -> Done:
    done = stack.up("--plan", str(plan), check=False)
    stack.log.pop()  # it may have a key in it, which is what is tested
    return done


def test_a_plan_of_the_first_roll_out_makes_keys_so_it_fails_and_prints_one(empty: Stack, tmp_path: Path) -> None:
    """Why such a run has no plan in examples/ci. When this fails, the engine has been mended: say so in docs/ci.md."""
    about = _save(empty, tmp_path / "plan.json")

    done = _up(empty, tmp_path / "plan.json")

    assert about == {"reboots": "true", "keys": "true"}
    assert done.code != 0
    # Which of the kept values is met first, differs: a private key, or a made-up secret.
    assert re.search(r"pulumi:index:Stash::\S+ violates plan: properties changed", done.output)


def test_after_it_a_run_without_a_plan_comes_to_its_end(empty: Stack) -> None:
    empty.up()

    assert empty.outputs()["attested"] is True


def test_a_plan_of_a_later_change_is_carried_out(empty: Stack, tmp_path: Path) -> None:
    empty.configure(_LATER)
    about = _save(empty, tmp_path / "plan.json")

    done = _up(empty, tmp_path / "plan.json")

    assert about == {"reboots": "false", "keys": "false"}
    assert done.code == 0, done.output
    assert empty.preview() == []


def test_no_secret_stands_in_a_saved_plan(empty: Stack, tmp_path: Path) -> None:
    _save(empty, tmp_path / "plan.json")
    text = (tmp_path / "plan.json").read_text()

    secrets = [value for value in empty.shown_secrets() if isinstance(value, str) and len(value) > 8]
    assert secrets
    assert [value for value in secrets if value in text or json.dumps(value)[1:-1] in text] == []


def test_what_the_plan_does_not_have_is_not_done(empty: Stack, tmp_path: Path) -> None:
    _save(empty, tmp_path / "plan.json")
    empty.configure({"peerPods": {"tags": {"key1": "another"}}})

    done = _up(empty, tmp_path / "plan.json")

    assert done.code != 0
    assert "violates plan" in done.output
    assert _KEY not in done.output
    empty.configure(_LATER)
    assert empty.preview() == []


@pytest.mark.parametrize(
    ("change", "reboots"),
    [({"kataConfig": {"logLevel": "debug"}}, "true"), ({"rebuildImage": "again"}, "false")],
    ids=["spec", "image"],
)
def test_a_plan_that_changes_kataconfig_in_place_says_whether_nodes_reboot(
    empty: Stack, tmp_path: Path, change: dict[str, Any], reboots: str
) -> None:
    empty.configure({"peerPods": {**change, **_LATER["peerPods"]}})

    assert _save(empty, tmp_path / "plan.json") == {"reboots": reboots, "keys": "false"}
    empty.configure(_LATER)


def test_a_plan_that_reboots_nodes_is_told_and_a_run_by_it_does_all_of_it_and_fails(
    empty: Stack, tmp_path: Path
) -> None:
    """Why such a run has no plan in examples/ci. When this fails, the engine has been mended: say so in docs/ci.md."""
    selected = {"kataConfig": {"logLevel": "debug", "change": "recreate"}, **_LATER["peerPods"]}
    empty.configure({"peerPods": selected})
    about, before = _save(empty, tmp_path / "plan.json"), empty.outputs()["kataConfig"]

    done = _up(empty, tmp_path / "plan.json")

    assert about == {"reboots": "true", "keys": "false"}
    assert done.code != 0
    assert "violates plan" not in done.output
    assert "replaced" in done.output
    assert empty.outputs()["kataConfig"] == before
    empty.up()
    assert empty.outputs()["kataConfig"] != before


def test_a_plan_of_a_rotation_makes_a_key_too_and_without_a_plan_it_is_carried_out(
    empty: Stack, tmp_path: Path
) -> None:
    kept = {"kataConfig": {"logLevel": "debug"}, **_LATER["peerPods"]}
    empty.configure({"peerPods": kept, "trustee": {"rotation": {"adminKey": 2}}})
    about = _save(empty, tmp_path / "plan.json")

    done = _up(empty, tmp_path / "plan.json")

    assert about == {"reboots": "false", "keys": "true"}
    assert done.code != 0
    assert re.search(r"pulumi:index:Stash::\S+ violates plan: properties changed", done.output)
    empty.up()
    assert empty.outputs()["attested"] is True
