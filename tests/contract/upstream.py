"""A real API server with the upstream CRDs and with what operators have made before the program applies onto it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from rehearsal import toolchain
from rehearsal.control_plane import TOOLS, ControlPlane
from rehearsal.rest import ApiServer
from tests import reality
from tests.contract.api import Objects

TRUSTEE, OSC = "trustee-operator-system", "openshift-sandboxed-containers-operator"

# What the operators make and the program patches; the patches are applied to them.
_WORKLOAD = {
    "selector": {"matchLabels": {"app": "made"}},
    "template": {"metadata": {"labels": {"app": "made"}}, "spec": {"containers": [{"name": "kbs", "image": "made"}]}},
}


@contextmanager
def upstream(folder: Path, trustee: str) -> Iterator[Objects]:
    """Run an API server with the CRDs that every version shares and those of one version of Trustee.

    Args:
        folder: of the control plane.
        trustee: a folder of the CRDs, such as ``trustee-0.3``.
    """
    tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, print).items()}
    with ControlPlane.start(folder, tools) as plane:
        server = ApiServer(plane.kubeconfig)
        made = Objects(server)
        for file in (*reality.CRDS.path.glob("*.yaml"), *(reality.CRDS.path / trustee).glob("*.yaml")):
            for crd in yaml.safe_load_all(file.read_text()):
                # A bundle's folder has other manifests, too.
                if crd["kind"] == "CustomResourceDefinition":
                    _install(server, made, crd)
        for name in (TRUSTEE, OSC):
            made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for kind, namespace, name in (
            ("Deployment", TRUSTEE, "trustee-deployment"),
            ("DaemonSet", OSC, "osc-caa-ds"),
        ):
            metadata = {"name": name, "namespace": namespace}
            made.create({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": _WORKLOAD})
        yield made


def plan(approval: dict[str, Any]) -> dict[str, Any]:
    """Return the InstallPlan that OLM has made, and said no to, when the program approves it."""
    spec = {"approval": "Manual", "approved": False, "clusterServiceVersionNames": ["trustee-operator.v0.3.0"]}
    metadata = {key: approval["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": approval["apiVersion"], "kind": approval["kind"], "metadata": metadata, "spec": spec}


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
