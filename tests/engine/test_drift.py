"""``./coco-azure drift`` on a real engine: what it finds, what it leaves alone, and that it changes nothing.

The tests of a provider share a cluster and go on from each other's state, in their order; each ends without drift.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from rehearsal.azure.subscription import COPY
from rehearsal.cluster import CHECKOUT
from tests.engine.harness import Stack
from tests.engine.trustee import attested

pytestmark = pytest.mark.engine

TRUSTEE = "/api/v1/namespaces/trustee-operator-system"
PEER_PODS = "/api/v1/namespaces/openshift-sandboxed-containers-operator"
KBS_CONFIG = "/apis/confidentialcontainers.org/v1alpha1/namespaces/trustee-operator-system/kbsconfigs/kbsconfig"
KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
MERGE = "application/merge-patch+json"
FORCED = {"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}


def _drift(stack: Stack, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    options = ["--stack", stack.name, "--config-file", str(stack._config), *arguments]
    return subprocess.run(
        [sys.executable, "-m", "coco_azure", "drift", *options],
        cwd=CHECKOUT,
        env={**stack._prepared.environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _report(stack: Stack, **variables: str) -> Any:
    return json.loads(_drift(stack, "--json", **variables).stdout)


def _edit(stack: Stack, path: str, body: Mapping[str, Any], manager: str = "kubectl-edit") -> None:
    stack.api("PATCH", f"{path}?fieldManager={manager}", body, MERGE)


def _differences(report: Any) -> dict[tuple[str, str], Any]:
    return {(differences["resource"], differences["field"]): differences for differences in report["findings"]}


def _put_back(stack: Stack) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FORCED.items():
            patch.setenv(name, value)
        stack.up("--refresh")


def test_after_up_there_is_no_drift(installed: Stack) -> None:
    assert attested(installed)
    done = _drift(installed)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("no drift of stack rehearsal\n")


def test_a_refresh_makes_nothing_that_is_only_read_a_drift(installed: Stack) -> None:
    installed.run("refresh", "--yes", "--skip-preview", "--stack", installed.name)
    done = _drift(installed)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Infrastructure" not in done.stdout
    assert "Ingress" not in done.stdout


def test_what_the_operators_own_is_no_drift(installed: Stack) -> None:
    _edit(installed, f"{PEER_PODS}/configmaps/peer-pods-cm", {"data": {"AZURE_IMAGE_ID": "/another", "OTHER": "x"}})
    annotations = {"metadata": {"annotations": {"LATEST_IMAGE_ID": "/another"}}}
    _edit(installed, f"{PEER_PODS}/configmaps/peer-pods-cm", annotations, "manager")
    _edit(installed, f"{PEER_PODS}/configmaps/peer-pods-cm", {"data": {"DISABLECVM": "true"}}, "manager")
    report = _report(installed)

    assert report["code"] == 0, report
    assert report["findings"] == []


def test_each_change_is_told_with_who_made_it_and_what_would_be_done(installed: Stack) -> None:
    _edit(installed, f"{TRUSTEE}/configmaps/rvps-reference-values", {"data": {"more": "[]"}}, "Mozilla")
    _edit(installed, f"{TRUSTEE}/secrets/kbsres1", {"data": {"key1": base64.b64encode(b"stolen").decode()}})
    _edit(installed, f"{PEER_PODS}/configmaps/peer-pods-cm", {"data": {"VXLAN_PORT": "9999"}})
    _edit(installed, KBS_CONFIG, {"spec": {"kbsServiceType": "NodePort"}})
    installed.api("DELETE", f"{TRUSTEE}/configmaps/attestation-policy")
    mark = installed.mark()
    done = _drift(installed, "--json")
    report = json.loads(done.stdout)
    differences = _differences(report)

    assert done.returncode == 2
    assert set(differences) == {
        ("trustee-content-rvps-reference-values", "data.more"),
        ("trustee-content-kbsres1", "data.key1"),
        ("peer-pods-cm", "data.VXLAN_PORT"),
        ("trustee-kbsconfig", "spec.kbsServiceType"),
        ("trustee-content-attestation-policy", ""),
    }
    port = differences["peer-pods-cm", "data.VXLAN_PORT"]
    assert (port["stack"], port["actual"], port["operation"]) == ("9000", "9999", "update")
    assert port["owner"]["manager"] == "kubectl-edit"
    assert differences["trustee-content-rvps-reference-values", "data.more"]["what"] == "added"
    assert differences["trustee-content-rvps-reference-values", "data.more"]["owner"]["manager"] == "Mozilla"
    assert differences["trustee-content-attestation-policy", ""]["what"] == "missing"
    assert differences["trustee-content-attestation-policy", ""]["operation"] == "create"
    assert not report["reboots"]
    assert "stolen" not in done.stdout
    assert installed.requests(mark) == []


def test_it_changes_nothing_in_the_state(installed: Stack) -> None:
    before = installed.state()
    _drift(installed)

    assert installed.state() == before


def test_what_it_says_puts_it_back(installed: Stack) -> None:
    output = _drift(installed).stdout
    assert "`PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up --refresh` would:" in output
    assert "oc -n trustee-operator-system delete pods -l app=kbs" in output
    _put_back(installed)
    for path, pointer in (
        (f"{TRUSTEE}/configmaps/rvps-reference-values", "/data/more"),
        (KBS_CONFIG, "/spec/kbsServiceType"),
    ):
        field = pointer.split("/")
        if field[2] in installed.get(path)[field[1]]:
            assert f'"path":"{pointer}"' in output, "the command that takes it out"
            installed.api("PATCH", path, [{"op": "remove", "path": pointer}], "application/json-patch+json")

    assert _report(installed)["findings"] == []
    assert attested(installed)


def test_a_changed_kataconfig_is_told_with_the_nodes_that_putting_it_back_reboots(installed: Stack) -> None:
    _edit(installed, KATA_CONFIG, {"spec": {"logLevel": "debug"}})
    done = _drift(installed)

    assert done.returncode == 2
    assert "spec.logLevel changed" in done.stdout
    assert "replace KataConfig example-kataconfig: reboots nodes: worker-" in done.stdout
    assert "NODES REBOOT" in done.stdout
    _edit(installed, KATA_CONFIG, {"spec": {"logLevel": "info"}})
    assert _report(installed)["code"] == 0


def test_settings_that_are_not_deployed_yet_are_no_drift(installed: Stack) -> None:
    installed.configure({"peerPods": {"tags": {"key3": "value3"}}})
    report = _report(installed)
    installed.configure({})

    assert report["code"] == 0
    assert "coco-azure:peerPods" in report["ahead"][0]
    assert any("peer-pods-cm" in line for line in report["ahead"])


@contextmanager
def _azure(stack: Stack, *changes: tuple[str, str]) -> Iterator[None]:
    """Have somebody change Azure meanwhile: the description that the rehearsal's Azure reads."""
    path = stack.cluster.directory / COPY
    before = text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    assert yaml.safe_load(text)
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


