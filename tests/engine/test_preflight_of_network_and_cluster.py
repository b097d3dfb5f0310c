"""The pre-flight on a cluster: rules that nobody can decide, a route to nowhere, and what is broken about the cluster.

Previews only: nothing is ever installed here. Azure is described anew, or the cluster is changed and put back.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.harness import Done, Stack
from tests.engine.other_azure import described
from tests.unit.preflight_tables import row, rows

pytestmark = pytest.mark.engine
MERGE = "application/merge-patch+json"
NSG, VNET, WORKERS = "rehearsal-x7k2p-nsg", "rehearsal-x7k2p-vnet", "rehearsal-x7k2p-worker-subnet"
NAMESPACE = "openshift-sandboxed-containers-operator"


def _preview(stack: Stack, folder: Path, changes: Mapping[str, Any]) -> Done:
    path = folder / "azure.yaml"
    path.write_text(yaml.safe_dump({"extends": "ipi", **changes}), encoding="utf-8")
    with described(stack, str(path), folder):
        return stack.run("preview", "--stack", stack.name, check=False)


def _subnet(**changes: Any) -> dict[str, Any]:
    return {"virtualNetworks": [{"name": VNET, "subnets": [{"name": WORKERS, **changes}]}]}


def _rules(*rules: Mapping[str, Any]) -> dict[str, Any]:
    usual = {"direction": "Inbound", "access": "Deny"}
    return {"networkSecurityGroups": [{"name": NSG, "rules": [{**usual, **each} for each in rules]}]}


def test_rules_that_nobody_can_decide_end_no_run(stack: Stack, tmp_path: Path) -> None:
    group = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationSecurityGroups/a"
    done = _preview(stack, tmp_path, _rules({"name": "a", "priority": 300, "protocol": "Udp", "sourceGroups": [group]}))

    assert done.code == 0, done.output
    result = rows(done.output)
    assert {each.check for each in result} == {"nsg-rules (warning)"}
    assert all("does not say for sure" in each.found for each in result)
    # Each row's rule has a priority of its own.
    priorities = re.findall(r"--priority (\d+)", " ".join(each.fix for each in result))
    assert sorted(priorities, reverse=True) == [str(299 - number) for number in range(len(priorities))] != []


def test_a_default_route_that_leads_nowhere_is_no_way_out(stack: Stack, tmp_path: Path) -> None:
    routes = [{"name": "default", "addressPrefix": "0.0.0.0/0", "nextHopType": "None"}]
    table = {"name": "table", "resourceGroup": "rehearsal-x7k2p-rg", "routes": routes}
    done = _preview(stack, tmp_path, {**_subnet(routeTable="table"), "routeTables": [table]})

    assert done.code != 0
    assert "route table table of subnet" in row(done.output, "outbound").found


@contextmanager
def _changed(stack: Stack, path: str, change: Mapping[str, Any]) -> Iterator[None]:
    """Change an object of the cluster for a while, by a merge patch."""
    before = stack.get(path.removesuffix("/status"))
    stack.api("PATCH", path, change, MERGE)
    try:
        yield
    finally:
        stack.api("PATCH", path, {key: before[key] for key in change}, MERGE)


def test_an_old_cluster_with_a_catalog_that_does_not_answer_is_told(stack: Stack) -> None:
    version = "/apis/config.openshift.io/v1/clusterversions/version"
    catalog = "/apis/operators.coreos.com/v1alpha1/namespaces/openshift-marketplace/catalogsources/redhat-operators"
    old = {"status": {"history": [{"state": "Completed", "version": "4.14.30"}]}}
    broken = {"status": {"connectionState": {"lastObservedState": "TRANSIENT_FAILURE"}}}
    with _changed(stack, f"{version}/status", old), _changed(stack, f"{catalog}/status", broken):
        done = stack.run("preview", "--stack", stack.name, check=False)

    assert done.code != 0
    assert row(done.output, "cluster-version").found == "OpenShift 4.14.30"
    assert "TRANSIENT_FAILURE" in row(done.output, "catalog").found
    assert "the pre-flight found 2 problems (cluster-version, catalog)" in done.output


def test_credentials_that_nobody_makes_and_blank_ones_are_told(stack: Stack) -> None:
    mode = "/apis/operator.openshift.io/v1/cloudcredentials/cluster"
    with _changed(stack, mode, {"spec": {"credentialsMode": "Manual"}}):
        manual = stack.run("preview", "--stack", stack.name, check=False)
    stack.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    keys = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID")
    data = {**dict.fromkeys(keys, base64.b64encode(b"value").decode()), "AZURE_CLIENT_SECRET": ""}
    secrets = f"/api/v1/namespaces/{NAMESPACE}/secrets"
    stack.api("POST", secrets, {"metadata": {"name": "peer-pods-secret"}, "data": data})
    blank = stack.run("preview", "--stack", stack.name, check=False)
    stack.api("DELETE", f"{secrets}/peer-pods-secret")

    assert (manual.code != 0, blank.code != 0) == (True, True)
    assert "manual mode" in row(manual.output, "credentials").found
    result = row(blank.output, "credentials")
    assert result.found.endswith("AZURE_CLIENT_SECRET is blank")
    assert "azure.credentials.servicePrincipal.clientSecret" in result.fix
