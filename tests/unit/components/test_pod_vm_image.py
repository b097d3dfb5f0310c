"""The pod VM image through the life of a KataConfig: made way for, spared, waited for, and found out."""

from typing import Any

import pytest
from urllib3.exceptions import HTTPError

from coco_azure.rollout import desired_kata_config
from coco_azure.settings.peer_pods import PeerPodSettings
from components.peer_pods.pod_vm_image import PodVmImage
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


def _at_once(**settings: Any) -> PeerPodSettings:
    """Return settings whose waits look once, as those of no user do."""
    values = PeerPodSettings.model_validate(settings)
    return values.model_copy(update={"kata_config": values.kata_config.model_copy(update={"timeout": "0s"})})


def _image(cluster: FakeCluster, **settings: Any) -> PodVmImage:
    values = PeerPodSettings.model_validate(settings) if "kataConfig" in settings else _at_once(**settings)
    return PodVmImage(cluster, values)  # type: ignore[arg-type] # same methods


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

        def items(self, path: str, **selectors: Any) -> Any:
            self.times += 1
            if self.times == 1:
                raise HTTPError("no route to host")
            return super().items(path, **selectors)

    cluster = Away(lists=_cluster().lists)
    _image(cluster, kataConfig={"timeout": "1m"}).settle()
    assert cluster.times == 2

    with pytest.raises(RuntimeError, match=r"no answer of the API server \(no route to host\)"):
        _image(Away(lists=_cluster().lists)).settle()


def test_a_job_that_fails_in_this_run_ends_it_at_once() -> None:
    cluster = _cluster(image="")
    image = _image(cluster, kataConfig={"timeout": "90m"})
    image.status()
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
    image.keep_own_image()
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
    _image(cluster, imageId=OWN, kataConfig={"timeout": "1m"}).keep_own_image()

    assert cluster.deleted == [f"{KATA_CONFIGS}/k after 0 patches"]
    assert cluster.patched == [(CONFIG, {"data": {"AZURE_IMAGE_ID": ""}})]
    assert len(cluster.reasons) == 1, "the operator was still at its installation"


def test_when_the_time_is_over_the_image_is_taken_out_all_the_same() -> None:
    cluster = _deleting("Installing")
    _image(cluster, imageId=OWN).keep_own_image()

    assert cluster.patched == [(CONFIG, {"data": {"AZURE_IMAGE_ID": ""}})]


def test_an_image_that_the_operator_built_is_left_to_its_deletion_job() -> None:
    cluster = _cluster(image="/built")
    _image(cluster, imageId=OWN).keep_own_image()

    assert cluster.patched == []


REQUEST = "1a2b3c4d"
NEW = f"/subscriptions/s/galleries/PodVMGallery_0/images/{desired_kata_config.definition(REQUEST)}/versions/1.2.3"


class Operator(FakeCluster):
    """A cluster whose operator builds an image as soon as none is named, of the names that its ConfigMap has then."""

    def patch(self, path: str, change: Any) -> None:
        """Take a patch, and build."""
        super().patch(path, change)
        config, builder = self.lists[CONFIG_MAPS]
        if path == CONFIG and not config["data"]["AZURE_IMAGE_ID"]:
            assert builder["data"].get("IMAGE_DEFINITION_NAME"), "the names come before the id goes"
            config["data"]["AZURE_IMAGE_ID"] = f"/images/{builder['data']['IMAGE_DEFINITION_NAME']}/versions/1"


def _asked(cluster: FakeCluster, **settings: Any) -> PodVmImage:
    quick = {"kataConfig": {"timeout": "5s"}, **settings}
    return PodVmImage(cluster, PeerPodSettings.model_validate(quick), request=REQUEST)  # type: ignore[arg-type]


def test_an_image_that_is_asked_for_gets_its_names_first_and_then_the_id_is_emptied() -> None:
    cluster = Operator(lists=_cluster().lists)
    _asked(cluster).renew()
    config, builder = cluster.lists[CONFIG_MAPS]

    assert desired_kata_config.is_of(REQUEST, config["data"]["AZURE_IMAGE_ID"])
    assert builder["data"].items() >= desired_kata_config.variables(REQUEST).items()


@pytest.mark.parametrize("named", [True, False])
def test_a_run_that_was_killed_between_two_steps_goes_on(named: bool) -> None:  # noqa: FBT001 - a case
    cluster = Operator(lists=_cluster().lists)
    if named:
        cluster.lists[CONFIG_MAPS][1]["data"].update(desired_kata_config.variables(REQUEST))
    _asked(cluster).renew()
    _asked(cluster).renew()

    assert [path for path, _ in cluster.patched].count(CONFIG) == 1


def test_a_job_that_has_read_other_names_is_taken_away() -> None:
    cluster = Operator(lists={**_cluster(image="").lists, JOBS: [_named(CREATION)]})
    _asked(cluster).renew()

    assert cluster.deleted == [f"{JOBS}/{CREATION}"]


def test_an_image_that_is_there_or_the_users_own_is_left_alone() -> None:
    for cluster, settings in ((_cluster(image=NEW), {}), (_cluster(), {"imageId": OWN})):
        _asked(cluster, **settings).renew()
        _image(cluster).renew()

        assert cluster.patched == []


def test_a_job_that_fails_for_the_image_that_is_asked_for_ends_the_run() -> None:
    cluster = _cluster(image="")
    cluster.lists[CONFIG_MAPS][1]["data"].update(desired_kata_config.variables(REQUEST))
    image = _asked(cluster, kataConfig={"timeout": "90m"})
    image.status()
    cluster.lists[PODS] = [_failed_pod("j1")]

    with pytest.raises(RuntimeError, match=f"pod {CREATION}-j1 ended with Azure says no"):
        image.renew()


def test_an_image_that_does_not_come_is_named_with_its_definition() -> None:
    with pytest.raises(RuntimeError, match=r"no pod VM image of definition podvm-image-1a2b3c4d"):
        PodVmImage(_cluster(), _at_once(), request=REQUEST).renew()  # type: ignore[arg-type] # same methods


def test_where_the_image_is_the_same_for_both_its_flag_is_no_error() -> None:
    off, on = (_at_once(confidential=gate) for gate in (False, True))
    PodVmImage(_cluster(confidential="yes"), off, one_image=True).settle()  # type: ignore[arg-type] # same methods

    # Its definition is not for confidential VMs, whatever is in the image.
    with pytest.raises(RuntimeError, match="CONFIDENTIAL_COMPUTE_ENABLED=no"):
        PodVmImage(_cluster(confidential="no"), on, one_image=True).settle()  # type: ignore[arg-type] # same methods
