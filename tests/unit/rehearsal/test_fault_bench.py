"""The fault bench's plan, its eyes and its table, without a cluster."""

import base64
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from rehearsal import changes
from rehearsal.fault_bench import inventory, leaks, peers, plan, report, scenes
from rehearsal.fault_bench.bench import MEANS, Result, claims_success
from rehearsal.fault_bench.inventory import Difference, Item
from rehearsal.fault_bench.scenes import free, strip
from rehearsal.fault_bench.strikes import ENGINE_KILLED, FAULTS
from rehearsal.rest import ApiError, ApiServer

BODY = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC"
KEY = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n"
BINDING = "ValidatingAdmissionPolicyBinding"
CONFIG_MAP, SECRET, JOB = ("ConfigMap", "ns", "cm"), ("Secret", "ns", "key"), ("Job", "ns", "check")


def test_a_seed_decides_the_points_and_another_one_decides_others() -> None:
    assert plan.points(1, 126) == plan.points(1, 126)
    assert plan.points(1, 126) != plan.points(2, 126)


def test_every_fault_meets_every_kind_of_run_at_moments_all_over_it() -> None:
    points = plan.points(1, 126)
    met = Counter((point.run, point.fault) for point in points)

    assert set(met) == {(run, fault) for run in plan.RUNS for fault in FAULTS}
    assert set(met.values()) == {1}
    for run in plan.RUNS:
        moments = sorted(point.when for point in points if point.run == run)
        assert all(slot / 9 <= moment <= (slot + 1) / 9 for slot, moment in enumerate(moments))


def test_the_runs_follow_one_another_so_that_each_begins_where_the_last_one_ended() -> None:
    assert [point.run for point in plan.points(5, 15)] == [*plan.RUNS, "up"]
    assert [point.run for point in plan.points(5, 3, runs=("up", "destroy"))] == ["up", "destroy", "up"]


def test_a_run_that_reboots_brings_a_ticket_but_for_those_before_which_the_guard_is_opened() -> None:
    needed = [name for name, run in changes.RUNS.items() if run.approvable and not run.open]

    assert needed == ["up", "select", "level", "replace"]
    (settings,) = [changes.RUNS["level"].configuration(allowed="roll-0123456789")["coco-azure:peerPods"]["kataConfig"]]
    assert settings == {"poolSelector": changes.SELECTOR, "logLevel": "debug", "allowReboot": "roll-0123456789"}
    assert "allowReboot" not in str(changes.RUNS["level"].configuration())


def test_a_secret_is_found_in_plain_and_in_base64_and_a_private_key_by_a_line_of_it() -> None:
    wanted = leaks.needles({"res1val1", KEY})

    assert leaks.in_text("the value is res1val1", wanted)
    assert leaks.in_text(base64.b64encode(b"res1val1").decode(), wanted)
    assert leaks.in_text(json.dumps({"key": KEY}), wanted)
    assert leaks.in_text(base64.b64encode(KEY.encode()).decode(), wanted)
    assert not leaks.in_text("-----BEGIN PRIVATE KEY----- and nothing more, res1", wanted)


def test_private_keys_are_found_in_the_decrypted_state_whatever_they_are_wrapped_in() -> None:
    exported = {"resources": [{"outputs": {"output": {"plaintext": json.dumps(KEY)}}}, {"x": ["no secret"]}]}

    assert [leaks.in_text(KEY, leaks.needles({item})) for item in leaks.values(exported)] == [["secret 1 in plain"]]


def test_files_and_arguments_of_processes_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "stack.json").write_text("res1val1")

    result = leaks.in_files([tmp_path], leaks.needles({"res1val1"}))
    assert result == [f"secret 1 in plain: {tmp_path}/state/stack.json"]
    assert any(sys.executable.rpartition("/")[2] in line for line in leaks.command_lines())


def _wrong(before: dict[Any, Item], now: dict[Any, Item]) -> Difference:
    wanted = {CONFIG_MAP: Item("?", ("a", "b"), ""), SECRET: Item("?", ("key",), "?"), JOB: Item("?", (), "")}
    return inventory.compare(wanted, before, now, "up")


GOOD = {CONFIG_MAP: Item("1", ("a", "b"), ""), SECRET: Item("2", ("key",), "x"), JOB: Item("3", (), "")}


def test_what_is_as_after_an_undisturbed_run_is_not_wrong() -> None:
    assert not _wrong(GOOD, GOOD)


