"""While KataConfig rolls out: what a run tells, what it takes for the end, and how the next one goes on."""

from typing import Any

import yaml

from rehearsal.azure import description
from rehearsal.azure.subscription import COPY
from tests.engine.harness import Stack
from tests.engine.kills import kill

KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
OSC = "openshift-sandboxed-containers-operator"
CONFIG = f"/api/v1/namespaces/{OSC}/configmaps/peer-pods-cm"
PODS = f"/api/v1/namespaces/{OSC}/pods"
MERGE = "application/merge-patch+json"
ALLOWED = {"allowReboot": True}
MOVED = {"peerPods": {"kataConfig": {**ALLOWED, "poolSelector": {"matchLabels": {"cc": "yes"}}}}}
GROUP = "rehearsal-x7k2p-rg"
OWN = (
    f"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/{GROUP}/providers/Microsoft.Compute"
    "/galleries/ours/images/podvm/versions/1.2.3"
)
GALLERY = {"name": "ours", "resourceGroup": GROUP, "images": [{"name": "podvm", "versions": {"1.2.3": {}}}]}


def _data(stack: Stack) -> dict[str, str]:
    return dict(stack.get(CONFIG)["data"])


def _pods_of(stack: Stack, job: str) -> list[Any]:
    """Return the pods of an image job; the operator deletes the job, and they stay."""
    return [pod for pod in stack.get(PODS)["items"] if pod["metadata"].get("labels", {}).get("job-name") == job]


def _image_jobs(stack: Stack, mark: int) -> list[str]:
    """Return the image jobs that the operator has made since."""
    seen = stack.requests(mark, user="rehearsal-operators")
    return [each.name for each in seen if each.verb == "create" and each.kind == "jobs" and "podvm" in each.name]


def test_a_node_that_fails_is_named_with_its_reason_and_what_shows_more(stack: Stack) -> None:
    stack.ask_for_fault("node-degraded", "worker-eastus1")
    stack.configure({"peerPods": {"kataConfig": {"timeout": "15s"}}})
    done = stack.up(check=False)

    assert done.code != 0
    assert "0 of 3 nodes have the kata runtime" in done.output
    assert "node worker-eastus1 is Degraded: failed to run rpm-ostree" in done.output
    assert "`oc describe node worker-eastus1`" in done.output
    assert "MachineConfigPool kata-oc is degraded: Node worker-eastus1 is reporting" in done.output
    assert "peer-pods-kata-installed" in done.output
    # A run that waits for CAA before would say that nothing is wrong with the nodes.
    assert not [request for request in stack.requests() if request.kind == "daemonsets"]


def test_a_failed_image_job_ends_the_run_at_once_although_kataconfig_claims_to_be_done(stack: Stack) -> None:
    uid = stack.get(KATA_CONFIG)["metadata"]["uid"]
    stack.ask_for_fault("node-degraded", None)
    stack.ask_for_fault("image-job-fails", "yes")
    stack.configure({})
    done = stack.up(check=False)

    assert done.code != 0
    assert "3 of 3 nodes have the kata runtime" in done.output
    assert "job osc-podvm-image-creation has failed, although KataConfig claims to be done" in done.output
    assert "exit code 1 in container image-creation" in done.output
    pod = _pods_of(stack, "osc-podvm-image-creation")[0]["metadata"]["name"]
    assert f"`oc -n {OSC} logs {pod.rpartition('-')[0]}" in done.output
    assert stack.get(KATA_CONFIG)["metadata"]["uid"] == uid


def test_without_capacity_in_azure_no_pod_vm_starts(stack: Stack) -> None:
    stack.ask_for_fault("image-job-fails", None)
    stack.ask_for_fault("pod-vm-fails", "SkuNotAvailable")
    stack.configure({"attestationCheck": {"timeout": "15s"}})
    done = stack.up(check=False)
    events = stack.get("/api/v1/namespaces/coco-attestation-check/events")["items"]

    assert done.code != 0
    assert any("SkuNotAvailable" in event["message"] for event in events)


