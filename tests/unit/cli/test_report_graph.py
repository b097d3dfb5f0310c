"""The engine's graph: read, reduced for a drawing, written for Graphviz, and its picture put into a page."""

import re

import pytest

from coco_azure.cli.report import graph, names
from coco_azure.cli.report.graph import Graph
from tests.unit.report_runs import PARENT, dot_of, graph_of, urn

A, B, C = urn("map", "a"), urn("map", "b"), urn("map", "c")
SVG = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<!-- Generated -->
<svg width="62pt" height="116pt" viewBox="0 0 62 116" xmlns="http://www.w3.org/2000/svg">
<g id="graph0" class="graph"><title>dependencies</title>
<polygon fill="white" stroke="none" points="-4,4 -4,-112"/>
<g id="node1" class="node critical"><title>r0</title><path fill="none" stroke="black" d="M27"/></g></g></svg>
"""


def test_dependencies_and_parents_are_told_apart_as_the_engine_draws_them() -> None:
    result = graph.read(dot_of({C: [A, B]}, {A: PARENT}))

    assert result.needs == {A: frozenset(), B: frozenset(), C: {A, B}, PARENT: frozenset()}
    assert result.parents == {A: PARENT}


def test_lines_of_another_form_are_left_out() -> None:
    text = 'strict digraph {\n  rankdir=LR\n  Resource1 -> Resource2 [color = "#246C60"];\n}\n'
    assert graph.read(text) == Graph()


def test_a_graph_before_and_one_after_have_the_resources_of_both() -> None:
    merged = graph.merged(graph_of({C: [A]}), graph_of({C: [B]}))
    assert (set(merged.needs), merged.needs[C]) == ({A, B, C, PARENT}, frozenset({B}))


def test_a_dependency_that_others_imply_is_not_drawn() -> None:
    assert graph.reduced({A: (), B: (A,), C: (A, B)}) == {A: frozenset(), B: {A}, C: {B}}


def test_components_and_providers_are_no_nodes_but_boxes_and_nothing() -> None:
    result = graph_of({A: [urn("provider", "cluster")], urn("trustee", "trustee"): []})
    text = names.dot_text(result, {}, [])

    assert 'label="a\\nConfigMap"' in text
    assert 'label="Trustee"' in text
    assert "cluster\\n" not in text


def test_the_critical_path_and_what_was_done_are_words_and_classes_not_colours() -> None:
    text = names.dot_text(graph_of({B: [A]}), {A: "create", B: "update"}, [(A, A), (B, B), (A, B)])

    assert 'label="a\\nConfigMap · created", tooltip="a", class="op-create critical", penwidth=2.4' in text
    assert 'r0 -> r1 [class="critical", penwidth=2.4];' in text
    assert "color" not in text


def test_a_preview_says_what_is_to_be_done() -> None:
    assert "ConfigMap · to create" in names.dot_text(graph_of({A: []}), {A: "create"}, [], preview=True)


def test_a_name_cannot_break_out_of_its_label() -> None:
    text = names.dot_text(graph_of({urn("map", 'x", class="y\\'): []}), {}, [])
    assert 'label="x\\", class=\\"y\\\\\\nConfigMap"' in text


def test_the_picture_has_a_name_and_no_colours_or_declarations_of_its_own() -> None:
    result = names.inlined(SVG, 'Graph of "all"')

    assert result.startswith('<svg role="img" aria-label="Graph of &quot;all&quot;" ')
    assert not re.search(r"<\?xml|DOCTYPE|<!--|<title>|black|white", result)
    assert 'class="node critical"' in result


def test_something_else_than_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no SVG"):
        names.inlined("error", "x")
