"""The pod VM image through the life of a KataConfig: made way for, spared, waited for, and found out."""

from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from components.peer_pods.pod_vm_image import PodVmImage
from settings.peer_pods import PeerPodSettings
from tests.unit.fake_cluster import FakeCluster

NAMESPACE = "openshift-sandboxed-containers-operator"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
CONFIG = f"{CONFIG_MAPS}/peer-pods-cm"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
CREATION = "osc-podvm-image-creation"
OWN = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/i/versions/1.0.0"


def _named(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}"}, **more}


def _cluster(image: str = "/image", confidential: str = "yes") -> FakeCluster:
    """Return a cluster in which CAA can start."""
    builder = _named("azure-podvm-image-cm", data={"CONFIDENTIAL_COMPUTE_ENABLED": confidential})
    return FakeCluster(
        lists={
            CONFIG_MAPS: [_named("peer-pods-cm", data={"AZURE_IMAGE_ID": image}), builder],
            "/apis/node.k8s.io/v1/runtimeclasses": [_named("kata-remote")],
            f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets": [_named("osc-caa-ds")],
        }
    )


def _failed_pod(job: str) -> dict[str, Any]:
    labels = {"job-name": CREATION, "batch.kubernetes.io/controller-uid": job}
    metadata = {"name": f"{CREATION}-{job}", "uid": f"pod-{job}", "labels": labels}
    return {"metadata": metadata, "status": {"phase": "Failed", "message": "Azure says no"}}


def _image(cluster: FakeCluster, **settings: Any) -> PodVmImage:
    quick = {"kataConfig": {"timeout": "0s"}, **settings}
    return PodVmImage(cluster, PeerPodSettings.model_validate(quick))  # type: ignore[arg-type] # same methods


def test_with_image_runtime_class_and_daemonset_caa_can_start() -> None:
    _image(_cluster()).settle()


