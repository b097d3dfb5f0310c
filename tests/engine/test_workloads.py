"""From a plain manifest to an attested pod with a secret that somebody else made, held to its initdata.

The tests share a cluster and go on from each other's state, in their order.
"""

import base64
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from coco_azure import names
from coco_azure.cli import CommandContext, main
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.formats import one_line
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.trust import denials
from rehearsal.kinds import EXTERNAL_SECRET
from rehearsal.operators import external_secrets, faults
from rehearsal.rest import ApiError
from tests.engine import pods
from tests.engine.conftest import start
from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

SHOP = "shop"
FIRST, SECOND = "correct horse battery", "a password that came later"
MANIFEST = f"""\
# The shop, as its team has it.
apiVersion: v1
kind: Pod
metadata: {{name: shop, namespace: {SHOP}}}
spec:
  containers:
    - name: app
      image: {pods.SIGNED}
      env:
        - {{name: HOME, value: /tmp}}
        - {{name: PASSWORD, valueFrom: {{secretKeyRef: {{name: db, key: password}}}}}}
"""
VAULT = f"/api/v1/namespaces/{faults.NAMESPACE}/configmaps"
KBS = names.path(names.DEPLOYMENTS, names.KBS_DEPLOYMENT, namespace=names.TRUSTEE_NAMESPACE)
SECRET = names.path(names.SECRETS, "db", namespace=names.TRUSTEE_NAMESPACE)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A cluster of the newest versions, with the namespaces that others make."""
    variables = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for stack in start(tmp_path_factory.mktemp("workloads"), tools, variables):
        for name in (SHOP, names.TRUSTEE_NAMESPACE):
            pods.namespace(stack, name)
        stack.configure(
            {
                "clientSecrets": {"db": {"existing": {"keys": ["password"]}}},
                "initdata": {
                    "workloads": {SHOP: {"allowedImages": [pods.SIGNED], "secrets": ["db"], "namespaces": [SHOP]}},
                    "admission": "refuse",
                },
                "trustee": {"operator": {"createNamespace": False}},
                "attestationCheck": {"negative": True},
            }
        )
        yield stack


@pytest.fixture(scope="module")
def stack(cluster: Stack) -> Stack:
    _keep(cluster, FIRST)
    reference = {"secretKey": "password", "remoteRef": {"key": "shop/db", "property": "password"}}
    content = {"metadata": {"name": "db"}, "spec": {"data": [reference]}}
    path = EXTERNAL_SECRET.path(names.TRUSTEE_NAMESPACE)
    head = {"apiVersion": EXTERNAL_SECRET.api_version, "kind": EXTERNAL_SECRET.name}
    cluster.api("POST", path, {**head, **content})
    cluster.wait_for(lambda: cluster.get(SECRET))
    cluster.up()
    return cluster


@pytest.fixture(scope="module")
def prepared(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """The terms as the team finds them in its namespace, and the objects of the manifest that is made with them."""
    folder = tmp_path_factory.mktemp("team")
    terms, plain, made = folder / "terms.json", folder / "plain.yaml", folder / "shop.yaml"
    published = stack.get(names.path(names.CONFIG_MAPS, names.WORKLOADS_CM, namespace=SHOP))
    terms.write_text(json.dumps({"kind": "ConfigMap", **published}))
    plain.write_text(MANIFEST)
    assert main(["workload", "prepare", str(plain), "--from", str(terms), "--output", str(made)]) == 0
    assert main(["workload", "check", str(made), "--from", str(terms)]) == 0
    return terms, list(yaml.safe_load_all(made.read_text()))


def _keep(stack: Stack, password: str) -> None:
    """Have the vault keep a password."""
    data = {"shop.db": json.dumps({"password": password})}
    if stack.get(f"{VAULT}/{external_secrets.VAULT}") is None:
        stack.api("POST", VAULT, {"metadata": {"name": external_secrets.VAULT}, "data": data})
    else:
        stack.api("PATCH", f"{VAULT}/{external_secrets.VAULT}", {"data": data}, "application/merge-patch+json")


def test_without_the_secret_of_others_nothing_is_changed(cluster: Stack) -> None:
    mark = cluster.mark()
    done = cluster.up(check=False)

    assert done.code != 0
    assert "there is no Secret db in namespace trustee-operator-system" in done.output
    assert cluster.requests(mark) == []


def test_what_must_be_denied_was_tried_and_the_proof_lists_it(stack: Stack) -> None:
    record = stack.get(names.path(names.CONFIG_MAPS, names.DENIALS, namespace=names.CHECK_NAMESPACE))
    proof = one_line.read(stack.outputs()["proof"])
    made = [each.name for each in stack.requests() if (each.verb, each.kind) == ("create", "pods")]

    assert record["data"]["denied"].splitlines() == list(denials.TRIED)
    assert {"denial-initdata", "denial-image", "denial-exec"} <= set(made)
    assert [(each["name"], each["outcome"]) for each in proof["checks"]] == [
        (f"{tried} is denied", "passed") for tried in denials.TRIED
    ]
    assert all(any(f"denied, as it must be: {tried}" in text for text in stack.log) for tried in denials.TRIED)
    path = names.path(names.PODS, "denial-image", namespace=names.CHECK_NAMESPACE)
    stack.wait_for(lambda: stack.get(path) is None)


def test_a_command_that_runs_in_a_pod_and_one_without_a_pod_are_no_denial(stack: Stack) -> None:
    client = ClusterClient(ClusterSettings(kubeconfig=str(stack.cluster.kubeconfig)))
    (kbs,) = client.items(names.path(names.PODS, namespace=names.TRUSTEE_NAMESPACE), labels="app=kbs")
    path = names.path(names.PODS, namespace=names.TRUSTEE_NAMESPACE)

    let_in = client.exec(f"{path}/{kbs['metadata']['name']}", kbs["spec"]["containers"][0]["name"], denials.COMMAND)
    nowhere = client.exec(f"{path}/nowhere", "kbs", denials.COMMAND)

    assert let_in.result == "ran", let_in
    assert (nowhere.result, nowhere.message) == ("refused", 'pods "nowhere" not found (404 Not Found)')


def test_a_peer_pod_without_its_initdata_is_refused_and_a_prepared_one_gets_its_secret(
    stack: Stack, prepared: tuple[Path, list[Any]]
) -> None:
    pod, secret = prepared[1]
    stack.api("POST", names.path(names.SECRETS, namespace=SHOP), secret)
    plain = {**pods.plain(), "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}}
    (key,) = pod["metadata"]["annotations"]
    old = {**plain, "metadata": {"name": "old", "annotations": {key: "b2xk"}}}

    refusals = []
    for each in (plain, old):
        with pytest.raises(ApiError) as refused:
            stack.api("POST", names.path(names.PODS, namespace=SHOP), each)
        refusals.append(str(refused.value))
    ordinary = {**plain, "spec": {"containers": [{"name": "app", "image": pods.SIGNED}]}}
    stack.api("POST", names.path(names.PODS, namespace=SHOP), ordinary)
    done = pods.run(stack, SHOP, {"shop": pod})

    assert f"peer pods without annotation {key}" in refusals[0]
    assert "neither the current nor the previous initdata" in refusals[1]
    assert done == {"shop": "runs"}
    assert any(text.endswith("KBS released what is sealed in PASSWORD") for text in pods.events(stack, SHOP))


def test_status_says_that_the_secret_arrived(
    stack: Stack, prepared: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    terms, (pod, _) = prepared
    path = names.path(names.PODS, "watched", namespace=SHOP)
    metadata = {**pod["metadata"], "name": "watched"}
    stack.api("POST", path.rpartition("/")[0], {**pod, "metadata": metadata})
    stack.wait_for(lambda: stack.get(path).get("status", {}).get("phase") == "Running")
    monkeypatch.setenv("KUBECONFIG", str(stack.cluster.kubeconfig))

    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main(["workload", "status", "--from", str(terms), "--namespace", SHOP, "--json"], CommandContext())

    (state,) = json.loads(printed.getvalue())["pods"]
    assert (code, state["outcome"], state["initdata"]) == (0, "attested", "current")
    assert state["vm"].startswith("podvm-watched-")
    assert state["secrets"]["default/db/password"].startswith("given at ")
    stack.api("DELETE", path)
    stack.wait_for(lambda: stack.get(path) is None)


def test_its_value_is_nowhere_in_what_the_engine_keeps(stack: Stack) -> None:
    encoded = base64.b64encode(FIRST.encode()).decode()
    kept = [*stack.files().values(), *map(str, stack.shown_secrets()), *stack.log]

    assert not any(value in text for text in kept for value in (FIRST, encoded))


def test_another_value_rolls_kbs_out_and_an_unchanged_one_changes_nothing(stack: Stack) -> None:
    stack.up("--expect-no-changes")
    before = stack.get(KBS)["metadata"]["generation"]
    _keep(stack, SECOND)
    wanted = base64.b64encode(SECOND.encode()).decode()
    stack.wait_for(lambda: stack.get(SECRET)["data"]["password"] == wanted)
    stack.up()

    assert stack.get(KBS)["metadata"]["generation"] > before
    asking = pods.asking(stack, "default/db/password", SECOND, pods.SIGNED)
    ((key, value),) = stack.outputs()["workloadInitdata"][SHOP].items()
    asking["metadata"] = {"annotations": {key: value}}
    done = pods.run(stack, SHOP, {"asking": asking})
    assert done["asking"].startswith("succeeded"), done
