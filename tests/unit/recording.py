"""The program under a recording monitor: every registration as the engine would get it, without an engine."""

import asyncio
import json
import logging
import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import grpc
import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc

from coco_azure import names
from coco_azure.formats import one_line
from tests.unit import speaking
from tests.unit.fake_azure import SUBSCRIPTION, FakeAzure
from tests.unit.fake_cluster import FakeCluster

# A program that fails leaves futures behind. Their complaints come at garbage collection, in the middle of other tests.
logging.getLogger("asyncio").disabled = True

ROOT = Path(__file__).parents[2]
CLOUD_CONF = {
    "cloud": "AzurePublicCloud",
    "tenantId": "99999999-8888-7777-6666-555555555555",
    "subscriptionId": SUBSCRIPTION,
    "resourceGroup": "demo-x7k2p-rg",
    "location": "eastus",
    "vnetName": "demo-x7k2p-vnet",
    "vnetResourceGroup": "network-rg",
    "subnetName": "demo-x7k2p-worker-subnet",
    "securityGroupName": "demo-x7k2p-nsg",
}


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it; secrets in ``inputs`` are wrapped in ``Secret``."""

    request: Any
    inputs: dict[str, Any]

    @property
    def kind(self) -> str:
        """Last part of the type token, for example ``ConfigMap``."""
        return str(self.request.type.rsplit(":", 1)[-1])


@dataclass(frozen=True)
class Secret:
    """A value that the program marked as secret."""

    value: Any


class Unreadable(grpc.RpcError):  # type: ignore[misc]
    """The engine's answer where it finds a state file empty."""

    def code(self) -> grpc.StatusCode:
        """Return the code of errors that have none of their own."""
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        """Return what the engine says."""
        return "failed to load checkpoint: EOF"


