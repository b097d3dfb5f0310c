"""The real KBS 0.3 starts on what is rendered, and denies and releases as the policies say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import reality
from tests.contract.real_kbs import Ended, Mounts, ask_as_sample, started
from tests.contract.stacks import made, mounted
from tests.unit.recording import ROOT

pytestmark = reality.KBS.needed

TRUSTEE = "/opt/confidential-containers"
POLICY = f"{TRUSTEE}/opa/policy.rego"
VALUES = f"{TRUSTEE}/rvps/reference-values/reference-values.json"
RESOURCE = "default/kbsres1/key1"
ALLOW_ALL = "package policy\ndefault allow = true\n"


@pytest.fixture(scope="module")
def kbs() -> Path:
    return reality.KBS.path


def _mounts(trustee: Mapping[str, Any] | None = None, files: Mapping[str, str] | None = None) -> Mounts:
    """Return what the operator mounts for the chapter's stack, and files beside it or instead."""
    stack = {"clientSecrets": {"kbsres1": {"key1": "res1val1"}}, "trustee": dict(trustee or {})}
    return Mounts({**mounted(made(stack)), **(files or {})})


def _value(expected: str) -> str:
    return json.dumps(
        [
            {
                "name": "sample.svn",
                "expiration": "2999-01-01T00:00:00Z",
                "hash-value": [{"alg": "sha384", "value": expected}],
            }
        ]
    )


def test_kbs_starts_on_the_rendered_toml_and_denies_the_sample_attester(kbs: Path, tmp_path: Path) -> None:
    with started(kbs, _mounts(), tmp_path) as url:
        assert isinstance(url, str), url
        code, result = ask_as_sample(url, RESOURCE)

    assert code == 3
    assert "PolicyDeny" in result


def test_kbs_releases_the_secret_once_the_resource_policy_allows_it(kbs: Path, tmp_path: Path) -> None:
    with started(kbs, _mounts(files={POLICY: ALLOW_ALL}), tmp_path) as url:
        assert isinstance(url, str), url
        released = ask_as_sample(url, RESOURCE)

    assert released == (0, "res1val1")


def test_the_chapters_json_alone_would_not_start_kbs(kbs: Path, tmp_path: Path) -> None:
    with started(kbs, _mounts(), tmp_path, "kbs-config.json") as ended:
        assert isinstance(ended, Ended)

    assert ended.code != 0
    assert "missing field `type`" in ended.output


@pytest.mark.parametrize(("svn", "code"), [("1", 0), ("2", 3)])
def test_the_attestation_policy_holds_claims_to_the_reference_values(
    kbs: Path, tmp_path: Path, svn: str, code: int
) -> None:
    policy = {"attestationPolicyFile": str(ROOT / "coco_azure/formats/rego/attestation_policy.rego")}
    mounts = _mounts(policy, {POLICY: ALLOW_ALL, VALUES: _value(svn)})

    with started(kbs, mounts, tmp_path) as url:
        assert isinstance(url, str), url
        assert ask_as_sample(url, RESOURCE)[0] == code


def test_kbs_reads_reference_values_of_a_file_as_they_are_rendered(kbs: Path, tmp_path: Path) -> None:
    values = {
        "attestationPolicyFile": str(ROOT / "coco_azure/formats/rego/attestation_policy.rego"),
        "referenceValuesFile": "tests/unit/keys/reference-values.json",
    }

    with started(kbs, _mounts(values, {POLICY: ALLOW_ALL}), tmp_path) as url:
        assert isinstance(url, str), url
        code, answer = ask_as_sample(url, RESOURCE)

    # A malformed file would end every attestation with 401; these values name no claim of the sample attester.
    assert (code, answer) == (0, "res1val1")
