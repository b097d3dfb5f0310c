"""What is left over in the cluster, what a deletion waits for, and the deletion of CRDs when asked for."""

import json
from typing import Any

import pytest

from coco_azure import names
from coco_azure.cli.leftovers import cluster_facts, cluster_leftovers
from coco_azure.cli.leftovers.model import Answer, to_text
from tests.unit.fake_cluster import FakeCluster, node

OLM = "/apis/operators.coreos.com/v1alpha1/namespaces"
CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
CONFIGS = f"/api/v1/namespaces/{names.OSC_NAMESPACE}/configmaps"
KBS_CONFIGS = names.path(names.KBS_CONFIGS, namespace=names.TRUSTEE_NAMESPACE)
DEPLOYMENT = names.path(names.DEPLOYMENTS, names.KBS_DEPLOYMENT, namespace=names.TRUSTEE_NAMESPACE)
BARE: dict[str, Any] = {
    "/apis/config.openshift.io/v1/clusterversions": [
        {"metadata": {"name": "version"}, "spec": {"clusterID": "5b1d1c2e-8f7a-4a63-9a0e-3c1f6d2b7e90"}}
    ],
    names.NODES: [node("worker-0")],
    names.POOLS: [{"metadata": {"name": "worker"}}],
}


def _cluster(**lists: Any) -> FakeCluster:
    return FakeCluster({**BARE, **lists})


def _named(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **more}


def _pod(name: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    values = {"name": name, "namespace": "shop", **metadata}
    return {"metadata": values, "spec": {"runtimeClassName": "kata-remote"}, "status": {"phase": phase}}


def _kata_config(*, going: bool) -> dict[str, Any]:
    return {"metadata": {"name": "example", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {})}}


INSTALLED: dict[str, Any] = {
    f"{OLM}/{names.OSC_NAMESPACE}/subscriptions": [_named("s", spec={"name": "sandboxed-containers-operator"})],
    names.CRDS: [_named("kataconfigs.kataconfiguration.openshift.io")],
    names.OPERATORS: [_named("sandboxed-containers-operator.openshift-sandboxed-containers-op")],
}
UNINSTALLED: dict[str, Any] = {**INSTALLED, f"{OLM}/{names.OSC_NAMESPACE}/subscriptions": []}


def _left(cluster: FakeCluster) -> dict[str, str]:
    return {each.name: each.remove for each in cluster_leftovers.left_over(cluster_facts.read(cluster))}


def test_on_a_cluster_without_the_operators_nothing_is_left() -> None:
    assert _left(_cluster()) == {}


def test_what_an_installed_operator_needs_is_not_left_over() -> None:
    assert _left(_cluster(**INSTALLED)) == {}


def test_kinds_and_operator_object_of_an_operator_that_is_gone_are_left_over() -> None:
    assert _left(_cluster(**UNINSTALLED)) == {
        "crd/kataconfigs.kataconfiguration.openshift.io": "oc delete crd kataconfigs.kataconfiguration.openshift.io",
        "operator/sandboxed-containers-operator.openshift-sandboxed-containers-op": (
            "oc delete operator sandboxed-containers-operator.openshift-sandboxed-containers-op"
        ),
    }


def test_a_csv_without_a_subscription_is_left_over() -> None:
    csv = {f"{OLM}/{names.TRUSTEE_NAMESPACE}/clusterserviceversions": [_named("trustee-operator.v0.3.0")]}

    assert _left(_cluster(**csv)) == {
        "csv/trustee-operator.v0.3.0": "oc delete csv trustee-operator.v0.3.0 -n trustee-operator-system"
    }


MADE_FOR_KATA: dict[str, Any] = {
    names.MACHINE_CONFIGS: [_named("50-kata-remote"), _named("00-worker")],
    names.POOLS: [_named("worker"), _named("kata-oc")],
    CLASSES: [_named("kata-remote"), _named("gvisor")],
    names.NODES: [node("worker-0", node_role=""), {"metadata": {"name": "w", "labels": {names.KATA_ROLE: ""}}}],
}


