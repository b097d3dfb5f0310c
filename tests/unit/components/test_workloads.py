"""Terms of workloads: exported, and published in the namespaces that the settings name, with who is held to them."""

import json
from typing import Any

import pytest

from coco_azure import names
from coco_azure.formats import one_line
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.workload import terms as formats
from tests.unit.recording import Recorder, Run, holds_secret, revealed, run_program

SECRETS = {"db": {"password": "correct horse"}, "kbsres1": {"key1": "a"}}
SHOP = {"allowedImages": ["quay.io/my-org/shop"], "secrets": ["db"], "namespaces": ["shop"]}
VALUES = {"expires": "2099-12-31", "alsoAccept": ["ab" * 32]}
POLICIES = {
    "name": names.ADMISSION_POLICIES.rsplit("/", 1)[1],
    "kind": "ValidatingAdmissionPolicy",
    "namespaced": False,
}


def _config(environment: str = "production", **workloads: Any) -> dict[str, Any]:
    return {
        "environment": environment,
        "clientSecrets": SECRETS,
        "trustee": {
            "referenceValues": VALUES,
            "referenceValuesFile": "tests/unit/keys/reference-values-ear.json",
            "imageSignature": {
                "publicKeyFile": "tests/unit/keys/cosign.pub",
                "images": ["registry.access.redhat.com/ubi9"],
            },
        },
        "initdata": {
            "secrets": ["kbsres1"],
            "allowedImages": ["quay.io/my-org"],
            "workloads": {"shop": SHOP, **workloads},
        },
    }


def _recorder(*, policies: bool = True, **options: Any) -> Recorder:
    answers = Recorder(osc="1.11.0", trustee="1.1.0", admission_policies=policies, **options)
    answers.cluster.lists[names.NAMESPACES] = [{"metadata": {"name": name}} for name in ("shop", "web")]
    return answers


def _terms(run: Run) -> Any:
    return one_line.read(run.exports["workloads"])


@pytest.fixture(scope="module")
def run() -> Run:
    web = {"allowedImages": ["quay.io/my-org/web"], "namespaces": ["shop", "web"]}
    return run_program(_config(web=web), _recorder())


def test_each_namespace_gets_the_terms_of_its_workloads(run: Run) -> None:
    objects = run.objects()

    shop, web = (objects[f"ConfigMap {name}/{names.WORKLOADS_CM}"]["data"] for name in ("shop", "web"))
    assert set(shop) == {"shop", "shop.json", "web", "web.json"}
    assert set(web) == {"web", "web.json"}
    assert not holds_secret(shop)
    (initdata,) = run.exports["workloadInitdata"]["shop"].values()
    assert shop["shop"] == initdata
    read = formats.parse(json.dumps({"kind": "ConfigMap", "data": shop}), "map")
    assert {name: formats.to_dict(each) for name, each in read.items()} == _terms(run)


def test_terms_have_references_to_what_its_pods_may_have_and_no_value(run: Run) -> None:
    terms = _terms(run)["shop"]

    assert terms["secrets"] == ["default/db/password"]
    key = run.objects()["Secret trustee-operator-system/sealed-secret-key"]
    assert sealed_secrets.kid(terms["sealed"]["default/db/password"]) == sealed_secrets.SIGNING_KEY.uri
    assert key["metadata"]["name"] == sealed_secrets.SIGNING_KEY.secret
    assert "correct horse" not in json.dumps(_terms(run))
    assert _terms(run)["web"]["secrets"] == []


def test_the_initdata_of_the_last_run_is_published_as_the_previous_one() -> None:
    annotation = "io.katacontainers.config.hypervisor.cc_init_data"
    stacks = {"organization/coco-azure/test": {"workloadInitdata": {"shop": {annotation: "before"}}}}

    run = run_program(_config(), _recorder(stacks=stacks))

    assert _terms(run)["shop"]["previous"] == "before"
    assert run.objects()[f"ConfigMap shop/{names.WORKLOADS_CM}"]["data"]["shop.previous"] == "before"
    policy = run.objects()[f"ValidatingAdmissionPolicy {names.WORKLOADS_POLICY}"]["spec"]
    assert 'variables.initdata == "before"' in [each["expression"] for each in policy["variables"]]


