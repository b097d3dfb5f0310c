"""The pack around the rules: what the engine sends and gets, levels and options in files, secrets in files."""

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pulumi_policy import (
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, unknown_checking_proxy

from policies import confidentiality, pack, reference
from policies.model import UNKNOWN, Resource, Rule, Stack, Violation
from policies.rules import RULES
from tests.unit.policy_stacks import BY_ID, broken
from tests.unit.recording import ROOT

POLICIES = {policy.name: policy for policy in pack.policies()}
_BOOT = {"metadata": {"name": "peer-pods-cm"}, "data": {"ENABLE_SECURE_BOOT": "false"}}


def _options(*, protect: bool = False) -> PolicyResourceOptions:
    return PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])


def _asked(rule: str, props: dict[str, Any], config: dict[str, Any] | None = None) -> list[str]:
    """Return what the policy says of a ConfigMap, as the engine sends it."""
    items: list[str] = []
    policy = POLICIES[rule]
    assert isinstance(policy, ResourceValidationPolicy)
    kind = "kubernetes:core/v1:ConfigMapPatch"
    provider = PolicyProviderResource("pulumi:providers:kubernetes", {}, "urn", "cluster")
    args = ResourceValidationArgs(kind, unknown_checking_proxy(props), "urn", "cm", _options(), provider, config)
    policy.validate(args, lambda message, _: items.append(message))
    return items


def _resource(kind: str, name: str, props: dict[str, Any], *, protect: bool = False) -> PolicyResource:
    proxied = unknown_checking_proxy(props)
    return PolicyResource(kind, proxied, f"urn:{name}", name, _options(protect=protect), None, None, [], {})


def test_a_violation_of_a_resource_reaches_the_engine_with_its_remedy() -> None:
    (result,) = _asked("secure-boot-on", _BOOT)

    assert result.startswith("ConfigMap peer-pods-cm: ENABLE_SECURE_BOOT is false")
    assert result.endswith("pulumi config rm --path 'coco-azure:peerPods.secureBoot'")


def test_a_value_that_the_preview_does_not_know_breaks_no_rule_of_a_resource() -> None:
    assert _asked("secure-boot-on", {**_BOOT, "data": {"ENABLE_SECURE_BOOT": UNKNOWN_STRING_VALUE}}) == []


def test_options_reach_a_rule() -> None:
    props = {**_BOOT, "data": {"AZURE_INSTANCE_SIZE": "Standard_X", "AZURE_INSTANCE_SIZES": "Standard_X"}}

    assert len(_asked("instance-sizes-allowed", props)) == 1
    assert _asked("instance-sizes-allowed", props, {"allowed": ["Standard_X"]}) == []


def test_a_violation_of_the_stack_names_its_resource_and_protection_counts() -> None:
    policy = POLICIES["kataconfig-protected"]
    assert isinstance(policy, StackValidationPolicy)
    kind = "kubernetes:kataconfiguration.openshift.io/v1:KataConfig"
    made = {"metadata": {"name": "example-kataconfig"}}
    guard = _resource("pulumi:index:Stash", "peer-pods-kataconfig-guard", {}, protect=True)
    items: list[str | None] = []
    for others in ([], [guard]):
        args = StackValidationArgs([_resource(kind, "kataconfig", made), *others])
        policy.validate(args, lambda _, urn: items.append(urn))

    assert items == ["urn:kataconfig"]


def test_a_rule_of_the_stack_that_lacks_a_value_says_that_it_could_not_judge() -> None:
    policy = POLICIES["kbs-behind-tls"]
    assert isinstance(policy, StackValidationPolicy)
    data = {"kbs-config.toml": UNKNOWN_STRING_VALUE}
    config = _resource("kubernetes:core/v1:ConfigMap", "cm", {"metadata": {"name": "kbs-config-cm"}, "data": data})

    with pytest.raises(UnknownValueError) as raised:
        policy.validate(StackValidationArgs([config]), lambda message, _: pytest.fail(message))
    assert "ConfigMap kbs-config-cm: data.kbs-config.toml" in raised.value.message


def test_values_come_out_of_the_sdks_proxies() -> None:
    proxied = unknown_checking_proxy({"a": [{"b": UNKNOWN_STRING_VALUE}, "c", 1], "d": None})

    assert pack.plain(proxied) == {"a": [{"b": UNKNOWN}, "c", 1], "d": None}