def test_a_guard_that_is_left_open_is_wrong() -> None:
    title = ("KataConfig", "", "example-kataconfig")
    shut, opened = ({title: Item("1", keys, "")} for keys in ((), ("coco-azure/approved",)))

    assert not inventory.compare(shut, shut, shut, "up")
    assert inventory.compare(shut, shut, opened, "up").left == ("an approval on KataConfig example-kataconfig",)


def test_a_guard_that_only_audits_is_wrong_where_it_is_to_refuse() -> None:
    shut, opened = (
        inventory._item(BINDING, {"metadata": {"uid": "1"}, "spec": {"validationActions": [action]}})
        for action in ("Deny", "Audit")
    )
    title = (BINDING, "", "the-guard")

    assert inventory.compare({title: shut}, {}, {title: opened}, "up").lost == (f"keys of {BINDING} the-guard",)
    assert not inventory.compare({title: shut}, {}, {title: shut}, "up")


def test_a_job_may_be_made_anew_and_nothing_else() -> None:
    assert not _wrong(GOOD, {**GOOD, JOB: Item("4", (), "")})
    assert _wrong(GOOD, {**GOOD, SECRET: Item("4", ("key",), "x")}).lost == ("Secret ns/key was made anew",)


def test_a_missing_object_a_half_written_one_and_a_lost_key_are_told() -> None:
    now = {CONFIG_MAP: Item("1", ("a",), ""), SECRET: Item("2", ("key",), "y")}

    assert _wrong(GOOD, now).lost == ("Job ns/check", "Secret ns/key has other values", "keys of ConfigMap ns/cm")


def test_a_secret_that_the_run_itself_changes_is_not_lost() -> None:
    before, wanted, other = ({SECRET: Item("2", ("key",), digest)} for digest in ("old", "new", "other"))

    assert not inventory.compare(wanted, before, wanted, "gate")
    assert inventory.compare(wanted, before, other, "gate").lost == ("Secret ns/key has other values",)


def test_with_an_older_state_only_secrets_that_it_knew_have_to_stay() -> None:
    made_since, anew = ({**GOOD, SECRET: Item("2", ("key",), value)} for value in ("of the lost state", "anew"))
    other = {**anew, CONFIG_MAP: Item("4", ("a", "b"), "")}

    assert not _wrong(inventory.known_to_both(GOOD, made_since), anew)
    assert _wrong(inventory.known_to_both(GOOD, GOOD), anew).lost == ("Secret ns/key has other values",)
    assert _wrong(inventory.known_to_both({}, GOOD), other).lost == ("ConfigMap ns/cm was made anew",)


def test_a_second_kataconfig_is_doubled_and_what_nobody_should_have_is_left() -> None:
    two = {("KataConfig", "", name): Item(name, (), "") for name in ("one", "two")}
    result = _wrong(GOOD, {**GOOD, **two})

    assert result.doubled == ("KataConfig one", "KataConfig two")
    assert result.left == ("KataConfig one", "KataConfig two")


def test_a_resource_that_the_state_has_twice_is_named() -> None:
    assert inventory.doubled({"resources": [{"urn": "a::b"}, {"urn": "a::c"}, {"urn": "a::b"}]}) == ["b"]


def test_the_table_counts_what_converged_and_what_is_wrong() -> None:
    point = plan.KillPoint(1, "up", ENGINE_KILLED, 0.5, 0.0)
    good = Result(
        point=point,
        struck=True,
        converged=True,
        repeats=1,
        means=frozenset(MEANS),
        difference=Difference(),
        seconds=9,
    )
    bad = Result(
        point=point,
        struck=True,
        converged=False,
        repeats=6,
        difference=Difference(lost=("Secret ns/key",), rebooted=("a: 2, planned 1",)),
        leaks=("secret 1 in plain: log",),
        seconds=9,
    )
    table = report.table([good, bad], 108, 1, 60)

    assert good.good
    assert not bad.good
    assert "2 of 108 points, 1 converged (50%)" in table
    assert [line.split() for line in table.splitlines() if line.startswith("up ")] == [
        ["up", "2", "2", "1", "max", "6", "1"]
    ]
    assert "nodes that rebooted more often than planned: 1" in table
    assert "rebooted too often: a: 2, planned 1" in report.line(bad)
    assert "needed the state's attributes removed: 1" in table
    assert "cancelled, and ended with exit code 0: 1" in table
    assert "needed KbsConfig's finalizer removed: 1" in table
    assert "objects lost: 1, doubled: 0, left: 0" in table
    assert "process arguments: 1" in table
    assert "converged after 1 more, with `pulumi cancel`, with the last copy of the state" in report.line(good)
    assert "lost: Secret ns/key" in report.line(bad)


