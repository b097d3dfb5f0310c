"""A single value is set in the text of a manifest, and everything else stays what it was."""

import copy
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coco_azure.formats.workload import editing

KEYS = st.sampled_from(["a", "b", "metadata", "true", "12", "x y", "ä"])
TEXTS = st.one_of(st.sampled_from(["", "null", "1", "yes", "#", "a: b", "- x", "two\nlines", "ä"]), st.text(max_size=8))
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.integers(0, 9), st.booleans()),
    lambda inner: st.one_of(st.dictionaries(KEYS, inner, max_size=3), st.lists(inner, max_size=3)),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)


def _wanted(document: Any, path: list[str], value: str) -> Any:
    """Return the document with the value, or None where something else than an object is on the way."""
    document = copy.deepcopy(document)
    within = document
    for key in path[:-1]:
        if within.get(key) is None:
            within[key] = {}
        within = within[key]
        if not isinstance(within, dict):
            return None
    if isinstance(within.get(path[-1]), dict | list):
        return None
    within[path[-1]] = value
    return document


@settings(max_examples=150, deadline=None)
@given(
    document=DOCUMENTS,
    path=st.lists(KEYS, min_size=1, max_size=4),
    value=TEXTS.filter(str.isprintable),
    flow=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example(document={"a": {}}, path=["b"], value="\\😀", flow=True, end="\n")
@example(document={"a": "x"}, path=["a"], value="\\ud83d\\ude00😀", flow=False, end="\n")
def test_what_is_read_afterwards_is_the_same_with_one_value_set(
    document: dict[str, Any], path: list[str], value: str, *, flow: bool, end: str
) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True, line_break=end)
    before = next(iter(yaml.safe_load_all(text)))
    wanted = _wanted(before, path, value)
    if wanted is None:
        return

    made = editing.put(text, [0, *path], value)

    assert yaml.safe_load(made) == wanted
    assert editing.put(made, [0, *path], value) == made
