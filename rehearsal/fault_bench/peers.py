"""Peer pods that are there while CAA restarts: none may be lost."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from coco_azure import names
from rehearsal.background import BackgroundThread
from rehearsal.fault_bench.scenes import until
from rehearsal.rest import ApiServer

_DEFAULT = "namespaces/default"
_POD = f"/api/v1/{_DEFAULT}/pods/bench"
_DEPLOYMENT = f"/apis/apps/v1/{_DEFAULT}/deployments/bench"
_BUDGET = f"/apis/policy/v1/{_DEFAULT}/poddisruptionbudgets/bench"
_LABELS = {"app": "bench"}
_SPEC: Mapping[str, Any] = {
    "runtimeClassName": names.RUNTIME_CLASS,
    "containers": [{"name": "app", "image": "quay.io/rehearsal/app:1.0"}],
}
_REPLICAS = 2
_STAY = 15.0
"""Seconds after which the pod that a run waits for is deleted, as its owner would do."""


class Peers(BackgroundThread):
    """Around a run that is struck: one pod for ``wait``, a Deployment with a budget for ``evict``, none for others."""

    def __init__(self, server: Callable[[], ApiServer], run: str) -> None:
        super().__init__()
        self._server, self._run = server, run
        self._before: set[str] = set()

    def __enter__(self) -> Self:
        """Start the pods, and return once they run."""
        server = self._server()
        named = {"metadata": {"name": "bench"}}
        if self._run == "wait":
            _make(server, _POD, {**named, "spec": _SPEC})
            until(lambda: server.get(_POD).get("status", {}).get("phase") == "Running")
        if self._run == "evict":
            template = {"metadata": {"labels": _LABELS}, "spec": _SPEC}
            selector = {"matchLabels": _LABELS}
            _make(
                server,
                _DEPLOYMENT,
                {**named, "spec": {"replicas": _REPLICAS, "selector": selector, "template": template}},
            )
            _make(server, _BUDGET, {**named, "spec": {"minAvailable": 1, "selector": selector}})
            until(self._serves)
        self._before = set(self._lost())
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        """Remove what is left of the pods."""
        super().__exit__()
        if self._run == "evict":
            for path in (_BUDGET, _DEPLOYMENT):
                until(lambda path=path: _gone(self._server(), path))  # type: ignore[misc]

    def work(self) -> None:
        """Delete the pod that a run waits for, some time after its begin."""
        if self._run == "wait":
            self.over.wait(_STAY)
            until(lambda: _gone(self._server(), _POD))

    def lost(self) -> list[str]:
        """Return the pods that were lost since the begin, and the Deployment where its pods do not come back."""
        lost = [f"pod {name}" for uid, name in self._lost().items() if uid not in self._before]
        try:
            until(lambda: self._run != "evict" or self._serves())
        except RuntimeError:
            lost.append("pods of Deployment bench")
        return lost

    def _serves(self) -> bool:
        status = self._server().get(_DEPLOYMENT).get("status", {})
        allowed = self._server().get(_BUDGET).get("status", {}).get("disruptionsAllowed")
        return bool(status.get("readyReplicas") == _REPLICAS and allowed == 1)

    def _lost(self) -> dict[str, str]:
        """Return the pods that have lost their sandbox, by the uid of the event that says so."""
        events: list[Any] = []

        def listed() -> bool:
            events[:] = self._server().get(f"/api/v1/{_DEFAULT}/events")["items"]
            return True

        until(listed)
        lost = [each for each in events if each["reason"] == "SandboxChanged"]
        return {each["metadata"]["uid"]: str(each["involvedObject"]["name"]) for each in lost}


def left_behind(server: ApiServer) -> list[str]:
    """Return the nodes that a restart of CAA has left cordoned."""
    nodes = [each for each in server.get("/api/v1/nodes")["items"] if each["spec"].get("unschedulable")]
    return [f"node {each['metadata']['name']} is cordoned" for each in nodes]


def _make(server: ApiServer, path: str, content: Mapping[str, Any]) -> None:
    server.request("POST", path.rpartition("/")[0], content)


def _gone(server: ApiServer, path: str) -> bool:
    """Ask for the deletion of an object and of what it owns, and return whether it is gone."""
    if server.get(path) is None:
        return True
    server.request("DELETE", path, {"propagationPolicy": "Foreground"})
    return False