def test_a_subnet_that_lost_its_nat_gateway_is_drift_in_azure(installed: Stack) -> None:
    prefix, nat = "addressPrefix: 10.0.128.0/17,", "natGateway: rehearsal-x7k2p-nat,"
    whole = f"{prefix} networkSecurityGroup: rehearsal-x7k2p-nsg,\n         {nat}"
    with _azure(installed, (whole, prefix)):
        report = _report(installed)

    assert report["code"] == 2
    differences = _differences(report)
    assert set(differences) == {("network", "subnet.natGateway"), ("network", "subnet.networkSecurityGroup")}
    nat = differences["network", "subnet.natGateway"]
    assert (nat["side"], nat["actual"]) == ("azure", "nothing")
    assert nat["stack"].endswith("natGateways/rehearsal-x7k2p-nat")


def test_a_subnet_that_is_gone_is_drift_although_the_program_cannot_run(installed: Stack) -> None:
    with _azure(installed, ("name: rehearsal-x7k2p-worker-subnet", "name: another")):
        done = _drift(installed)

    assert done.returncode == 2
    assert "azure: Subnet" in done.stdout
    assert "there: VNet rehearsal-x7k2p-vnet has no subnet rehearsal-x7k2p-worker-subnet" in done.stdout
    assert "what `pulumi up` would do is not known" in done.stdout


def test_a_csv_that_is_not_the_deployed_one_is_drift(installed: Stack) -> None:
    csv = "/apis/operators.coreos.com/v1alpha1/namespaces/trustee-operator-system/clusterserviceversions"
    name = installed.get(csv)["items"][0]["metadata"]["name"]
    installed.api("DELETE", f"{csv}/{name}")
    installed.wait_for(lambda: not installed.get(csv)["items"])
    differences = installed.wait_for(lambda: _differences(_report(installed)))

    gate = differences["trustee-operator-installed", "ClusterServiceVersion"]
    assert (gate["stack"], gate["actual"]) == (name, "none")


def test_a_stack_that_is_not_there_cannot_be_told(installed: Stack) -> None:
    done = _drift(installed, "--stack", "none-such")

    assert done.returncode == 1
    assert "cannot tell:" in done.stdout
    assert "none-such" in done.stdout
