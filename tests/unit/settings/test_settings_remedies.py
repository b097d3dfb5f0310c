"""A value of the wrong type, a wrong name, a placeholder: the message says what to write, and its command works."""

import json
import re
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.settings import SettingsError, table
from tests.unit.trust_stacks import refused, stack

_LABELS = "peerPods.kataConfig.poolSelector.matchLabels.cc"


def _nested(path: str, value: Any) -> dict[str, Any]:
    for step in reversed(path.split(".")):
        value = {step: value}
    return dict(value)


def _line(path: str, value: Any) -> str:
    (line,) = [each for each in refused(_nested(path, value)).splitlines() if each.startswith(f"  - {path}: ")]
    return line


def _set(line: str) -> tuple[str, Any]:
    """Return the path that a message's command sets, and what a program then sees."""
    words = shlex.split(line[line.index("pulumi config set") :])
    options = [word for word in words[3:] if word.startswith("--")]
    given = [word for word in words[3:] if not word.startswith("--")]
    typed = "--type" in options
    if typed:
        assert given.pop(0) == "string"
    key, value = given
    seen: Any = value if typed else {"true": True, "false": False}.get(value, int(value) if value.isdigit() else value)
    return key.removeprefix("coco-azure:"), seen


CASES = [
    (_LABELS, True, '"true"'),
    (_LABELS, 7, '"7"'),
    ("trustee.operator.treatAs", 1.2, '"1.2"'),
    ("cluster.context", 5, '"5"'),
    ("peerPods.limitPerNode", "10", "without quotes: 10"),
    ("peerPods.secureBoot", "false", "without quotes: false"),
    ("peerPods.secureBoot", "yes", "without quotes: true"),
    ("peerPods.kataConfig.timeout", 90, "needed a duration such as 90m, 1h30m or 45s"),
    ("peerPods.kataConfig.timeout", "90", "needed a duration such as 90m, 1h30m or 45s"),
    ("peerPods.proxyTimeout", True, "needed a duration"),
    ("peerPods.proxyTimeout", "0s", "needed a duration such as 90m, above 0s and at most 168h"),
    ("attestationCheck.timeout", "0h0.0m", "needed a duration such as 90m, above 0s and at most 168h"),
    ("trustee.operator.installTimeout", "168h1s", "needed a duration such as 90m, above 0s and at most 168h"),
    ("trustee.referenceValues.expires", "30.6.2027", "needed a date such as 2027-06-30"),
    ("trustee.referenceValues.expires", "2027-06-30 00:00:00 +0000 UTC", 'in quotes: "2027-06-30"'),
    ("trustee.referenceValues.expires", "2027-06-30 12:00:00 +0000 UTC", 'in quotes: "2027-06-30T12:00:00Z"'),
    ("trustee.referenceValues.expires", 20270630, "needed a date such as 2027-06-30"),
]


@pytest.mark.parametrize(("path", "value", "text"), CASES)
def test_the_message_says_what_to_write_and_its_command_sets_what_the_program_takes(
    path: str, value: Any, text: str
) -> None:
    line = _line(path, value)
    key, seen = _set(line)

    assert f"found {json.dumps(value)}; " in line
    assert text in line
    assert key == path
    stack(_nested(path, seen))


@given(st.booleans() | st.integers(-10, 10**9))
def test_any_number_or_truth_value_in_place_of_a_label_is_told_with_a_command_that_sets_its_text(value: Any) -> None:
    text = json.dumps(value)
    line = _line(_LABELS, value)

    if text.startswith("-"):
        assert "needed a label value" in line
    else:
        assert _set(line) == (_LABELS, text)


def test_a_zone_without_quotes_is_told_with_them() -> None:
    own = {"addressRange": "10.0.64.0/24", "natGateway": {"zone": 1}}
    with pytest.raises(SettingsError, match=r'needed .1., .2. or .3., in the file of the stack in quotes: "1"'):
        stack({"azure": {"ownSubnet": own}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trustee.host", "<your-host>"),
        ("trustee.host", "kbs.<domain>"),
        ("attestationCheck.image", "<registry>/app"),
        ("azure.subnetId", "/subscriptions/<id>/x"),
    ],
)
def test_a_placeholder_is_called_one(path: str, value: str) -> None:
    placeholder = re.findall("<[^>]*>", value)[0]

    assert f"{placeholder} is a placeholder: write what it stands for" in _line(path, value)