def test_a_rule_judges_in_one_way() -> None:
    by_name: dict[str, Any] = {"id": "x", "title": "x", "why": "x", "remedy": "x", "severity": "medium"}

    with pytest.raises(ValueError, match="rule x needs either resource or stack"):
        Rule(**by_name)
    rule = Rule(**by_name, stack=lambda _stack, _config: iter([Violation(message="found")]))
    assert rule.of_stack(Stack([])) == [("found. x", "")]


@pytest.mark.parametrize("name", reference.LEVELS)
def test_a_configuration_says_a_level_of_every_rule_and_fits_the_schema(name: str) -> None:
    result = reference.configuration(name)

    assert list(result) == [rule.id for rule in RULES]
    jsonschema.validate(result, reference.schema())


def test_production_has_every_rule_at_mandatory() -> None:
    assert {item["enforcementLevel"] for item in reference.configuration("prod").values()} == {"mandatory"}


@pytest.mark.parametrize(
    "config",
    [
        {"secure-boot-on": "strict"},
        {"secure-boot": "mandatory"},
        {"reference-values-fresh": {"days": "30"}},
        {"reference-values-fresh": {"hours": 3}},
        {"instance-sizes-allowed": {"allowed": []}},
    ],
)
def test_a_wrong_configuration_does_not_fit_the_schema(config: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, reference.schema())


def test_the_example_of_a_configuration_in_the_page_fits_the_schema() -> None:
    page = (ROOT / "docs/policies.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]

    jsonschema.validate(json.loads(example), reference.schema())


def test_schema_and_table_are_those_of_the_rules() -> None:
    page = (ROOT / "docs/policies.md").read_text()
    document = json.loads((ROOT / "policies/config.schema.json").read_text())

    assert page == reference.updated(page), "make it anew: python -m policies.reference docs/policies.md"
    assert document == reference.schema(), "make it anew: python -m policies.reference --schema"
    with pytest.raises(ValueError, match="each once"):
        reference.updated("# Policies\n")


def test_the_pack_runs_in_the_programs_environment() -> None:
    document = yaml.safe_load((ROOT / "policies/PulumiPolicy.yaml").read_text())
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    folder = ROOT / "policies" / document["runtime"]["options"]["virtualenv"]

    assert folder.resolve() == (ROOT / project["runtime"]["options"]["virtualenv"]).resolve()
    assert document["runtime"]["options"]["toolchain"] == project["runtime"]["options"]["toolchain"]


@pytest.mark.parametrize(
    ("arguments", "levels"), [(["STACK=prod"], "prod"), (["STACK=eu-1", "LEVELS=prod"], "prod"), ([], "prod")]
)
def test_make_policy_takes_the_levels_of_the_stack(arguments: list[str], levels: str) -> None:
    command = ["make", "--no-print-directory", "-n", "policy", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    stack = next((f"--stack {each[6:]} " for each in arguments if each.startswith("STACK=")), "")
    pack_options = f"--policy-pack policies --policy-pack-config policies/{levels}.json"
    # What comes before says which levels these are.
    assert " ".join(done.stdout.split()).endswith(f" pulumi preview {stack}{pack_options}")


def _of_stack(file: Path | str) -> dict[str, list[str]]:
    """Return what is broken by a stack that has nothing but a file."""
    urn = "urn:pulumi:eu-1::coco-azure::pulumi:pulumi:Stack::coco-azure-eu-1"
    stack = Stack([Resource(kind="pulumi:pulumi:Stack", name="coco-azure-eu-1", urn=urn)])
    return broken(stack, {"settings-encrypted": {"file": str(file)}})


def test_a_secret_in_plain_text_in_the_stacks_file_breaks_a_rule_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.eu-1.yaml").write_text("config:\n  coco-azure:clientSecrets: {db: {password: correct-horse}}\n")

    (result,) = _of_stack(tmp_path / "Pulumi.<stack>.yaml")["settings-encrypted"]

    assert result.startswith("Pulumi.eu-1.yaml: clientSecrets.db.password is in plain text")
    assert result.endswith(BY_ID["settings-encrypted"].remedy)
    assert "correct-horse" not in result


def test_an_encrypted_one_breaks_none_and_neither_does_a_file_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.eu-1.yaml"
    file.write_text("config:\n  coco-azure:clientSecrets: {db: {password: {secure: v1:x}}}\n  other:x: y\n")

    assert _of_stack(file) == {}
    assert _of_stack("Pulumi.<stack>.yaml") == {}


def test_settings_that_are_json_in_a_text_are_looked_into() -> None:
    config = {"coco-azure:clientSecrets": '{"db": {"password": "x"}}', "coco-azure:environment": "production"}

    assert confidentiality.plain_secrets(config) == ["clientSecrets.db.password"]
