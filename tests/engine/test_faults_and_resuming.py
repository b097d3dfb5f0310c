"""What goes wrong in the cluster, and what is interrupted: the run says so, and the next one goes on from there."""

from tests.engine.harness import Stack, interrupt

KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
SHORT = {"operator": {"installTimeout": "15s"}}


def test_an_operator_whose_csv_fails_holds_everything_behind_it(empty: Stack) -> None:
    empty.ask_for_fault("csv-fails", "trustee-operator")
    empty.configure({"trustee": SHORT})
    process = empty.started("up", "--stack", "rehearsal", "--yes", "--skip-preview")
    path = "/apis/operators.coreos.com/v1alpha1/namespaces/trustee-operator-system/clusterserviceversions"
    empty.wait_for(
        lambda: "Failed" in [csv.get("status", {}).get("phase") for csv in (empty.get(path) or {}).get("items", [])]
    )
    done = interrupt(process)

    assert done.code != 0
    assert empty.get("/apis/confidentialcontainers.org/v1alpha1/kbsconfigs") is None or not [
        request for request in empty.requests() if request.kind == "kbsconfigs"
    ]
    # Nor does a node reboot for a Trustee that cannot be had.
    assert not [request for request in empty.requests() if request.kind == "kataconfigs"]


def test_after_an_interruption_the_next_run_goes_on_from_there(empty: Stack) -> None:
    empty.ask_for_fault("csv-fails", None)
    # With it the run waits for the nodes for a long time.
    empty.ask_for_fault("node-degraded", "worker-eastus1")
    process = empty.started("up", "--stack", "rehearsal", "--yes", "--skip-preview")
    empty.wait_for(lambda: empty.get(KATA_CONFIG))
    interrupt(process)
    uid = empty.get(KATA_CONFIG)["metadata"]["uid"]
    empty.ask_for_fault("node-degraded", None)
    mark = empty.mark()
    empty.up()

    assert empty.outputs()["attested"] is True
    assert empty.get(KATA_CONFIG)["metadata"]["uid"] == uid
    again = [request for request in empty.requests(mark) if request.verb == "create" and request.kind == "namespaces"]
    assert again == [], "what was there already was made once more"


def test_a_policy_that_denies_what_pods_need_stops_the_run_and_leaves_what_works_as_it_is(empty: Stack) -> None:
    empty.configure({"trustee": {"resourcePolicyFile": "tests/engine/policies/key1_only.rego"}})
    mark = empty.mark()
    done = empty.up(check=False)
    text = " ".join(done.output.split())
    empty.configure({})

    assert done.code != 0
    assert "pods of the check's document may have default/kbsres1/key1, which that document does not list" in text
    assert "pods of the global document are denied default/kbsres1/key2, " in text
    assert empty.requests(mark) == []
    assert empty.outputs()["attested"] is True


def test_a_foreign_key_in_peer_pods_cm_survives_a_change_of_ours(empty: Stack) -> None:
    path = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
    image = empty.get(path)["data"]["AZURE_IMAGE_ID"]
    empty.configure({"peerPods": {"proxyTimeout": "7m"}})
    mark = empty.mark()
    empty.up()

    data = empty.get(path)["data"]
    assert (data["AZURE_IMAGE_ID"], data["PROXY_TIMEOUT"]) == (image, "7m")
    changed = {request.kind for request in empty.requests(mark)}
    assert "kataconfigs" not in changed
    assert {"configmaps", "pods", "jobs"} <= changed  # CAA's pods are made anew