def test_terms_are_published_when_kbs_accepts_them(run: Run) -> None:
    (name,) = [name for name in run.registrations if name == "workloads-shop-initdata"]

    assert "trustee-kbs" in run.dependencies(name)


@pytest.mark.parametrize(("mode", "actions"), [(None, ["Warn", "Audit"]), ("refuse", ["Deny"])])
def test_peer_pods_are_held_to_the_terms_in_these_namespaces_only(mode: str | None, actions: list[str]) -> None:
    config = _config()
    config["initdata"] |= {"admission": mode} if mode else {}

    objects = revealed(run_program(config, _recorder()).objects())

    binding = objects[f"ValidatingAdmissionPolicyBinding {names.WORKLOADS_POLICY}"]["spec"]
    assert binding["validationActions"] == actions
    (selected,) = binding["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert selected["values"] == ["shop"]
    templates = objects[f"ValidatingAdmissionPolicyBinding {names.WORKLOADS_POLICY}-templates"]["spec"]
    # A controller that could not update its own object would be stuck.
    assert templates["validationActions"] == ["Warn"]
    assert binding["matchResources"]["resourceRules"][0]["resources"] == ["pods"]
    policy = objects[f"ValidatingAdmissionPolicy {names.WORKLOADS_POLICY}"]["spec"]
    assert "io.katacontainers.config.hypervisor.cc_init_data" in json.dumps(policy)


def test_each_namespace_lets_in_the_initdata_of_its_workloads_and_that_of_the_run_before(run: Run) -> None:
    policy = run.objects()[f"ValidatingAdmissionPolicy {names.WORKLOADS_POLICY}"]["spec"]
    values = {each["name"]: each["expression"] for each in policy["variables"]}
    lets_in = policy["validations"][1]["expression"]
    shop, web = (
        next(name for name, text in values.items() if f'"{_terms(run)[workload]["initdata"]}"' in text)
        for workload in ("shop", "web")
    )

    assert f"request.namespace == 'shop' && variables.{shop}" in lets_in
    assert f"request.namespace == 'web' && variables.{web}" in lets_in
    assert f"request.namespace == 'web' && variables.{shop}" not in lets_in
    assert "workloads-web-initdata" in run.dependencies("workloads-admission")


def _kinds(run: Run) -> set[str]:
    """Return the kinds of objects but those of the guard of KataConfig and such."""
    return {name.split()[0] for name in run.objects() if names.WORKLOADS_POLICY in name or "workload" in name}


def test_where_it_is_off_or_no_namespace_is_named_there_is_no_policy() -> None:
    off = _config()
    off["initdata"]["admission"] = "off"
    alone = _config()
    alone["initdata"]["workloads"]["shop"] = {**SHOP, "namespaces": []}

    assert "ValidatingAdmissionPolicy" not in _kinds(run_program(off, _recorder()))
    without = run_program(alone, _recorder())
    assert "ValidatingAdmissionPolicy" not in _kinds(without)
    assert f"ConfigMap shop/{names.WORKLOADS_CM}" not in without.objects()
    assert set(_terms(without)) == {"shop"}


def test_a_cluster_without_such_policies_is_told_and_gets_the_terms(caplog: pytest.LogCaptureFixture) -> None:
    run = run_program(_config(), _recorder(policies=False))

    assert "ValidatingAdmissionPolicy" not in _kinds(run)
    assert f"ConfigMap shop/{names.WORKLOADS_CM}" in run.objects()
    assert "needed is Kubernetes 1.30 (OpenShift 4.17)" in caplog.text


def test_in_development_its_pods_may_have_every_client_secret() -> None:
    run = run_program(_config("development"), _recorder())

    assert set(_terms(run)["shop"]["secrets"]) >= {"default/db/password", "default/kbsres1/key1"}


def test_a_namespace_that_is_not_there_ends_the_run_before_anything_is_registered() -> None:
    answers = _recorder()
    answers.cluster.lists[names.NAMESPACES] = []

    with pytest.raises(Exception, match="initdata names namespace shop, which is not there"):
        run_program(_config(), answers)
