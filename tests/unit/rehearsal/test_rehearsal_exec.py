"""Commands in simulated pods: the agent's policy decides in a pod VM, and the node's answer is the real kubelet's."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from rehearsal.api import Object
from rehearsal.azure import arm_state
from rehearsal.kinds import NODE, POD
from rehearsal.kubelet import node_server
from rehearsal.kubelet.agent import GuestError, image_policy
from rehearsal.kubelet.in_pod_vm import Forever, InPodVm
from rehearsal.kubelet.kubelet import Kubelets
from rehearsal.kubelet.shim import Container
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.timings import Clock
from tests.unit import pki
from tests.unit.memory_api import MemoryApi
from tests.unit.pod_vm import document, guest

BLOCKED = '"ExecProcessRequest is blocked by policy": permission denied'


def _kubelets(workload: Any) -> Kubelets:
    """Return the kubelets of a node with one pod, ``n/p``, in which this runs."""
    api = MemoryApi()
    pod = api.put(POD, {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"nodeName": "a"}})
    kubelets = Kubelets(Context(api, Clock(1e9), Faults(api)))
    kubelets._running = {pod["metadata"]["uid"]: workload} if workload is not None else {}
    return kubelets


def _pod_vm(policy: str | None = None) -> InPodVm:
    running = InPodVm(arm_state.described(), "id")
    running.guest = guest(document(policy=policy) if policy else document())
    asyncio.run(running.guest.start({}, [Container(name="app", image="quay.io/org/app:1")]))
    return running


def test_the_agent_of_a_pod_vm_denies_a_command_or_runs_it() -> None:
    with pytest.raises(GuestError, match=BLOCKED):
        asyncio.run(_kubelets(_pod_vm()).exec("n", "p", "app", ["true"]))
    asyncio.run(_kubelets(_pod_vm(image_policy(()))).exec("n", "p", "app", ["true"]))


def test_beside_pod_vms_nobody_denies_a_command() -> None:
    asyncio.run(_kubelets(Forever()).exec("n", "p", "app", ["true"]))


@pytest.mark.parametrize("name", ["p", "other"])
def test_where_nothing_runs_there_is_no_container(name: str) -> None:
    with pytest.raises(LookupError, match="container not found"):
        asyncio.run(_kubelets(None).exec("n", name, "app", ["true"]))


class _Nodes:
    def __init__(self, error: Exception | None) -> None:
        self.error, self.asked = error, list[Any]()

    async def exec(self, namespace: str, name: str, container: str, command: list[str]) -> None:
        self.asked.append((namespace, name, container, command))
        if self.error is not None:
            raise self.error


def _asked(folder: Path, nodes: _Nodes) -> Object:
    """Ask a node for ``cat /etc/hosts``, as the API server does; return the ``Status`` of the error channel."""
    made, place = pki.make("localhost"), folder / "pki"
    place.mkdir()
    (place / "server.crt").write_text(made.pem)
    (place / "server.key").write_text(made.key)
    api = MemoryApi()
    api.put(NODE, {"metadata": {"name": "a"}, "spec": {}, "status": {}})

    async def ask() -> Object:
        async with node_server.serving(cast("Kubelets", nodes), api, folder), aiohttp.ClientSession() as session:
            (node,) = await api.list(NODE)
            port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
            url = f"https://127.0.0.1:{port}/exec/n/p/app?command=cat&command=/etc/hosts"
            async with session.ws_connect(url, protocols=["v4.channel.k8s.io"], ssl=False) as stream:
                assert stream.protocol == "v4.channel.k8s.io"
                data = await stream.receive_bytes()
        assert data[:1] == b"\x03"
        return dict(json.loads(data[1:]))

    return asyncio.run(ask())


def test_a_denied_command_is_one_that_could_not_be_started(tmp_path: Path) -> None:
    nodes = _Nodes(GuestError(BLOCKED))
    status = _asked(tmp_path, nodes)

    assert nodes.asked == [("n", "p", "app", ["cat", "/etc/hosts"])]
    assert (status["status"], status["reason"]) == ("Failure", "InternalError")
    assert status["message"].startswith("error executing command in container: ")
    assert BLOCKED in status["message"]


def test_a_command_that_ran_is_a_success(tmp_path: Path) -> None:
    assert _asked(tmp_path, _Nodes(None))["status"] == "Success"


def test_a_container_that_does_not_run_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
        _asked(tmp_path, _Nodes(LookupError("container not found")))
