"""The stack's mark on what it makes, and the refusal to take over what it has not made."""

from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.settings.cluster import ClusterSettings
from components.cluster.ownership import ForeignObjectError, Ownership
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import run_program

SECRETS = "/api/v1/namespaces/ns/secrets"
GROUPS = "/apis/operators.coreos.com/v1/namespaces/ns/operatorgroups"
JOBS = "/apis/batch/v1/namespaces/ns/jobs"
MARK = "coco-azure/test"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_project", lambda: "coco-azure")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "test")


@pytest.fixture
def preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)


class _Cluster(FakeCluster):
    """A cluster that also says which kinds it serves."""

    served = (
        ("/api/v1", {"name": "secrets", "kind": "Secret", "namespaced": True}),
        ("/api/v1", {"name": "namespaces", "kind": "Namespace", "namespaced": False}),
        ("/apis/batch/v1", {"name": "jobs/status", "kind": "Job", "namespaced": True}),
        ("/apis/batch/v1", {"name": "jobs", "kind": "Job", "namespaced": True}),
        (
            "/apis/operators.coreos.com/v1",
            {"name": "operatorgroups", "kind": "OperatorGroup", "namespaced": True},
        ),
    )

    def get(self, path: str) -> Any:
        items = [each for base, each in self.served if base == path]
        return {"resources": items} if items else super().get(path)


def _object(name: str, annotations: dict[str, str] | None = None, manager: str = "kubectl") -> dict[str, Any]:
    fields = [{"manager": manager}]
    return {
        "metadata": {"name": name, "namespace": "ns", "annotations": annotations or {}, "managedFields": fields},
    }


def _look(
    cluster: FakeCluster, kind: str = "Secret", version: str = "v1", *, value: bool = False, **metadata: Any
) -> None:
    inputs = {"apiVersion": version, "kind": kind, "metadata": {"name": "one", "namespace": "ns", **metadata}}
    hook = pulumi.ResourceHookArgs("urn", "", "resource", f"kubernetes:{version}:{kind}", new_inputs=inputs)
    ownership = Ownership("cluster", lambda: cluster)  # type: ignore[arg-type,return-value]
    ownership.refusals_shown = value
    ownership._look(hook)


def test_every_object_that_the_program_makes_has_the_mark_and_is_looked_for_first() -> None:
    run = run_program(
        {"clientSecrets": {"kbsres1": {"key1": "res1val1"}}, "peerPods": {"operator": {"version": "1.9.0"}}}
    )

    checked = 0
    for name, item in run.registrations.items():
        if not item.request.type.startswith("kubernetes:") or not item.request.custom:
            continue
        theirs = item.kind.endswith("Patch") or item.kind == "InstallPlan"
        annotations = item.inputs["metadata"].get("annotations") or {}
        assert annotations.get(names.STACK) == (None if theirs else MARK), name
        assert (names.FIELD_MANAGER in annotations) is not theirs, name
        looked_for = not theirs and item.kind != "KataConfig"  # components.peer_pods.kata_config looks for itself
        assert ("cluster-ownership" in item.request.hooks.before_create) is looked_for, name
        checked += 1
    assert checked > 20


def _marked(metadata: Any, opts: pulumi.ResourceOptions) -> Any:
    made: Any = None
    args = pulumi.ResourceTransformationArgs(made, "kubernetes:core/v1:Secret", "x", {"metadata": metadata}, opts)
    result = Ownership("cluster", lambda: made).transformation(args)
    return result and result.props["metadata"]


def test_what_is_only_read_stays_as_it_is() -> None:
    assert _marked(None, pulumi.ResourceOptions(id="ns/one")) is None


def test_annotations_of_the_program_are_kept_beside_the_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ownership, "_before_create", lambda _: None)
    all_of_them = {"mine": "1", names.STACK: MARK, names.FIELD_MANAGER: "pulumi-coco-azure-test"}
    typed = ObjectMetaArgs(annotations={"mine": "1"})

    assert _marked({"annotations": {"mine": "1"}}, pulumi.ResourceOptions())["annotations"] == all_of_them
    assert _marked(typed, pulumi.ResourceOptions()).annotations == all_of_them
    assert typed.annotations == {"mine": "1"}


def test_an_object_of_this_stack_is_taken_over_as_it_is() -> None:
    cluster = _Cluster({SECRETS: [_object("one", {names.STACK: MARK}, manager="pulumi-coco-azure-test")]})
    _look(cluster)

    assert cluster.deleted == []


def test_what_a_person_has_handed_over_is_made_anew_so_that_nothing_of_its_content_stays() -> None:
    cluster = _Cluster({SECRETS: [_object("one", {names.STACK: MARK})]})
    _look(cluster)

    assert cluster.deleted == [f"{SECRETS}/one"]


@pytest.mark.usefixtures("preview")
def test_a_preview_leaves_what_was_handed_over() -> None:
    cluster = _Cluster({SECRETS: [_object("one", {names.STACK: MARK})]})
    _look(cluster)

    assert cluster.deleted == []


