"""The real KBS 0.3 takes what is rendered for token signing, https, reference values and its admin API."""

import ipaddress
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from coco_azure.formats.kbs import reference_values
from coco_azure.formats.kbs.kbs_config import ADMIN_KEY, HTTPS_CERTIFICATE, HTTPS_KEY, KbsConfig, render
from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.formats.pki import issuing
from coco_azure.versions.profiles import TRUSTEE
from tests import reality
from tests.contract.real_kbs import Ended, Mounts, ask_as_sample, attest, base64url, believes, started

pytestmark = reality.KBS.needed

PROFILE = TRUSTEE["0.3"]
PATHS = PROFILE.paths
RESOURCE, SECRET = "default/kbsres1/key1", "res1val1"
ALLOW_ALL = "package policy\ndefault allow = true\n"
DEMANDS_SVN = (
    'package policy\ndefault allow = false\nallow { data.reference["sample.svn"][_] == input["sample.svn"] }\n'
)
TIMEOUT = 20


@pytest.fixture(scope="module")
def kbs() -> Path:
    return reality.KBS.path


class Pair:
    """A private key and a certificate that it signed for itself."""

    def __init__(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None) -> None:
        made = key or rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        start = datetime.now(UTC) - timedelta(minutes=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(made.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            # Both signers of a rotation have this name: without key ids OpenSSL takes one certificate for the other.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(made.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(made.public_key()), critical=False)
            .sign(made, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        self.key = made.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.certificate = certificate.public_bytes(encoding).decode()


def _mounts(config: KbsConfig, files: Mapping[str, str] | None = None) -> Mounts:
    values = {f"/etc/kbs-config/{key}": text for key, text in render(config, PROFILE).items()}
    return Mounts(
        {
            **values,
            ADMIN_KEY: issuing.public_key(issuing.generate_private_key()),
            PATHS["resource_policy"]: ALLOW_ALL,
            PATHS["attestation_policy"]: ALLOW_ALL,
            PATHS["reference_values"]: "[]",
            f"{PATHS['repository']}/{RESOURCE}": SECRET,
            **(files or {}),
        }
    )


def _signer(pair: Pair) -> dict[str, str]:
    return {PATHS["signer_key"]: pair.key, PATHS["signer_certificate"]: pair.certificate}


def test_kbs_signs_its_tokens_with_the_key_beside_the_administrators(kbs: Path, tmp_path: Path) -> None:
    with started(kbs, _mounts(KbsConfig(signer=True), _signer(Pair())), tmp_path) as url:
        assert isinstance(url, str), url

        assert ask_as_sample(url, RESOURCE) == (0, SECRET)


def test_a_certificate_of_another_key_vouches_for_no_token(kbs: Path, tmp_path: Path) -> None:
    files = {PATHS["signer_key"]: Pair().key, PATHS["signer_certificate"]: Pair().certificate}

    with started(kbs, _mounts(KbsConfig(signer=True), files), tmp_path) as url:
        assert isinstance(url, str), url
        code, _ = ask_as_sample(url, RESOURCE)

    assert code == 3


@pytest.mark.parametrize("previous", [True, False])
def test_tokens_of_the_previous_signer_are_believed_only_during_the_rotation(
    kbs: Path, tmp_path: Path, *, previous: bool
) -> None:
    old, new = Pair(), Pair()
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
    with started(kbs, _mounts(KbsConfig(signer=True), _signer(old)), before) as url:
        assert isinstance(url, str), url
        token = attest(url)
    rotated = {**_signer(new), PATHS["previous_signer_certificate"]: old.certificate}

    with started(kbs, _mounts(KbsConfig(signer=True, previous_signer=previous), rotated), after) as url:
        assert isinstance(url, str), url
        assert believes(url, token, RESOURCE) is previous
        assert believes(url, attest(url), RESOURCE)


def test_a_key_of_another_kind_than_the_profiles_does_not_start_kbs(kbs: Path, tmp_path: Path) -> None:
    pair = Pair(ec.generate_private_key(ec.SECP256R1()))

    with started(kbs, _mounts(KbsConfig(signer=True), _signer(pair)), tmp_path) as ended:
        assert isinstance(ended, Ended)


def test_kbs_serves_https_with_the_mounted_pair(kbs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair()
    authority = tmp_path / "kbs.crt"
    authority.write_text(pair.certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    files = {HTTPS_KEY: pair.key, HTTPS_CERTIFICATE: pair.certificate, **_signer(Pair())}

    with started(kbs, _mounts(KbsConfig(https=True, signer=True), files), tmp_path) as url:
        assert isinstance(url, str), url
        assert ask_as_sample(url.replace("http://", "https://"), RESOURCE) == (0, SECRET)
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=TIMEOUT)


def test_https_without_its_files_does_not_start_kbs(kbs: Path, tmp_path: Path) -> None:
    with started(kbs, _mounts(KbsConfig(https=True)), tmp_path) as ended:
        assert isinstance(ended, Ended)


def test_kbs_0_3_knows_azures_tees_by_the_names_of_the_profile(kbs: Path, tmp_path: Path) -> None:
    with started(kbs, _mounts(KbsConfig()), tmp_path) as url:
        assert isinstance(url, str), url
        status = {
            tee: requests.post(
                f"{url}/kbs/v0/auth", json={"version": "0.1.1", "tee": tee, "extra-params": ""}, timeout=TIMEOUT
            ).status_code
            for tee in (*PROFILE.claims.values(), *TRUSTEE["1.2"].claims.values())
        }

    assert status == {"azsnpvtpm": 200, "aztdxvtpm": 200, "az-snp-vtpm": 401, "az-tdx-vtpm": 401}


@pytest.mark.parametrize(
    ("svn", "days", "code"), [("1", 1, 0), ("2", 1, 3), ("1", -1, 3)], ids=["right", "wrong", "expired"]
)
def test_a_policy_that_demands_a_reference_value_gets_the_rendered_one(
    kbs: Path, tmp_path: Path, svn: str, days: int, code: int
) -> None:
    value = ReferenceValue(name="sample.svn", values=(svn,), expires=datetime.now(UTC) + timedelta(days=days))
    files = {
        PATHS["attestation_policy"]: DEMANDS_SVN,
        PATHS["reference_values"]: reference_values.render([value], PROFILE),
    }

    with started(kbs, _mounts(KbsConfig(), files), tmp_path) as url:
        assert isinstance(url, str), url
        assert ask_as_sample(url, RESOURCE)[0] == code


def test_the_admin_api_takes_a_token_of_the_administrators_key_and_no_other(kbs: Path, tmp_path: Path) -> None:
    mine, other = issuing.generate_private_key(), issuing.generate_private_key()

    def put(url: str, key: str | None) -> int:
        headers = {} if key is None else {"Authorization": f"Bearer {_admin_token(key)}"}
        path = f"{url}/kbs/v0/resource/default/made/key"
        return requests.post(path, data=b"x", headers=headers, timeout=TIMEOUT).status_code

    with started(kbs, _mounts(KbsConfig(), {ADMIN_KEY: issuing.public_key(mine)}), tmp_path) as url:
        assert isinstance(url, str), url
        assert (put(url, None), put(url, other), put(url, mine)) == (401, 401, 200)


def _admin_token(private_key: str) -> str:
    now = int(datetime.now(UTC).timestamp())
    parts = ({"alg": "EdDSA", "typ": "JWT"}, {"iat": now, "nbf": now, "exp": now + 60})
    signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    key: Any = serialization.load_pem_private_key(private_key.encode(), password=None)
    return f"{signed}.{base64url(key.sign(signed.encode()))}"
