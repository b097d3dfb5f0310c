"""A KataConfig that is changed in place: which nodes reboot, held to a model of what the operator does."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.rollout import desired_kata_config, text
from coco_azure.rollout import plan as planning
from coco_azure.rollout.desired_kata_config import DesiredKataConfig, exact, make_applied, read_applied
from coco_azure.rollout.facts import ImageFacts, RolloutFacts, fingerprint_of, read_node, read_pool
from coco_azure.rollout.plan import decide
from tests.unit.rollout_facts import LAST, SPEC, WANTED, WORKERS, facts, kata_config, node, pool, wish

POOLED = wish(WANTED, pool_selector={"cc": "true"})
DEBUG = wish(WANTED, log_level="debug")
OFF = wish(WANTED, confidential=False)
FOREIGN = kata_config(owner=None, name="by-hand", uid="uid-9")

selectors: st.SearchStrategy[dict[str, dict[str, str]]] = st.builds(dict) | st.dictionaries(
    st.just("pool_selector"), st.dictionaries(st.sampled_from("xy"), st.sampled_from("01"), min_size=1), min_size=1
)
wishes = st.builds(
    lambda selector, **settings: wish(**settings, **selector),
    selectors,
    confidential=st.booleans(),
    log_level=st.sampled_from(["debug", "info", "warn"]),
)
labels = st.lists(
    st.fixed_dictionaries({"x": st.sampled_from("01"), "y": st.sampled_from("01")}), min_size=1, max_size=5
)


class Model:
    """What the operator and the machine config operator make of nodes; sources as in ``in_place``."""

    def __init__(self, nodes: list[dict[str, str]], wanted: DesiredKataConfig, *, runtime_config: bool) -> None:
        """Install; ``runtime_config``: there was another log level once, so the ContainerRuntimeConfig is there."""
        self.nodes = nodes
        level = wanted.settings.kata_config.log_level
        self.level = level if runtime_config or level != "info" else None
        self.kata: set[int] = set()
        self.label(wanted)

    def label(self, wanted: DesiredKataConfig) -> None:
        """Do as ``updateNodeLabels``."""
        chosen = (wanted.settings.kata_config.pool_labels or {}).items()
        self.kata = {at for at, each in enumerate(self.nodes) if chosen <= each.items()}

    def update(self, wanted: DesiredKataConfig) -> None:
        """Do as a reconcile after the object was changed."""
        self.label(wanted)
        level = wanted.settings.kata_config.log_level
        if self.level is not None or level != "info":
            self.level = level

    def configurations(self) -> list[tuple[bool, str | None]]:
        """Return what each node has to boot."""
        return [(at in self.kata, self.level if at in self.kata else None) for at in range(len(self.nodes))]


def _facts(model: Model, then: DesiredKataConfig) -> RolloutFacts:
    nodes = tuple(
        read_node(node(f"n{at}", "worker", *(["kata-oc"] if at in model.kata else []), **each))
        for at, each in enumerate(model.nodes)
    )
    image = ImageFacts(id="image", confidential=then.settings.confidential)
    return facts(kata_config(applied=then, spec=make_applied(then, "").spec), nodes=nodes, last=LAST, image=image)


@given(labels, wishes, wishes, st.booleans())
def test_the_plan_counts_what_the_operator_reboots_whatever_changes(
    nodes: list[dict[str, str]],
    then: DesiredKataConfig,
    now: DesiredKataConfig,
    runtime_config: bool,  # noqa: FBT001 - drawn
) -> None:
    model = Model(nodes, then, runtime_config=runtime_config)
    plan = decide(_facts(model, then), now, "fail")
    before = model.configurations()
    model.update(now)
    after = model.configurations()

    moved = {f"n{at}": 1 for at, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]}
    assert dict(plan.counts) == moved
    assert plan.reboots is bool(moved)
    assert plan.builds is (then.settings.confidential != now.settings.confidential)
    assert not plan.makes


@given(labels, wishes, wishes)
def test_asked_for_as_a_new_one_what_has_kata_before_and_after_reboots_twice(
    nodes: list[dict[str, str]], then: DesiredKataConfig, now: DesiredKataConfig
) -> None:
    model = Model(nodes, then, runtime_config=False)
    plan = decide(_facts(model, then), wish(now, change="recreate"), "fail")
    left = set(model.kata)
    model.label(now)

    counts = {f"n{at}": (at in left) + (at in model.kata) for at in left | model.kata}
    same = (
        then.settings.confidential == now.settings.confidential
        and make_applied(then, "").spec == make_applied(now, "").spec
    )
    assert dict(plan.counts) == ({} if same else counts)


@given(wishes, wishes, st.text(max_size=3))
def test_what_was_asked_for_in_place_is_read_back_and_asks_for_nothing_more(
    then: DesiredKataConfig, now: DesiredKataConfig, rebuild: str
) -> None:
    now = wish(now, rebuild_image=rebuild)
    applied = decide(facts(kata_config(applied=then), last=LAST), now, "fail").applied

    assert read_applied(applied.text) == applied
    assert applied.differences(now) == []
    # The engine would call another trigger a replacement.
    assert applied.trigger == make_applied(then, "").trigger


def test_the_gate_reboots_nobody_needs_no_approval_and_builds_an_image_of_its_own() -> None:
    result = facts(kata_config(), last=LAST)
    plan = decide(result, OFF, "fail")
    about = text.blast_radius(plan, result, OFF, "90m")

    assert (plan.action, plan.counts) == ("update", {})
    assert planning.approved(plan, "", allowed=False)
    assert "No node reboots." in about
    assert f"({desired_kata_config.definition(plan.applied.image)})" in about
    assert "10 to 30 minutes for the pod VM image" in about


def test_an_image_for_both_is_kept_unless_its_definition_was_made_without_the_gate() -> None:
    both = dataclasses.replace(OFF, one_image=True)
    off = decide(facts(kata_config(), last=LAST), both, "fail")
    plain = facts(kata_config(applied=both), last=LAST, image=ImageFacts(id="image", confidential=False))
    kept = facts(kata_config(applied=both), last=LAST)
    on = wish(both, confidential=True)

    assert (off.action, off.builds, off.applied.image) == ("update", False, "")
    assert decide(plain, on, "fail").builds
    assert not decide(kept, on, "fail").builds


def test_a_gate_that_goes_there_and_back_gets_a_definition_each_time() -> None:
    there = decide(facts(kata_config(), last=LAST), OFF, "fail").applied
    marked = kata_config()
    marked["metadata"]["annotations"]["coco-azure/applied"] = there.text
    plain = ImageFacts(id="image", confidential=False)
    back = decide(facts(marked, last=LAST, image=plain), WANTED, "fail").applied

    assert len({"", there.image, back.image}) == 3
    assert back.trigger == there.trigger == "true"


def test_an_image_is_built_anew_once_for_each_text_that_asks_for_it() -> None:
    wanted = wish(WANTED, rebuild_image="2026-12-01")
    plan = decide(facts(kata_config(), last=LAST), wanted, "fail")
    marked = kata_config()
    marked["metadata"]["annotations"]["coco-azure/applied"] = plan.applied.text

    assert (plan.builds, plan.counts, plan.why) == (True, {}, ("pod VM image: the first one -> 2026-12-01",))
    assert not decide(facts(marked, last=LAST), wanted, "fail").builds
    assert not decide(facts(marked, last=LAST), WANTED, "fail").builds
    assert not decide(facts(kata_config(), last=LAST), wish(wanted, image_id="own"), "fail").builds


def test_a_first_installation_builds_what_it_builds_without_the_text() -> None:
    plan = decide(facts(), wish(WANTED, rebuild_image="x"), "fail")

    assert (plan.applied.image, plan.applied.rebuild) == ("", "x")


def test_names_in_the_gallery_are_what_azure_takes() -> None:
    names = [
        desired_kata_config.variables(desired_kata_config.new_image("u", "", confidential=True, rebuild=str(at)))
        for at in range(99)
    ]

    assert len({each["IMAGE_DEFINITION_NAME"] for each in names}) == 99
    assert len({each["IMAGE_DEFINITION_SKU"] for each in names}) == 99
    for each in names:
        digits = each["IMAGE_VERSION"].split(".")
        assert len(digits) == 3
        assert len("oscsapodvmimage" + "".join(digits)) <= 24


def test_one_that_was_killed_after_it_was_changed_is_waited_for_and_its_ticket_stays() -> None:
    result = facts(kata_config(), last=dataclasses.replace(LAST, applied=fingerprint_of(make_applied(WANTED, ""))))
    plan = decide(result, DEBUG, "fail")
    marked = kata_config(spec=plan.applied.spec)
    marked["metadata"]["annotations"]["coco-azure/applied"] = plan.applied.text
    killed = dataclasses.replace(facts(marked), last=result.last)
    again = decide(killed, DEBUG, "fail")

    assert (again.action, again.applied) == ("wait", plan.applied)
    assert planning.ticket(again, killed, "fail") == planning.ticket(plan, result, "fail")


def test_a_ticket_is_used_up_by_the_roll_out_although_the_uid_stays() -> None:
    first, second = (facts(kata_config(), last=dataclasses.replace(LAST, count=count)) for count in (1, 3))
    tickets = {planning.ticket(decide(each, DEBUG, "fail"), each, "fail") for each in (first, second)}

    assert len(tickets) == 2


def test_a_ticket_for_a_change_in_place_approves_no_new_kataconfig() -> None:
    result = facts(kata_config(), last=LAST)
    plan = decide(result, DEBUG, "fail")

    assert planning.ticket(plan, result, "fail") != planning.ticket(plan, result, "fail", recreate=True)


def test_the_log_level_remembers_the_configuration_that_it_replaces() -> None:
    kata = {**pool("kata-oc"), "spec": {**pool("kata-oc")["spec"], "configuration": {"name": "rendered-kata-oc-1"}}}
    result = facts(kata_config(), last=LAST, pools=tuple(map(read_pool, [pool("master"), pool("worker"), kata])))

    assert decide(result, DEBUG, "fail").applied.before == "rendered-kata-oc-1"
    assert decide(result, POOLED, "fail").applied.before == ""


@pytest.mark.parametrize(
    ("wanted", "others", "counts", "builds"),
    [
        (DEBUG, {}, dict.fromkeys(WORKERS, 1), False),
        (POOLED, {}, {"worker-1": 1, "worker-2": 1}, False),
        (OFF, {}, {}, True),
        (WANTED, {"image": ImageFacts(id="image", confidential=False)}, {}, True),
        (DEBUG, {"image": ImageFacts(id="image", confidential=None)}, dict.fromkeys(WORKERS, 1), False),
        (OFF, {"image": ImageFacts(id="image", confidential=None)}, {}, True),
    ],
    ids=["log level", "selector", "gate", "image", "level, image unknown", "gate, image unknown"],
)
def test_one_of_nobody_that_differs_is_adopted_in_place(
    wanted: DesiredKataConfig,
    others: dict[str, Any],
    counts: Mapping[str, int],
    builds: bool,  # noqa: FBT001 - a case
) -> None:
    plan = decide(facts(FOREIGN, **others), wanted, "adopt")

    assert (plan.action, dict(plan.counts), plan.builds) == ("adopt", counts, builds)
    assert plan.in_place
    assert "taken over and changed in place" in text.blast_radius(plan, facts(FOREIGN), wanted, "90m")


def test_the_text_says_of_each_node_whether_it_stays() -> None:
    result = facts(kata_config(), last=LAST)
    about = text.blast_radius(decide(result, POOLED, "fail"), result, POOLED, "90m")

    assert "KataConfig example-kataconfig will be changed in place (pool selector: every worker -> cc=true)." in about
    assert "Reboot as kata is removed: worker-1, worker-2 (2)." in about
    assert "Stay as they are: worker-0 (1)." in about


def test_the_next_estimate_is_what_the_nodes_of_this_cluster_took() -> None:
    last = dataclasses.replace(LAST, minutes={"worker-0": 3.4, "worker-1": 7.2})
    result = facts(kata_config(), last=last)
    about = text.blast_radius(decide(result, DEBUG, "fail"), result, DEBUG, "90m")

    assert "roughly 9 to 24 minutes (3 reboots one after another at 3 to 8 minutes, as the last ones" in about
    # A rehearsal's node is back within a second.
    quick = dataclasses.replace(result, last=dataclasses.replace(LAST, minutes={"worker-0": 0.0}))
    assert "at 1 to 2 minutes" in text.blast_radius(decide(quick, DEBUG, "fail"), quick, DEBUG, "90m")


@pytest.mark.parametrize(
    "selector",
    [{"matchLabels": {"old": "x"}}, {"matchExpressions": [{"key": "x", "operator": "Exists"}]}, None],
)
def test_a_spec_of_somebody_else_is_made_exactly_what_is_wanted(selector: dict[str, Any] | None) -> None:
    there = {**SPEC, **({"kataConfigPoolSelector": selector} if selector else {}), "checkNodeEligibility": True}
    patch = exact(there, make_applied(POOLED, ""))
    old = dict.fromkeys((selector or {}).get("matchLabels", {}))

    assert patch["kataConfigPoolSelector"] == {"matchLabels": {**old, "cc": "true"}, "matchExpressions": None}
    assert patch["checkNodeEligibility"] is False
    assert exact(make_applied(POOLED, "").spec, make_applied(POOLED, "")) == {}


def test_installed_by_a_daemon_set_no_node_reboots_and_nothing_needs_approval() -> None:
    wanted = wish(deployment_mode="DaemonSet")
    result = facts()
    plan = decide(result, wanted, "fail")
    changed = decide(facts(kata_config(), last=LAST), wish(wanted, log_level="debug"), "fail")

    assert (plan.action, plan.joining, plan.counts, plan.rounds) == ("create", WORKERS, {}, 0)
    assert plan.makes
    assert not plan.reboots
    assert not changed.reboots
    assert planning.approved(plan, "", allowed=False)