@pytest.mark.parametrize(
    ("path", "lacking"),
    [
        ("/apis/node.k8s.io/v1/runtimeclasses", "no RuntimeClass kata-remote"),
        (f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets", "no DaemonSet osc-caa-ds"),
        (CONFIG_MAPS, "no AZURE_IMAGE_ID in peer-pods-cm"),
    ],
)
def test_what_is_lacking_when_the_time_is_over_is_named_with_the_setting(path: str, lacking: str) -> None:
    cluster = _cluster()
    cluster.lists[path] = []

    with pytest.raises(
        RuntimeError, match=r"within coco-azure:peerPods\.kataConfig\.timeout \(0s\) there was"
    ) as error:
        _image(cluster).settle()
    assert lacking in str(error.value)


def test_an_api_server_that_is_away_for_a_while_does_not_end_the_wait() -> None:
    class Away(FakeCluster):
        times = 0

        def items(self, path: str, *, labels: str | None = None, fields: str | None = None) -> Any:
            self.times += 1
            if self.times == 1:
                raise HTTPError("no route to host")
            return super().items(path, labels=labels, fields=fields)

    cluster = Away(lists=_cluster().lists)
    _image(cluster, kataConfig={"timeout": "1m"}).settle()
    assert cluster.times == 2

    with pytest.raises(RuntimeError, match=r"no answer of the API server \(no route to host\)"):
        _image(Away(lists=_cluster().lists)).settle()


def test_a_job_that_fails_in_this_run_ends_it_at_once() -> None:
    cluster = _cluster(image="")
    image = _image(cluster, kataConfig={"timeout": "90m"})
    image.found()
    cluster.lists[PODS] = [_failed_pod("j1")]
    cluster.lists[JOBS] = [_named(CREATION)]

    with pytest.raises(RuntimeError, match=f"pod {CREATION}-j1 ended with Azure says no"):
        image.settle()


def test_a_job_that_failed_before_this_run_does_not_end_it() -> None:
    cluster = _cluster(image="")
    cluster.lists[PODS] = [_failed_pod("j1")]

    with pytest.raises(RuntimeError, match="there was no AZURE_IMAGE_ID"):
        _image(cluster).settle()


def test_an_image_that_is_not_confidential_is_an_error_before_caa_starts_with_it() -> None:
    with pytest.raises(RuntimeError, match="built with CONFIDENTIAL_COMPUTE_ENABLED=no"):
        _image(_cluster(confidential="no")).settle()
    _image(_cluster(image=OWN, confidential="no"), imageId=OWN).settle()


def test_jobs_that_are_left_over_are_removed_before_a_new_kataconfig() -> None:
    cluster = _cluster()
    cluster.lists[JOBS] = [_named(CREATION), _named("osc-podvm-image-deletion"), _named("another")]
    _image(cluster).prepare()

    assert cluster.deleted == [f"{JOBS}/{CREATION}", f"{JOBS}/osc-podvm-image-deletion"]
    assert cluster.patched == []


def test_the_jobs_of_a_kataconfig_that_is_there_are_left_alone() -> None:
    cluster = _cluster()
    cluster.lists[JOBS] = [_named(CREATION)]
    cluster.lists["/apis/kataconfiguration.openshift.io/v1/kataconfigs"] = [_named("somebody's")]
    _image(cluster, imageId=OWN).prepare()

    assert (cluster.deleted, cluster.patched) == ([], [])


def test_the_users_own_image_is_out_of_the_way_of_a_deletion_and_back_for_a_creation() -> None:
    cluster = _cluster(image=OWN)
    image = _image(cluster, imageId=OWN)
    image.spare()
    image.prepare()
    image.prepare()

    assert cluster.patched == [(CONFIG, {"data": {"AZURE_IMAGE_ID": id_}}) for id_ in ("", OWN)]


KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"


class Deleting(FakeCluster):
    """A cluster whose KataConfig stays for a while when it is deleted, as one with a finalizer does."""

    reasons: tuple[str, ...] = ("Installing", "Uninstalling")

    def delete(self, path: str) -> None:
        """Remember the deletion, and how much was patched before."""
        self.deleted.append(f"{path} after {len(self.patched)} patches")

    def get(self, path: str) -> Any:
        """Return KataConfig in its next state."""
        if not path.startswith(KATA_CONFIGS):
            return super().get(path)
        reason, self.reasons = self.reasons[0], self.reasons[1:] or self.reasons
        return self.kata_config(reason)

    def kata_config(self, reason: str) -> dict[str, Any]:
        """Return a KataConfig with one node."""
        condition = {"type": "InProgress", "status": "True", "reason": reason, "message": "shop/app"}
        status = {"conditions": [condition], "kataNodes": {"nodeCount": 1, "readyNodeCount": 1}}
        return {"metadata": {"name": "k", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": status}


def _deleting(*reasons: str) -> Deleting:
    cluster = Deleting(lists=_cluster(image=OWN).lists)
    cluster.reasons = reasons
    cluster.lists[KATA_CONFIGS] = [cluster.kata_config("")]
    return cluster


@pytest.mark.parametrize("reason", ["Uninstalling", "BlockedByExistingKataPods"])
def test_the_image_is_taken_out_only_once_the_operator_removes_kata(reason: str) -> None:
    cluster = _deleting("Installing", "Installing", reason)
    _image(cluster, imageId=OWN, kataConfig={"timeout": "1m"}).spare()

    assert cluster.deleted == [f"{KATA_CONFIGS}/k after 0 patches"]
    assert cluster.patched == [(CONFIG, {"data": {"AZURE_IMAGE_ID": ""}})]
    assert len(cluster.reasons) == 1, "the operator was still at its installation"


def test_when_the_time_is_over_the_image_is_taken_out_all_the_same() -> None:
    cluster = _deleting("Installing")
    _image(cluster, imageId=OWN).spare()

    assert cluster.patched == [(CONFIG, {"data": {"AZURE_IMAGE_ID": ""}})]


def test_an_image_that_the_operator_built_is_left_to_its_deletion_job() -> None:
    cluster = _cluster(image="/built")
    _image(cluster, imageId=OWN).spare()

    assert cluster.patched == []
