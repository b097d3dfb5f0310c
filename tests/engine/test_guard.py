"""Nobody reboots nodes without approval: not the engine that is told to ignore ``protect`` (3.256), not ``oc``, nobody.

The tests share a cluster and go on from each other's state, in their order.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.rollout import guard
from rehearsal.rest import ApiError
from tests.engine.conftest import start
from tests.engine.harness import Stack
from tests.engine.kills import kill

pytestmark = pytest.mark.engine
TICKET = re.compile(r"roll-[0-9a-f]{10}")
OURS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
WORKERS = "worker-eastus1, worker-eastus2, worker-eastus3 (3)"
IGNORE = "--ignore-protect"
VARIABLE = "PULUMI_OPTION_IGNORE_PROTECT"
MERGE = "application/merge-patch+json"
REFUSED = "is guarded by stack rehearsal of project coco-azure, and"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack whose nodes have the runtime, and whose settings give no leave to reboot them."""
    for item in start(tmp_path_factory.mktemp("ignore"), tools):
        _configure(item, allowed=True)
        item.up()
        _configure(item)
        item.up()
        yield item


def _configure(stack: Stack, *, allowed: bool = False, **peer_pods: Any) -> None:
    kata_config = {"allowReboot": allowed, **peer_pods.pop("kataConfig", {})}
    stack.configure({"peerPods": {**peer_pods, "kataConfig": kata_config}, "attestationCheck": {"enabled": False}})


def _uid(stack: Stack) -> str:
    return str(stack.get(OURS)["metadata"]["uid"])


def _approval(stack: Stack) -> str:
    """Return what the guard lets pass; empty: nothing."""
    return str(((stack.get(OURS) or {"metadata": {}})["metadata"].get("annotations") or {}).get(names.APPROVED, ""))


def _is_refused(stack: Stack) -> bool:
    try:
        stack.api("DELETE", f"{OURS}?dryRun=All")
    except ApiError as error:
        return REFUSED in str(error)
    return False


@pytest.mark.parametrize("how", ["option", "variable"])
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"kataConfig": {"logLevel": "debug"}}, "will be changed in place (logLevel: info -> debug)"),
        ({"kataConfig": {"poolSelector": {"matchLabels": {"cc": "true"}}}}, "will be changed in place"),
        ({"enabled": False}, f"Reboot as kata is removed: {WORKERS}"),
    ],
    ids=["another log level", "another selector", "no peer pods"],
)
def test_no_up_and_no_preview_reboots_without_approval(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, how: str, changes: dict[str, Any], text: str
) -> None:
    option = [IGNORE] if how == "option" else []
    if how == "variable":
        monkeypatch.setenv(VARIABLE, "true")
    uid, mark = _uid(stack), stack.mark()
    _configure(stack, **changes)

    previewed = stack.run("preview", "--stack", stack.name, *option, check=False)
    done = stack.up(*option, check=False)

    assert previewed.code != 0
    assert done.code != 0
    assert text in previewed.output
    assert text in done.output
    assert stack.requests(mark) == []
    assert _uid(stack) == uid


def test_an_up_without_changes_keeps_what_is_protected(stack: Stack) -> None:
    uid = _uid(stack)
    _configure(stack)

    stack.up(IGNORE, "--expect-no-changes")

    protected = {resource["urn"].rpartition("::")[2] for resource in stack.state() if resource.get("protect")}
    assert {"peer-pods-kataconfig", "peer-pods-kataconfig-guard"} <= protected
    assert _uid(stack) == uid


def test_the_variable_is_told_by_every_run_of_the_program(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "true")

    assert f"{VARIABLE} is set: with it, `pulumi destroy` begins although" in stack.up().output


@pytest.mark.parametrize(("method", "change"), [("DELETE", None), ("PATCH", {"spec": {"logLevel": "debug"}})])
def test_whoever_else_deletes_or_changes_it_is_told_whose_it_is_and_how_to_approve(
    stack: Stack, method: str, change: Any
) -> None:
    uid = _uid(stack)
    with pytest.raises(ApiError) as refused:
        stack.api(method, OURS, change, MERGE)

    assert REFUSED in str(refused.value)
    assert "pulumi config set --path 'coco-azure:peerPods.kataConfig.allowReboot' true" in str(refused.value)
    assert _uid(stack) == uid