@pytest.mark.parametrize(
    ("kind", "version", "path"),
    [("OperatorGroup", "operators.coreos.com/v1", GROUPS), ("Namespace", "v1", "/api/v1/namespaces")],
)
def test_what_others_hang_on_is_taken_over_as_it_is_when_it_was_handed_over(kind: str, version: str, path: str) -> None:
    cluster = _Cluster({path: [_object("one", {names.STACK: MARK})]})
    _look(cluster, kind=kind, version=version)

    assert cluster.deleted == []


def test_a_second_operator_group_is_refused_whoever_has_made_the_first() -> None:
    for annotations in ({}, {names.STACK: "coco-azure/prod"}, {names.STACK: MARK}):
        with pytest.raises(ForeignObjectError, match=r"has OperatorGroup ns-7xk2p.*TooManyOperatorGroups"):
            _look(
                _Cluster({GROUPS: [_object("ns-7xk2p", annotations)]}),
                kind="OperatorGroup",
                version="operators.coreos.com/v1",
            )


def test_no_advice_leads_to_the_deletion_of_somebodys_namespace() -> None:
    with pytest.raises(ForeignObjectError) as refused:
        _look(_Cluster({"/api/v1/namespaces": [_object("one")]}), kind="Namespace")

    message = str(refused.value)
    assert "operator.createNamespace false" in message
    assert "attestationCheck.namespace" in message
    assert "oc delete" not in message
    assert "oc annotate" not in message


@pytest.mark.usefixtures("preview")
def test_a_preview_that_has_told_of_all_foreign_objects_does_not_tell_again_one_by_one() -> None:
    cluster = _Cluster({SECRETS: [_object("one")], GROUPS: [_object("other")]})
    _look(cluster, value=True)
    _look(cluster, kind="OperatorGroup", version="operators.coreos.com/v1", value=True)


@pytest.mark.parametrize(
    ("annotations", "text"),
    [
        ({}, "it has no annotation coco-azure/stack"),
        ({names.STACK: "coco-azure/prod"}, "it belongs to stack coco-azure/prod"),
    ],
)
def test_a_foreign_object_is_refused_with_the_ways_out(annotations: dict[str, str], text: str) -> None:
    with pytest.raises(ForeignObjectError) as refused:
        _look(_Cluster({SECRETS: [_object("one", annotations)]}))

    assert "Secret one in namespace ns exists already" in str(refused.value)
    assert text in str(refused.value)
    assert "oc delete secret one -n ns" in str(refused.value)
    assert f"oc annotate --overwrite secret one -n ns coco-azure/stack={MARK}" in str(refused.value)


def test_what_is_not_there_or_not_known_or_not_served_is_no_matter() -> None:
    cluster = _Cluster({SECRETS: [_object("one")]})

    _look(cluster, namespace="elsewhere")
    _look(cluster, name=pulumi.Output.from_input("one"))
    _look(cluster, kind="KbsConfig", version="confidentialcontainers.org/v1alpha1")


@pytest.mark.usefixtures("preview")
def test_a_preview_lets_an_object_from_before_there_were_marks_pass_because_a_replacement_looks_the_same() -> None:

    _look(_Cluster({SECRETS: [_object("one", manager="pulumi-kubernetes-1a2b")]}))
    with pytest.raises(ForeignObjectError):
        _look(_Cluster({SECRETS: [_object("one")]}))


def test_a_job_that_a_killed_run_has_left_is_deleted_because_it_cannot_be_changed() -> None:
    cluster = _Cluster({JOBS: [_object("one", {names.STACK: MARK})]})
    _look(cluster, kind="Job", version="batch/v1")

    assert cluster.deleted == [f"{JOBS}/one"]


@pytest.mark.usefixtures("preview")
def test_a_preview_deletes_nothing() -> None:
    cluster = _Cluster({JOBS: [_object("one", {names.STACK: MARK})]})
    _look(cluster, kind="Job", version="batch/v1")

    assert cluster.deleted == []


def test_what_is_deleted_takes_what_it_owns_along_so_that_no_pod_of_a_job_blocks_kataconfig(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[tuple[Any, ...]] = []
    client = ClusterClient(ClusterSettings())
    monkeypatch.setattr(client, "_json", lambda *request: sent.append(request))
    client.delete(f"{JOBS}/one")

    assert sent == [("DELETE", f"{JOBS}/one", {"propagationPolicy": "Background"})]


def test_a_secret_of_the_cloud_credential_operator_that_does_not_go_is_not_taken_over() -> None:
    result = _object("one")
    result["metadata"]["labels"] = {"kataconfiguration.openshift.io/credentials-request-based": "true"}

    with pytest.raises(ForeignObjectError) as refused:
        _look(_Cluster(lists={SECRETS: [result]}))

    message = str(refused.value)
    assert "Secret one holds credentials of the Cloud Credential Operator" in message
    assert "oc delete credentialsrequest openshift-sandboxed-containers-azure" in message
    assert "oc annotate" not in message
