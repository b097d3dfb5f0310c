"""Trustee away from the pods: on another cluster of the same stack, and in a stack of its own that another one names.

Both clusters are one rehearsal cluster here, the trusted one through a kubeconfig of its own: the Routes of one
rehearsal cannot be reached from another. The tests share it and go on from each other's state, in their order.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.engine import pods, trustee
from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

HUB = "organization/coco-azure/hub"
SHOP, PASSWORD = "shop", "correct horse battery"
SECRETS = {"kbsres1": {"key1": {"generate": True}}, "db": {"password": PASSWORD}}
NOBODY = "this Trustee accepts no initdata yet, so it denies every pod"
DEMONSTRATION = "Trustee runs on the cluster of the pods that it judges"
VARIABLES = {"COCO_REHEARSAL_OSC": "1.11", "COCO_REHEARSAL_TRUSTEE": "1.0"}


@pytest.fixture(scope="module")
def hub(stack: Stack) -> Stack:
    """A stack with Trustee alone, not deployed yet."""
    return stack.beside("hub")


def _hub_config(serves: dict[str, list[str]] | None = None) -> dict[str, Any]:
    values = {"tls": {"termination": "passthrough"}, "referenceValues": {"alsoServe": serves or {}}}
    return {"peerPods": {"enabled": False}, "clientSecrets": SECRETS, "trustee": values}


def _spoke_config(**more: Any) -> dict[str, Any]:
    sealed = {SHOP: {"db": {"password": "default/db/password"}}}
    return {"trustee": {"stack": HUB}, "sealedSecrets": sealed, "initdata": {"secrets": ["db"]}, **more}


def _complaint(stack: Stack, config: dict[str, Any]) -> str:
    """Return what a preview complains of, on one line."""
    mark = stack.mark()
    stack.configure(config)
    done = stack.run("preview", "--stack", stack.name, check=False)
    assert done.code != 0, done.output
    assert stack.requests(mark) == []
    return " ".join(done.output.split())


def test_trustee_on_another_cluster_of_the_same_stack_attests_the_pods(stack: Stack, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted"
    shutil.copy(stack.cluster.kubeconfig, trusted)
    stack.configure({"trustee": {"cluster": {"kubeconfig": str(trusted), "identifier": "trusted"}}})
    result = stack.up().output

    assert stack.outputs()["attested"] is True
    assert DEMONSTRATION not in result
    assert stack.outputs()["proof"]["ownCluster"] is True
    used: dict[str, set[str]] = {}
    for each in stack.state():
        name, provider = each["urn"].rsplit("::", 1)[-1], each.get("provider", "")
        if each["type"].startswith("kubernetes:"):
            used.setdefault(provider.rsplit("::", 2)[-2], set()).add(name)
    values = {name for name in used["trustee-cluster"] if not name.startswith("versions-")}
    assert {"trustee-route", "trustee-kbsconfig", "trustee-content-kbsres1", "trustee-facts-ingress"} <= values
    assert {name for name in values if not name.startswith("trustee-")} == set()
    results = {name for name in used["cluster"] if not name.startswith("versions-")}
    assert {"peer-pods-cm", "peer-pods-kataconfig", "facts-ingress", "check-job"} <= results
    assert {name for name in results if name.startswith("trustee-")} == set()
    stack.destroy()


def test_a_stack_that_there_is_not_and_one_without_outputs_are_errors(stack: Stack, hub: Stack) -> None:
    pods.namespace(stack, SHOP)

    assert "unknown stack" in _complaint(stack, {"trustee": {"stack": "organization/coco-azure/nowhere"}})
    result = _complaint(stack, _spoke_config())
    assert f"trustee.stack is {HUB}, which has no output" in result
    assert f"pulumi up --stack {HUB}" in result
    assert hub.outputs() == {}


def test_a_trustee_for_production_starts_before_its_pods_are_known_and_denies_everybody(hub: Stack) -> None:
    hub.configure(_hub_config())
    hub.up()

    outputs = hub.outputs()
    assert any(NOBODY in text for text in outputs["proof"]["warnings"])
    assert "attested" not in outputs


def test_the_preview_of_the_pods_tells_what_has_to_be_accepted_and_then_they_are_attested(
    stack: Stack, hub: Stack
) -> None:
    result = _complaint(stack, _spoke_config())
    setting = r"coco-azure:trustee\.referenceValues\.alsoServe\.([0-9a-f]{64})\[0\]"
    # The engine prints the message twice.
    items = list(dict.fromkeys(re.findall(rf"pulumi config set --stack {HUB} --path '{setting}' ([a-z/-]+);", result)))
    assert [secret for _, secret in items] == ["db", "attestation-check/value"], result

    hub.configure(_hub_config({pcr8: [secret] for pcr8, secret in items}))
    hub.up()
    assert not any(NOBODY in text for text in hub.outputs()["proof"]["warnings"])
    stack.configure(_spoke_config())
    stack.up()

    outputs = stack.outputs()
    assert outputs["attested"] is True
    (of_pods, _), (of_check, _) = items
    assert outputs["initdataPcr8"] == {"global": of_pods, "attestation-check": of_check}
    assert outputs["trusteeUrl"] == hub.outputs()["trusteeUrl"]
    assert not any("trustee-operator" in each["urn"] for each in stack.state() if each.get("custom"))


def test_a_sealed_secret_is_signed_for_the_trustee_of_the_other_stack(stack: Stack) -> None:
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    done = pods.run(stack, SHOP, {"shop": pods.plain(env=[{"name": "DB", "valueFrom": reference}])})

    assert done["shop"] == "runs", done
    assert [text for text in pods.events(stack, SHOP) if text.endswith("KBS released what is sealed in DB")]


def test_a_trustee_whose_cluster_is_lost_serves_the_same_pods_from_another_one_with_the_same_keys(
    stack: Stack, hub: Stack, tmp_path: Path
) -> None:
    lost, another = tmp_path / "lost", tmp_path / "another"
    for path in (lost, another):
        shutil.copy(stack.cluster.kubeconfig, path)
    measured = stack.outputs()["initdataPcr8"]
    accepted = {measured["global"]: ["db"], measured["attestation-check"]: ["attestation-check/value"]}
    config = _hub_config(accepted)
    hub.configure({**config, "cluster": {"kubeconfig": str(lost)}})
    hub.up()
    keys, backup = trustee.secret(hub, "kbs-auth-public-key"), tmp_path / "state.json"
    hub.run("stack", "export", "--stack", hub.name, "--file", str(backup))
    hub.destroy()
    assert trustee.config_maps(hub) == {}
    lost.write_text(re.sub("server: .*", "server: https://127.0.0.1:1", lost.read_text()))

    hub.run("stack", "import", "--stack", hub.name, "--file", str(backup))
    hub.configure({**config, "cluster": {"kubeconfig": str(another)}})
    hub.up("--refresh", "--run-program")
    stack.configure(_spoke_config())

    assert trustee.secret(hub, "kbs-auth-public-key") == keys
    assert stack.preview() == []
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    done = pods.run(stack, SHOP, {"again": pods.plain(env=[{"name": "DB", "valueFrom": reference}])})
    assert done["again"] == "runs", done


def test_the_trustee_can_be_destroyed_while_the_pods_still_name_it(stack: Stack, hub: Stack) -> None:
    hub.destroy()

    assert "which has no output" in _complaint(stack, _spoke_config())
