"""Previews, a run without a change, a change of one line of a policy, and changes of KataConfig."""

import base64
import copy
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coco_azure.formats.attestation_check import expected_digest
from rehearsal import changes, kinds
from rehearsal.attempt import ACCEPTED, Check
from rehearsal.background import BackgroundThread
from rehearsal.bench import chapter
from rehearsal.bench.main_job import INSTANT
from rehearsal.bench.stage import BenchError, Stage, settings, stage
from rehearsal.cluster import CHECKOUT
from rehearsal.rest import ApiServer
from rehearsal.toolchain.cache import Say

_EMPTY = Path(__file__).parent / "empty"
_LOOK = 0.1
_LIMIT = 120.0
_HEAD = 'package policy\ndefault allow = false\nallow { input["tee"] != "sample"; data["resource-path"] != '
_DENY, _ALLOW = (f'{_HEAD}"resource/default/kbsres1/{key}" }}\n' for key in ("key2", "no-other"))
"""The pod asks for key2: the first denies it, the second releases it. key1 is what the judge of policies asks for."""


def changed(root: Path, rounds: int, speed: float, say: Say) -> dict[str, list[float]]:
    """Carry out the changes one after the other, and return the wall times of ``up`` by kind of change.

    Raises:
        BenchError: a run fails, or other nodes reboot than the table says.
    """
    seconds: dict[str, list[float]] = {}
    for number in range(rounds):
        say(f"changes of KataConfig, round {number + 1} of {rounds}")
        with stage(root, speed) as place:
            changes.select(place.server)
            for run in ("up", *changes.COMPARED):
                before = changes.reboots(place.server)
                place.configure(changes.RUNS[run].configuration())
                seconds.setdefault(run, []).append(place.run("up").seconds)
                _hold(place, run, before)
    return seconds


def _hold(place: Stage, run: str, before: Mapping[str, int]) -> None:
    rebooted = {name: count - before[name] for name, count in changes.reboots(place.server).items()}
    if tuple(sorted(rebooted.values())) != changes.RUNS[run].reboots:
        raise BenchError(f"`{run}` rebooted {rebooted}, needed {changes.RUNS[run].reboots}")


@dataclass
class Previews:
    """Wall times of previews, in turn: of the whole stack before and after its ``up``, each beside an empty one."""

    whole: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    installed: list[float] = field(default_factory=list)
    empty_too: list[float] = field(default_factory=list)


@dataclass
class Everyday:
    """Wall times of ``up`` without a change, and of a policy's change until KBS answers by it and until ``up`` ends."""

    unchanged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)


def previews(root: Path, rounds: int, say: Say) -> Previews:
    """Return the previews."""
    say("previews")
    result = Previews()
    with stage(root, INSTANT) as place:
        for whole, empty in ((result.whole, result.empty), (result.installed, result.empty_too)):
            for number in range(rounds + 1):
                for program, figures in ((CHECKOUT, whole), (_EMPTY, empty)):
                    place.configure({}, program)
                    seconds = place.run("preview").seconds
                    if number:  # the first of each warms up
                        figures.append(seconds)
            place.configure({})
            place.run("up")
    return result


def everyday(root: Path, rounds: int, say: Say) -> Everyday:
    """Return the runs of every day."""
    say("a run without a change, and a policy's change")
    result = Everyday()
    root.mkdir(parents=True, exist_ok=True)
    policy = root.with_name(f"{root.name}.rego")
    try:
        with stage(root, INSTANT) as place:
            place.configure({})
            place.run("up")
            model = _model(place)
            for _ in range(rounds):
                result.unchanged.append(place.run("up").seconds)
            place.configure(
                settings(
                    environment="development",
                    attestationCheck={"enabled": False},
                    trustee={"resourcePolicyFile": str(policy)},
                ),
            )
            for _ in range(rounds):
                policy.write_text(_DENY)
                place.run("up")
                policy.write_text(_ALLOW)
                with _Asking(place.server, model) as asking:
                    result.changed.append(place.run("up").seconds)
                    result.answered.append(asking.answered())
    finally:
        policy.unlink(missing_ok=True)
    return result


def _model(place: Stage) -> Mapping[str, Any]:
    """Return a pod like the check's, which asks KBS for a secret."""
    job = next(each for each in chapter.objects(place.state("--show-secrets")["resources"]) if each["kind"] == "Job")
    template = copy.deepcopy(dict(job["spec"]["template"]))
    secret = place.server.get("/api/v1/namespaces/trustee-operator-system/secrets/kbsres1") or {}
    expected = expected_digest("", base64.b64decode(secret["data"]["key2"]))
    variables = {"RESOURCE": "default/kbsres1/key2", "SALT": "", "EXPECTED_SHA256": expected}
    template["spec"]["containers"][0]["env"] = [{"name": name, "value": value} for name, value in variables.items()]
    # Without its own initdata, which is accepted only with the check, it gets the global one.
    return {"metadata": {}, "spec": {**template["spec"], "restartPolicy": "Never"}}


_ASKS = Check(name="", pod="", change=lambda _: None, reason=re.compile(r"PolicyDeny|[Aa]ttest|failed to pull"))
"""Judges a pod that asks: what is accepted was released."""


class _Asking(BackgroundThread):
    """Asks KBS for a secret again and again, by one pod after the other, until it is released."""

    def __init__(self, server: ApiServer, model: Mapping[str, Any]) -> None:
        super().__init__()
        self._server = server
        self._model = model
        self._began = time.monotonic()
        self._answered: float | None = None
        self._last_answer = "no pod has ended"

    def answered(self) -> float:
        """Return after how many seconds it was released; raises BenchError where it never is."""
        self.thread.join(_LIMIT)
        if self._answered is None:
            raise BenchError(f"KBS has not answered by the new policy after {_LIMIT:.0f} s: {self._last_answer}")
        return self._answered

    def work(self) -> None:
        """Ask until the secret is released."""
        number = 0
        while not self.over.is_set() and self._answered is None:
            number += 1
            path = kinds.POD.path("default", f"asking-{number}")
            pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(dict(self._model))}
            pod["metadata"]["name"] = f"asking-{number}"
            self._server.request("POST", kinds.POD.path("default"), pod)
            released, self._last_answer = _released(self._server, path, self.over.is_set)
            if released:
                self._answered = time.monotonic() - self._began
            self._server.request("DELETE", path)


def _released(server: ApiServer, path: str, over: Callable[[], bool]) -> tuple[bool, str]:
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until and not over():
        if (outcome := _ASKS.judge(server.get(path) or {})) is not None:
            return outcome.result == ACCEPTED, outcome.reason
        time.sleep(_LOOK)
    return False, "the pod has not ended"
