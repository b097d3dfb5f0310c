"""A token that anybody signed, with his key in its header and without any TEE: refused by default in every form."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from coco_azure.formats.policy import claims
from coco_azure.formats.policy.attestation_tokens import Verdict, appraise, token
from coco_azure.versions.profiles import TRUSTEE
from rehearsal.kubelet.kbs import DeniedError, Kbs
from rehearsal.kubelet.kbs.signing import Signer
from tests.contract.stacks import made, mounted
from tests.unit.recording import Recorder
from tests.unit.speaking import osc_of
from tests.unit.trust_stacks import PRODUCTION, changed

RESOURCE = "default/kbsres1/key1"
SECRETS = {"kbsres1": {"key1": "res1val1"}}
FORMS: dict[str, dict[str, Any]] = {
    "development": {"clientSecrets": SECRETS},
    "production": changed(
        PRODUCTION, clientSecrets=SECRETS, initdata={"secrets": ["kbsres1"]}, trustee__referenceValues__initdata=True
    ),
    "a hub": {"clientSecrets": SECRETS, "peerPods": {"enabled": False}},
}
VERSIONS = {"0.3": "0.3.0", "0.4": "0.4.2", "1.0": "1.0.0", "1.1": "1.1.0", "1.2": "1.2.1"}
each_version = pytest.mark.parametrize("version", VERSIONS)


def _kbs(config: dict[str, Any], version: str) -> Kbs:
    """Return the KBS that the program configures, on what its operator mounts."""
    objects = made(config, Recorder(osc=f"{osc_of(version)}.0", trustee=VERSIONS[version]))
    files = mounted(objects, VERSIONS[version])
    return Kbs.start("/etc/kbs-config/kbs-config.toml", lambda: files, VERSIONS[version])


def _forged(version: str) -> Any:
    """Return claims of the best of all pod VMs."""
    profile = TRUSTEE[version]
    affirmed = appraise({"configuration": 2, "executables": 3, "hardware": 2})
    verdict: Verdict = True if profile.token == "Simple" else affirmed
    return token(profile, "snp", claims.expected_claims("snp", profile, {}), verdict)


@pytest.mark.parametrize("form", FORMS)
@each_version
def test_a_token_that_anybody_signed_gets_nothing_by_default(version: str, form: str) -> None:
    anybody = Signer(ec.generate_private_key(ec.SECP256R1()))

    with pytest.raises(DeniedError, match="TokenVerifierError"):
        _kbs(FORMS[form], version).release_to_bearer(RESOURCE, _forged(version), anybody)


@each_version
def test_where_signing_is_turned_off_it_gets_every_secret_as_the_warning_says(version: str) -> None:
    config = {"clientSecrets": SECRETS, "trustee": {"signTokens": False}}
    anybody = Signer(ec.generate_private_key(ec.SECP256R1()))

    assert _kbs(config, version).release_to_bearer(RESOURCE, _forged(version), anybody) == b"res1val1"
