"""What a stack is told that is allowed and yet opens a door: tokens, digest of initdata, what booted."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coco_azure.trust import checks
from tests.unit.trust_stacks import KEYS, NOW, PLACE, PRODUCTION, chain, changed, entry, file, stack


def _warnings(config: dict[str, Any], osc: str | None = "1.12", trustee: str | None = "1.2") -> list[str]:
    return checks.warnings(stack(config), chain(config, osc, trustee, PLACE), NOW)


@pytest.mark.parametrize(("present", "missing"), [("04", "7"), ("07", "4")])
def test_production_is_told_which_pcr_of_the_boot_is_held_to_nothing_and_why(
    tmp_path: Path, present: str, missing: str
) -> None:
    own = file(tmp_path, "boot.json", [entry(f"snp_pcr{present}")])

    warnings = _warnings(changed(PRODUCTION, trustee__referenceValuesFile=own))

    (boot,) = [warning for warning in warnings if warning.startswith(f"PCR {missing} may be anything")]
    assert "a boot loader of its own with secure boot off" in boot
    assert "set coco-azure:trustee.referenceValues.pcrs to [3, 4, 7, 9, 11, 12]" in boot


def test_beside_an_image_in_a_registry_the_pcrs_of_the_boot_go_into_a_file(tmp_path: Path) -> None:
    image = {"image": "quay.io/org/image:1", "expires": "2099-12-31", "measurementsPublicKeyFile": f"{KEYS}/cosign.pub"}
    own = file(tmp_path, "own.json", [entry("snp_pcr11")])
    config = changed(PRODUCTION, trustee__referenceValues=image, trustee__referenceValuesFile=own)

    (boot,) = [warning for warning in _warnings(config) if warning.startswith("PCR 4 and 7 may be anything")]
    assert "Demand them: name them in trustee.referenceValuesFile, beside those of the image" in boot


def test_a_production_stack_with_a_trusted_cluster_and_all_pcrs_is_warned_only_of_what_no_manifest_says(
    tmp_path: Path,
) -> None:
    boot = file(tmp_path, "boot.json", [entry("snp_pcr04"), entry("snp_pcr07")])
    trusted = changed(PRODUCTION, trustee__cluster={"context": "trusted"}, trustee__referenceValuesFile=boot)

    (warning,) = _warnings(trusted)
    assert "with another command, another environment or files of its own over those of the image" in warning
    assert warning.endswith("coco-azure:initdata.workloads.NAME.manifestFile")
    (warning,) = _warnings(changed(trusted, initdata__allowedImages=["quay.io/my-org/app"]))
    assert "the host can start an allowed image with another command" in warning


def test_of_the_checks_own_pod_nothing_is_told() -> None:
    listed = changed(PRODUCTION, initdata={"workloads": {"shop": {"allowedImages": ["quay.io/my-org/shop"]}}})
    texts = [text for text in _warnings(listed) if "does not know what containers run" in text]

    # One for the global document, one for the workload's; the check's own policy keeps to a list, too.
    assert sorted("an allowed image" in text for text in texts) == [False, True]
    assert len([text for text in _warnings(dict(PRODUCTION)) if "does not know what containers run" in text]) == 1


def test_a_development_stack_is_not_told_of_the_boot() -> None:
    registered = changed(PRODUCTION, environment=None)

    assert not [each for each in _warnings(registered) if "PCR 4" in each or "PCR 7" in each]


def test_tokens_that_anybody_signs_are_told_as_what_they_are() -> None:
    (warning,) = [each for each in _warnings({"trustee": {"signTokens": False}}) if "signTokens" in each]

    assert "anybody, without any TEE, gets every secret" in warning
    assert "pulumi config rm --path coco-azure:trustee.signTokens" in warning
    assert not [each for each in _warnings({}) if "signTokens" in each]


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_a_digest_that_is_longer_than_pcr_8_takes_is_a_warning(algorithm: str) -> None:
    (warning,) = [each for each in _warnings({"initdata": {"algorithm": algorithm}}) if "algorithm" in each]

    assert warning.startswith(f"initdata.algorithm is {algorithm}")
    assert "pulumi config rm --path coco-azure:initdata.algorithm" in warning
    assert not [each for each in _warnings({}) if "algorithm" in each]
    hub = {"peerPods": {"enabled": False}, "initdata": {"algorithm": algorithm}}
    assert not [each for each in _warnings(hub, osc=None) if "algorithm" in each]


def test_a_spoke_is_told_of_its_digest_too() -> None:
    spoke = {"trustee": {"stack": "o/p/s"}, "initdata": {"algorithm": "sha384"}}

    assert _warnings(spoke, trustee=None)[-1].startswith("initdata.algorithm is sha384")


def test_a_key_that_older_pod_vms_cannot_verify_with_is_a_warning(tmp_path: Path) -> None:
    rule = {"publicKeyFile": file(tmp_path, "rsa.pub", _rsa_public()), "images": ["quay.io/org/app"]}

    messages = _warnings({"trustee": {"imageSignature": rule}})

    assert any("default/img-sig/pub-key is no P-256 key" in text for text in messages)


def _rsa_public() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