def test_a_destroy_that_ignores_protect_is_refused_by_the_cluster_and_the_guard_stays(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = _uid(stack)
    monkeypatch.setenv(VARIABLE, "true")

    done = stack.run("destroy", "--stack", stack.name, "--yes", "--skip-preview", check=False)

    assert done.code != 0
    assert f"{REFUSED} its deletion reboots nodes; approved: nothing" in done.output
    assert _uid(stack) == uid
    assert "deletionTimestamp" not in stack.get(OURS)["metadata"]
    assert stack.get(guard.BINDING)["spec"]["validationActions"] == ["Deny"]
    assert not _approval(stack)


def test_a_replacement_that_is_asked_for_by_its_name_is_refused_by_the_cluster(stack: Stack) -> None:
    uid = _uid(stack)
    (urn,) = [each["urn"] for each in stack.state() if each["urn"].endswith("::peer-pods-kataconfig")]

    done = stack.up("--replace", urn, IGNORE, check=False)

    assert done.code != 0
    assert REFUSED in done.output
    assert _uid(stack) == uid
    stack.up()
    stack.up("--expect-no-changes")


def test_another_stack_cannot_delete_it_either(stack: Stack) -> None:
    other = stack.beside("other")
    kind = "kubernetes:kataconfiguration.openshift.io/v1:KataConfig"
    where = ["--stack", "other", "--yes", "--skip-preview"]
    other.run("import", kind, "theirs", OURS.rpartition("/")[2], "--protect=false", "--generate-code=false", *where)

    done = other.run("destroy", *where, check=False)

    assert done.code != 0
    assert REFUSED in done.output
    assert "deletionTimestamp" not in stack.get(OURS)["metadata"]


def _ticket(stack: Stack) -> str:
    return str(TICKET.findall(stack.run("preview", "--stack", stack.name, check=False).output)[0])


def test_an_approved_roll_out_passes_through_a_kill_and_the_guard_is_shut_again(stack: Stack) -> None:
    uid = _uid(stack)
    anew = {"logLevel": "debug", "change": "recreate"}
    _configure(stack, kataConfig=anew)
    ticket = _ticket(stack)
    _configure(stack, kataConfig={**anew, "allowReboot": ticket})
    with stack.started("up", "--stack", stack.name, "--yes", "--skip-preview") as process:
        approved = stack.wait_for(lambda: _approval(stack) or (process.poll() is not None and "nothing"))
        result = kill(stack, process)

    assert approved == f"delete {uid}", result

    stack.up()

    assert _uid(stack) != uid
    assert stack.get(OURS)["spec"]["logLevel"] == "debug"
    assert not _approval(stack)
    stack.up("--expect-no-changes")


def test_an_approved_change_in_place_passes_and_the_guard_is_shut_again(stack: Stack) -> None:
    uid = _uid(stack)
    _configure(stack, kataConfig={"logLevel": "warn"})
    _configure(stack, kataConfig={"logLevel": "warn", "allowReboot": _ticket(stack)})
    stack.up()

    assert _uid(stack) == uid
    assert stack.get(OURS)["spec"]["logLevel"] == "warn"
    assert not _approval(stack)


def test_what_a_killed_run_has_approved_is_taken_back_by_the_next_one(stack: Stack) -> None:
    for level, option in (("warn", "--expect-no-changes"), ("debug", "--refresh")):
        _configure(stack, kataConfig={"logLevel": level})
        approval = {names.APPROVED: f"delete {_uid(stack)}"}
        stack.api("PATCH", OURS, {"metadata": {"annotations": approval}}, MERGE)

        # It is no difference to the engine, and a run that ends without approval takes it back as well.
        done = stack.up(option, check=False)

        assert (done.code == 0) == (level == "warn"), done.output
        assert not _approval(stack)
    _configure(stack, kataConfig={"logLevel": "warn"})
    stack.up("--expect-no-changes")


def test_leave_for_everything_opens_it_and_a_destroy_takes_it_away_last_and_leaves_no_policy(stack: Stack) -> None:
    _configure(stack, allowed=True, kataConfig={"logLevel": "warn"})
    stack.up()
    assert stack.get(guard.BINDING)["spec"]["validationActions"] == ["Audit"]
    mark = stack.mark()

    stack.destroy()

    assert stack.get(OURS) is None
    for path in (names.ADMISSION_BINDINGS, names.ADMISSION_POLICIES):
        assert [each for each in stack.get(path)["items"] if each["metadata"]["name"].startswith("coco-azure")] == []
    deleted = [each.kind for each in stack.requests(mark) if each.verb == "delete"]
    assert deleted.index("kataconfigs") < deleted.index("validatingadmissionpolicybindings")


def test_after_a_destroy_the_next_run_makes_the_guard_again_and_it_holds(stack: Stack) -> None:
    _configure(stack, allowed=True)
    stack.up()

    _configure(stack)
    stack.up()

    # An API server compiles policies and bindings that have changed once a second, and beside the requests.
    stack.wait_for(lambda: _is_refused(stack), seconds=30)
    with pytest.raises(ApiError, match=REFUSED):
        stack.api("DELETE", OURS)