def test_once_all_is_healed_the_next_run_goes_on(stack: Stack) -> None:
    uid = stack.get(KATA_CONFIG)["metadata"]["uid"]
    stack.ask_for_fault("pod-vm-fails", None)
    stack.configure({})
    stack.up()

    assert stack.outputs()["attested"] is True
    assert stack.get(KATA_CONFIG)["metadata"]["uid"] == uid
    annotations = stack.get(CONFIG)["metadata"]["annotations"]
    assert annotations["LATEST_IMAGE_ID"] == _data(stack)["AZURE_IMAGE_ID"]
    assert annotations["IMAGE_GALLERY_NAME"] == "PodVMGallery_5b1d1c2e"
    assert set(_image_jobs(stack, 0)) == {"osc-podvm-image-creation"}


def test_an_unchanged_program_has_nothing_to_do(stack: Stack) -> None:
    stack.up("--expect-no-changes")
    stack.up("--refresh", "--expect-no-changes")


def test_a_run_that_is_killed_while_nodes_move_is_gone_on_with_by_the_next_one(stack: Stack) -> None:
    before = stack.get(KATA_CONFIG)["metadata"]["uid"]
    for number in (2, 3):
        stack.api("PATCH", f"/api/v1/nodes/worker-eastus{number}", {"metadata": {"labels": {"cc": "yes"}}}, MERGE)
    stack.configure(MOVED)
    process = stack.started("up", "--stack", stack.name, "--yes", "--skip-preview")

    stack.wait_for(lambda: stack.get(KATA_CONFIG)["status"]["kataNodes"].get("uninstalling"), 120)
    kill(stack, process)
    stack.up()

    status = stack.get(KATA_CONFIG)["status"]
    assert stack.outputs()["attested"] is True
    assert stack.get(KATA_CONFIG)["metadata"]["uid"] == before, "nodes have rebooted once more"
    assert sorted(status["kataNodes"]["installed"]) == ["worker-eastus2", "worker-eastus3"]
    caa = [pod for pod in stack.get(PODS)["items"] if pod["metadata"].get("labels", {}).get("name") == "osc-caa-ds"]
    assert sorted(pod["spec"]["nodeName"] for pod in caa) == ["worker-eastus2", "worker-eastus3"]


def test_an_image_of_the_users_own_outlives_a_new_kataconfig(stack: Stack) -> None:
    described = stack.cluster.directory / COPY
    described.write_text(yaml.safe_dump(description.merge(description.load(described), {"galleries": [GALLERY]})))
    peer_pods = {**MOVED["peerPods"], "imageId": OWN}
    stack.configure({"peerPods": peer_pods})
    stack.up()
    assert _data(stack)["AZURE_IMAGE_ID"] == OWN

    uid = stack.get(KATA_CONFIG)["metadata"]["uid"]
    mark = stack.mark()
    another = {**MOVED["peerPods"]["kataConfig"], "logLevel": "debug", "change": "recreate"}
    stack.configure({"peerPods": {**peer_pods, "kataConfig": another}})
    stack.up()

    assert stack.get(KATA_CONFIG)["metadata"]["uid"] != uid
    assert _data(stack)["AZURE_IMAGE_ID"] == OWN
    # The operator's deletion job would have removed it from Azure, and its creation job would have replaced it.
    assert _image_jobs(stack, mark) == []
    assert stack.outputs()["attested"] is True
    stack.up("--expect-no-changes")


def test_the_log_level_is_on_the_nodes_and_goes_with_kataconfig(stack: Stack) -> None:
    path = "/apis/machineconfiguration.openshift.io/v1/containerruntimeconfigs/kata-crio-config"
    assert stack.get(path)["spec"]["containerRuntimeConfig"]["logLevel"] == "debug"

    without = {**MOVED["peerPods"]["kataConfig"], "change": "recreate"}
    stack.configure({"peerPods": {"kataConfig": without, "imageId": OWN}})
    stack.up()
    assert stack.get(path) is None


def test_destroy_leaves_the_users_own_image_alone(stack: Stack) -> None:
    mark = stack.mark()
    without = stack.run("destroy", "--stack", stack.name, "--yes", "--skip-preview", check=False)
    assert without.code != 0
    assert "--run-program" in without.output
    assert stack.get(KATA_CONFIG) is not None

    process = stack.started("destroy", "--stack", stack.name, "--yes", "--skip-preview", "--run-program")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert _image_jobs(stack, mark) == []
    assert stack.get(KATA_CONFIG) is None
