"""The guard of KataConfig at a real API server, without an engine: what it refuses, and what passes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.rollout import guard
from coco_azure.rollout.desired_kata_config import Applied
from coco_azure.rollout.facts import read_kata_config
from rehearsal.control_plane import ControlPlane
from rehearsal.operators import crds
from rehearsal.rest import ApiError, ApiServer
from tests.engine.admission import hold, until

pytestmark = pytest.mark.engine
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
OURS = f"{KATA_CONFIGS}/example-kataconfig"
MERGE = "application/merge-patch+json"
USERS = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[ApiServer]:
    """An API server with the guard of stack coco-azure/prod, and kind KataConfig with a field that nobody knows."""
    with ControlPlane.start(tmp_path_factory.mktemp("guard"), tools) as plane:
        api = ApiServer(plane.kubeconfig)
        for crd in crds.of("sandboxed-containers-operator", "1.13.1"):
            crd |= {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
            if crd["spec"]["names"]["kind"] == "KataConfig":
                schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
                schema["properties"]["spec"]["properties"]["ofALaterVersion"] = {"type": "string"}
            api.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        hold(api, {names.GUARD: (guard.policy("coco-azure/prod"), guard.binding(active=True))})
        yield api


@pytest.fixture
def kata_config(server: ApiServer) -> Any:
    """The stack's KataConfig, and a guard that is shut."""
    if server.get(OURS) is None:
        until(lambda: server.get(KATA_CONFIGS) is not None)
        _make(server, {"spec": {"enablePeerPods": True, "logLevel": "info"}})
    _approve(server, None)
    until(lambda: "approved: nothing" in _refused(server, "DELETE", dry=True))
    return server.get(OURS)


def _make(server: ApiServer, content: Any) -> None:
    kind = {"apiVersion": "kataconfiguration.openshift.io/v1", "kind": "KataConfig"}
    server.request("POST", KATA_CONFIGS, {**kind, **content, "metadata": {"name": "example-kataconfig"}})


def _approve(server: ApiServer, approval: str | None) -> None:
    server.request("PATCH", OURS, {"metadata": {"annotations": {names.APPROVED: approval}}}, MERGE)


def _deletion(kata_config: Any) -> str:
    return guard.deletion(read_kata_config(kata_config))


def _refused(server: ApiServer, method: str, change: Any = None, *, dry: bool = False, user: str = "") -> str:
    """Return why a request is refused; empty: it is not."""
    try:
        kind = MERGE if method == "PATCH" else "application/json"
        server.request(method, OURS + ("?dryRun=All" if dry else ""), change, kind, user=user)
    except ApiError as error:
        return str(error)
    return ""


def test_a_deletion_is_refused_and_says_whose_it_is_and_what_approves_it(server: ApiServer, kata_config: Any) -> None:
    refusal = _refused(server, "DELETE")

    assert f"KataConfig {kata_config['metadata']['name']} is guarded by stack prod of project coco-azure" in refusal
    assert "its deletion reboots nodes; approved: nothing" in refusal
    assert "pulumi config set --path 'coco-azure:peerPods.kataConfig.allowReboot' true" in refusal
    assert (
        f"oc annotate --overwrite kataconfig example-kataconfig {names.APPROVED}='{_deletion(kata_config)}'" in refusal
    )


def test_who_follows_the_refusal_may_do_what_was_refused_once(server: ApiServer, kata_config: Any) -> None:
    expressions = [{"key": "c", "operator": "In", "values": ["x", "y"]}, {"key": "d", "operator": "Exists"}]
    selector = {"matchLabels": {"b": "", "a": "1"}, "matchExpressions": expressions}
    change = {"spec": {"enablePeerPods": False, "checkNodeEligibility": True, "kataConfigPoolSelector": selector}}
    _, _, command = _refused(server, "PATCH", change).partition(f"{names.APPROVED}=")
    approval = command.split("'")[1]
    _approve(server, approval)

    uid, generation = (kata_config["metadata"][key] for key in ("uid", "generation"))
    assert approval.startswith(f"update {uid} {generation} enablePeerPods=false logLevel=info ")
    assert approval.endswith("c:In:x|y,d:Exists:")
    assert "another spec" in _refused(server, "PATCH", {"spec": {**change["spec"], "checkNodeEligibility": False}})
    assert not _refused(server, "PATCH", change)
    _until_away(server)


