"""Runs that are killed, and what a user does before the next one."""

import os
import signal
import subprocess
from contextlib import suppress

from rehearsal.fault_bench import scenes
from rehearsal.workplace import Workplace
from tests.engine.harness import Stack

_DEAD = 60.0


def kill(stack: Stack, process: "subprocess.Popen[str]") -> str:
    """Kill a run of ``pulumi`` and its children at once, and return what it printed; the next run can begin.

    As docs/recovery.md says: the lock goes, for nobody else holds that of a run that is dead, and where the kill met
    the engine as it wrote the state's file, the last copy takes its place.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with process:
        result = process.communicate(timeout=_DEAD)[0]
    home = Workplace(stack._root).state / ".pulumi"
    for lock in home.rglob("locks/**/*.json"):
        lock.unlink()
    for state in home.glob(f"stacks/*/{stack.name}.json"):
        scenes.strip(state)
        if not scenes.readable(state):
            assert scenes.restore(state, home / "backups" / state.parent.name / stack.name), result
    return result
