"""Clusters that somebody used before: all that is foreign is told in one preview, and the messages lead to a proof."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal import kinds
from rehearsal.rest import ApiError
from tests.engine.commands import carry_out
from tests.engine.conftest import start
from tests.engine.harness import Done, Stack
from tests.unit.preflight_tables import Row, row, rows

pytestmark = pytest.mark.engine
CLUSTERS = Path(__file__).parent / "clusters"
OSC, TRUSTEE = "openshift-sandboxed-containers-operator", "trustee-operator-system"
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
OLM = "/apis/operators.coreos.com"
KBS = f"/apis/confidentialcontainers.org/v1alpha1/namespaces/{TRUSTEE}"
ROUTES = "/apis/route.openshift.io/v1/namespaces/{}/routes"


def _apply(stack: Stack, name: str) -> None:
    """Create the objects of a file, as ``oc create -f`` does."""
    for content in yaml.safe_load_all((CLUSTERS / name).read_text(encoding="utf-8")):
        _create(stack, content)


def _create(stack: Stack, content: Mapping[str, Any]) -> None:
    kind = kinds.ALL[content["kind"]]
    stack.api("POST", kind.path(content["metadata"].get("namespace")), content)


def _phase(stack: Stack, namespace: str) -> list[str]:
    result = stack.get(f"{OLM}/v1alpha1/namespaces/{namespace}/clusterserviceversions")["items"]
    return [each.get("status", {}).get("phase", "") for each in result]


def _until_installed(stack: Stack, namespace: str) -> None:
    stack.wait_for(lambda: _phase(stack, namespace) == ["Succeeded"])


def _served(stack: Stack, path: str) -> bool:
    try:
        return stack.get(path) is not None
    except ApiError:  # "storage is (re)initializing", for some seconds
        return False


def _foreign(done: Done) -> list[Row]:
    return [each for each in rows(done.output) if each.check == "foreign"]


def _preview(stack: Stack, *, refused: bool) -> Done:
    done = stack.run("preview", "--stack", stack.name, check=False)
    assert (done.code != 0) is refused, done.output
    return done


def _commands(value: Row, way: int) -> list[str]:
    """Return the commands of one of the ways out of a row, which begin with "or"."""
    ways: list[list[str]] = [[]]
    for line in value.fix.splitlines():
        if line.startswith("or"):
            ways.append([])
        if line.startswith(("oc ", "pulumi ")):
            ways[-1].append(line)
    return ways[way]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A cluster with what the public workshop script leaves, and its operators at work."""
    today = {"COCO_REHEARSAL_OSC": "1.13", "COCO_REHEARSAL_TRUSTEE": "1.2"}
    for stack in start(tmp_path_factory.mktemp("workshop"), tools, today):
        _apply(stack, "workshop.yaml")
        _until_installed(stack, OSC)
        _until_installed(stack, TRUSTEE)
        yield stack


@pytest.fixture(scope="module")
def preview_rows(workshop: Stack) -> list[Row]:
    """What the first preview says of it."""
    return _foreign(_preview(workshop, refused=True))


def test_one_preview_tells_all_that_the_workshop_has_left(preview_rows: list[Row]) -> None:
    text = "\n".join(each.found for each in preview_rows)

    for name in (
        "Subscription trustee-operator",
        "OperatorGroup trustee-operator-group",
        "OperatorGroup openshift-sandboxed-containers-operator",
        "ConfigMap attestation-policy, kbs-config-cm, resource-policy, rvps-reference-values",
        "kbs-auth-public-key, kbsres1, security-policy",
        "Route kbs-service",
    ):
        assert name in text
    assert len(preview_rows) == 3


def test_an_up_without_a_preview_says_the_same_and_changes_nothing(workshop: Stack, preview_rows: list[Row]) -> None:
    mark = workshop.mark()
    done = workshop.up(check=False)

    assert done.code != 0
    assert _foreign(done) == preview_rows
    assert workshop.requests(mark) == []


def test_following_the_messages_leads_to_an_attested_pod(workshop: Stack, preview_rows: list[Row]) -> None:
    for each in preview_rows:
        for command in _commands(each, 0):
            carry_out(workshop, command)

    assert _foreign(_preview(workshop, refused=False)) == []
    workshop.up()
    assert workshop.outputs()["attested"] is True
    maps = workshop.get(f"/api/v1/namespaces/{TRUSTEE}/configmaps")["items"]
    assert "package policy\ndefault allow = true\n" not in str([each.get("data") for each in maps])
    workshop.up("--expect-no-changes")


