"""In which order the API server sees what a run does: from nothing, through a replacement, to nothing again."""

from tests.engine.harness import Stack, index

WORKERS = ["worker-eastus1", "worker-eastus2", "worker-eastus3"]
KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
OURS = ("trustee-operator-system", "openshift-sandboxed-containers-operator", "coco-attestation-check")


def _reboots(stack: Stack) -> list[str]:
    """Return the nodes that were drained so far, in order."""
    events = stack.get("/api/v1/events")["items"]
    drains = [event for event in events if event["reason"] == "Drain"]
    return [event["involvedObject"]["name"] for event in sorted(drains, key=lambda event: event["metadata"]["uid"])]


def test_a_preview_on_an_empty_cluster_creates_everything_and_changes_nothing(empty: Stack) -> None:
    mark = empty.mark()
    preview = empty.preview()

    assert {change.operation for change in preview} == {"create"}
    assert {"KataConfig", "KbsConfig", "Subscription", "Route", "Job", "ConfigMapPatch"} <= {
        change.kind for change in preview
    }
    assert empty.requests(mark) == []


def test_everything_is_created_in_the_order_that_the_operators_need(empty: Stack) -> None:
    mark = empty.mark()
    empty.up()
    seen = empty.requests(mark)

    def created(kind: str, name: str) -> int:
        return index(seen, "create", kind, name)

    def patched(kind: str, name: str) -> int:
        return index(seen, "patch", kind, name)

    namespace = "openshift-sandboxed-containers-operator"
    assert created("namespaces", namespace) < created("operatorgroups", "sandboxed-containers-operator-group")
    assert created("operatorgroups", "sandboxed-containers-operator-group") < created(
        "subscriptions", "sandboxed-containers-operator"
    )
    kata_config = created("kataconfigs", "example-kataconfig")
    assert created("configmaps", "osc-feature-gates") < kata_config
    assert created("configmaps", "peer-pods-cm") < kata_config
    assert created("subscriptions", "sandboxed-containers-operator") < kata_config
    assert kata_config < created("jobs", "attestation-check")
    kbs_config = created("kbsconfigs", "kbsconfig")
    for kind, name in (
        ("configmaps", "kbs-config-cm"),
        ("configmaps", "rvps-reference-values"),
        ("configmaps", "resource-policy"),
        ("secrets", "kbs-auth-public-key"),
        ("secrets", "kbsres1"),
        ("secrets", "security-policy"),
        ("subscriptions", "trustee-operator-system"),
    ):
        assert created(kind, name) < kbs_config
    assert kbs_config < patched("deployments", "trustee-deployment") < created("jobs", "attestation-check")


def test_trustee_does_not_wait_for_the_reboot_of_the_nodes(empty: Stack) -> None:
    finished = {each["urn"].rpartition("::")[2]: each.get("created", "") for each in empty.state()}

    assert finished["trustee-kbs"] < finished["peer-pods-kata-installed"], finished
    assert finished["peer-pods-kata-installed"] < finished["peer-pods-caa-restarted"] < finished["check-job"]


def test_every_worker_has_rebooted_once_and_has_the_kata_runtime(empty: Stack) -> None:
    status = empty.get(KATA_CONFIG)["status"]

    assert sorted(_reboots(empty)) == WORKERS
    assert sorted(status["kataNodes"]["installed"]) == WORKERS
    assert status["runtimeClasses"] == ["kata", "kata-remote"]


def test_a_replacement_deletes_kataconfig_waits_for_its_finalizer_and_creates_it_anew(empty: Stack) -> None:
    before = empty.get(KATA_CONFIG)["metadata"]["uid"]
    mark = empty.mark()
    # Without confidential VMs nothing can attest, so it is no production stack, and the check is off as well.
    peer_pods = {"confidential": False, "kataConfig": {"change": "recreate"}}
    off = {"peerPods": peer_pods, "attestationCheck": {"enabled": False}}
    empty.configure({"environment": "development", **off})
    empty.up()
    seen = empty.requests(mark)

    deleted = index(seen, "delete", "kataconfigs", "example-kataconfig")
    assert index(seen, "delete", "jobs", "attestation-check") < deleted
    assert deleted < index(seen, "create", "kataconfigs", "example-kataconfig")
    assert empty.get(KATA_CONFIG)["metadata"]["uid"] != before
    # Off the pool, and onto it again: each worker two more times.
    assert sorted(_reboots(empty)) == sorted(WORKERS * 3)
    gate = empty.get("/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/osc-feature-gates")
    assert gate["data"] == {"confidential": "false"}


def test_destroy_removes_workload_kataconfig_configuration_and_operators_in_this_order(empty: Stack) -> None:
    empty.configure({})
    empty.up()
    mark = empty.mark()
    empty.destroy()
    seen = empty.requests(mark)

    def deleted(kind: str, name: str) -> int:
        return index(seen, "delete", kind, name)

    kata_config = deleted("kataconfigs", "example-kataconfig")
    assert deleted("jobs", "attestation-check") < kata_config
    assert kata_config < deleted("subscriptions", "sandboxed-containers-operator")
    assert kata_config < deleted("namespaces", "openshift-sandboxed-containers-operator")
    assert deleted("kbsconfigs", "kbsconfig") < deleted("configmaps", "kbs-config-cm")
    assert deleted("configmaps", "kbs-config-cm") < deleted("namespaces", "trustee-operator-system")


def test_after_destroy_nothing_of_ours_is_left(empty: Stack) -> None:
    namespaces = [each["metadata"]["name"] for each in empty.get("/api/v1/namespaces")["items"]]
    classes = [each["metadata"]["name"] for each in empty.get("/apis/node.k8s.io/v1/runtimeclasses")["items"]]

    assert not set(OURS) & set(namespaces)
    assert empty.get("/apis/kataconfiguration.openshift.io/v1/kataconfigs")["items"] == []
    assert classes == []
    assert empty.state() == []
