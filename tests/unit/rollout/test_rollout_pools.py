"""Which pool a node is in, and who never gets kata: rules, and that program and simulation have the same ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.rollout import choice, drain
from coco_azure.rollout.facts import Node, RolloutFacts, read_node, read_pool
from coco_azure.rollout.plan import decide
from coco_azure.rollout.text import blast_radius, nobody
from rehearsal.operators import pools as simulated
from tests.unit.rollout_facts import LAST, SPEC, WANTED, WORKERS, facts, kata_config, node, pool, wish

ROLE = "node-role.kubernetes.io/"
BUILT_IN = [pool("master"), pool("worker")]
INFRA = pool("infra", 1)
WINDOWS = node("win-1", "worker", **{"kubernetes.io/os": "windows"})
ROLES = ("master", "worker", "infra", "gpu", "kata-oc")
KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["", "x", "y"])
EXPRESSIONS = st.fixed_dictionaries(
    {
        "key": KEYS,
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
        "values": st.lists(VALUES, max_size=2),
    }
)
SELECTORS = st.none() | st.fixed_dictionaries(
    {}, optional={"matchLabels": st.dictionaries(KEYS, VALUES), "matchExpressions": st.lists(EXPRESSIONS, max_size=2)}
)


def _facts(*nodes: dict[str, Any], others: tuple[dict[str, Any], ...] = (), **more: Any) -> RolloutFacts:
    result = facts(**more)
    return dataclasses.replace(
        result, nodes=(*result.nodes, *map(read_node, nodes)), pools=tuple(map(read_pool, [*BUILT_IN, *others]))
    )


@given(SELECTORS, st.dictionaries(KEYS, VALUES))
def test_program_and_simulation_take_selectors_for_the_same(
    selector: Mapping[str, Any] | None, labels: dict[str, str]
) -> None:
    assert drain.matches(selector, labels) == simulated.matches(selector, labels)


@given(st.dictionaries(KEYS, VALUES))
def test_without_a_selector_nothing_is_matched_and_by_an_empty_one_everything(labels: dict[str, str]) -> None:
    assert not drain.matches(None, labels)
    assert drain.matches({}, labels)


@given(st.sets(st.sampled_from(ROLES)), st.sets(st.sampled_from(ROLES)), st.sampled_from([None, "linux", "windows"]))
def test_a_node_is_in_one_pool_by_the_machine_config_operators_rule(
    roles: set[str], of_pools: set[str], system: str | None
) -> None:
    labels = {"kubernetes.io/os": system} if system else {}
    result, outcome = node("n", *sorted(roles), **labels), [pool(name) for name in sorted(of_pools)]
    name = choice.pool_of(read_node(result), list(map(read_pool, outcome)))

    matching = roles & of_pools
    custom = matching - {"master", "worker"}
    if system != "windows" and len(custom) > 1:
        with pytest.raises(simulated.PoolError, match="custom roles, cannot proceed with this Node"):
            simulated.of(result, outcome)
    else:
        assert name == simulated.of(result, outcome)
    if system == "windows" or not matching or len(custom) > 1:
        assert name is None
    elif "master" in matching:
        assert name == "master"
    else:
        assert name == next(iter(custom), "worker")


@given(st.lists(st.sets(st.sampled_from(ROLES)), max_size=4), st.sets(st.sampled_from(["infra", "gpu"])))
def test_whoever_is_to_get_kata_is_in_its_pool_once_labelled_and_nobody_else_is(
    nodes: list[set[str]], custom: set[str]
) -> None:
    made = [node(f"n-{number}", *sorted(roles)) for number, roles in enumerate(nodes)]
    result = _facts(*made, others=tuple(pool(name) for name in sorted(custom)))
    plan = decide(result, WANTED, "fail")
    after = [*result.pools, read_pool(pool("kata-oc"))]

    in_pool = {
        each.name
        for each in result.nodes
        if f"{ROLE}worker" in each.labels
        and choice.pool_of(Node(name=each.name, labels={**each.labels, f"{ROLE}kata-oc": ""}), after) == "kata-oc"
    }
    assert set(plan.joining) == in_pool
    labelled = {each.name for each in result.nodes if f"{ROLE}worker" in each.labels}
    assert {each.node for each in plan.kept_out} == labelled - in_pool


def test_a_worker_of_a_custom_pool_is_told_with_that_pool() -> None:
    plan = decide(_facts(node("worker-9", "worker", "infra"), others=(INFRA,)), WANTED, "fail")

    assert plan.kept_out == (choice.KeptOut(node="worker-9", pools=("infra",)),)
    assert plan.joining == WORKERS


def test_the_label_of_a_role_without_a_pool_is_no_obstacle() -> None:
    plan = decide(_facts(node("worker-9", "worker", "infra")), WANTED, "fail")

    assert plan.kept_out == ()
    assert "worker-9" in plan.joining


def test_a_master_that_takes_workloads_is_told_and_one_that_does_not_is_not() -> None:
    plan = decide(_facts(node("master-0", "master", "worker"), node("master-1", "master")), WANTED, "fail")

    (out,) = plan.kept_out
    assert (out.node, out.pools, out.is_master) == ("master-0", ("master",), True)


def test_on_a_converged_cluster_every_master_gets_kata_until_there_is_a_custom_pool() -> None:
    masters = [node(f"master-{number}", "master", "worker") for number in range(3)]
    converged = facts(
        nodes=tuple(map(read_node, [*masters, WINDOWS])),
        pools=tuple(map(read_pool, [pool("master"), pool("worker", 0)])),
    )
    plan = decide(converged, WANTED, "fail")
    assert (plan.joining, plan.kept_out, plan.windows) == (("master-0", "master-1", "master-2"), (), ())
    assert not plan.applied.linux_only

    more = dataclasses.replace(converged, pools=(*converged.pools, read_pool(pool("infra", 0))))
    assert {each.node for each in decide(more, WANTED, "fail").kept_out} == {"master-0", "master-1", "master-2"}


def test_windows_workers_are_left_out_by_the_selector_of_a_new_kataconfig() -> None:
    plan = decide(_facts(WINDOWS), WANTED, "fail")

    assert (plan.joining, plan.left_out, plan.windows) == (WORKERS, ("win-1",), ())
    assert plan.applied.spec["kataConfigPoolSelector"] == {"matchLabels": {"kubernetes.io/os": "linux"}}
    assert "kataConfigPoolSelector" not in decide(_facts(), WANTED, "fail").applied.spec


def test_the_settings_own_labels_stay_and_one_that_leaves_windows_out_already_is_not_touched() -> None:
    both = _facts(node("win-1", "worker", cc="true", **{"kubernetes.io/os": "windows"}))
    plan = decide(both, wish(WANTED, pool_selector={"cc": "true"}), "fail")
    assert plan.applied.spec["kataConfigPoolSelector"] == {"matchLabels": {"cc": "true", "kubernetes.io/os": "linux"}}

    plain = decide(_facts(WINDOWS), wish(WANTED, pool_selector={"cc": "true"}), "fail")
    assert plain.applied.spec["kataConfigPoolSelector"] == {"matchLabels": {"cc": "true"}}


def _own(plan_of: RolloutFacts, **changes: Any) -> RolloutFacts:
    """Return the facts once the KataConfig of the plan for some facts is there, and its roll-out is over."""
    applied = decide(plan_of, WANTED, "fail").applied
    made = kata_config(spec={**SPEC, **applied.spec})
    made["metadata"]["annotations"]["coco-azure/applied"] = applied.text
    with_kata = facts(made, last=LAST)
    return dataclasses.replace(plan_of, kata_configs=with_kata.kata_configs, last=LAST, **changes)


@pytest.mark.parametrize("stays", [True, False], ids=["with the Windows worker", "once it is gone"])
def test_the_next_run_finds_nothing_to_do_whether_the_windows_worker_stays(*, stays: bool) -> None:
    own = _own(_facts(WINDOWS))
    if not stays:
        own = dataclasses.replace(own, nodes=own.nodes[:3])
    plan = decide(own, WANTED, "fail")

    assert (plan.action, plan.drift, plan.windows) == ("nothing", (), ())
    assert plan.applied.spec["kataConfigPoolSelector"] == {"matchLabels": {"kubernetes.io/os": "linux"}}


def test_settings_that_come_to_ask_for_linux_themselves_replace_nothing() -> None:
    asked = wish(WANTED, pool_selector={"kubernetes.io/os": "linux"})

    assert decide(_own(_facts(WINDOWS)), asked, "fail").action == "nothing"


def test_a_windows_worker_that_joins_later_is_told_and_changes_no_spec() -> None:
    before = _own(_facts())
    plan = decide(dataclasses.replace(before, nodes=(*before.nodes, read_node(WINDOWS))), WANTED, "fail")

    assert (plan.action, plan.windows, plan.selected) == ("nothing", ("win-1",), WORKERS)
    assert "kataConfigPoolSelector" not in plan.applied.spec


def test_a_foreign_kataconfig_that_leaves_windows_out_fits_and_is_taken_over_as_it_is() -> None:
    spec = {**SPEC, "kataConfigPoolSelector": {"matchLabels": {"kubernetes.io/os": "linux"}}}
    plan = decide(facts(kata_config(owner=None, spec=spec)), WANTED, "adopt")

    assert plan.action == "adopt"
    assert plan.applied.spec["kataConfigPoolSelector"] == spec["kataConfigPoolSelector"]


def test_a_degraded_pool_is_in_the_way_only_where_its_nodes_are_concerned() -> None:
    sick = pool("infra", 1, degraded="node infra-0 is not ready")
    apart = decide(_facts(node("infra-0", "infra"), others=(sick,)), WANTED, "fail")
    assert ([each.name for each in apart.pools], [each.name for each in apart.bystanders]) == ([], ["infra"])

    concerned = decide(_facts(node("infra-0", "worker", "infra"), others=(sick,)), WANTED, "fail")
    assert ([each.name for each in concerned.pools], concerned.bystanders) == (["infra"], ())


def _text(rollout_facts: RolloutFacts) -> str:
    return blast_radius(decide(rollout_facts, WANTED, "fail"), rollout_facts, WANTED, "4h")


def test_the_preview_tells_who_is_left_out_and_who_never_gets_kata() -> None:
    text = _text(_facts(WINDOWS, node("worker-9", "worker", "infra"), others=(INFRA,)))

    assert "Selector: kubernetes.io/os=linux." in text
    assert "Windows workers are left out: win-1." in text
    assert "In other pools, so that they never get kata: worker-9 (infra); the pre-flight says what to do." in text
    assert "worker-9" not in text.split("Reboot as kata is installed: ")[1].split("\n")[0]


@pytest.mark.parametrize(("more", "what"), [({"topology": "External"}, "hosted"), ({"pools": ()}, "no machine config")])
def test_without_machine_config_the_preview_says_what_would_have_to_be_there(more: dict[str, Any], what: str) -> None:
    text = _text(facts(**more))

    assert what in text
    assert "deploymentMode DaemonSetFallback in ConfigMap osc-feature-gates" in text
    assert "Reboot" not in text


def test_where_all_nodes_are_kept_out_nobody_is_told_that_none_matches() -> None:
    result = facts(nodes=(read_node(node("worker-9", "worker", "infra")),))
    result = dataclasses.replace(result, pools=(*result.pools, read_pool(INFRA)))

    assert nobody(decide(result, WANTED, "fail"), WANTED) == ""
    assert nobody(decide(facts(nodes=()), WANTED, "fail"), WANTED)
