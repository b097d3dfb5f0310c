"""What the engine tests do after a kill is what docs/recovery.md tells a user to do."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rehearsal.workplace import Workplace
from tests.engine.kills import kill

WHOLE = '{"version": 3}'


@pytest.mark.parametrize(
    ("left", "afterwards"), [("", WHOLE), ('{"version"', WHOLE), ('{"version": 4}', '{"version": 4}')]
)
def test_a_kill_takes_the_lock_away_and_a_state_that_cannot_be_read_is_replaced_by_its_copy(
    left: str, afterwards: str, tmp_path: Path
) -> None:
    home = Workplace(tmp_path).state / ".pulumi"
    state, lock = home / "stacks" / "coco-azure" / "one.json", home / "locks" / "coco-azure" / "one" / "run.json"
    for file, text in ((state, left), (state.with_name("one.json.bak"), WHOLE), (lock, "{}")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    process = subprocess.Popen(
        ["sh", "-c", "echo begun; sleep 60"], start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    kill(cast("Any", SimpleNamespace(_root=tmp_path, name="one")), process)

    assert process.returncode == -9
    assert not lock.exists()
    assert state.read_text() == afterwards