@dataclass
class Recorder(mocks.Mocks):
    """Answers like a cluster on Azure, in the shapes that the real providers use."""

    infrastructure: dict[str, Any] = field(
        default_factory=lambda: {
            "infrastructureName": "demo-x7k2p",
            "platformStatus": {"type": "Azure", "azure": {"resourceGroupName": "demo-x7k2p-rg"}},
        }
    )
    cloud_conf: Mapping[str, Any] = field(default_factory=lambda: CLOUD_CONF)
    osc: str = "1.9.0"
    trustee: str = ""  # the newest that speaks with that of OSC
    stacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unreadable: int = 0
    """How often reading a stack's outputs fails at first."""
    invokes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    cluster: FakeCluster = field(default_factory=FakeCluster)
    """What lists, watches and deletions meet."""
    azure: FakeAzure = field(default_factory=FakeAzure)
    """What requests to Azure meet."""
    admission_policies: bool = True
    """Whether the cluster has them (Kubernetes 1.30)."""
    preview: bool = False
    """Whether the program runs as in a preview."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return the id and the outputs of a resource that was registered or read."""
        answers: dict[str, dict[str, Any]] = {
            "kubernetes:config.openshift.io/v1:Infrastructure": {"status": self.infrastructure},
            "kubernetes:config.openshift.io/v1:Ingress": {"spec": {"domain": "apps.demo.example.com"}},
            "pulumi:index:Stash": {"output": args.inputs.get("input")},
            "pulumi:pulumi:StackReference": {
                "outputs": self.stacks.get(args.inputs.get("name", ""), {}),
                "secretOutputNames": ["attestationChecks"],
            },
            "kubernetes:batch/v1:Job": {"status": {"succeeded": 1}},
        }
        read: dict[str, Any] = {}
        if args.typ == "kubernetes:core/v1:Namespace" and args.resource_id:
            read = {"metadata": {"name": args.resource_id}}
        return f"{args.name}-id", {**args.inputs, **answers.get(args.typ, {}), **read}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer what other stacks say."""
        if args.token == "pulumi:pulumi:readStackOutputs":
            if self.unreadable > 0:
                self.unreadable -= 1
                raise Unreadable
            return {"outputs": self.stacks.get(args.args["name"], {})}, []
        self.invokes.append((args.token, dict(args.args)))
        raise AssertionError(f"{args.token}: the program asks no provider's functions")

    def describe(self) -> None:
        """Put into the cluster what it says of its place, unless a test has put something else there."""
        folder, conf = names.CLOUD_CONF.rsplit("/", 1)
        values = {"metadata": {"name": conf}, "data": {"cloud.conf": json.dumps(self.cloud_conf)}}
        infrastructure = {"metadata": {"name": "cluster"}, "status": self.infrastructure}
        self.cluster.lists.setdefault(folder, []).append(values)
        self.cluster.lists.setdefault(names.INFRASTRUCTURE.rsplit("/", 1)[0], []).append(infrastructure)
        trustee = self.trustee or speaking.with_osc(self.osc)
        versions = {"trustee_operator": trustee, "sandboxed_containers_operator": self.osc}
        self.cluster.offer("openshift-marketplace", "redhat-operators", **versions)
        if self.admission_policies:
            paths = (names.ADMISSION_POLICIES, names.ADMISSION_BINDINGS)
            served = [
                {"kind": kind, "name": path.rpartition("/")[2], "namespaced": False}
                for kind, path in zip(names.ADMISSION_KINDS, paths, strict=True)
            ]
            folder, _, version = names.ADMISSION.rpartition("/")
            group: dict[str, Any] = {"metadata": {"name": version}, "resources": served}
            self.cluster.lists.setdefault(folder, []).append(group)
        self.cluster.install(names.TRUSTEE_PACKAGE, trustee, names.TRUSTEE_NAMESPACE)
        self.cluster.install(names.OSC_PACKAGE, self.osc, names.OSC_NAMESPACE)


class _Monitor(mocks.MockMonitor):
    def __init__(self, answers: Recorder) -> None:
        super().__init__(answers)
        self.requests: list[Any] = []
        self.reads: dict[str, Any] = {}
        self.component_outputs: dict[str, list[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        self.requests.append(request)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        self.reads[request.name] = request
        return super().ReadResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the name of the gRPC method
        self.component_outputs[request.urn] = sorted(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Run:
    """What one run of the program registered."""

    registrations: dict[str, Registration]
    component_outputs: dict[str, list[str]]
    exports: dict[str, Any]
    invokes: list[tuple[str, dict[str, Any]]]
    reads: dict[str, Any]

    def objects(self) -> dict[str, dict[str, Any]]:
        """Return every Kubernetes object by ``Kind namespace/name``, secrets kept wrapped."""
        values = {}
        for registration in self.registrations.values():
            metadata = registration.inputs.get("metadata")
            if registration.request.type.startswith("kubernetes:") and isinstance(metadata, dict):
                where = f"{metadata['namespace']}/" if "namespace" in metadata else ""
                values[f"{registration.kind} {where}{metadata['name']}"] = registration.inputs
        return values

    def dependencies(self, name: str) -> set[str]:
        """Return the names of the resources that ``name`` waits for."""
        return {urn.rsplit("::", 1)[-1] for urn in self.registrations[name].request.dependencies}


def run_program(config: Mapping[str, Any], answers: Recorder | None = None) -> Run:
    """Run ``__main__.py`` with this configuration and return what it registered."""
    run, error = _run(config, answers or Recorder())
    if error is not None:
        raise error
    return run


def failed_program(config: Mapping[str, Any], answers: Recorder | None = None) -> tuple[str, Run]:
    """Run ``__main__.py``, which must fail, and return its error and what it had registered until then."""
    run, error = _run(config, answers or Recorder())
    assert error is not None
    return str(error), run


_LOOPS: list[asyncio.AbstractEventLoop] = []


def new_event_loop() -> None:
    """Give the thread an event loop of its own, and close the one that this function gave it before.

    Pulumi's mocks take the thread's current loop, and an asyncio.run of an earlier test leaves none behind. Each loop
    has descriptors of files, and a process has only so many.
    """
    while _LOOPS:
        _LOOPS.pop().close()
    _LOOPS.append(asyncio.new_event_loop())
    asyncio.set_event_loop(_LOOPS[-1])


def _run(config: Mapping[str, Any], answers: Recorder) -> tuple[Run, Exception | None]:
    new_event_loop()
    answers.describe()
    monitor = _Monitor(answers)
    config = _with_approval(config)
    pulumi.runtime.set_all_config({f"coco-azure:{key}": json.dumps(value) for key, value in config.items()})
    pulumi.runtime.set_mocks(
        answers,
        project="coco-azure",
        stack="test",
        organization="organization",
        preview=answers.preview,
        monitor=monitor,
    )
    exports: dict[str, Any] = {}

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> Any:
        with mock.patch.object(pulumi, "export", exports.__setitem__):
            runpy.run_path(str(ROOT / "__main__.py"))
        return pulumi.Output.all(**exports).apply(exports.update)

    failure: Exception | None = None
    try:
        with (
            mock.patch("coco_azure.clients.kubernetes.connect", return_value=answers.cluster),
            mock.patch("coco_azure.clients.azure.connect", answers.azure.client),
        ):
            program()
    except SystemExit as end:  # the program has told its error, which is the cause
        failure = end.__cause__ if isinstance(end.__cause__, Exception) else RuntimeError(f"ended with {end.code}")
    except Exception as error:  # noqa: BLE001 - whatever the program ends with is what is looked at
        failure = error
    registrations = {request.name: Registration(request, _plain(request.object)) for request in monitor.requests}
    outputs = {urn.rsplit("::", 1)[-1]: keys for urn, keys in monitor.component_outputs.items()}
    return Run(registrations, outputs, one_line.read_all(exports), answers.invokes, monitor.reads), failure


def _with_approval(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration with every roll-out approved, unless it says something of that itself."""
    result = config.get("peerPods", {})
    kata_config = result.get("kataConfig", {}) if isinstance(result, dict) else None
    if not isinstance(kata_config, dict) or "allowReboot" in kata_config:
        return config
    return {**config, "peerPods": {**result, "kataConfig": {**kata_config, "allowReboot": True}}}


def holds_secret(value: Any) -> bool:
    """Return whether a value, or anything in it, is marked as secret."""
    if isinstance(value, dict):
        return any(map(holds_secret, value.values()))
    return any(map(holds_secret, value)) if isinstance(value, list) else isinstance(value, Secret)


def revealed(value: Any) -> Any:
    """Return a value without the marks of secrets."""
    if isinstance(value, Secret):
        return revealed(value.value)
    if isinstance(value, list):
        return [revealed(item) for item in value]
    return {key: revealed(item) for key, item in value.items()} if isinstance(value, dict) else value


def _plain(struct: Any) -> dict[str, Any]:
    unwrap = _unwrap(json.loads(json_format.MessageToJson(struct)))
    assert isinstance(unwrap, dict)
    return unwrap


def _unwrap(value: Any) -> Any:
    if isinstance(value, list):
        return [_unwrap(item) for item in value]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if value.get(rpc._special_sig_key) == rpc._special_secret_sig:
        return Secret(_unwrap(value["value"]))
    return {key: _unwrap(item) for key, item in value.items()}
