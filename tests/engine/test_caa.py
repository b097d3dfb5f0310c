"""CAA through changes and upgrades: restarted for what it reads at start alone, and what others own stays theirs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.operators.olm_catalog import OSC
from rehearsal.operators.osc_credentials import GENERATED
from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.trustee import attested, move

NAMESPACE = "openshift-sandboxed-containers-operator"
CONFIG = f"/api/v1/namespaces/{NAMESPACE}/configmaps/peer-pods-cm"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DAEMON_SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/osc-caa-ds"
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


def _caa(stack: Stack) -> set[str]:
    """Return the uids of CAA's pods."""
    found = stack.get(PODS)["items"]
    return {pod["metadata"]["uid"] for pod in found if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds"}


def _owned(stack: Stack, part: str, key: str) -> list[str]:
    """Return the managers that own a key of peer-pods-cm."""
    found = []
    for entry in stack.get(CONFIG)["metadata"]["managedFields"]:
        fields: Any = entry["fieldsV1"]
        for step in ["f:data"] if part == "data" else ["f:metadata", "f:annotations"]:
            fields = fields.get(step, {})
        if f"f:{key}" in fields:
            found.append(str(entry["manager"]))
    return found


def _said(stack: Stack, settings: dict[str, Any]) -> str:
    stack.configure(settings)
    return stack.run("preview", "--stack", stack.name, "--suppress-progress").output


def test_what_caa_does_not_read_at_start_does_not_restart_it(stack: Stack) -> None:
    before = _caa(stack)
    stack.configure({"peerPods": {"kataConfig": {"allowReboot": True, "timeout": "80m"}}})
    stack.up()

    assert before
    assert _caa(stack) == before


def test_a_restart_under_peer_pods_that_run_is_warned_about_at_preview(stack: Stack) -> None:
    container = {"name": "app", "image": "registry.example.com/app"}
    spec = {"runtimeClassName": "kata-remote", "containers": [container]}
    stack.api("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "app"}, "spec": spec})
    # The check's own pod is over, and is no warning.
    warning = "this restarts CAA, and 1 peer pod may be lost with it: default/app."

    assert warning in _said(stack, {"peerPods": {"proxyTimeout": "7m"}})
    assert "this restarts CAA" not in _said(stack, {"attestationCheck": {"timeout": "9m"}})


def test_a_change_of_what_caa_reads_restarts_it_once(stack: Stack) -> None:
    before = _caa(stack)
    stack.configure({"peerPods": {"proxyTimeout": "7m"}})
    preview = stack.preview()
    stack.up()

    assert {"peer-pods-cm", "peer-pods-caa"} <= names(preview, "update")
    assert not before & _caa(stack)
    stack.up("--expect-no-changes")


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