def test_the_operators_stay_those_of_the_workshop(workshop: Stack) -> None:
    for namespace, name in ((TRUSTEE, "trustee-operator-group"), (OSC, OSC)):
        groups = workshop.get(f"{OLM}/v1/namespaces/{namespace}/operatorgroups")["items"]
        assert [each["metadata"]["name"] for each in groups] == [name]
        assert _phase(workshop, namespace) == ["Succeeded"]


def test_a_second_kbsconfig_and_a_trustee_config_are_seen(workshop: Stack) -> None:
    for kind in ("KbsConfig", "TrusteeConfig"):
        content = {"apiVersion": kinds.KBS_CONFIG.api_version, "kind": kind, "metadata": {"name": "second"}}
        workshop.api("POST", f"{KBS}/{kind.lower()}s", {**content, "spec": {}})
    result = row(_preview(workshop, refused=True).output, "foreign")

    assert result.found.startswith("TrusteeConfig second; KbsConfig second in namespace trustee-operator-system")
    for command in _commands(result, 1):
        carry_out(workshop, command)
    workshop.wait_for(lambda: len(workshop.get(f"{KBS}/kbsconfigs")["items"]) == 1)


def test_a_destroy_leaves_the_workshops_namespaces_and_operators(workshop: Stack) -> None:
    workshop.configure({"peerPods": {"operator": {"install": False}}, "trustee": {"operator": {"install": False}}})
    workshop.destroy()

    for namespace in (TRUSTEE, OSC):
        assert "deletionTimestamp" not in workshop.get(f"/api/v1/namespaces/{namespace}")["metadata"]
        assert _phase(workshop, namespace) == ["Succeeded"]
    assert workshop.get(f"/api/v1/namespaces/{TRUSTEE}/secrets/kbsres1") is None


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A cluster on which the console has installed the operator of OpenShift sandboxed containers."""
    for stack in start(tmp_path_factory.mktemp("console"), tools):
        _apply(stack, "console.yaml")
        _until_installed(stack, OSC)
        yield stack


def test_the_consoles_operator_is_seen_and_no_second_group_is_made_even_without_the_pre_flight(console: Stack) -> None:
    result = row(_preview(console, refused=True).output, "foreign")
    console.configure({"preflight": {"mode": "off"}})
    done = console.up(check=False)
    console.configure({})

    assert "TooManyOperatorGroups" in result.needed
    assert f"OperatorGroup {OSC}-7xk2p" in result.found
    assert done.code != 0
    assert len(console.get(f"{OLM}/v1/namespaces/{OSC}/operatorgroups")["items"]) == 1
    assert _phase(console, OSC) == ["Succeeded"]
    assert console.get(KATA_CONFIGS)["items"] == []


def test_where_nobody_needs_it_the_stacks_own_takes_its_place_in_the_same_namespace(console: Stack) -> None:
    uid = console.get(f"/api/v1/namespaces/{OSC}")["metadata"]["uid"]
    for command in _commands(row(_preview(console, refused=True).output, "foreign"), 1):
        carry_out(console, command)
    console.up()

    assert console.outputs()["attested"] is True
    assert console.get(f"/api/v1/namespaces/{OSC}")["metadata"]["uid"] == uid
    assert len(console.get(f"{OLM}/v1/namespaces/{OSC}/operatorgroups")["items"]) == 1


def test_a_host_that_another_route_has_is_told_before_anything_changes(console: Stack) -> None:
    console.api("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    _apply(console, "claimed-host.yaml")
    console.run(
        "config", "set", "--path", "coco-azure:trustee.host", "kbs.apps.rehearsal.example.com", "--stack", console.name
    )
    mark = console.mark()
    done = console.up(check=False)

    result = row(done.output, "foreign")
    assert result.found == "Route old-kbs in namespace shop has host kbs.apps.rehearsal.example.com"
    assert console.requests(mark) == []
    console.api("DELETE", f"{ROUTES.format('shop')}/old-kbs")
    assert _foreign(_preview(console, refused=False)) == []
