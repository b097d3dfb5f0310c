"""What reboots nodes and what need not, row by row: the machine config operator's own count, held to the plan."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import start
from tests.engine.harness import Stack
from tests.engine.kills import kill

pytestmark = pytest.mark.engine
KATA_CONFIG = "/apis/kataconfiguration.openshift.io/v1/kataconfigs/example-kataconfig"
CONFIG = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
RUNTIME_CONFIG = "/apis/machineconfiguration.openshift.io/v1/containerruntimeconfigs/kata-crio-config"
MERGE = "application/merge-patch+json"
ONE, TWO, THREE = WORKERS = [f"worker-eastus{number}" for number in (1, 2, 3)]
SELECTOR = {"poolSelector": {"matchLabels": {"cc": "true"}}}
_TICKET = re.compile(r"roll-[0-9a-f]{10}")
_LINE = re.compile(r"Reboot (?P<twice>twice, )?[a-z ]+: (?P<nodes>[a-z0-9, -]+) \(\d+\)\.")
VERSIONS = {"1.9": {}, "1.13": {"COCO_REHEARSAL_OSC": "1.13", "COCO_REHEARSAL_TRUSTEE": "1.2"}}


class World:
    """A stack and what it said and did last."""

    def __init__(self, stack: Stack, version: str) -> None:
        self.stack = stack
        self.version = version
        self.settings: dict[str, Any] = {"confidential": False}

    @property
    def one_image(self) -> bool:
        """Whether the image is the same with and without the gate."""
        return self.version == "1.13"

    def ask(self, **changes: Any) -> None:
        """Change settings of the peer pods, those of KataConfig under ``kataConfig``."""
        self.settings |= changes
        confidential = self.settings["confidential"]
        self.stack.configure(
            {
                "environment": "development",
                "peerPods": self.settings,
                # Only a confidential VM can prove what it is.
                "attestationCheck": {"enabled": confidential},
            }
        )

    def plan(self) -> dict[str, int]:
        """Return how often each node is to reboot, as the preview says, and approve just that."""
        self.ask(kataConfig={**self.settings.get("kataConfig", {}), "allowReboot": False})
        done = self.stack.run("preview", "--stack", "rehearsal", check=False)
        counts: Counter[str] = Counter()
        for line in _LINE.finditer(done.output):
            counts.update(dict.fromkeys(line["nodes"].split(", "), 2 if line["twice"] else 1))
        tickets = set(_TICKET.findall(done.output))
        assert len(tickets) == bool(counts), done.output
        assert (done.code == 0) is not bool(counts), done.output
        if tickets:
            self.ask(kataConfig={**self.settings["kataConfig"], "allowReboot": tickets.pop()})
        return dict(counts)

    def reboots(self) -> Counter[str]:
        """Return how often the machine config operator has rebooted each node."""
        nodes = self.stack.get("/api/v1/nodes")["items"]
        key = "rehearsal/reboots"
        return Counter({n["metadata"]["name"]: int(n["metadata"]["annotations"].get(key, 0)) for n in nodes})

    def carry_out(self, *, settled: bool = True, **changes: Any) -> tuple[dict[str, int], str]:
        """Change settings, run, and return what it rebooted (held to the plan) and what it printed.

        ``settled``: nothing is left to a run after it, such as reference values of a document that is no more.
        """
        self.ask(**changes)
        before, plan = self.reboots(), self.plan()
        done = self.stack.up()
        rebooted = dict(self.reboots() - before)
        assert rebooted == plan, done.output
        if settled:
            self.stack.up("--expect-no-changes")
        return rebooted, done.output

    def image(self) -> str:
        """Return the image that CAA starts."""
        return str(self.stack.get(CONFIG)["data"]["AZURE_IMAGE_ID"])

    def uid(self) -> str:
        """Return the uid of KataConfig."""
        return str(self.stack.get(KATA_CONFIG)["metadata"]["uid"])


@pytest.fixture(scope="module", params=list(VERSIONS))
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]
) -> Iterator[World]:
    """A stack whose pod VMs are not confidential yet; the tests go on from each other in their order."""
    for stack in start(tmp_path_factory.mktemp("in-place"), tools, VERSIONS[request.param]):
        for name in (ONE, TWO):
            stack.api("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": {"cc": "true"}}}, MERGE)
        yield World(stack, request.param)


def test_a_first_installation_reboots_each_node_once(world: World) -> None:
    rebooted, output = world.carry_out(kataConfig={})

    assert rebooted == dict.fromkeys(WORKERS, 1)
    assert re.search(rf"node {ONE} rebooted at [0-9:]+ UTC, within ", output)
    minutes = set(world.stack.outputs()["kataConfig"]["minutes"])
    assert minutes
    assert minutes <= set(WORKERS)


def test_the_gate_reboots_nobody_and_a_confidential_vm_starts(world: World) -> None:
    before, uid = world.image(), world.uid()
    rebooted, _ = world.carry_out(confidential=True)

    assert rebooted == {}
    assert world.uid() == uid
    # Also from 1.13 on, where the image is for both: its definition was made for VMs that are not confidential.
    assert world.image() != before
    assert world.stack.outputs()["attested"] is True


def test_a_selector_reboots_the_nodes_that_leave_and_no_other(world: World) -> None:
    rebooted, output = world.carry_out(kataConfig=SELECTOR)

    assert rebooted == {THREE: 1}
    assert world.stack.get(KATA_CONFIG)["status"]["kataNodes"]["nodeCount"] == 2
    assert "will be changed in place (pool selector: every worker -> cc=true)" in output
    assert "at 1 to 2 minutes, as the last ones took on this cluster" in output


def test_the_log_level_reboots_each_kata_node_once(world: World) -> None:
    rebooted, _ = world.carry_out(kataConfig={**SELECTOR, "logLevel": "debug"})

    assert rebooted == dict.fromkeys((ONE, TWO), 1)
    assert world.stack.get(RUNTIME_CONFIG)["spec"]["containerRuntimeConfig"]["logLevel"] == "debug"


def test_a_run_that_was_killed_after_the_change_is_gone_on_with_by_the_same_ticket(world: World) -> None:
    world.ask(kataConfig={"logLevel": "debug"})
    before, plan, uid = world.reboots(), world.plan(), world.uid()
    with world.stack.started("up", "--stack", "rehearsal", "--yes", "--skip-preview") as process:
        world.stack.wait_for(lambda: not _selects(world) or process.poll() is not None)
        result = kill(world.stack, process)
    assert not _selects(world), result
    done = world.stack.up()

    assert plan == dict(world.reboots() - before) == {THREE: 1}
    assert world.uid() == uid
    assert "is there from an earlier run that did not end" in done.output
    world.stack.up("--expect-no-changes")


def _selects(world: World) -> bool:
    return "kataConfigPoolSelector" in world.stack.get(KATA_CONFIG)["spec"]


def test_an_image_is_built_anew_without_a_reboot_and_the_chain_proven_with_it(world: World) -> None:
    before = world.image()
    rebooted, output = world.carry_out(rebuildImage="again")

    assert rebooted == {}
    assert world.image() != before
    assert "The operator builds a new pod VM image, with a definition of its own" in output
    assert world.stack.outputs()["attested"] is True


def test_the_chapters_way_reboots_each_node_twice_where_it_is_asked_for(world: World) -> None:
    uid = world.uid()
    rebooted, _ = world.carry_out(kataConfig={"logLevel": "info", "change": "recreate"})

    assert rebooted == dict.fromkeys(WORKERS, 2)
    assert world.uid() != uid


def test_a_gate_that_is_switched_off_again_reboots_nobody(world: World) -> None:
    before = world.image()
    rebooted, _ = world.carry_out(settled=False, confidential=False, kataConfig={})

    assert rebooted == {}
    assert (world.image() == before) is world.one_image
    assert world.stack.get(CONFIG)["data"]["DISABLECVM"] == "true"
