"""Modes of the pre-flight: what a preview and an ``up`` say and do, what is asked, and what the settings come to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

import settings
from components import preflight_run
from components.azure import client as azure_client
from components.azure import preflight as preflight_azure
from components.azure.place import Place
from components.cluster import preflight as cluster_preflight
from components.operators import versions as operator_versions
from components.operators.choice import Choice
from components.peer_pods import kata_facts
from components.peer_pods.kata_config import Foreseen
from preflight.cluster_facts import ClusterFacts
from preflight.facts import AzureFacts
from preflight.wanted import Wanted
from rendering.profiles import OSC_PACKAGE
from rollout import approval
from rollout.facts import Facts, Image, KataPod, LastRollout, Node, read_kata_config
from rollout.plan import decide
from tests.unit import preflight_facts as known
from tests.unit.fake_cluster import FakeCluster
from tests.unit.preflight_tables import row

PLACE = Place(
    subscription=known.SUBSCRIPTION,
    tenant="",
    resource_group="demo-x7k2p-rg",
    region="eastus",
    vnet_id=known.VNET,
    subnet_id=known.WORKERS,
    workers_id=known.WORKERS,
    nsg_id=known.NSG,
    vnet_resource_group="network-rg",
)
NO_QUOTA = known.facts(usages=known.usages(limit=0))


class Said:
    """What a run says, and what it asks."""

    def __init__(self) -> None:
        self.warned: list[str] = []
        self.informed: list[str] = []
        self.asked: list[Wanted] = []
        self.principals: list[str] = []


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    told = Said()
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: told.warned.append(text))
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_: told.informed.append(text))
    monkeypatch.setattr(azure_client, "connect", lambda *_: None)
    monkeypatch.setattr(cluster_preflight, "gather", lambda *_: ClusterFacts())
    return told


VERSIONS = operator_versions.Foreseen(choices={OSC_PACKAGE: Choice(csv=f"{OSC_PACKAGE}.v1.12.1")})


def _foreseen(stack: settings.Settings, **changes: Any) -> Foreseen:
    worker = {"node-role.kubernetes.io/worker": ""}
    usual: dict[str, Any] = {
        "stack": "coco-azure/test",
        "kata_configs": (),
        "nodes": (Node(name="worker-0", labels=worker), Node(name="worker-1", labels=worker)),
        "pools": (),
        "pods": (),
        "gate": None,
        "image": Image(id="", confidential=None),
        "last": None,
    }
    facts = Facts(**{**usual, **changes})
    wanted = kata_facts.wanted(stack)
    plan = decide(facts, wanted, stack.peer_pods.kata_config.existing)
    client: Any = FakeCluster()
    return Foreseen(
        stack=stack,
        client=client,
        wanted=wanted,
        facts=facts,
        plan=plan,
        ticket=approval.ticket(plan, facts, "fail"),
        approved=True,
    )


def _run(
    monkeypatch: pytest.MonkeyPatch,
    told: Said,
    facts: AzureFacts,
    config: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
) -> preflight_run.Checked:
    def gather(_: Any, __: Any, wanted: Wanted, principal: str) -> AzureFacts:
        told.asked.append(wanted)
        told.principals.append(principal)
        return facts

    monkeypatch.setattr(preflight_azure, "gather", gather)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    stack = settings.parse(config or {}, Path())
    foreseen = _foreseen(stack)
    return preflight_run.foresee(stack, foreseen.client, PLACE, foreseen, VERSIONS)


def test_an_up_with_problems_ends_with_the_table_and_the_ways_out(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    with pytest.raises(pulumi.RunError) as ended:
        _run(monkeypatch, said, NO_QUOTA)

    text = str(ended.value)
    assert "pre-flight: 1 problem" in text
    assert "standardDCASv5Family" in text
    assert "the pre-flight found 1 problem (quota); nothing was changed" in text
    assert "pulumi config set --path 'coco-azure:preflight.accept[0]' quota" in text
    assert "pulumi config set --path coco-azure:preflight.mode warn" in text


def test_a_preview_with_problems_goes_on_and_fails_in_its_end(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    checked = _run(monkeypatch, said, NO_QUOTA, preview=True)

    (table,) = said.warned
    assert "pre-flight: 1 problem" in table
    with pytest.raises(pulumi.RunError, match=r"found 1 problem \(quota\)"):
        preflight_run.conclude(checked)


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("config", [{"mode": "warn"}, {"accept": ["quota"]}], ids=["warn", "accept"])
def test_problems_that_are_not_enforced_or_are_accepted_are_told_and_end_nothing(
    monkeypatch: pytest.MonkeyPatch, said: Said, config: Mapping[str, Any], *, preview: bool
) -> None:
    checked = _run(monkeypatch, said, NO_QUOTA, {"preflight": config}, preview=preview)
    preflight_run.conclude(checked)

    (table,) = said.warned
    mark = " (accepted)" if "accept" in config else ""
    assert row(table, f"quota{mark}").found == "standardDCASv5Family in eastus: limit 0, in use 0"


def test_accepting_one_check_does_not_accept_another(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    facts = known.facts(usages=known.usages(limit=0), sizes=known.sizes(known.size("Standard_DC2as_v5", 2, tee="")))

    with pytest.raises(pulumi.RunError, match=r"found 1 problem \(sizes\)") as ended:
        _run(monkeypatch, said, facts, {"preflight": {"accept": ["quota"]}})

    # What is accepted already stays so.
    assert "'coco-azure:preflight.accept[1]' sizes" in str(ended.value)


def test_with_mode_off_nothing_is_asked_and_costs_are_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    monkeypatch.setattr(azure_client, "connect", lambda *_: pytest.fail("Azure was asked"))
    monkeypatch.setattr(cluster_preflight, "gather", lambda *_: pytest.fail("the cluster was asked"))

    checked = _run(monkeypatch, said, NO_QUOTA, {"preflight": {"mode": "off"}}, preview=True)
    preflight_run.conclude(checked)

    assert said.asked == []
    assert said.warned == []
    assert checked.drivers.podVMs == 20
    assert "at most 20 confidential VMs" in said.informed[0]


def test_where_nothing_is_wrong_nothing_is_warned_about(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    preflight_run.conclude(_run(monkeypatch, said, known.facts()))

    assert said.warned == []
    assert said.informed == []


def test_an_azure_without_a_token_is_a_warning_and_not_the_end(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    def refuse(*_: Any) -> None:
        raise pulumi.RunError("Azure gives no token: az login")

    monkeypatch.setattr(azure_client, "connect", refuse)

    preflight_run.conclude(_run(monkeypatch, said, known.facts()))

    (table,) = said.warned
    assert row(table, "sizes (warning)").found == "not known: anything of Azure: Azure gives no token: az login"


def test_roles_are_asked_for_where_the_settings_say_whose(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    identity = "77777777-0000-0000-0000-000000000001"
    known_to = {"credentials": {"objectId": identity}}
    for azure in ({}, known_to, {**known_to, "roles": "off"}):
        _run(monkeypatch, said, known.facts(), {"azure": azure})

    assert said.principals == ["", identity, ""]


def test_settings_and_plan_become_what_the_checks_judge_by() -> None:
    config = {
        "peerPods": {"limitPerNode": 3, "vxlanPort": 4789, "secureBoot": False, "imageId": known.IMAGE},
        "azure": {"ownSubnet": {"addressRange": "10.1.0.0/24", "natGateway": {"enabled": True}}},
        "trustee": {"cluster": {"context": "elsewhere"}},
    }
    stack = settings.parse(config, Path())

    wanted = preflight_run.wanted(stack, _foreseen(stack, pods=(KataPod(namespace="app", name="one"),)), VERSIONS)

    assert (wanted.pods, wanted.running, wanted.reboots) == (6, 1, True)
    assert (wanted.vxlan_port, wanted.secure_boot) == (4789, False)
    assert (wanted.image_id, wanted.own_image) == (known.IMAGE, True)
    assert (wanted.own_subnet, wanted.own_range, wanted.own_nat_gateway) == (True, "10.1.0.0/24", True)
    # Trustee's operator is on another cluster.
    assert [(each.package, each.csv) for each in wanted.operators] == [(OSC_PACKAGE, f"{OSC_PACKAGE}.v1.12.1")]


@pytest.mark.parametrize(("uid", "judged"), [("its-uid", known.IMAGE), ("another", "")])
def test_an_image_of_the_operators_is_judged_when_its_roll_out_is_over(uid: str, judged: str) -> None:
    stack = settings.parse({}, Path())
    kata = {"metadata": {"name": "example-kataconfig", "uid": "its-uid", "annotations": {"coco-azure/stack": ""}}}
    found = read_kata_config({**kata, "spec": kata_facts.wanted(stack).spec})
    last = LastRollout(uid=uid, nodes=())
    facts = {"kata_configs": (found,), "last": last, "gate": True, "image": Image(id=known.IMAGE, confidential=True)}

    wanted = preflight_run.wanted(stack, _foreseen(stack, **facts), VERSIONS)

    assert (wanted.image_id, wanted.own_image) == (judged, False)
