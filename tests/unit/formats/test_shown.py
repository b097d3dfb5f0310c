"""What is too long for a message is cut, and says so."""

import pytest

from coco_azure.formats.shown import beginning, some


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more")],
)
def test_names_beyond_the_most_are_counted(names: list[str], expected: str) -> None:
    assert some(names, 2) == expected


def test_names_stand_as_they_are_told_to() -> None:
    assert some(["a", "b", "c", "d"], 2, between=" ") == "a b and 2 more"


@pytest.mark.parametrize(("text", "expected"), [("abc", "abc"), ("abcd", "abc..."), ("", "")])
def test_a_text_is_cut_behind_the_most(text: str, expected: str) -> None:
    assert beginning(text, 3) == expected


def test_a_cut_text_may_end_otherwise() -> None:
    assert beginning("abcd", 1, "…") == "a…"
