"""Nodes that somebody used before: custom pools, Windows, budgets of disruptions, a control plane that is elsewhere.

The cluster is changed and put back; the last test goes through.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from tests.engine.harness import Stack
from tests.unit.preflight_tables import row, rows

pytestmark = pytest.mark.engine
MERGE = "application/merge-patch+json"
NODES = "/api/v1/nodes"
POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
ROLE = "node-role.kubernetes.io"
WORKERS = [f"worker-eastus{number}" for number in (1, 2, 3)]
INFRA: Mapping[str, Any] = {
    "apiVersion": "machineconfiguration.openshift.io/v1",
    "kind": "MachineConfigPool",
    "metadata": {"name": "infra"},
    "spec": {
        "machineConfigSelector": {
            "matchExpressions": [
                {"key": "machineconfiguration.openshift.io/role", "operator": "In", "values": ["worker", "infra"]}
            ]
        },
        "nodeSelector": {"matchLabels": {f"{ROLE}/infra": ""}},
    },
}
WINDOWS: Mapping[str, Any] = {
    "metadata": {
        "name": "win-1",
        "labels": {"kubernetes.io/os": "windows", f"{ROLE}/worker": "", "kubernetes.io/hostname": "win-1"},
    }
}


def _configure(stack: Stack, **kata_config: Any) -> None:
    stack.configure({"peerPods": {"kataConfig": kata_config}, "attestationCheck": {"enabled": False}})


def _label(stack: Stack, node: str, **labels: str | None) -> None:
    values = {key.replace("__", "/"): value for key, value in labels.items()}
    stack.api("PATCH", f"{NODES}/{node}", {"metadata": {"labels": values}}, MERGE)


def _kata_nodes(stack: Stack) -> Mapping[str, Any]:
    return dict((stack.get(KATA_CONFIG) or {}).get("status", {}).get("kataNodes", {}))


@contextmanager
def _till(stack: Stack) -> Iterator[None]:
    """Have a Deployment of one pod, and a budget that does not let it go."""
    labels = {"app": "till"}
    container = {"name": "till", "image": "quay.io/rehearsal/till"}
    stack.api("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    deployment = "/apis/apps/v1/namespaces/shop/deployments"
    budget = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
    stack.api("POST", deployment, {"metadata": {"name": "till"}, "spec": spec})
    bound = {"selector": {"matchLabels": labels}, "minAvailable": 1}
    stack.api("POST", budget, {"metadata": {"name": "till"}, "spec": bound})
    stack.wait_for(lambda: (stack.get(f"{deployment}/till") or {}).get("status", {}).get("readyReplicas"))
    try:
        yield
    finally:
        stack.api("DELETE", f"{budget}/till")
        stack.api("DELETE", f"{deployment}/till")


def test_a_budget_that_lets_no_pod_go_is_in_the_preview_with_node_and_pod(stack: Stack) -> None:
    _configure(stack)
    with _till(stack):
        done = stack.run("preview", "--stack", stack.name, check=False)
    later = stack.run("preview", "--stack", stack.name, check=False)

    assert "is not drained while it has shop/till-" in done.output, done.output
    assert ": budget shop/till (minAvailable 1) lets no pod go." in done.output
    assert "oc -n shop get pdb till" in done.output
    assert "is not drained" not in later.output


def test_nodes_that_never_get_kata_end_the_run_before_anything_changes(stack: Stack) -> None:
    _configure(stack, allowReboot=True)
    stack.api("POST", POOLS, INFRA)
    _label(stack, WORKERS[2], **{f"{ROLE}__infra": ""})
    _label(stack, "master-0", **{f"{ROLE}__worker": ""})
    stack.wait_for(lambda: (stack.get(f"{POOLS}/infra") or {}).get("status", {}).get("machineCount") == 1)
    mark = stack.mark()
    done = stack.up(check=False)

    assert done.code != 0
    master, custom = (each for each in rows(done.output) if each.check == "nodes")
    assert master.found == "master-0 of the control plane with role worker (mastersSchedulable)"
    assert f"{WORKERS[2]} in machine config pool infra" in custom.found
    assert f"oc label node {WORKERS[0]} {WORKERS[1]} kata=true" in custom.fix
    assert stack.requests(mark) == []


def test_a_hosted_control_plane_is_told_at_preview_with_what_would_have_to_be_there(stack: Stack) -> None:
    path = "/apis/config.openshift.io/v1/infrastructures/cluster"
    stack.api("PATCH", f"{path}/status", {"status": {"controlPlaneTopology": "External"}}, MERGE)
    done = stack.run("preview", "--stack", stack.name, check=False)
    stack.api("PATCH", f"{path}/status", {"status": {"controlPlaneTopology": "HighlyAvailable"}}, MERGE)

    assert done.code != 0
    result = row(done.output, "machine-config")
    assert "controlPlaneTopology External" in result.found
    assert "deploymentMode DaemonSetFallback" in result.found


def test_by_the_advice_of_the_table_the_roll_out_goes_through_beside_a_windows_worker(stack: Stack) -> None:
    stack.api("POST", NODES, WINDOWS)
    for name in WORKERS[:2]:
        _label(stack, name, kata="true")
    _label(stack, "win-1", kata="true")
    _configure(stack, allowReboot=True, poolSelector={"matchLabels": {"kata": "true"}})
    done = stack.up()

    assert "Windows workers are left out: win-1" in done.output
    assert f"Reboot as kata is installed: {', '.join(WORKERS[:2])} (2)" in done.output
    assert _kata_nodes(stack)["installed"] == WORKERS[:2]
    assert _kata_nodes(stack)["nodeCount"] == 2
    labels = (stack.get(f"{NODES}/win-1") or {})["metadata"]["labels"]
    assert f"{ROLE}/kata-oc" not in labels
    stack.up("--expect-no-changes")
