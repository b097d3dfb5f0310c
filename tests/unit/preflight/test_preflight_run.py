"""Modes of the pre-flight: what a preview and an ``up`` say and do, what is asked, and what the settings come to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from coco_azure import names, settings
from coco_azure.clients import azure as azure_client
from coco_azure.clients import kubernetes as cluster_client
from coco_azure.inventory import arm_reader, cluster_facts
from coco_azure.inventory.azure_facts import AzureFacts
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.rollout import plan as planning
from coco_azure.rollout.desired_kata_config import DesiredKataConfig, make_applied
from coco_azure.rollout.facts import ImageFacts, KataPod, LastRollout, Node, RolloutFacts, read_kata_config
from coco_azure.rollout.plan import decide
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.versions.choice import VersionChoice
from components import preflight_run
from components.cluster import ownership
from components.cluster.connections import Connections
from components.operators import versions as operator_versions
from components.peer_pods.kata_config import PlannedRollout
from tests.unit import preflight_facts as known
from tests.unit.fake_cluster import FakeCluster
from tests.unit.preflight_tables import row

NO_QUOTA = known.facts(usages=known.usages(limit=0))


class Said:
    """What a run says, and what it asks."""

    def __init__(self) -> None:
        self.warned: list[str] = []
        self.informed: list[str] = []
        self.asked: list[Requirements] = []
        self.principals: list[str] = []


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Said:
    messages = Said()
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: messages.warned.append(text))
    monkeypatch.setattr(pulumi.log, "info", lambda text, *_: messages.informed.append(text))
    monkeypatch.setattr(azure_client, "connect", lambda *_: None)
    monkeypatch.setattr(cluster_facts, "gather", lambda *_: ClusterFacts())
    monkeypatch.setattr(cluster_client, "connect", lambda _: FakeCluster())
    monkeypatch.setattr(ownership, "mark", lambda: "coco-azure/test")
    return messages


VERSIONS = operator_versions.ChosenVersions(
    choices={names.OSC_PACKAGE: VersionChoice(csv=f"{names.OSC_PACKAGE}.v1.12.1")}
)


def _planned(stack: settings.Settings, **changes: Any) -> PlannedRollout:
    worker = {"node-role.kubernetes.io/worker": ""}
    usual: dict[str, Any] = {
        "stack": "coco-azure/test",
        "kata_configs": (),
        "nodes": (Node(name="worker-0", labels=worker), Node(name="worker-1", labels=worker)),
        "pools": (),
        "pods": (),
        "gate": None,
        "image": ImageFacts(id="", confidential=None),
        "last": None,
    }
    facts = RolloutFacts(**{**usual, **changes})
    wanted = DesiredKataConfig(settings=stack.peer_pods)
    plan = decide(facts, wanted, stack.peer_pods.kata_config.existing)
    client: Any = FakeCluster()
    return PlannedRollout(
        stack=stack,
        client=client,
        wanted=wanted,
        facts=facts,
        plan=plan,
        ticket=planning.ticket(plan, facts, "fail"),
        approved=True,
    )


def _run(
    monkeypatch: pytest.MonkeyPatch,
    messages: Said,
    facts: AzureFacts,
    config: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
) -> preflight_run.Checked:
    def gather(_: Any, __: Any, wanted: Requirements, principal: str) -> AzureFacts:
        messages.asked.append(wanted)
        messages.principals.append(principal)
        return facts

    monkeypatch.setattr(arm_reader, "gather", gather)
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
    stack = settings.parse(config or {}, Path())
    here = Connections("cluster", ClusterSettings())
    return preflight_run.run_preflight(stack, here, here, VERSIONS, target=known.PLACE, rollout=_planned(stack))


def test_an_up_with_problems_ends_with_the_table_and_the_ways_out(
    monkeypatch: pytest.MonkeyPatch, output: Said
) -> None:
    with pytest.raises(pulumi.RunError) as ended:
        _run(monkeypatch, output, NO_QUOTA)

    text = str(ended.value)
    assert "pre-flight: 1 problem" in text
    assert "standardDCASv5Family" in text
    assert "the pre-flight found 1 problem (quota); nothing was changed" in text
    assert "pulumi config set --path 'coco-azure:preflight.accept[0]' quota" in text
    assert "pulumi config set --path coco-azure:preflight.mode warn" in text


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("config", [{"mode": "warn"}, {"accept": ["quota"]}], ids=["warn", "accept"])
def test_problems_that_are_not_enforced_or_are_accepted_are_told_and_end_nothing(
    monkeypatch: pytest.MonkeyPatch, output: Said, config: Mapping[str, Any], *, preview: bool
) -> None:
    checked = _run(monkeypatch, output, NO_QUOTA, {"preflight": config}, preview=preview)
    assert checked.refusal == ""

    (table,) = output.warned
    mark = " (accepted)" if "accept" in config else ""
    assert row(table, f"quota{mark}").found == "standardDCASv5Family in eastus: limit 0, in use 0"


def test_accepting_one_check_does_not_accept_another(monkeypatch: pytest.MonkeyPatch, output: Said) -> None:
    facts = known.facts(usages=known.usages(limit=0), sizes=known.sizes(known.size("Standard_DC2as_v5", 2, tee="")))

    with pytest.raises(pulumi.RunError, match=r"found 1 problem \(sizes\)") as ended:
        _run(monkeypatch, output, facts, {"preflight": {"accept": ["quota"]}})

    # What is accepted already stays so.
    assert "'coco-azure:preflight.accept[1]' sizes" in str(ended.value)


def test_with_mode_off_nothing_is_asked_and_costs_are_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, output: Said
) -> None:
    monkeypatch.setattr(azure_client, "connect", lambda *_: pytest.fail("Azure was asked"))
    monkeypatch.setattr(cluster_facts, "gather", lambda *_: pytest.fail("the cluster was asked"))

    checked = _run(monkeypatch, output, NO_QUOTA, {"preflight": {"mode": "off"}}, preview=True)
    assert checked.refusal == ""

    assert output.asked == []
    assert output.warned == []
    assert checked.drivers is not None
    assert checked.drivers.podVMs == 20
    assert "at most 20 confidential VMs" in output.informed[0]


def test_where_nothing_is_wrong_nothing_is_warned_about(monkeypatch: pytest.MonkeyPatch, output: Said) -> None:
    assert _run(monkeypatch, output, known.facts()).refusal == ""

    assert output.warned == []
    assert output.informed == []


def test_an_azure_without_a_token_is_a_warning_and_not_the_end(monkeypatch: pytest.MonkeyPatch, output: Said) -> None:
    def refuse(*_: Any) -> None:
        raise pulumi.RunError("Azure gives no token: az login")

    monkeypatch.setattr(azure_client, "connect", refuse)

    assert _run(monkeypatch, output, known.facts()).refusal == ""

    (table,) = output.warned
    assert row(table, "sizes (warning)").found == "not known: anything of Azure: Azure gives no token: az login"


def test_roles_are_asked_for_where_the_settings_say_whose(monkeypatch: pytest.MonkeyPatch, output: Said) -> None:
    identity = "77777777-0000-0000-0000-000000000001"
    known_to = {"credentials": {"objectId": identity}}
    for azure in ({}, known_to, {**known_to, "roles": "off"}):
        _run(monkeypatch, output, known.facts(), {"azure": azure})

    assert output.principals == ["", identity, ""]


def test_settings_and_plan_become_what_the_checks_judge_by() -> None:
    config = {
        "peerPods": {"limitPerNode": 3, "imageId": known.IMAGE},
        "azure": {"ownSubnet": {"addressRange": "10.1.0.0/24", "natGateway": {"enabled": True}}},
        "trustee": {"cluster": {"context": "elsewhere"}},
    }
    stack = settings.parse(config, Path())

    wanted = preflight_run.wanted(stack, _planned(stack, pods=(KataPod(namespace="app", name="one"),)), VERSIONS)

    assert (wanted.pods, wanted.running, wanted.reboots) == (6, 1, True)
    assert (wanted.image_id, wanted.built_image) == (known.IMAGE, "")
    assert (wanted.peer_pods, wanted.azure) == (stack.peer_pods, stack.azure)
    # Trustee's operator is on another cluster.
    assert [(each.package, each.csv) for each in wanted.operators] == [
        (names.OSC_PACKAGE, f"{names.OSC_PACKAGE}.v1.12.1")
    ]


@pytest.mark.parametrize(("uid", "judged"), [("its-uid", known.IMAGE), ("another", "")])
def test_an_image_of_the_operators_is_judged_when_its_roll_out_is_over(uid: str, judged: str) -> None:
    stack = settings.parse({}, Path())
    kata = {"metadata": {"name": "example-kataconfig", "uid": "its-uid", "annotations": {"coco-azure/stack": ""}}}
    finding = read_kata_config({**kata, "spec": make_applied(DesiredKataConfig(settings=stack.peer_pods), "").spec})
    last = LastRollout(uid=uid, nodes=())
    facts = {
        "kata_configs": (finding,),
        "last": last,
        "gate": True,
        "image": ImageFacts(id=known.IMAGE, confidential=True),
    }

    wanted = preflight_run.wanted(stack, _planned(stack, **facts), VERSIONS)

    assert wanted.image_id == judged
