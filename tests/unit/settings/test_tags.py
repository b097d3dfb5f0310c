"""Tags by Azure's rules: what the settings take, Azure takes, and what they refuse, they refuse before it does."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coco_azure.settings import SettingsError, waves
from rehearsal.azure import refusals
from rehearsal.azure.arm_state import ArmError
from tests.unit.trust_stacks import refused, stack

OWNER = {"coco-azure-stack": "organization/coco-azure/test"}
_letters = st.text(st.sampled_from("aAbB1.-_ <>%&\\?/,=é"), max_size=12)
_sets = st.dictionaries(_letters, _letters, max_size=4)


def _pod_vms(tags: dict[str, str]) -> dict[str, Any]:
    return {"peerPods": {"tags": tags}}


def _subnet(tags: dict[str, str]) -> dict[str, Any]:
    return {"azure": {"ownSubnet": {"addressRange": "10.0.64.0/24", "tags": tags}}}


def _azure_refuses(tags: dict[str, str], *, vm: bool = False) -> bool:
    try:
        refusals.check_tags(tags, vm=vm)
    except ArmError:
        return True
    return False


@given(_sets)
def test_what_the_settings_take_for_pod_vms_azure_takes_and_caa_reads_unchanged(tags: dict[str, str]) -> None:
    try:
        stack(_pod_vms(tags))
    except SettingsError:
        return
    refusals.check_tags(tags, vm=True)
    listed = ",".join(f"{name}={value}" for name, value in tags.items())
    assert dict(each.split("=", 1) for each in listed.split(",") if each) == tags


@given(_sets)
@example({"team": "<team>"})
def test_of_a_subnet_s_own_resources_azure_takes_what_the_settings_take_and_they_refuse_only_placeholders_more(
    tags: dict[str, str],
) -> None:
    refused = _azure_refuses({**tags, **OWNER}) or any(waves.find_placeholders(tags, frozenset()))
    try:
        stack(_subnet(tags))
    except SettingsError:
        assert refused
    else:
        assert not refused


BAD: dict[str, tuple[dict[str, str], str]] = {
    "a slash in a name": (
        {"openshift.io/cluster": "prod"},
        r"a tag name of at most 512 characters without < > % & \ ? /",
    ),
    "a bracket in a name": ({"a<b": "x"}, "without < > %"),
    "a long name": ({"n" * 600: "x"}, "at most 512 characters"),
    "a long value": ({"team": "v" * 300}, "256 characters"),
    "many": ({f"tag{number}": "x" for number in range(60)}, "found 60; Azure refuses more"),
    "one name in two cases": ({"Team": "a", "team": "b"}, "are one name to Azure"),
    "a reserved prefix": ({"Microsoft-team": "a"}, "does not begin with azure, microsoft or windows"),
}


@pytest.mark.parametrize("of", [_pod_vms, _subnet])
@pytest.mark.parametrize("case", BAD)
def test_what_azure_refuses_is_a_problem_of_the_settings(case: str, of: Any) -> None:
    tags, result = BAD[case]

    assert _azure_refuses(tags)
    assert result in refused(of(tags))


def test_a_vm_has_room_for_so_many_characters_of_tags_and_other_resources_for_more() -> None:
    tags = {f"tag{number}": "v" * 200 for number in range(11)}

    refusals.check_tags(tags)
    assert _azure_refuses(tags, vm=True)
    assert "at most 2048 characters in all" in refused(_pod_vms(tags))
    assert stack(_subnet(tags)).azure.own_subnet is not None


def test_the_tag_of_the_program_s_own_has_a_place() -> None:
    tags = {f"tag{number}": "x" for number in range(49)}

    refusals.check_tags({**tags, **OWNER})
    assert stack(_subnet(tags)).azure.own_subnet is not None
    assert "at most 49 tags, found 50" in refused(_subnet({**tags, "more": "x"}))
