"""What KBS serves beside the secret of the check: sealed secrets, credentials, keys, files; and when it restarts.

The tests share a cluster and go on from each other's state, in their order.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coco_azure.formats import initdata
from coco_azure.formats.kbs import sealed_secrets
from tests.engine import pods
from tests.engine.conftest import start
from tests.engine.harness import Stack, names

pytestmark = pytest.mark.engine

SHOP, KEYS = "shop", "rehearsal/kubelet/registry-keys"
PASSWORD, TOKEN = "correct horse battery", "a token that came later"
FILES = {"tls.crt": b"certificate\n", "tls.key": b"\x00\xffkey"}
LOGIN = {"username": "robot", "password": "rehearsal"}
KBS_PATH = "/apis/apps/v1/namespaces/trustee-operator-system/deployments/trustee-deployment"
CAA_PATH = "/apis/apps/v1/namespaces/openshift-sandboxed-containers-operator/daemonsets/osc-caa-ds"
SIGNATURES = [
    {
        "publicKeyFile": f"{KEYS}/cosign.pub",
        "images": ["registry.access.redhat.com/ubi9", "quay.io/rehearsal/app", "private.example.com/team"],
    },
    {"publicKeyFile": "tests/unit/keys/cosign.pub", "key": "key-2", "images": ["quay.io/rehearsal/moved"]},
    {
        "type": "signedBy",
        "publicKeyFile": f"{KEYS}/release.asc",
        "secret": "gpg-sig",
        "images": ["quay.io/rehearsal/gpg"],
        "signatureStore": "file:///usr/share/rehearsal/sigstore",
    },
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def config(files: Path) -> dict[str, Any]:
    return {
        "clientSecrets": {
            "kbsres1": {"key1": {"generate": True}},
            "db": {"password": PASSWORD},
            "web": {"glob": f"{files}/tls.*"},
        },
        "sealedSecrets": {SHOP: {"db": {"password": "default/db/password"}}},
        "initdata": {
            "secrets": ["kbsres1", "db", "web"],
            "workloads": {SHOP: {"allowedImages": ["quay.io/rehearsal/app"], "secrets": ["db"]}},
        },
        "trustee": {
            "imageSignature": SIGNATURES,
            "acceptedImages": ["quay.io/rehearsal/unsigned"],
            # For another registry: initdata says where credentials are, and there are none for the private one yet.
            "registryCredentials": {"registries": {"quay.io": LOGIN}},
        },
    }


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path], config: dict[str, Any]) -> Iterator[Stack]:
    """A cluster of the newest versions, with the stack on it."""
    variables = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for stack in start(tmp_path_factory.mktemp("features"), tools, variables):
        pods.namespace(stack, SHOP)
        stack.configure(config)
        stack.up()
        yield stack


def _with(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with what comes later: credentials and one more secret."""
    secrets = {**config["clientSecrets"], "later": {"token": TOKEN}}
    trustee = {**config["trustee"], "registryCredentials": {"registries": {"private.example.com": LOGIN}}}
    initdata = {**config["initdata"], "secrets": [*config["initdata"]["secrets"], "later"]}
    return {**config, "clientSecrets": secrets, "initdata": initdata, "trustee": trustee}


def test_a_pod_of_a_workload_has_its_sealed_secret_as_a_plain_variable(stack: Stack) -> None:
    # The script's salt is the sealed value: only with the right one does the hash come out as expected.
    pod = pods.asking(stack, "default/web/tls.crt", FILES["tls.crt"])
    env = pod["spec"]["containers"][0]["env"]
    digest = hashlib.sha256(PASSWORD.encode() + FILES["tls.crt"]).hexdigest()
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    env[1:] = [{"name": "SALT", "valueFrom": reference}, {"name": "EXPECTED_SHA256", "value": digest}]

    done = pods.run(stack, SHOP, {"sealed": pod, "plain": pods.plain(env=[{"name": "DB", "valueFrom": reference}])})

    assert done["sealed"].startswith("succeeded"), done
    assert done["plain"] == "runs"
    events = pods.events(stack, SHOP)
    assert any(text.endswith("KBS released what is sealed in DB") for text in events)
    assert any(text.endswith("KBS released what is sealed in SALT") for text in events)


def test_nothing_of_the_value_is_in_the_namespace_of_the_workload(stack: Stack) -> None:
    kinds = ("secrets", "configmaps", "events", "pods")
    text = json.dumps([stack.get(f"/api/v1/namespaces/{SHOP}/{kind}") for kind in kinds])

    assert PASSWORD not in text
    assert base64.b64encode(PASSWORD.encode()).decode() not in text


