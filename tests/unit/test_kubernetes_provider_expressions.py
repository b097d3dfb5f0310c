"""The stand-in of the Kubernetes provider: the language of ``pulumi.com/waitFor``.

What is accepted and refused here was seen on the real provider 4.34.2.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.kubernetes_provider.expressions import Condition, ExpressionError, JsonPath, UnfitValueError, parse

KATA = "jsonpath={.status[?@.nodeCount > 0 && @.nodeCount == @.readyNodeCount].nodeCount}"
CSV = "jsonpath={.status.refs[?@.kind=='ClusterServiceVersion'].conditions[?@.type=='Succeeded'].status}=True"


def _met(expression: str, seen: dict[str, Any]) -> bool:
    return all(one.look(seen).met for one in parse(expression))


def _notes(expression: str, seen: dict[str, Any]) -> list[str]:
    return [note.text for one in parse(expression) for note in one.look(seen).notes]


def _complaint(annotation: str) -> str:
    with pytest.raises(ExpressionError) as error:
        parse(annotation)
    return str(error.value)


def test_a_path_alone_asks_for_any_value() -> None:
    assert _met("jsonpath={.status.name}", {"status": {"name": "x"}})
    assert _met("jsonpath={.status}", {"status": {}})
    assert not _met("jsonpath={.status.name}", {"status": {}})


@pytest.mark.parametrize(
    ("value", "printed"), [(True, "true"), (3, "3"), ("x", "x"), (None, "<nil>"), (1.5, "1.5"), (0, "0")]
)
def test_values_are_compared_as_go_prints_them(value: Any, printed: str) -> None:
    assert _met(f"jsonpath={{.a}}={printed}", {"a": value})
    assert not _met(f"jsonpath={{.a}}=other{printed}", {"a": value})


def test_a_map_cannot_be_compared() -> None:
    with pytest.raises(UnfitValueError, match="non-primitive value"):
        _met("jsonpath={.a}=x", {"a": {"b": 1}})


def test_only_the_first_match_counts() -> None:
    assert _met("jsonpath={.a[*].b}=1", {"a": [{"b": 1}, {"b": 2}]})
    assert not _met("jsonpath={.a[*].b}=2", {"a": [{"b": 1}, {"b": 2}]})


def test_the_counts_of_kata_nodes_have_to_be_equal_and_not_zero() -> None:
    def status(wanted: int, ready: int) -> dict[str, Any]:
        return {"status": {"isReady": True, "kataNodes": {"nodeCount": wanted, "readyNodeCount": ready}}}

    assert _met(KATA, status(2, 2))
    assert not _met(KATA, status(2, 1))
    assert not _met(KATA, status(0, 0))


def test_a_condition_is_found_in_a_list_of_a_list() -> None:
    def operator(status: str) -> dict[str, Any]:
        csv = {"kind": "ClusterServiceVersion", "conditions": [{"type": "Succeeded", "status": status}]}
        return {"status": {"refs": [{"kind": "Deployment"}, csv]}}

    assert _met(CSV, operator("True"))
    assert not _met(CSV, operator("False"))


def test_a_path_waits_for_the_controller_to_see_the_present_generation() -> None:
    seen = {"metadata": {"generation": 2}, "status": {"observedGeneration": 1, "a": "x"}}

    assert not _met("jsonpath={.status.a}=x", seen)
    assert _met("jsonpath={.status.a}=x", {**seen, "metadata": {"generation": 1}})
    assert _met("jsonpath={.status.a}=x", {"metadata": {"generation": 2}, "status": {"a": "x"}})


def test_a_condition_is_true_by_default_and_ignores_case() -> None:
    seen = {"status": {"conditions": [{"type": "Other", "status": "False"}, {"type": "ready", "status": "true"}]}}

    assert _met("condition=Ready", seen)
    assert not _met("condition=Ready=False", seen)
    assert not _met("condition=Missing=False", seen)


def test_a_conditions_own_generation_beats_that_of_the_status() -> None:
    condition = {"type": "Ready", "status": "True", "observedGeneration": 3}
    seen = {"metadata": {"generation": 3}, "status": {"observedGeneration": 1, "conditions": [condition]}}

    assert _met("condition=Ready", seen)
    assert not _met("condition=Ready", {**seen, "metadata": {"generation": 4}})


def test_an_object_without_conditions_says_so() -> None:
    assert _notes("condition=Ready", {}) == ["Has no .status.conditions"]


def test_the_notes_say_what_is_waited_for_and_what_there_is() -> None:
    assert _notes("jsonpath={.a}=x", {"a": "y"}) == ['Waiting for {.a}=x (found "y")']
    assert _notes("jsonpath={.a}=x", {}) == ["{.a} selected nothing"]
    assert _notes("jsonpath={.a}=x", {"a": "x"}) == ["Found {.a}=x"]
    seen = {"status": {"conditions": [{"type": "InProgress", "status": "True"}]}}
    assert _notes("condition=InProgress=False", seen) == ["Resource has condition InProgress=True (want False)"]


def test_a_json_array_asks_for_all_of_its_expressions() -> None:
    found = parse(json.dumps(["condition=InProgress=False", "jsonpath={.a}=1"]))

    assert found[0] == Condition("InProgress", "False")
    assert isinstance(found[1], JsonPath)
    assert str(found[1]) == "{.a}=1"


@pytest.mark.parametrize(
    ("annotation", "complaint"),
    [
        ("[]", "at least one condition must be specified"),
        ("foo", 'expected a "jsonpath=" or "condition=" prefix, got "foo"'),
        ('["condition=A", "b"]', 'expected a "jsonpath=" or "condition=" prefix, got "b"'),
        ("jsonpath={.a}=b=c", 'format should be {.path}=value or {.path}, got "{.a}=b=c"'),
        ("jsonpath={.a}=", "{.a}= requires a value"),
        ("jsonpath='{.a}'", "'{.a}' should omit shell quotes"),
        ("jsonpath=.a", ".a should be wrapped in brackets { ... }"),
        ("jsonpath={.a[?@.b >= 1]}", "{.a[?@.b > should be wrapped in brackets { ... }"),
    ],
)
def test_what_cannot_be_read_is_named(annotation: str, complaint: str) -> None:
    assert _complaint(annotation) == complaint


@pytest.mark.parametrize("path", [".a-b", ".1a", ". a", "[?@.a in @.b]", "[?true]", "[?length(@.a)]", "[01]", ".a\\.b"])
def test_what_is_no_rfc_9535_is_refused(path: str) -> None:
    assert f'parsing "{{.status{path.replace(chr(92), chr(92) * 2)}}}": ' in _complaint(f"jsonpath={{.status{path}}}")


REFUSED = {
    "[?@.a==1 && @.b==1 && @.c==1]": "unexpected '&' at position 28",
    "[?@.a==1 && @.b==1&& @.c==1 && @.d==1]": "unexpected '&' at position 37",
    "[?(@.a == 1) && (@.b == 1) && (@.c == 1)]": "unexpected '&' at position 36",
    "[?match(@.a, 'x') && match(@.b,'y') && match(@.c,'z')]": "unexpected '&' at position 45",
    "[?!@.a && !@.b && !@.c]": "unexpected '&' at position 24",
    "[?@.a==1 && @.b==@.c && @.d]": "unexpected '&' at position 30",
    "[?@.x == 0 || @.a==1 && @.b==1 && @.c==1]": "unexpected '&' at position 40",
    "[?@.a && (@.b == 1 && @.c == 1 && @.d == 1)]": "expected ')' but found '&' at position 40",
    "[?@.a && @.b[?@.x == 1 && @.y == 1] && @.c]": "unexpected '&' at position 45",
    "[?@.a==1 || @.b==1 || @.c && @.d == 1 || @.e]": "unexpected '|' at position 47",
    "[?@.a && match(@.b, 'x && y && z') && @.c]": "unexpected '&' at position 44",
}
ACCEPTED = [
    "[?@.a==1&&@.b==1&&@.c==1]",
    "[?@.a==1 && @.b==1&& @.c==1]",
    "[?(@.a == 1) && (@.b == 1)&& (@.c == 1)]",
    "[?@.a && @.b && @.c && @.d]",
    "[?@.a && @['b && c'] && @.c]",
    "[?@.a == 1 && @.b && @.c == 2]",
    "[?@.a == 1 || @.b == 1 || @.c == 1]",
    "[?@.a == 1 && @.b == 1 || @.c == 1 && @.d == 1]",
    "[?@.a && (@.b == 1 && @.c && @.d == 1)]",
    "[?(@.a == 1 || @.b == 1) && @.c == 1]",
    "[?@.a == 'a && b' && @.b == 'c && d' ]",
    "[?@.a==1 , 1]",
]


@pytest.mark.parametrize(("path", "complaint"), REFUSED.items())
def test_a_third_term_is_refused_where_the_real_parser_stops(path: str, complaint: str) -> None:
    assert _complaint(f"jsonpath={{.status{path}}}").endswith(f"jsonpath: {complaint}")


@pytest.mark.parametrize("path", ACCEPTED)
def test_a_third_term_is_taken_where_the_real_parser_goes_on(path: str) -> None:
    assert len(parse(f"jsonpath={{.status{path}}}")) == 1


TERMS = st.sampled_from(["@.a == 1", "@.b", "!@.c", "(@.d == 2)", "length(@.e) == 1", "match(@.f, 'a||b')"])


@given(terms=st.lists(TERMS, min_size=1, max_size=5), joint=st.sampled_from(["&&", "||"]))
def test_without_blanks_before_its_joints_every_chain_is_read(terms: list[str], joint: str) -> None:
    assert parse(f"jsonpath={{.status[?{f'{joint} '.join(terms)}]}}")
