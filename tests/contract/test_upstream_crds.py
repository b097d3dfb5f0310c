"""A real API server with the upstream CRDs accepts every object that the program makes, under strict validation."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import toolchain
from rehearsal.control_plane import TOOLS, ControlPlane
from rehearsal.rest import ApiError, ApiServer
from tests.contract.api import Objects
from tests.unit.recording import ROOT, Secret, run_program
from tests.unit.test_program_objects import CONFIGURATIONS

CRDS = ROOT.parent / "shared" / "crds"
STRICT = "dryRun=All&fieldValidation=Strict"

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not CRDS.exists(), reason="no ../shared/crds beside this checkout, so no upstream CRDs"),
]

# What the operators make and the program patches; the patches are applied to them.
WORKLOAD = {
    "selector": {"matchLabels": {"app": "made"}},
    "template": {"metadata": {"labels": {"app": "made"}}, "spec": {"containers": [{"name": "kbs", "image": "made"}]}},
}


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, print).items()}
    with ControlPlane.start(tmp_path_factory.mktemp("upstream"), tools) as plane:
        server = ApiServer(plane.kubeconfig)
        made = Objects(server)
        for file in (*CRDS.glob("*.yaml"), *CRDS.glob("trustee-0.3/*.yaml")):
            for crd in yaml.safe_load_all(file.read_text()):
                _install(server, made, crd)
        for name in ("trustee-operator-system", "openshift-sandboxed-containers-operator"):
            made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for kind, namespace, name in (
            ("Deployment", "trustee-operator-system", "trustee-deployment"),
            ("DaemonSet", "openshift-sandboxed-containers-operator", "osc-caa-ds"),
        ):
            metadata = {"name": name, "namespace": namespace}
            made.create({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": WORKLOAD})
        yield made


def _install(server: ApiServer, made: Objects, crd: dict[str, Any]) -> None:
    made.create(crd)
    deadline = time.monotonic() + 30
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    while not _established(server.get(path)):
        assert time.monotonic() < deadline, f"{crd['metadata']['name']} is not established: {server.get(path)}"
        time.sleep(0.05)


def _established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []
    return any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions)


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _made(config: str) -> dict[str, dict[str, Any]]:
    return {title: _plain(found) for title, found in run_program(CONFIGURATIONS[config]).objects().items()}


@pytest.mark.parametrize("config", CONFIGURATIONS)
def test_every_object_passes_strict_validation(objects: Objects, config: str) -> None:
    found = _made(config)
    namespaces = {title: value for title, value in found.items() if title.startswith("Namespace ")}
    for value in namespaces.values():
        objects.apply(value)

    refused = {}
    for title, value in found.items():
        try:
            if title in namespaces or title.split()[0].endswith("Patch"):
                objects.apply(value, STRICT)
            else:
                objects.create(value, STRICT)
        except ApiError as error:
            refused[title] = str(error)

    assert refused == {}
    assert len(found) > 15


def test_an_unknown_field_would_be_noticed(objects: Objects) -> None:
    kata = _made("defaults")["KataConfig example-kataconfig"]
    kata["spec"]["enablePeerPod"] = True

    with pytest.raises(ApiError, match="unknown field"):
        objects.create(kata, STRICT)


def test_a_wrong_type_would_be_noticed(objects: Objects) -> None:
    kbs = _made("defaults")["KbsConfig trustee-operator-system/kbsconfig"]
    kbs["spec"]["kbsSecretResources"] = "kbsres1"

    with pytest.raises(ApiError, match="kbsSecretResources"):
        objects.create(kbs, STRICT)
