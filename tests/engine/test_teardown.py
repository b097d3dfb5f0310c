"""``pulumi destroy``: in which order things go, what waits, what stays, and what ``./coco-azure leftovers`` tells."""

import json
import re
import subprocess
import sys
import time
from typing import Any

from rehearsal.azure.arm_server import Access
from rehearsal.cluster import CHECKOUT
from tests.engine import pods
from tests.engine.harness import Request, Stack, index
from tests.engine.test_order_of_things import KATA_CONFIG, OURS
from tests.unit.azure_server import Azure

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rehearsal-x7k2p-rg"
LOCK = f"{GROUP}/providers/Microsoft.Authorization/locks/keep"
WORKLOAD = "shop"
VM = "podvm-web-"


class Leftovers:
    """``./coco-azure leftovers`` of a rehearsal, and Azure by its REST API."""

    def __init__(self, stack: Stack) -> None:
        self._environment = stack._prepared.environment()
        self._config = stack._config
        access = Access.read(stack.cluster.directory)
        assert access is not None
        self._access = access

    def run(self, *arguments: str) -> tuple[int, Any]:
        """Return the exit code and the JSON answer."""
        command = [sys.executable, "-m", "coco_azure", "leftovers", "--json", *arguments]
        done = subprocess.run(
            command, cwd=CHECKOUT, env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.stdout, done.stderr
        begin = done.stdout.index("{\n")
        return done.returncode, json.loads(done.stdout[begin:])

    def names(self, side: str) -> list[str]:
        """Return the names of what is left over on one side."""
        return [each["name"] for each in self.run()[1]["leftovers"] if each["side"] == side]

    def azure(self, method: str, path: str) -> None:
        """Send a request to the simulated Azure."""
        azure = Azure(self._access)
        assert azure.ask(method, path).status < 300


def test_while_everything_runs_nothing_is_left_over(installed: Stack) -> None:
    code, done = Leftovers(installed).run()

    assert (code, done["leftovers"], done["in_the_way"]) == (0, [], [])
    assert "rehearsal-x7k2p-rg" in done["places"][0]


def test_a_destroy_that_may_not_reboot_nodes_stops_at_kataconfig_with_all_the_rest_in_place(installed: Stack) -> None:
    installed.configure({"peerPods": {"kataConfig": {"allowReboot": False}}})
    installed.up()
    mark = installed.mark()
    refused = installed.run("destroy", "--stack", installed.name, "--yes", "--skip-preview", check=False)
    seen = installed.requests(mark)
    installed.configure({})
    installed.up()

    assert refused.code != 0
    assert "protect" in refused.output
    # The check goes first, and the next run makes it again.
    deleted = {each.kind for each in seen if each.verb == "delete"}
    assert deleted <= {"jobs", "namespaces"}, seen
    assert {each.name for each in seen if each.verb == "delete"} <= {"attestation-check", "coco-attestation-check"}


def test_a_workload_has_a_pod_vm_in_azure_that_is_not_left_over(installed: Stack) -> None:
    pods.namespace(installed, WORKLOAD)
    pod = {"apiVersion": "v1", "kind": "Pod", **pods.plain(), "metadata": {"name": "web"}}
    installed.api("POST", f"/api/v1/namespaces/{WORKLOAD}/pods", pod)
    path = f"/api/v1/namespaces/{WORKLOAD}/pods/web"
    installed.wait_for(lambda: installed.get(path).get("status", {}).get("phase") == "Running")
    made = json.loads((installed.cluster.directory / "azure.json").read_text())["resources"].values()

    assert len([each for each in made if each["name"].startswith(VM)]) == 3
    assert Leftovers(installed).run()[0] == 0


def test_what_would_block_a_destroy_is_told_beforehand(installed: Stack) -> None:
    code, done = Leftovers(installed).run("--before-destroy")

    assert code == 2
    assert [each["remove"] for each in done["in_the_way"]] == ["oc delete pod web -n shop"]


def test_a_destroy_that_a_pod_blocks_keeps_trustee_at_work_and_its_pod_is_named(installed: Stack) -> None:
    mark = installed.mark()
    process = installed.started("destroy", "--stack", installed.name, "--yes", "--skip-preview")
    with process:
        reason = installed.wait_for(lambda: _blocked(installed.get(KATA_CONFIG)))
        time.sleep(1)
        code, done = Leftovers(installed).run()
        kbs = installed.get("/apis/apps/v1/namespaces/trustee-operator-system/deployments/trustee-deployment")
        route = installed.get("/apis/route.openshift.io/v1/namespaces/trustee-operator-system/routes/kbs-service")
        # The lock keeps everything in Azure that operators want to delete from now on.
        Leftovers(installed).azure("PUT", LOCK)
        installed.api("DELETE", f"/api/v1/namespaces/{WORKLOAD}/pods/web")
        output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    installed.last_destroy = installed.requests(mark)  # type: ignore[attr-defined]

    assert "web" in reason
    assert code == 2
    assert [each["remove"] for each in done["in_the_way"]] == ["oc delete pod web -n shop"]
    assert kbs["status"]["readyReplicas"] == 1
    assert route is not None


def _blocked(config: Any) -> str:
    conditions = (config or {}).get("status", {}).get("conditions", [])
    return next((each["message"] for each in conditions if each["reason"] == "BlockedByExistingKataPods"), "")


def test_workload_and_check_go_first_then_kataconfig_then_trustee_then_operators_then_namespaces(
    installed: Stack,
) -> None:
    seen: list[Request] = installed.last_destroy  # type: ignore[attr-defined]

    def deleted(kind: str, name: str) -> int:
        return index(seen, "delete", kind, name)

    kata_config, kbs_config = deleted("kataconfigs", "example-kataconfig"), deleted("kbsconfigs", "kbsconfig")
    assert deleted("jobs", "attestation-check") < kata_config < kbs_config
    assert kata_config < deleted("routes", "kbs-service")
    # The operator reads both while it takes KataConfig down. They go with their namespace, which is deleted later.
    for title in ("peer-pods-cm", "osc-feature-gates"):
        assert not [each for each in seen if each.verb in ("patch", "delete") and each.name == title]
    contents = [deleted("configmaps", "kbs-config-cm"), deleted("secrets", "kbs-auth-public-key")]
    assert all(kbs_config < content for content in contents)
    operators = [
        (max(contents), "trustee-operator-system", "trustee-operator-group", "trustee-operator-system"),
        (
            kata_config,
            "sandboxed-containers-operator",
            "sandboxed-containers-operator-group",
            "openshift-sandboxed-containers-operator",
        ),
    ]
    for before, subscription, group, namespace in operators:
        assert before < deleted("subscriptions", subscription) < deleted("operatorgroups", group)
        assert deleted("operatorgroups", group) < deleted("namespaces", namespace)


def test_kataconfig_is_gone_before_anything_of_trustee_is_deleted(installed: Stack) -> None:
    users = [each.user for each in installed.requests(0, "rehearsal-operators")]

    assert users  # the operators' own requests are told apart from the user's
    finished = _finished_at(installed, "kataconfigs", "example-kataconfig")
    assert finished < _begun_at(installed, "kbsconfigs", "kbsconfig")


def _events(stack: Stack, kind: str, name: str) -> list[Any]:
    events = [json.loads(line) for line in stack.cluster.audit_log.read_text().splitlines()]
    return [
        each
        for each in events
        if each.get("objectRef", {}).get("resource") == kind
        and each["objectRef"].get("name") == name
        and each.get("responseStatus", {}).get("code", 200) < 400
    ]


def _finished_at(stack: Stack, kind: str, name: str) -> str:
    """Return when the operator's last change of an object was done: the one that takes its finalizer away."""
    return str(_events(stack, kind, name)[-1]["stageTimestamp"])


def _begun_at(stack: Stack, kind: str, name: str) -> str:
    return next(
        str(each["requestReceivedTimestamp"]) for each in _events(stack, kind, name) if each["verb"] == "delete"
    )


def test_after_destroy_nothing_of_the_stack_is_left_in_the_cluster_and_no_csv(installed: Stack) -> None:
    namespaces = [each["metadata"]["name"] for each in installed.get("/api/v1/namespaces")["items"]]

    assert not set(OURS) & set(namespaces)
    assert installed.state() == []
    assert installed.get("/apis/operators.coreos.com/v1alpha1/clusterserviceversions")["items"] == []


def test_what_azure_did_not_let_go_is_listed_with_its_price_and_its_command(installed: Stack) -> None:
    code, done = Leftovers(installed).run()
    azure = [each for each in done["leftovers"] if each["side"] == "azure"]

    assert code == 2
    assert [each["what"] for each in azure] == ["pod VM", "image version", "image definition", "image gallery", "image"]
    assert azure[0]["name"].startswith(VM)
    assert azure[0]["billed"]
    assert not azure[3]["billed"]
    assert azure[3]["id"].endswith("/galleries/PodVMGallery_5b1d1c2e")
    assert all(each["id"] in each["remove"] for each in azure)


def test_in_the_cluster_kinds_and_olms_operator_objects_stay(installed: Stack) -> None:
    assert set(Leftovers(installed).names("cluster")) == {
        "crd/kataconfigs.kataconfiguration.openshift.io",
        "crd/kbsconfigs.confidentialcontainers.org",
        "crd/peerpodconfigs.confidentialcontainers.org",
        "crd/peerpods.confidentialcontainers.org",
        "operator/sandboxed-containers-operator.openshift-sandboxed-containers-op",
        "operator/trustee-operator.trustee-operator-system",
    }


def test_the_listed_commands_remove_everything_one_after_the_other(installed: Stack) -> None:
    leftovers = Leftovers(installed)
    leftovers.azure("DELETE", LOCK)
    for each in leftovers.run()[1]["leftovers"]:
        if each["side"] == "azure":
            match = re.search(r"--ids (\S+)", each["remove"])
            assert match is not None
            leftovers.azure("DELETE", match[1])
    # What Azure itself deletes with a VM is not simulated for a deletion by hand.
    for each in leftovers.run()[1]["leftovers"]:
        if each["side"] == "azure":
            assert "its pod VM is gone" in each["note"]
            leftovers.azure("DELETE", each["id"])

    assert leftovers.names("azure") == []


def test_after_a_teardown_the_stack_comes_up_again_and_leaves_nothing_in_azure_without_a_lock(installed: Stack) -> None:
    installed.up()
    installed.destroy()

    assert Leftovers(installed).names("azure") == []


def test_kinds_are_deleted_when_asked_for(installed: Stack) -> None:
    code, answer = Leftovers(installed).run("--remove-crds")

    assert (code, answer["leftovers"], answer["unknown"]) == (0, [], [])


def test_without_its_kinds_the_cluster_takes_the_stack_once_more(installed: Stack) -> None:
    installed.up()