def test_what_was_made_for_a_kataconfig_that_is_gone_is_left_over_nodes_first() -> None:
    assert list(_left(_cluster(**MADE_FOR_KATA)).items()) == [
        ("node/w", "oc label node w node-role.kubernetes.io/kata-oc-"),
        ("machineconfig/50-kata-remote", "oc delete machineconfig 50-kata-remote"),
        ("machineconfigpool/kata-oc", "oc delete machineconfigpool kata-oc"),
        ("runtimeclass/kata-remote", "oc delete runtimeclass kata-remote"),
    ]


def test_with_a_kataconfig_it_is_not() -> None:
    assert _left(_cluster(**MADE_FOR_KATA, **{names.KATA_CONFIGS: [_kata_config(going=False)]})) == {}


def test_cluster_roles_of_olm_are_left_over_once_the_namespace_is_gone() -> None:
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    role = {"metadata": {"name": "kbs-abc", "labels": {"olm.owner.namespace": names.TRUSTEE_NAMESPACE}}}
    values = {names.NAMESPACES: [_named(names.TRUSTEE_NAMESPACE)]}

    assert _left(_cluster(**{path: [role]})) == {"clusterrole/kbs-abc": "oc delete clusterrole kbs-abc"}
    assert _left(_cluster(**{path: [role]}, **values)) == {}


def test_admission_policies_of_a_stack_that_is_gone_are_left_over_and_so_is_a_node_that_it_closed() -> None:
    closed = node("worker-0")
    closed = {**closed, "metadata": {**closed["metadata"], "annotations": {"coco-azure/cordoned": "coco-azure/prod"}}}
    policies = {
        path: [_named("coco-azure-caa-hold"), _named("vkataconfig.kb.io")] for _, path in cluster_facts.OWN_POLICIES
    }

    assert _left(_cluster(**{names.NODES: [closed]}, **policies)) == {
        "node/worker-0": "oc adm uncordon worker-0; oc annotate node worker-0 coco-azure/cordoned-",
        "validatingadmissionpolicybinding/coco-azure-caa-hold": (
            "oc delete validatingadmissionpolicybinding coco-azure-caa-hold"
        ),
        "validatingadmissionpolicy/coco-azure-caa-hold": "oc delete validatingadmissionpolicy coco-azure-caa-hold",
    }
    assert _left(_cluster(**INSTALLED, **policies)) == {}


def _waits(cluster: FakeCluster, *, before_destroy: bool = False) -> list[str]:
    facts = cluster_facts.read(cluster)
    return [
        f"{each.why} | {each.remove}" for each in cluster_leftovers.in_the_way(facts, before_destroy=before_destroy)
    ]


def test_a_kataconfig_that_cannot_go_names_each_pod_and_the_command() -> None:
    pods = [
        _pod("done", "Succeeded"),
        _pod("web", ownerReferences=[{"controller": True, "kind": "ReplicaSet", "name": "web"}]),
    ]
    cluster = _cluster(**{names.KATA_CONFIGS: [_kata_config(going=True)], names.PODS: pods})

    assert _waits(cluster) == [
        "waits for pod shop/done of RuntimeClass kata-remote (Succeeded) | oc delete pod done -n shop",
        (
            "waits for pod shop/web of RuntimeClass kata-remote (Running), which ReplicaSet web starts again: "
            "scale its owner to 0 first | oc delete pod web -n shop"
        ),
    ]


def test_pods_of_other_runtimes_are_not_in_the_way() -> None:
    pod = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": []}}

    assert _waits(_cluster(**{names.KATA_CONFIGS: [_kata_config(going=True)], names.PODS: [pod]})) == []


def test_before_a_destroy_what_would_block_is_told_but_for_the_stacks_own_check() -> None:
    pods = [_pod("web"), _pod("attestation-check-x", labels={"app": "attestation-check"})]
    cluster = _cluster(**{names.KATA_CONFIGS: [_kata_config(going=False)], names.PODS: pods})

    assert _waits(cluster) == []
    assert [each.split(" |")[0] for each in _waits(cluster, before_destroy=True)] == [
        "will wait for pod shop/web of RuntimeClass kata-remote (Running)"
    ]


def test_a_degraded_node_and_a_paused_pool_are_in_the_way() -> None:
    values = {
        "machineconfiguration.openshift.io/state": "Degraded",
        "machineconfiguration.openshift.io/reason": "no disk",
    }
    cluster = _cluster(
        **{
            names.KATA_CONFIGS: [_kata_config(going=True)],
            names.NODES: [{"metadata": {"name": "w", "annotations": values}}],
            names.POOLS: [_named("worker", spec={"paused": True})],
        }
    )

    result = _waits(cluster)

    assert "node w, which is Degraded: no disk" in result[0]
    assert """oc patch mcp worker --type merge -p '{"spec":{"paused":false}}'""" in result[1]