def test_the_sealed_secret_is_signed_with_the_key_whose_public_half_kbs_serves(stack: Stack) -> None:
    def data(where: str, name: str, key: str) -> str:
        result = stack.get(f"/api/v1/namespaces/{where}/secrets/{name}")["data"][key]
        return base64.b64decode(result).decode()

    jwk = data("trustee-operator-system", "sealed-secret-key", "jwk")
    assert "d" not in json.loads(jwk)
    assert sealed_secrets.unseal(data(SHOP, "db", "password"), jwk) == "kbs:///default/db/password"


def test_each_repository_is_held_to_its_own_key(stack: Stack) -> None:
    images = {
        "app": "quay.io/rehearsal/app:1.0",
        "gpg": "quay.io/rehearsal/gpg:1.0",
        "accepted": "quay.io/rehearsal/unsigned:1.0",
        "other-key": "quay.io/rehearsal/moved:1.0",
        "unnamed": "quay.io/elsewhere/app:1.0",
        "private": "private.example.com/team/app:1.0",
    }
    done = pods.run(stack, SHOP, {name: pods.plain(image) for name, image in images.items()})

    assert [done[name] for name in ("app", "gpg", "accepted")] == ["runs"] * 3, done
    assert "none of its signatures is of the key" in done["other-key"]
    assert done["unnamed"].startswith("refused")
    assert "401 Unauthorized" in done["private"]


def test_a_workload_attests_itself_with_its_own_initdata_and_not_with_a_changed_one(stack: Stack) -> None:
    ((annotation, encoded),) = stack.outputs()["workloadInitdata"][SHOP].items()
    good = pods.asking(stack, "default/db/password", PASSWORD, "quay.io/rehearsal/app:1.0")
    good["metadata"] = {"annotations": {annotation: encoded}}
    changed = {**good, "metadata": {"annotations": {annotation: initdata.commented(encoded)}}}
    other = pods.asking(stack, "default/db/password", PASSWORD)
    other["metadata"] = good["metadata"]
    reaching = pods.asking(stack, "default/web/tls.crt", FILES["tls.crt"], "quay.io/rehearsal/app:1.0")
    reaching["metadata"] = good["metadata"]

    tried = {"good": good, "changed": changed, "other-image": other, "reaching": reaching}
    done = pods.run(stack, SHOP, tried)

    assert done["good"].startswith("succeeded"), done
    assert done["changed"].startswith("refused")
    assert "PolicyDeny" in done["reaching"], "that secret is for pods without initdata of their own"
    assert "CreateContainerRequest is blocked by policy" in done["other-image"]


def test_credentials_and_a_new_secret_restart_kbs_and_are_served(stack: Stack, config: dict[str, Any]) -> None:
    before, nodes = _revision(stack), stack.get(CAA_PATH)["metadata"]["generation"]
    stack.configure(_with(config))
    stack.up()

    # Twice at 1.2: whose pods may have the secret is in a ConfigMap, for which the operator restarts KBS itself.
    assert _revision(stack) == before + 2
    assert stack.get(CAA_PATH)["metadata"]["generation"] == nodes, "initdata is the same: CAA does not restart"
    done = pods.run(
        stack,
        SHOP,
        {
            "private": pods.plain("private.example.com/team/app:1.0"),
            "later": pods.asking(stack, "default/later/token", TOKEN),
            "file": pods.asking(stack, "default/web/tls.key", FILES["tls.key"]),
        },
    )
    assert done["private"] == "runs", done
    assert done["later"].startswith("succeeded"), done
    assert done["file"].startswith("succeeded"), done


def test_an_unchanged_run_restarts_nothing(stack: Stack) -> None:
    before = _revision(stack)
    stack.up("--expect-no-changes")

    assert _revision(stack) == before


def test_one_rule_may_stand_without_a_list(stack: Stack, config: dict[str, Any]) -> None:
    result = _with(config)
    preview = stack.preview({**result, "trustee": {**result["trustee"], "imageSignature": SIGNATURES[0]}})

    # The policy and its keys change, and with the GPG rule the sigstore configuration of initdata.
    assert {"trustee-content-security-policy", "peer-pods-cm"} <= names(preview, "update")
    assert names(preview, "delete") == {"trustee-content-gpg-sig", "trustee-content-sigstore-config"}


def _revision(stack: Stack) -> int:
    return int(stack.get(KBS_PATH)["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
