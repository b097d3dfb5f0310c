"""Chapter 7 as a person does it: the same objects, one step after the other, each waited for.

The objects are those that the program makes (the state of a finished stack), so both ways end with the same cluster. A
wait looks five times a second, which is quicker than any person and than ``watch``.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rehearsal import kinds
from rehearsal.api import APPLY_PATCH
from rehearsal.bench.stage import BenchError
from rehearsal.rest import ApiServer

OSC, TRUSTEE = "openshift-sandboxed-containers-operator", "trustee-operator-system"
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 - the signature of Pulumi's special values
_LOOK = 0.2
_LIMIT = 600.0
_OPERATOR = ("Namespace", "OperatorGroup", "Subscription")
_SHARED = ("osc-feature-gates", "peer-pods-cm")

Object = Mapping[str, Any]


class Chapter:
    """The chapter's steps on one cluster."""

    def __init__(self, server: ApiServer, objects: Sequence[Object]) -> None:
        self._server = server
        self._objects = objects

    def operator(self, namespace: str) -> None:
        """Install an operator (chapter 7.1) and wait for its CSV."""
        for kind in _OPERATOR:
            self._apply(lambda each, kind=kind: each["kind"] == kind and _place(each) == namespace)  # type: ignore[misc]
        path = kinds.CSV.path(namespace)
        self._wait(lambda: [each.get("status", {}).get("phase") for each in self._items(path)] == ["Succeeded"], "CSV")

    def gate_and_config(self) -> None:
        """Feature gate and ``peer-pods-cm`` (7.2, 7.6)."""
        self._apply(lambda each: each["metadata"]["name"] in _SHARED)

    def kata_config(self) -> None:
        """KataConfig, and everything that 7.10 has one look at."""
        self._apply(lambda each: each["kind"] == "KataConfig")
        path = kinds.KATA_CONFIG.path()
        self._wait(lambda: all(map(_installed, self._items(path))), "KataConfig")
        caa = kinds.DAEMON_SET.path(OSC, "osc-caa-ds")
        self._wait(lambda: _rolled_out(self._server.get(caa)), "osc-caa-ds")

    def delete_kata_config(self) -> None:
        """Delete KataConfig and wait for its end (7.8)."""
        for each in self._items(kinds.KATA_CONFIG.path()):
            path = kinds.KATA_CONFIG.path(name=each["metadata"]["name"])
            self._server.request("DELETE", path)
            self._wait(lambda path=path: self._server.get(path) is None, "the end of KataConfig")  # type: ignore[misc]

    def trustee(self) -> None:
        """Route, keys, configuration, policies, secrets and KbsConfig (7.3, 7.11 to 7.14), and KBS (7.15)."""
        self._apply(lambda each: each["kind"] in ("Route", "Secret", "ConfigMap") and _place(each) == TRUSTEE)
        self._apply(lambda each: each["kind"] == "KbsConfig")
        path = kinds.DEPLOYMENT.path(TRUSTEE, "trustee-deployment")
        self._wait(lambda: _available(self._server.get(path)), "KBS")

    def verification(self) -> None:
        """The pod that asks for a secret (7.16)."""
        self._apply(lambda each: each["kind"] == "Namespace" and _place(each) not in (OSC, TRUSTEE))
        self._apply(lambda each: each["kind"] in ("Secret", "ConfigMap") and _place(each) not in (OSC, TRUSTEE))
        self._apply(lambda each: each["kind"] == "Job")
        jobs = [each for each in self._objects if each["kind"] == "Job"]
        paths = [kinds.JOB.path(_place(each), each["metadata"]["name"]) for each in jobs]
        self._wait(lambda: all(_succeeded(self._server.get(path)) for path in paths), "the pod that attests itself")

    def _apply(self, wanted: Callable[[Object], bool]) -> None:
        for each in filter(wanted, self._objects):
            kind, metadata = kinds.ALL[each["kind"]], each["metadata"]
            path = kind.path(metadata.get("namespace"), metadata["name"])
            self._server.request("PATCH", f"{path}?fieldManager=chapter&force=true", each, APPLY_PATCH)

    def _items(self, path: str) -> list[Object]:
        return list((self._server.get(path) or {"items": []})["items"])

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _LIMIT
        while not done():
            if time.monotonic() > until:
                raise BenchError(f"step by step: {what} was not there after {_LIMIT:.0f} s")
            time.sleep(_LOOK)


def objects(state: Sequence[Object]) -> list[Object]:
    """Return the objects that a stack has made, as a person would apply them.

    Args:
        state: resources of the stack's state, secrets in plain.
    """
    return list(_objects(state))


def _objects(state: Sequence[Object]) -> Iterator[Object]:
    for resource in state:
        kind = str(resource["type"]).rpartition(":")[2]
        inputs = _plain(resource.get("inputs", {}))
        metadata = inputs.get("metadata", {})
        shared = kind == "ConfigMapPatch" and metadata.get("name") in _SHARED
        if not resource["type"].startswith("kubernetes:") or resource.get("external"):
            continue
        if (kind.removesuffix("Patch") if shared else kind) not in kinds.ALL:
            continue
        if kind == "Subscription":
            inputs["spec"] = _automatic(inputs["spec"])
        annotations = metadata.get("annotations") or {}
        kept = {key: value for key, value in annotations.items() if not key.startswith("pulumi.com/")}
        yield {
            **{key: value for key, value in inputs.items() if not key.startswith("__")},
            "kind": kind.removesuffix("Patch"),
            "metadata": {**metadata, "annotations": kept},
        }


def _automatic(spec: Object) -> Object:
    """Return a Subscription's spec as the chapter has it: OLM installs the newest, and nobody approves it."""
    return {**{key: value for key, value in spec.items() if key != "startingCSV"}, "installPlanApproval": "Automatic"}


def _plain(obj: Any) -> Any:
    if isinstance(obj, Mapping):
        if _SECRET in obj and "plaintext" in obj:
            import json  # noqa: PLC0415

            return _plain(json.loads(obj["plaintext"]))
        return {key: _plain(value) for key, value in obj.items()}
    return [_plain(each) for each in obj] if isinstance(obj, list) else obj


def _place(each: Object) -> str:
    metadata = each["metadata"]
    return str(metadata["name"] if each["kind"] == "Namespace" else metadata.get("namespace", ""))


def _installed(kata_config: Object) -> bool:
    status = kata_config.get("status", {})
    nodes = status.get("kataNodes", {})
    idle = any(each["type"] == "InProgress" and each["status"] == "False" for each in status.get("conditions", []))
    ready = nodes.get("nodeCount", 0) > 0 and nodes["nodeCount"] == nodes["readyNodeCount"]
    return idle and ready and "kata-remote" in status.get("runtimeClasses", [])


def _rolled_out(daemon_set: Object | None) -> bool:
    status = (daemon_set or {}).get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    return bool(wanted) and wanted == status.get("numberReady") == status.get("updatedNumberScheduled")


def _available(deployment: Object | None) -> bool:
    current = deployment or {}
    wanted = current.get("spec", {}).get("replicas", 1)
    status = current.get("status", {})
    return bool(deployment) and status.get("readyReplicas") == status.get("updatedReplicas") == wanted


def _succeeded(job: Object | None) -> bool:
    return bool((job or {}).get("status", {}).get("succeeded"))