NEAR = {
    "trusty": "trustee",
    "peerpods": "peerPods",
    "peerPods.kataconfig": "peerPods.kataConfig",
    "peerPods.kataConfig.allowReboots": "peerPods.kataConfig.allowReboot",
    "trustee.hosts": "trustee.host",
    "tee": "peerPods.tee",
    "peerPods.allowReboot": "peerPods.kataConfig.allowReboot",
    "trustee.referenceValues.expiry": "trustee.referenceValues.expires",
    "initdata.workloads.shop.agentPolicy": "initdata.workloads.shop.agentPolicyFile",
}


@pytest.mark.parametrize("wrong", NEAR)
def test_an_unknown_setting_gets_the_nearest_known_one(wrong: str) -> None:
    assert f"no such setting; the nearest is {NEAR[wrong]} (docs/settings.md has all)" in _line(wrong, {})


@pytest.mark.parametrize(
    ("values", "line", "nearest"),
    [
        ({"peer_pods": {}}, '["peer_pods"]', "peerPods"),
        ({"peerPods": {"instance_size": "x"}}, 'peerPods["instance_size"]', "peerPods.instanceSize"),
        (
            {"peerPods": {"kataConfig": {"log level": "x"}}},
            'peerPods.kataConfig["log level"]',
            "peerPods.kataConfig.logLevel",
        ),
        (
            {"initdata": {"workloads": {"shop": {"agent_policy_file": "x"}}}},
            'initdata.workloads.shop["agent_policy_file"]',
            "initdata.workloads.shop.agentPolicyFile",
        ),
    ],
)
def test_a_name_in_another_spelling_gets_the_path_of_the_right_one(
    values: dict[str, Any], line: str, nearest: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        stack(values)

    assert f"  - {line}: no such setting; the nearest is {nearest} (docs/settings.md has all). " in str(refused.value)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("peerPods.tee", "pulumi config set --path 'coco-azure:peerPods.tee' VALUE"),
        ("clientSecrets.a.b", "pulumi config set --path --secret 'coco-azure:clientSecrets.a.b' VALUE"),
    ],
)
def test_what_was_set_without_path_is_told_with_the_command_that_sets_it_with_path(name: str, command: str) -> None:
    with pytest.raises(SettingsError) as refused:
        stack({name: "a value"})
    (_, problem) = str(refused.value).splitlines()

    assert "without --path" in problem
    assert f"pulumi config rm --path 'coco-azure:[\"{name}\"]'; {command}" in problem
    assert "a value" not in problem


@pytest.mark.parametrize("name", ["it's", 'a"b', "a\\b", "a]b", "a b", "a'\"b"])
def test_the_command_that_removes_a_name_reaches_a_shell_whole(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        stack({"peerPods": {name: 1}})
    command = str(refused.value).partition("Remove it: ")[2]
    key = shlex.split(command)[-1].removeprefix("coco-azure:peerPods")

    assert json.loads(key) == [name]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"peerPods": {"kataConfig": {"poolSelector": {}}}}, "peerPods.kataConfig.poolSelector.matchLabels.NAME"),
        (
            {"peerPods": {"kataConfig": {"poolSelector": {"matchLabels": {}}}}},
            "peerPods.kataConfig.poolSelector.matchLabels.NAME",
        ),
        ({"trustee": {"referenceValues": {"pcrs": []}}}, "trustee.referenceValues.pcrs[0]"),
        ({"trustee": {"imageSignature": [{}]}}, "trustee.imageSignature[0].images[0]"),
        ({"clientSecrets": {"a": {}}}, "clientSecrets.a.NAME"),
        ({"trustee": {"tdx": {}}}, "trustee.tdx.pccsUrl"),
    ],
)
def test_the_command_for_what_is_missing_from_a_list_or_an_object_sets_an_entry_of_it(
    values: dict[str, Any], key: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        stack(values)

    assert f"'coco-azure:{key}' VALUE" in str(refused.value)


def test_a_name_that_is_like_nothing_gets_none() -> None:
    assert "no such setting (docs/settings.md has all)" in _line("xyzzy", 1)


@given(st.sampled_from(table.paths()), st.data())
def test_any_setting_with_one_letter_too_many_gets_itself(path: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(len(path.rpartition(".")[0]) + 1 if "." in path else 0, len(path)))
    wrong = f"{path[:place]}q{path[place:]}"

    assert f"no such setting; the nearest is {path} " in _line(wrong, {})


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    assert "12345" not in refused({"trustee": {"adminPrivateKey": 12345}})