@pytest.mark.usefixtures("kata_config")
def test_its_crd_and_a_list_of_them_are_not_deleted_either(server: ApiServer) -> None:
    folder = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crd = "kataconfigs.kataconfiguration.openshift.io"
    for path in (f"{folder}/{crd}", f"{folder}?fieldSelector=metadata.name%3D{crd}", KATA_CONFIGS):
        with pytest.raises(ApiError, match="its deletion reboots nodes"):
            server.request("DELETE", path)

    other = {**crds.of("cluster")[0], "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    server.request("POST", folder, other)
    server.request("DELETE", f"{folder}/{other['metadata']['name']}")
    assert "deletionTimestamp" not in server.get(OURS)["metadata"]


@pytest.mark.parametrize(
    "spec",
    [
        {"logLevel": "debug"},
        {"kataConfigPoolSelector": {"matchLabels": {"cc": "true"}}},
        {"enablePeerPods": False},
        {"kataConfigPoolSelector": {"matchExpressions": [{"key": "cc", "operator": "Exists"}]}},
        {"checkNodeEligibility": True},
        {"ofALaterVersion": "x"},
    ],
)
@pytest.mark.usefixtures("kata_config")
def test_another_spec_is_refused(server: ApiServer, spec: Any) -> None:
    assert "another spec reboots nodes" in _refused(server, "PATCH", {"spec": spec})
    # What a preview sends.
    assert not _refused(server, "PATCH", {"spec": spec}, dry=True)


@pytest.mark.usefixtures("kata_config")
def test_finalizers_labels_annotations_and_status_pass(server: ApiServer) -> None:
    marks = {"finalizers": ["example.com/a"], "labels": {"a": "b"}, "annotations": {"a": "b"}}
    assert not _refused(server, "PATCH", {"metadata": marks})
    assert not _refused(server, "PATCH", {"metadata": {"finalizers": None}})
    server.request("PATCH", f"{OURS}/status", {"status": {"kataNodes": {"nodeCount": 3}}}, MERGE)


@pytest.mark.parametrize(
    "written",
    [
        {"kataConfigPoolSelector": None, "ofALaterVersion": ""},
        {"kataConfigPoolSelector": {"matchLabels": {}, "matchExpressions": []}},
        {"checkNodeEligibility": False},
    ],
    ids=json.dumps,
)
def test_a_spec_that_means_the_same_passes_for_so_the_operator_writes_its_finalizer(
    server: ApiServer, kata_config: Any, written: Any
) -> None:
    meant = {**kata_config, "spec": {**kata_config["spec"], **written}}
    meant["metadata"] = {**kata_config["metadata"], "finalizers": ["example.com/a"]}

    assert not _refused(server, "PUT", meant)
    assert not _refused(server, "PATCH", {"metadata": {"finalizers": None}})
    assert "another spec" in _refused(server, "PATCH", {"spec": {"logLevel": "debug"}})


@pytest.mark.usefixtures("kata_config")
def test_one_without_a_spec_is_guarded_as_one_of_defaults(server: ApiServer) -> None:
    _until_away(server)
    _make(server, {})
    until(lambda: "approved: nothing" in _refused(server, "DELETE", dry=True))
    default = {"enablePeerPods": False, "logLevel": "info", "checkNodeEligibility": False}

    assert "another spec" in _refused(server, "PATCH", {"spec": {"enablePeerPods": True}})
    assert not _refused(server, "PUT", {**server.get(OURS), "spec": {**default, "kataConfigPoolSelector": None}})
    _until_away(server)


LABELS = {"cc": "true", "a.b/c": ""}
OTHERS: dict[str, Any] = {
    "another level": {"logLevel": "warn"},
    "no peer pods": {"enablePeerPods": False},
    "nodes that are eligible": {"checkNodeEligibility": True},
    "a label more": {"kataConfigPoolSelector": {"matchLabels": {**LABELS, "d": ""}}},
    "a label less": {"kataConfigPoolSelector": {"matchLabels": {"cc": "true"}}},
    "another label": {"kataConfigPoolSelector": {"matchLabels": {"cc": "true", "a.b/c": "d"}}},
    "every worker": {"kataConfigPoolSelector": None},
    "an expression more": {
        "kataConfigPoolSelector": {"matchLabels": LABELS, "matchExpressions": [{"key": "a", "operator": "Exists"}]}
    },
    "a field that nobody knows": {"ofALaterVersion": "x"},
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_approval_is_for_all_of_the_spec(server: ApiServer, kata_config: Any, other: str) -> None:
    applied = Applied(confidential=True, log_level="debug", pool_selector=LABELS)
    _approve(server, guard.change(read_kata_config(kata_config), applied))

    approved = server.get(OURS)
    assert "another spec" in _refused(server, "PUT", {**approved, "spec": {**applied.spec, **OTHERS[other]}})
    assert server.get(OURS)["spec"] == kata_config["spec"]


def test_an_approval_is_for_one_change_of_one_object(server: ApiServer, kata_config: Any) -> None:
    applied = Applied(confidential=True, log_level="debug", pool_selector=LABELS)
    _approve(server, guard.change(read_kata_config(kata_config), applied))

    assert "its deletion" in _refused(server, "DELETE")
    assert not _refused(server, "PATCH", {"spec": applied.spec})
    # It is used up, although nobody has taken it off.
    assert not _refused(server, "PATCH", {"metadata": {"labels": {"a": "c"}}})
    assert "another spec" in _refused(server, "PATCH", {"spec": {"logLevel": "info"}})
    _until_away(server)


def test_a_change_cannot_bring_its_own_approval(server: ApiServer, kata_config: Any) -> None:
    applied = Applied(confidential=True, log_level="error", pool_selector=None)
    approval = guard.change(read_kata_config(kata_config), applied)
    both = {"metadata": {"annotations": {names.APPROVED: approval}}, "spec": applied.spec}

    assert "approved: nothing" in _refused(server, "PATCH", both)


def test_only_who_may_take_the_guard_away_approves_and_everybody_else_keeps_or_drops_it(
    server: ApiServer, kata_config: Any
) -> None:
    may = {"apiGroups": ["kataconfiguration.openshift.io"], "resources": ["kataconfigs"], "verbs": ["*"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "operator"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "operator"}
    server.request("POST", f"{USERS}/clusterroles", {"metadata": {"name": "operator"}, "rules": [may]})
    bound = {"metadata": {"name": "operator"}, "roleRef": role, "subjects": [subject]}
    server.request("POST", f"{USERS}/clusterrolebindings", bound)
    labels, approval = {"metadata": {"labels": {"by": "operator"}}}, _deletion(kata_config)
    approving = {"metadata": {"annotations": {names.APPROVED: approval}}}
    until(lambda: not _refused(server, "PATCH", labels, user="operator"))

    assert f"delete ValidatingAdmissionPolicyBinding {names.GUARD}" in _refused(
        server, "PATCH", approving, user="operator"
    )
    _approve(server, approval)
    assert not _refused(server, "PATCH", {"metadata": {"labels": {"by": "it"}}}, user="operator")
    assert server.get(OURS)["metadata"]["annotations"][names.APPROVED] == approval
    assert not _refused(server, "PATCH", {"metadata": {"annotations": {names.APPROVED: None}}}, user="operator")


def test_an_approved_deletion_passes_and_its_approval_is_worth_nothing_for_the_next_object(
    server: ApiServer, kata_config: Any
) -> None:
    _approve(server, "delete another")
    assert "its deletion" in _refused(server, "DELETE")

    server.request("PATCH", OURS, {"metadata": {"finalizers": ["example.com/a"]}}, MERGE)
    _approve(server, _deletion(kata_config))
    assert "another spec" in _refused(server, "PATCH", {"spec": {"logLevel": "error"}})
    assert not _refused(server, "DELETE")

    # What is being deleted already is deleted once more by whoever does not know it.
    _approve(server, None)
    assert not _refused(server, "DELETE")
    assert not _refused(server, "PATCH", {"metadata": {"finalizers": None}})
    assert server.get(OURS) is None


def test_what_is_open_lets_everything_pass(server: ApiServer, kata_config: Any) -> None:
    assert kata_config
    _until_away(server)


def _until_away(server: ApiServer) -> None:
    """Have the guard as ``allowReboot: true`` makes it, and KataConfig deleted; then it holds again."""
    for active in (False, True):
        server.request("PATCH", guard.BINDING, {"spec": guard.binding(active=active)}, MERGE)
        if not active:
            until(lambda: not _refused(server, "DELETE", dry=True))
            assert not _refused(server, "PATCH", {"spec": {"logLevel": "error"}})
            assert not _refused(server, "DELETE")


def test_after_the_last_policy_the_next_guard_holds_with_no_other_one_there(
    server: ApiServer, kata_config: Any
) -> None:
    policies = guard.policy("coco-azure/prod"), guard.binding(active=True)
    for path in (guard.BINDING, guard.POLICY):
        server.request("DELETE", path)
    until(lambda: not _refused(server, "DELETE", dry=True))
    hold(server, {names.GUARD: policies})
    until(lambda: "approved: nothing" in _refused(server, "DELETE", dry=True))

    _approve(server, _deletion(kata_config))
    assert not _refused(server, "DELETE")
