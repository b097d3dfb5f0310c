"""A manifest is held to its terms offline: each thing that would stop it is told, with its remediation."""

from typing import Any

import pytest

from coco_azure.formats.policy import manifest_check
from coco_azure.formats.policy.manifest_check import ManifestFinding
from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.workload import preparing
from coco_azure.formats.workload.image_config import ImageConfig
from coco_azure.formats.workload.reading import ManifestError
from coco_azure.formats.workload.terms import Terms
from coco_azure.names import POD_VM_SIZE
from tests.unit.workload_manifests import SHOP
from tests.unit.workload_terms import ANNOTATION, IMAGE, PASSWORD, PLAIN, encoded, image_policy, terms

ANY = agent_policy("development", ())


def _prepared(manifest: str = PLAIN, held: Terms | None = None, **options: Any) -> str:
    return preparing.prepare(manifest, held or terms(), **options)


def _texts(findings: list[ManifestFinding], level: str = "problem") -> list[str]:
    return [each.text for each in findings if each.level == level]


def test_a_prepared_manifest_has_nothing_that_stops_it() -> None:
    assert manifest_check.check(_prepared(), terms()) == []


def test_a_plain_manifest_lacks_runtime_class_and_initdata() -> None:
    runtime, initdata = manifest_check.check(PLAIN, terms())

    assert runtime.place == initdata.place == "Deployment shop"
    assert "runtimeClassName is not set, needed kata-remote" in runtime.text
    assert ANNOTATION in initdata.text
    assert all("coco-azure workload prepare FILE --workload shop" in each.text for each in (runtime, initdata))


def test_the_previous_initdata_is_a_warning_and_any_other_a_problem() -> None:
    before = _prepared(held=terms(initdata="before"))

    assert "of the run before" in _texts(manifest_check.check(before, terms(previous="before")), "warning")[0]
    assert "no longer this workload's" in _texts(manifest_check.check(before, terms()))[0]


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("command: [/bin/shop]", "command: [/bin/sh]", "the agent policy in initdata denies it as it stands here"),
        ("[cat, /tmp/ready]", "[cat, /etc/shadow]", "denies the probe or hook `cat /etc/shadow`"),
        ("image: quay.io/my-org", "image: quay.io/other", "the image policy rejects quay.io/other/shop@sha256"),
        ("command: [/bin/shop]", "command: [/bin/shop]\n          securityContext: {privileged: true}", "privileged"),
        ("      containers:", "      hostNetwork: true\n      containers:", "hostNetwork"),
        (
            "      containers:",
            "      volumes: [{name: host, hostPath: {path: /}}]\n      containers:",
            None,
        ),
        ("image: quay.io/my-org/shop", "image: shop", "which registry is meant"),
    ],
    ids=["command", "probe", "image", "privileged", "host", "unused hostPath", "short name"],
)
def test_each_thing_that_would_stop_it_is_a_problem(one: str, other: str, words: str | None) -> None:
    problems = _texts(manifest_check.check(_prepared().replace(one, other), terms()))

    assert any(words in text for text in problems) if words else problems == []


def test_a_mounted_host_path_is_a_problem() -> None:
    mounted = "command: [/bin/shop]\n          volumeMounts: [{name: host, mountPath: /host}]"
    manifest = _prepared().replace("command: [/bin/shop]", mounted)
    manifest = manifest.replace(
        "      containers:", "      volumes: [{name: host, hostPath: {path: /}}]\n      containers:"
    )

    assert any("hostPath" in text for text in _texts(manifest_check.check(manifest, terms())))


def test_a_tag_is_a_warning_where_the_policy_takes_any_image() -> None:
    manifest = _prepared(PLAIN.replace(IMAGE, "quay.io/my-org/shop:1.0"), terms(ANY))

    (warning,) = manifest_check.check(manifest, terms(ANY))

    assert warning.level == "warning"
    assert "skopeo inspect --format '{{.Digest}}' docker://quay.io/my-org/shop:1.0" in warning.text


def test_an_image_that_has_to_be_signed_is_told_with_the_command_that_verifies_it() -> None:
    held = terms(ANY, image_policy=image_policy(signed="quay.io/my-org"))

    warnings = _texts(manifest_check.check(_prepared(held=held), held), "warning")

    assert any("cosign verify --key" in text for text in warnings)


def test_a_size_that_no_pod_may_ask_for_is_a_problem() -> None:
    manifest = _prepared(size="Standard_DC4as_v5").replace("DC4as", "D4s")

    (problem,) = manifest_check.check(manifest, terms())

    assert "VM size Standard_D4s_v5" in problem.text
    assert "Standard_DC2as_v5, Standard_DC4as_v5" in problem.text
    assert POD_VM_SIZE in manifest


@pytest.mark.parametrize(
    "value", ["http://127.0.0.1:8006/cdh/resource/default/db/other", "kbs:///default/db/other"], ids=["cdh", "uri"]
)
def test_a_resource_that_its_pods_may_not_have_is_a_problem(value: str) -> None:
    manifest = _prepared(PLAIN.replace("value: /tmp}", f"value: '{value}'}}"), terms(ANY))

    problems = _texts(manifest_check.check(manifest, terms(ANY)))

    assert any("no default/db/other (it gives: default/db/password)" in text for text in problems)
    assert manifest_check.check(manifest, terms(ANY, secrets=None)) == []


def test_a_sealed_reference_to_what_kbs_does_not_serve_is_a_problem() -> None:
    findings = manifest_check.check(_prepared(), terms(secrets=("default/db/user",)))

    assert any(f"no {PASSWORD}" in text for text in _texts(findings))


def test_a_secret_in_the_clear_is_a_warning() -> None:
    manifest = f"kind: Secret\nmetadata: {{name: other}}\nstringData: {{coupon: x}}\n---\n{_prepared()}"

    (warning,) = manifest_check.check(manifest, terms())

    assert (warning.place, warning.level) == ("Secret other", "warning")
    assert "coupon in the clear" in warning.text


def test_what_an_image_runs_is_judged_once_its_configuration_is_known() -> None:
    manifest = _prepared().replace("          command: [/bin/shop]\n", "")

    (unknown,) = manifest_check.check(manifest, terms())
    known = manifest_check.check(manifest, terms(), images={IMAGE: ImageConfig(entrypoint=("/bin/sh",))})

    assert unknown.level == "warning"
    assert "--image-config" in unknown.text
    assert "denies it as it stands here" in _texts(known)[0]
    assert manifest_check.check(_prepared(manifest, terms(ANY)), terms(ANY)) == []


def test_without_an_agent_policy_in_initdata_only_the_rest_is_judged() -> None:
    held = terms(initdata=encoded(None))

    assert manifest_check.check(_prepared(held=held).replace("/bin/shop", "/bin/sh"), held) == []


def test_other_objects_of_the_file_are_not_held_to_the_terms() -> None:
    other = PLAIN.replace("name: shop, namespace", "name: web, namespace").replace("image: quay.io/my-org/", "image: ")
    both = f"{_prepared()}---\n{other}"

    assert manifest_check.check(both, terms(), only=["Deployment/shop"]) == []
    with pytest.raises(ManifestError, match="no pod template in Deployment/none"):
        manifest_check.check(both, terms(), only=["Deployment/none"])


def test_an_ordinary_workload_with_volumes_and_probes_is_judged_whole() -> None:
    findings = manifest_check.check(SHOP, terms(ANY, image_policy=None, secrets=None))

    assert {each.place for each in findings} >= {"Secret keys", "Deployment shop"}
