"""CAA through changes and upgrades: restarted for what it reads at start alone, and what others own stays theirs."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.operators.olm_catalog import OSC
from rehearsal.operators.osc_credentials import GENERATED
from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.kills import kill
from tests.engine.pods import SIGNED, caa
from tests.engine.trustee import attested, move

NAMESPACE = "openshift-sandboxed-containers-operator"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/peer-pods-cm"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DAEMON_SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/osc-caa-ds"
DEFAULT = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
WORKERS = [f"worker-eastus{number}" for number in (1, 2, 3)]
MERGE = "application/merge-patch+json"
THEIRS = ("AZURE_IMAGE_ID",)
ANNOTATIONS = ("LATEST_IMAGE_ID", "IMAGE_GALLERY_NAME")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack that has attested, with the last version of OSC that does not restart CAA itself."""
    variables = {"COCO_REHEARSAL_OSC": "1.11", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for started in start(tmp_path_factory.mktemp("caa"), tools, variables):
        started.up()
        yield started


def _owned(stack: Stack, part: str, key: str) -> list[str]:
    """Return the managers that own a key of peer-pods-cm."""
    items = []
    for entry in stack.get(CONFIG)["metadata"]["managedFields"]:
        fields: Any = entry["fieldsV1"]
        for step in ["f:data"] if part == "data" else ["f:metadata", "f:annotations"]:
            fields = fields.get(step, {})
        if f"f:{key}" in fields:
            items.append(str(entry["manager"]))
    return items


def _app(stack: Stack, name: str, **spec: Any) -> None:
    """Start a peer pod, and return when it runs."""
    container = {"name": "app", "image": SIGNED}
    whole = {"runtimeClassName": "kata-remote", "containers": [container], **spec}
    stack.api("POST", DEFAULT, {"metadata": {"name": name, "labels": {"app": name}}, "spec": whole})
    stack.wait_for(lambda: _restarts(stack, name) == 0)


def _restarts(stack: Stack, name: str) -> int:
    """Return how often a pod has been lost; -1: it has not started yet."""
    (status,) = stack.get(f"{DEFAULT}/{name}").get("status", {}).get("containerStatuses", [{}])
    return int(status["restartCount"]) if "running" in status.get("state", {}) else -1


def _gone(stack: Stack, name: str) -> None:
    stack.api("DELETE", f"{DEFAULT}/{name}")
    stack.wait_for(lambda: stack.get(f"{DEFAULT}/{name}") is None)


def _on(stack: Stack) -> dict[str, str]:
    """Return the uid of CAA's pod on each node."""
    pods = [pod for pod in stack.get(PODS)["items"] if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds"]
    return {pod["spec"]["nodeName"]: pod["metadata"]["uid"] for pod in pods if "nodeName" in pod["spec"]}


def _others_restarted(stack: Stack, before: dict[str, str]) -> bool:
    """Return whether CAA runs anew on every node but one."""
    return len(set(_on(stack).values()) - set(before.values())) == len(before) - 1


def _set(stack: Stack, proxy_timeout: str, how: str = "wait", **others: Any) -> None:
    stack.configure({"peerPods": {"proxyTimeout": proxy_timeout, "caaRestart": how, **others}})


def test_what_caa_does_not_read_at_start_does_not_restart_it(stack: Stack) -> None:
    before = caa(stack)
    stack.configure({"peerPods": {"kataConfig": {"allowReboot": True, "timeout": "80m"}}})
    stack.up()

    assert before
    assert caa(stack) == before


def test_a_change_of_what_caa_reads_restarts_it_once(stack: Stack) -> None:
    before = caa(stack)
    _set(stack, "7m")
    preview = stack.preview()
    stack.up()

    assert {"peer-pods-cm", "peer-pods-caa-restarted"} <= names(preview, "update")
    assert not before & caa(stack)
    stack.up("--expect-no-changes")


def test_a_restart_waits_for_peer_pods_and_goes_on_where_an_interrupted_run_has_ended(stack: Stack) -> None:
    _app(stack, "app")
    node = stack.get(f"{DEFAULT}/app")["spec"]["nodeName"]
    before = _on(stack)
    _set(stack, "6m")
    preview_output = stack.run("preview", "--stack", stack.name, "--suppress-progress").output
    up = ("up", "--stack", stack.name, "--yes", "--skip-preview")
    with stack.started(*up) as process:
        stack.wait_for(lambda: process.poll() is not None or _others_restarted(stack, before))
        killed = kill(stack, process)
    assert _others_restarted(stack, before), killed
    between = _on(stack)
    with stack.started(*up) as process:
        assert process.stdout is not None
        waits = next(line for line in process.stdout if "its restart waits for peer pods" in line)
        _gone(stack, "app")
        output = process.communicate(timeout=120)[0]

    # The check's own pod is over, and in nobody's way.
    assert f"loses its peer pods. 1 run: {node}: default/app. On each node the run waits" in preview_output, (
        preview_output[-6000:]
    )
    assert between[node] == before[node]
    assert process.returncode == 0, output
    assert f"CAA: 2 of 3 nodes; its restart waits for peer pods: {node}: default/app" in waits
    after = _on(stack)
    assert {name for name in after if after[name] != between[name]} == {node}, "the others are restarted once"
    stack.up("--expect-no-changes")


def test_pods_that_are_evicted_are_not_lost_and_their_budget_holds(stack: Stack) -> None:
    pod = {"runtimeClassName": "kata-remote", "containers": [{"name": "app", "image": SIGNED}]}
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    deployment = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    stack.api("POST", DEPLOYMENTS, {"metadata": {"name": "shop"}, "spec": deployment})
    budget = {"minAvailable": 1, "selector": {"matchLabels": labels}}
    stack.api("POST", BUDGETS, {"metadata": {"name": "shop"}, "spec": budget})
    stack.wait_for(lambda: stack.get(f"{DEPLOYMENTS}/shop").get("status", {}).get("readyReplicas") == 2)
    stack.wait_for(lambda: stack.get(f"{BUDGETS}/shop").get("status", {}).get("disruptionsAllowed") == 1)
    before = caa(stack)
    _set(stack, "5m", "evict")
    done = stack.up()

    assert "evicting from worker-" in done.output
    assert not before & caa(stack)
    stack.wait_for(lambda: stack.get(f"{DEPLOYMENTS}/shop").get("status", {}).get("readyReplicas") == 2)
    assert not _lost(stack)
    nodes = stack.get("/api/v1/nodes")["items"]
    assert not [node for node in nodes if node["spec"].get("unschedulable")]
    assert not [node for node in nodes if "coco-azure/cordoned" in node["metadata"]["annotations"]]
    stack.api("DELETE", f"{DEPLOYMENTS}/shop", {"propagationPolicy": "Foreground"})
    stack.api("DELETE", f"{BUDGETS}/shop")


def _lost(stack: Stack) -> list[str]:
    """Return the pods whose sandbox has been lost."""
    events = stack.get("/api/v1/namespaces/default/events")["items"]
    return [event["involvedObject"]["name"] for event in events if event["reason"] == "SandboxChanged"]


def test_now_restarts_it_under_its_pods_which_are_lost(stack: Stack) -> None:
    """So the rehearsal loses them as a real cluster does, and the tests above can fail."""
    _app(stack, "app")
    _set(stack, "7m", "now")
    preview_output = stack.run("preview", "--stack", stack.name, "--suppress-progress").output
    stack.up()

    assert "this restarts CAA, and 1 peer pod may be lost with it: default/app." in preview_output
    stack.wait_for(lambda: _restarts(stack, "app") == 1)
    assert _lost(stack) == ["app"]
    _gone(stack, "app")


def test_a_caa_that_does_not_start_is_told_with_its_pod_and_what_shows_more(stack: Stack) -> None:
    secret = f"/api/v1/namespaces/{NAMESPACE}/secrets/peer-pods-secret"
    before = stack.get(secret)["data"]["AZURE_CLIENT_ID"]
    # Without its label the operator takes the Secret for a user's, and leaves it as it is.
    stack.api("PATCH", secret, {"metadata": {"labels": {GENERATED: None}}, "data": {"AZURE_CLIENT_ID": None}}, MERGE)
    impatient = {"proxyTimeout": "8m", "kataConfig": {"allowReboot": True, "timeout": "8s"}}
    # Without the acceptance the pre-flight tells it before anything is changed.
    stack.configure({"peerPods": impatient, "preflight": {"accept": ["credentials"]}})
    done = stack.up(check=False)

    assert done.code != 0
    assert "CAA's pod osc-caa-ds-" in done.output
    assert f"`oc -n {NAMESPACE} logs osc-caa-ds-" in done.output

    healed = {"metadata": {"labels": {GENERATED: "true"}}, "data": {"AZURE_CLIENT_ID": before}}
    stack.api("PATCH", secret, healed, MERGE)
    stack.configure({"peerPods": {"proxyTimeout": "8m"}})
    stack.up()
    assert attested(stack)


def test_an_upgrade_of_the_operator_neither_takes_over_nor_drops_what_others_own(stack: Stack) -> None:
    before = stack.get(CONFIG)
    managers = {key: _owned(stack, "data", key) for key in THEIRS}
    move(stack, OSC, "1.12.1")
    stack.wait_for(lambda: stack.preview() != [])
    stack.up()
    after = stack.get(CONFIG)

    assert attested(stack)
    for key in (*THEIRS, "DISABLECVM"):
        assert after["data"][key] == before["data"][key], key
    for key in ANNOTATIONS:
        assert after["metadata"]["annotations"][key] == before["metadata"]["annotations"][key], key
        assert not [manager for manager in _owned(stack, "metadata", key) if "pulumi" in manager]
    assert {key: _owned(stack, "data", key) for key in THEIRS} == managers == {"AZURE_IMAGE_ID": ["kubectl-patch"]}
    stack.up("--expect-no-changes")


def test_an_operator_that_would_restart_caa_itself_is_held_until_the_peer_pods_are_gone(stack: Stack) -> None:
    _app(stack, "late")
    node = stack.get(f"{DEFAULT}/late")["spec"]["nodeName"]
    before = _on(stack)
    _set(stack, "9m")
    with stack.started("up", "--stack", stack.name, "--yes", "--skip-preview") as process:
        stack.wait_for(lambda: process.poll() is not None or _others_restarted(stack, before))
        assert _on(stack)[node] == before[node]
        assert _restarts(stack, "late") == 0
        _gone(stack, "late")
        output = process.communicate(timeout=120)[0]

    assert process.returncode == 0, output
    assert not set(before.values()) & set(_on(stack).values())
    assert "late" not in _lost(stack)
    stack.up("--expect-no-changes")


def test_a_patch_of_the_operator_alone_brings_its_caa_in_the_same_run(stack: Stack) -> None:
    newer = "1.12.2"
    move(stack, dataclasses.replace(OSC, versions=("1.12.1", newer), unheard=()), newer)
    stack.wait_for(lambda: stack.preview() != [])
    preview = stack.preview()
    stack.up()

    assert "peer-pods-cm" not in names(preview, "update")
    images = [
        pod["spec"]["containers"][0]["image"]
        for pod in stack.get(PODS)["items"]
        if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds"
    ]
    assert images == [f"registry.example.com/cloud-api-adaptor:{newer}"] * len(WORKERS)
    stack.up("--expect-no-changes")
