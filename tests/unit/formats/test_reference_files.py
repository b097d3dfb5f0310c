"""Reference values are read in every form in which people have them."""

import base64
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.kbs import reference_input, reference_values
from coco_azure.versions.profiles import TRUSTEE
from tests.unit.trust_stacks import entry

_digest = st.text("0123456789abcdef", min_size=64, max_size=64)
_entries = st.lists(
    st.tuples(st.integers(0, 23), st.lists(_digest, min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: [entry(f"snp_pcr{pcr:02}", *values) for pcr, values in pairs])


def _config_map(key: str, content: str) -> dict[str, Any]:
    metadata = {"name": "rvps-reference-values", "namespace": "trustee-operator-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: content}}


@given(_entries, st.sampled_from(sorted(TRUSTEE)))
def test_what_a_version_gets_is_read_back_alone_and_in_its_config_map(entries: list[Any], version: str) -> None:
    profile = TRUSTEE[version]
    wanted = reference_input.parse(json.dumps(entries))
    rendered = reference_values.render(wanted, profile)
    shown = _config_map(profile.reference_values_key, rendered)

    for text in (rendered, json.dumps(shown), yaml.safe_dump(shown), "# by veritas\n---\n" + yaml.safe_dump(shown)):
        assert reference_input.parse(text) == wanted


@given(_entries)
def test_the_other_alphabet_and_no_padding_of_base64_are_read(entries: list[Any]) -> None:
    plain = {each["name"]: base64.b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in entries}

    assert reference_input.parse(json.dumps(plain)) == reference_input.parse(json.dumps(entries))


BAD = {
    "YAML of another kind": ("kind: Secret\ndata: {}\n", "not JSON"),
    "no YAML": ("a: b: c", "not JSON"),
    "two documents": ("kind: ConfigMap\n---\nkind: ConfigMap\n", "not JSON"),
    "a ConfigMap without data": ("kind: ConfigMap\n", "the keys none, needed one key"),
    "a ConfigMap with two keys": ("kind: ConfigMap\ndata: {a: '[]', b: '[]'}\n", "the keys a, b, needed one key"),
    "a ConfigMap with something else": ("kind: ConfigMap\ndata: {a: 'x'}\n", "key a of the ConfigMap: "),
    "a number": ("5", "found a number, needed a JSON array of reference values, or the ConfigMap that has it"),
    "an object": ('{"a": 5}', "found an object, needed"),
    "nothing": ("null", "found null, needed"),
    "no base64": ('{"snp_pcr03": "%%%"}', "snp_pcr03 is no base64 of a reference value"),
}


@pytest.mark.parametrize("case", BAD)
def test_any_other_form_is_refused(case: str) -> None:
    text, result = BAD[case]

    with pytest.raises(ValueError, match=r"^.") as refused:
        reference_input.parse(text)

    assert result in str(refused.value)
