"""initdata documents of a stack: whose agent policy is in them, and how each version takes them."""

import base64
import gzip
import tomllib
from pathlib import Path
from typing import Any

import pytest

from coco_azure.formats import initdata
from coco_azure.formats.policy import policies
from coco_azure.trust.documents import CHECK, GLOBAL, Document, KbsEndpoint, agent_variant, documents, measured
from coco_azure.versions.profiles import OSC
from tests.unit.pki import OTHER_CA
from tests.unit.recording import ROOT
from tests.unit.trust_stacks import KEYS, PLACE, chain, file, refused, stack

IMAGES = ["quay.io/org/app"]
OTHERS = ["quay.io/org/other:1"]
OWN = "package agent_policy\ndefault CreateContainerRequest := true\n"


def _documents(
    values: dict[str, Any],
    environment: str = "development",
    osc: str = "1.12",
    place: KbsEndpoint = PLACE,
    **others: Any,
) -> dict[str, Document]:
    config = {"environment": environment, "initdata": values, **others}
    return documents(stack(config), OSC[osc], place)


def test_a_development_stack_keeps_the_policy_of_the_image() -> None:
    result = _documents({})

    assert result[GLOBAL].agent_policy is None
    assert "policy.rego" not in tomllib.loads(result[GLOBAL].text)["data"]


@pytest.mark.parametrize(
    ("values", "variant"),
    [
        ({"agentPolicy": "development"}, "development"),
        ({"agentPolicy": "production"}, "production"),
        ({"allowedImages": IMAGES}, "production"),
        ({"allowedImages": IMAGES, "agentPolicy": "development"}, "development"),
    ],
)
def test_what_the_stack_says_comes_before_its_environment(values: dict[str, Any], variant: Any) -> None:
    result = _documents(values)[GLOBAL]

    assert result.agent_policy == policies.agent_policy(variant, values.get("allowedImages", ()))
    assert tomllib.loads(result.text)["data"]["policy.rego"] == result.agent_policy
    assert agent_variant(stack({"initdata": values})) == variant


def test_a_production_stack_has_the_production_policy() -> None:
    config = {"environment": "development", "initdata": {}}
    result = stack(config).model_copy(update={"environment": "production"})

    assert documents(result, OSC["1.12"], PLACE)[GLOBAL].agent_policy == policies.agent_policy("production")


def test_a_file_of_the_stack_comes_before_everything(tmp_path: Path) -> None:
    values = {"agentPolicyFile": file(tmp_path, "own.rego", OWN)}
    result = stack({"initdata": values}).model_copy(update={"environment": "production"})

    assert documents(result, OSC["1.12"], PLACE)[GLOBAL].agent_policy == OWN


def test_a_workload_has_the_global_policy_unless_it_says_something_itself(tmp_path: Path) -> None:
    own = file(tmp_path, "own.rego", OWN)
    values = {
        "allowedImages": IMAGES,
        "workloads": {"same": {}, "images": {"allowedImages": OTHERS}, "file": {"agentPolicyFile": own}},
    }

    result = _documents(values)

    assert list(result) == [GLOBAL, "same", "images", "file", CHECK]
    assert result["same"].agent_policy == result[GLOBAL].agent_policy
    assert result["images"].agent_policy == policies.agent_policy("production", OTHERS)
    assert result["file"].agent_policy == OWN


def test_the_images_of_a_workload_come_before_the_file_of_the_stack(tmp_path: Path) -> None:
    values = {
        "agentPolicyFile": file(tmp_path, "own.rego", OWN),
        "workloads": {"web": {"allowedImages": IMAGES}, "same": {}},
    }

    result = _documents(values)

    assert result["web"].agent_policy == policies.agent_policy("production", IMAGES)
    assert result["same"].agent_policy == OWN


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ({"allowedImages": IMAGES, "agentPolicyFile": "README.md"}, ["allowedImages and agentPolicyFile", "keep one"]),
        ({"agentPolicy": "production", "agentPolicyFile": "README.md"}, ["agentPolicy is production", "Remove the"]),
        ({"agentPolicy": "image", "allowedImages": IMAGES}, ["agentPolicy is image", "set agentPolicy to production"]),
        (
            {"workloads": {"web": {"allowedImages": IMAGES, "agentPolicyFile": "README.md"}}},
            ["initdata.workloads.web", "allowedImages and agentPolicyFile"],
        ),
        ({"allowedImages": ["nginx"]}, ["initdata.allowedImages[0]", "'nginx'", "docker.io/library/nginx"]),
        ({"workloads": {"web": {"allowedImages": ["a b"]}}}, ["workloads.web.allowedImages[0]", "REGISTRY/REPOSITORY"]),
    ],
)
def test_two_policies_or_an_image_without_a_host_are_refused(values: dict[str, Any], texts: list[str]) -> None:
    message = refused({"initdata": values})

    for text in texts:
        assert text in message


@pytest.mark.parametrize("osc", OSC)
def test_every_version_takes_the_same_document_in_its_own_encoding(osc: str) -> None:
    result, newest = (_documents({}, osc=version)[GLOBAL] for version in (osc, "1.12"))

    raw = base64.b64decode(result.encoded)
    assert (gzip.decompress(raw) if OSC[osc].initdata_gzip else raw).decode() == result.text
    assert (result.text, result.digest, result.pcr8) == (newest.text, newest.digest, newest.pcr8)


@pytest.mark.parametrize("algorithm", initdata.ALGORITHMS)
def test_what_is_measured_follows_from_the_exact_text(algorithm: str) -> None:
    result = _documents({"algorithm": algorithm})[GLOBAL]

    assert result.digest == initdata.digest(result.text, algorithm)
    assert result.pcr8 == initdata.pcr8(result.digest)
    assert measured({"a": result}) == {"a": result.pcr8}


def test_the_certificate_of_the_settings_comes_before_that_of_the_place() -> None:
    text = (ROOT / KEYS / "kbs.crt").read_text()
    place = KbsEndpoint(kbs_url="https://kbs.example.com", certificate=OTHER_CA.pem)

    own = _documents({"kbsCertificateFile": f"{KEYS}/kbs.crt"}, place=place)[GLOBAL].text
    others = _documents({}, place=place)[GLOBAL].text

    assert _certificate(own) == text.strip() + "\n"
    assert _certificate(others) == OTHER_CA.pem


def _certificate(text: str) -> str:
    agent = tomllib.loads(tomllib.loads(text)["data"]["aa.toml"])
    return str(agent["token_configs"]["kbs"]["cert"])


def test_the_document_names_credentials_only_where_there_are_some() -> None:
    login = {"registries": {"quay.io": {"username": "robot", "password": "correct horse"}}, "secret": "pull"}

    with_them = _documents({}, trustee={"registryCredentials": login})[GLOBAL].text
    without = _documents({})[GLOBAL].text

    assert "kbs:///default/pull/osc" in with_them
    assert "correct horse" not in with_them
    assert "authenticated_registry_credentials_uri" not in without


def test_a_document_that_azure_cannot_take_is_an_error(tmp_path: Path) -> None:
    noise = "".join(f"# {initdata.digest(str(number), 'sha512')}\n" for number in range(600))

    with pytest.raises(ValueError, match=r"initdata takes \d+ characters.*initdata.agentPolicyFile"):
        chain({"initdata": {"agentPolicyFile": file(tmp_path, "large.rego", OWN + noise)}})