def test_a_kbs_config_whose_deployment_is_gone_already_is_stuck_and_the_way_out_is_told() -> None:
    going = {"metadata": {"name": "kbs", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    folder, _, name = DEPLOYMENT.rpartition("/")

    change = """'{"metadata":{"finalizers":null}}'"""

    result = _waits(_cluster(**{KBS_CONFIGS: [going]}))
    assert [each.partition(" | ")[2] for each in result] == [
        f"oc patch kbsconfig kbs -n trustee-operator-system --type merge -p {change}"
    ]
    assert result[0].startswith("waits for ever for an operator that was interrupted")
    assert _waits(_cluster(**{KBS_CONFIGS: [going], folder: [_named(name)]})) == []
    assert _waits(_cluster(**{KBS_CONFIGS: [_named("kbs")]})) == []


def test_a_namespace_that_cannot_go_tells_what_kubernetes_says() -> None:
    conditions = [
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "kbsconfig finalizer in 1 resource"},
        {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "all fine"},
    ]
    metadata = {"name": names.TRUSTEE_NAMESPACE, "deletionTimestamp": "2026-01-01T00:00:00Z"}
    cluster = _cluster(**{names.NAMESPACES: [{"metadata": metadata, "status": {"conditions": conditions}}]})

    assert _waits(cluster) == [
        "waits: kbsconfig finalizer in 1 resource | oc get namespace trustee-operator-system -o yaml"
    ]


def _alive(**lists: Any) -> Any:
    facts = cluster_facts.read(_cluster(**lists))
    return cluster_leftovers.alive(facts, gallery=None, own_image="/own", shared=False)


def test_the_gallery_is_named_after_the_cluster_unless_a_configmap_names_another() -> None:
    assert _alive().gallery == "PodVMGallery_5b1d1c2e"
    assert _alive(**{CONFIGS: [_named("azure-podvm-image-cm", data={"IMAGE_GALLERY_NAME": "mine"})]}).gallery == "mine"


def test_the_image_of_peer_pods_cm_is_in_use_only_with_a_kataconfig() -> None:
    config = {
        "metadata": {"name": "peer-pods-cm", "annotations": {"LATEST_IMAGE_ID": "/l"}},
        "data": {"AZURE_IMAGE_ID": "/a"},
    }

    assert _alive(**{CONFIGS: [config]}).images == {"/own"}
    with_kata = _alive(**{CONFIGS: [config], names.KATA_CONFIGS: [_kata_config(going=False)]})
    assert with_kata.images == {"/own", "/a", "/l"}


def test_a_pod_that_has_ended_has_no_vm_any_more() -> None:
    assert _alive(**{names.PODS: [_pod("done", "Succeeded"), _pod("web")]}).pods == ["web"]


@pytest.mark.parametrize(("conditions", "building"), [([], True), ([{"type": "Failed", "status": "True"}], False)])
def test_an_image_job_is_at_work_until_it_has_ended(conditions: list[Any], building: bool) -> None:  # noqa: FBT001
    job = _named("osc-podvm-image-creation", status={"conditions": conditions})

    assert _alive(**{f"/apis/batch/v1/namespaces/{names.OSC_NAMESPACE}/jobs": [job]}).building is building


def test_the_text_says_where_was_looked_and_what_could_not_be_told() -> None:
    assert to_text(Answer(places=["the cluster"])) == "looked at the cluster\nnothing is left behind\n"
    answer = Answer(unknown=["what is in Azure: no token"])
    assert "cannot tell: what is in Azure: no token" in to_text(answer)
    assert "nothing is left behind" not in to_text(answer)
    assert (answer.code, Answer().code) == (1, 0)


def test_cloud_conf_is_decoded() -> None:
    path = "/api/v1/namespaces/openshift-cloud-controller-manager/configmaps"
    conf = _named("cloud-conf", data={"cloud.conf": json.dumps({"subscriptionId": "s"})})

    assert cluster_facts.read(_cluster(**{path: [conf]})).cloud == {"subscriptionId": "s"}
