"""The admission policies of the stack at a real API server, without an engine: what they refuse, and what passes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.formats.workload import admission
from coco_azure.rollout import caa_hold, guard
from coco_azure.rollout.facts import read_kata_config
from coco_azure.rollout.wanted import Applied
from rehearsal.control_plane import ControlPlane
from rehearsal.operators import crds
from rehearsal.rest import ApiError, ApiServer

pytestmark = pytest.mark.engine
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
OURS = f"{KATA_CONFIGS}/example-kataconfig"
MERGE = "application/merge-patch+json"
PODS = f"/api/v1/namespaces/{names.OSC_NAMESPACE}/pods"
USERS = "/apis/rbac.authorization.k8s.io/v1"


def _until(what: Callable[[], bool]) -> None:
    """Wait for what the API server's caches lag behind with; they have no other sign."""
    for _ in range(3000):
        if what():
            return
    raise AssertionError("it does not come to be")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[ApiServer]:
    """An API server with the kind KataConfig, and the guard of stack coco-azure/prod."""
    with ControlPlane.start(tmp_path_factory.mktemp("guard"), tools) as plane:
        api = ApiServer(plane.kubeconfig)
        for crd in crds.of("sandboxed-containers-operator", "1.13.1"):
            crd |= {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
            api.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        api.request("POST", "/api/v1/namespaces", {"metadata": {"name": names.OSC_NAMESPACE}})
        _hold(api, {names.GUARD: (guard.policy("coco-azure/prod"), guard.binding(active=True))})
        _hold(api, {names.CAA_HOLD: (caa_hold.policy("coco-azure/prod"), caa_hold.binding(active=True))})
        yield api


def _hold(api: ApiServer, policies: dict[str, tuple[Any, Any]]) -> None:
    """Make policies and their bindings, by their names."""
    for name, (policy, binding) in policies.items():
        api.request("POST", names.ADMISSION_POLICIES, {"metadata": {"name": name}, "spec": policy})
        api.request("POST", names.ADMISSION_BINDINGS, {"metadata": {"name": name}, "spec": binding})


@pytest.fixture
def kata_config(server: ApiServer) -> Any:
    """The stack's KataConfig, and a guard that is shut."""
    if server.get(OURS) is None:
        spec = {"enablePeerPods": True, "logLevel": "info"}
        made = {"apiVersion": "kataconfiguration.openshift.io/v1", "kind": "KataConfig", "spec": spec}
        _until(lambda: server.get(KATA_CONFIGS) is not None)
        server.request("POST", KATA_CONFIGS, {**made, "metadata": {"name": "example-kataconfig"}})
    _approve(server, None)
    _until(lambda: "approved: nothing" in _refused(server, "DELETE", dry=True))
    return server.get(OURS)


def _approve(server: ApiServer, approval: str | None) -> None:
    server.request("PATCH", OURS, {"metadata": {"annotations": {names.APPROVED: approval}}}, MERGE)


def _deletion(kata_config: Any) -> str:
    return guard.deletion(read_kata_config(kata_config))


def _refused(server: ApiServer, method: str, change: Any = None, *, dry: bool = False, user: str = "") -> str:
    """Return why a request is refused; empty: it is not."""
    try:
        server.request(method, OURS + ("?dryRun=All" if dry else ""), change, MERGE, user=user)
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
    change = {"spec": {"enablePeerPods": False, "kataConfigPoolSelector": {"matchLabels": {"b": "", "a": "1"}}}}
    _, _, command = _refused(server, "PATCH", change).partition(f"{names.APPROVED}=")
    approval = command.split("'")[1]
    _approve(server, approval)

    assert approval.startswith(f"update {kata_config['metadata']['uid']} {kata_config['metadata']['generation']} false")
    assert "another spec" in _refused(server, "PATCH", {"spec": {"enablePeerPods": False}})
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
        {"checkNodeEligibility": True},
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


def test_an_approval_is_for_one_change_of_one_object(server: ApiServer, kata_config: Any) -> None:
    applied = Applied(confidential=True, log_level="debug", pool_selector={"cc": "true", "a.b/c": ""})
    _approve(server, guard.change(read_kata_config(kata_config), applied))

    assert "another spec" in _refused(server, "PATCH", {"spec": {**applied.spec, "logLevel": "warn"}})
    assert "another spec" in _refused(server, "PATCH", {"spec": {"logLevel": "debug"}})
    assert "its deletion" in _refused(server, "DELETE")
    assert not _refused(server, "PATCH", {"spec": applied.spec})
    # It is used up, although nobody has taken it off.
    assert not _refused(server, "PATCH", {"metadata": {"labels": {"a": "c"}}})
    assert "another spec" in _refused(server, "PATCH", {"spec": {"logLevel": "info"}})


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
    _until(lambda: not _refused(server, "PATCH", labels, user="operator"))

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
            _until(lambda: not _refused(server, "DELETE", dry=True))
            assert not _refused(server, "PATCH", {"spec": {"logLevel": "error"}})
            assert not _refused(server, "DELETE")


def test_after_the_last_policy_the_next_guard_holds_with_no_other_one_there(
    server: ApiServer, kata_config: Any
) -> None:
    policies = guard.policy("coco-azure/prod"), guard.binding(active=True)
    for path in (guard.BINDING, guard.POLICY):
        server.request("DELETE", path)
    _until(lambda: not _refused(server, "DELETE", dry=True))
    _hold(server, {names.GUARD: policies})
    _until(lambda: "approved: nothing" in _refused(server, "DELETE", dry=True))

    _approve(server, _deletion(kata_config))
    assert not _refused(server, "DELETE")


def test_pods_of_a_namespace_have_the_initdata_of_its_workloads_however_long(server: ApiServer) -> None:
    key, long, other = "io.katacontainers.config.hypervisor.cc_init_data", "A" * 90_000, "Qg=="
    runtime = {"metadata": {"name": names.RUNTIME_CLASS}, "handler": names.RUNTIME_CLASS}
    server.request("POST", "/apis/node.k8s.io/v1/runtimeclasses", runtime)
    for name in ("shop", "web"):
        server.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    spec = admission.policy(key, {"shop": [long, other], "web": [other]})
    _hold(
        server,
        {names.WORKLOADS_POLICY: (spec, admission.bindings(("shop", "web"), refuse=True)[names.WORKLOADS_POLICY])},
    )

    def refusal(namespace: str, value: str) -> str:
        pod = {"runtimeClassName": names.RUNTIME_CLASS, "containers": [{"name": "a", "image": "a"}]}
        made = {"metadata": {"generateName": "a-", "annotations": {key: value}}, "spec": pod}
        try:
            server.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", made)
        except ApiError as error:
            return str(error)
        return ""

    _until(lambda: "neither the current nor" in refusal("shop", "b2xk"))
    assert "neither the current nor" in refusal("web", long)
    assert [refusal(*each) for each in (("shop", long), ("shop", other), ("web", other))] == ["", "", ""]
    assert "get no secret of their own" in refusal("shop", "")


def test_the_controller_of_daemonsets_replaces_no_caa_and_whoever_else_deletes_one_gets_the_new_one(
    server: ApiServer,
) -> None:
    folder = f"/apis/apps/v1/namespaces/{names.OSC_NAMESPACE}/daemonsets"
    for node in ("a", "b"):
        server.request("POST", "/api/v1/nodes", {"metadata": {"name": node}})
    labels = {"name": "osc-caa-ds"}
    pod = {"containers": [{"name": "caa", "image": "caa"}]}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    server.request("POST", folder, {"metadata": {"name": "osc-caa-ds"}, "spec": spec})
    _until(lambda: len(_pods(server)) == 2)
    before = _pods(server)
    for name in before:
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        server.request("PATCH", f"{PODS}/{name}/status", {"status": ready}, MERGE)

    template = {"metadata": {"annotations": {"peer-pods-cm/version": "2"}}}
    server.request("PATCH", f"{folder}/osc-caa-ds", {"spec": {"template": template}}, MERGE)
    _until(lambda: any("coco-azure:peerPods.caaRestart" in text for text in _told(server)))

    assert _pods(server) == before
    first = next(iter(before))
    server.request("DELETE", f"{PODS}/{first}?gracePeriodSeconds=0")
    _until(lambda: len(_pods(server)) == 2 and first not in _pods(server))
    assert set(_pods(server).values()) == {None, "2"}
    # The rest goes with the DaemonSet, by another controller.
    server.request("DELETE", f"{folder}/osc-caa-ds?propagationPolicy=Background")
    _until(lambda: not _pods(server))


def _pods(server: ApiServer) -> dict[str, Any]:
    """Return what CAA's pods have read, by name; those that go left out."""
    items = [pod["metadata"] for pod in server.get(PODS)["items"] if "deletionTimestamp" not in pod["metadata"]]
    return {metadata["name"]: metadata.get("annotations", {}).get("peer-pods-cm/version") for metadata in items}


def _told(server: ApiServer) -> list[str]:
    return [event["message"] for event in server.get(f"/api/v1/namespaces/{names.OSC_NAMESPACE}/events")["items"]]
