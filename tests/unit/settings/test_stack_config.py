"""A stack's configuration is decoded alike wherever it is read: the running program, the command line, files."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coco_azure.settings import stack_config

_PLAIN = st.text(st.characters(categories=["L"]), min_size=1).filter(lambda text: text not in ("null", "true", "false"))
_OBJECTS = st.dictionaries(_PLAIN, _PLAIN | st.booleans() | st.integers() | st.lists(_PLAIN))


@given(st.dictionaries(_PLAIN, _PLAIN | _OBJECTS))
def test_texts_entries_of_the_command_line_and_values_of_a_file_say_the_same(settings: dict[str, Any]) -> None:
    file = {f"coco-azure:{name}": value for name, value in settings.items()}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in file.items()}
    entries = {key: {"value": text, "secret": False} for key, text in texts.items()}

    assert stack_config.decode(file) == stack_config.decode(texts) == settings
    assert stack_config.decode_entries(entries) == settings


def test_another_projects_settings_and_hidden_secrets_are_left_out() -> None:
    entries: dict[str, Any] = {"kubernetes:context": {"value": "x"}, "coco-azure:clientSecrets": {"secret": True}}

    assert stack_config.decode_entries(entries) == {}
    assert stack_config.decode({"other:a": "1", "coco-azure:a": "1"}, "other") == {"a": 1}