class _Busy:
    """An API server that refuses so many times."""

    def __init__(self, status: int, times: int) -> None:
        self.status, self.times = status, times

    def get(self, path: str) -> Any:
        if self.times == 0:
            return {"items": [path]}
        self.times -= 1
        raise ApiError(self.status, "storage is (re)initializing")


def test_a_kind_that_the_api_server_is_not_ready_for_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_PAUSE", 0)

    assert inventory.patiently(cast("ApiServer", _Busy(429, 3)), "/x") == {"items": ["/x"]}
    for refusal in (_Busy(429, 99), _Busy(403, 1)):
        with pytest.raises(ApiError):
            inventory.patiently(cast("ApiServer", refusal), "/x")


def test_attributes_of_a_state_are_removed_only_where_they_are_broken(tmp_path: Path) -> None:
    state, attributes = tmp_path / "prod.json", tmp_path / "prod.json.attrs"
    state.write_text("{}")

    assert not strip(state)
    attributes.write_text("{}")
    assert not strip(state)
    attributes.write_text("")
    assert strip(state)
    assert [each.name for each in tmp_path.iterdir()] == ["prod.json"]


class _Trustee:
    """An API server with a KbsConfig; the operator takes its finalizer away after so many looks."""

    def __init__(self, *, going: bool, deployed: bool, looks: int = 99) -> None:
        self.going, self.deployed, self.looks = going, deployed, looks
        self.patched: list[str] = []

    def get(self, path: str) -> Any:
        if path.endswith("/trustee-deployment"):
            return {} if self.deployed else None
        self.looks -= 1
        metadata = {"name": "kbs", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if self.going else {})}
        return {"items": [{"metadata": metadata}] if self.looks >= 0 else []}

    def request(self, _method: str, path: str, *_rest: object) -> None:
        self.patched.append(path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("trustee", "stuck"),
    [
        (_Trustee(going=True, deployed=False), True),
        (_Trustee(going=True, deployed=False, looks=1), False),
        (_Trustee(going=True, deployed=True), False),
        (_Trustee(going=False, deployed=False), False),
    ],
)
def test_only_a_kbs_config_that_waits_for_nothing_loses_its_finalizer(trustee: _Trustee, *, stuck: bool) -> None:
    assert free(cast("ApiServer", trustee), 0) == stuck
    assert trustee.patched == (["kbs"] if stuck else [])


def test_a_cancelled_run_is_not_believed_to_have_succeeded() -> None:
    cancelled = "SIGTERM received; cancelling. If you would like to terminate immediately, send SIGTERM again."

    assert claims_success(0, f"{cancelled}\nThe resources in the stack have been deleted")
    assert not claims_success(255, cancelled)
    assert not claims_success(0, "The resources in the stack have been deleted")


class _Peers:
    """An API server with events of pods, and nodes."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def get(self, path: str) -> Any:
        nodes = [
            {"metadata": {"name": name}, "spec": spec} for name, spec in (("a", {"unschedulable": True}), ("b", {}))
        ]
        return {"items": nodes if path.endswith("/nodes") else self.events}

    def lose(self, name: str, reason: str = "SandboxChanged") -> None:
        event = {"metadata": {"uid": f"{len(self.events)}"}, "reason": reason, "involvedObject": {"name": name}}
        self.events.append(event)


def test_a_pod_that_is_lost_while_caa_restarts_is_told_and_an_earlier_one_is_not() -> None:
    server = _Peers()
    server.lose("before")
    with peers.Peers(lambda: cast("ApiServer", server), "now") as pods:
        server.lose("app")
        server.lose("other", "Pulled")
        lost = pods.lost()

    assert lost == ["pod app"]
    assert peers.left_behind(cast("ApiServer", server)) == ["node a is cordoned"]


def test_before_a_kataconfig_by_hand_the_stack_gives_up_its_own_and_the_gates() -> None:
    kata_config, gates, other = (
        {"urn": f"urn::{kind}::{name}", "type": f"kubernetes:x:{kind}", "inputs": {"metadata": {"name": name}}}
        for kind, name in (("KataConfig", "k"), ("ConfigMapPatch", "osc-feature-gates"), ("ConfigMapPatch", "other"))
    )
    options = scenes.given_up({"resources": [kata_config, other, gates, {"urn": "stack", "type": "s"}]})

    assert options == ["--target", kata_config["urn"], "--target", gates["urn"], "--target-dependents"]
