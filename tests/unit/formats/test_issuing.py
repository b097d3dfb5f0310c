"""What the stack makes itself is good for pod VMs, KBS and OpenSSL; a user's own signer is judged before deployment."""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from coco_azure.formats.pki import certificates, issuing, signer
from coco_azure.versions.profiles import Token
from rehearsal.kubelet import tls
from tests.unit.pki import HOST, NOW, ROOT_CA, make


def _only(items: list[str]) -> str:
    assert len(items) == 1, items
    return items[0]


def test_what_is_made_has_no_problems_and_the_pod_vm_takes_it() -> None:
    ca, ca_key = issuing.make_ca("authority", NOW, 7300)
    leaf, key = issuing.issue(ca, ca_key, HOST, NOW, 365)

    assert certificates.problems(leaf, key, HOST, NOW, roots_pem=ca) == []
    assert certificates.expiry(leaf) == NOW + timedelta(days=365)
    tls.check(HOST, leaf, ca, NOW)


def test_a_leaf_never_outlives_its_authority() -> None:
    ca, ca_key = issuing.make_ca("authority", NOW, 10)

    assert certificates.expiry(issuing.issue(ca, ca_key, HOST, NOW, 365)[0]) == NOW + timedelta(days=10)


def test_a_cross_certificate_serves_those_who_know_only_the_old_authority() -> None:
    (old, old_key), (new, new_key) = (issuing.make_ca(name, NOW, 7300) for name in ("old", "new"))
    leaf, _ = issuing.issue(new, new_key, HOST, NOW, 365)
    chain = leaf + issuing.cross_sign(new, old, old_key, NOW)

    tls.check(HOST, chain, old, NOW)
    tls.check(HOST, chain, new, NOW)
    with pytest.raises(tls.TlsError, match="UnknownIssuer"):
        tls.check(HOST, leaf, old, NOW)


@pytest.mark.parametrize("token", ["Simple", "Ear"])
def test_a_made_signer_is_good_for_its_type_of_token_only(token: Token) -> None:
    certificate, key = issuing.make_signer(token, NOW, 3650)
    other: Token = "Ear" if token == "Simple" else "Simple"

    assert signer.problems(token, certificate, key, NOW) == []
    result = _only(signer.problems(other, certificate, key, NOW))
    assert "needed" in result
    assert "openssl req -x509" in result


def test_a_signer_whose_point_kbs_would_cut_short_is_neither_made_nor_accepted() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    while issuing.usable_for_ear(key.public_key()):
        key = ec.generate_private_key(ec.SECP256R1())
    made = make("signer", key=key)

    assert "begins with a zero byte" in _only(signer.problems("Ear", made.pem, made.key, NOW))
    for _ in range(300):
        public = x509.load_pem_x509_certificate(issuing.make_signer("Ear", NOW, 1)[0].encode()).public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert issuing.usable_for_ear(public)


def test_a_signer_needs_its_root_its_key_and_its_time() -> None:
    leaf = make("signer", ROOT_CA, end=NOW - timedelta(hours=1))

    text = " ".join(signer.problems("Ear", leaf.pem, ROOT_CA.key, NOW))

    for part in ("did not sign itself", "does not belong to CN=signer", "expired"):
        assert part in text
    certificate, key = issuing.make_signer("Ear", NOW, 30)
    assert "has 2 certificates, and KBS reads only the first" in _only(
        signer.problems("Ear", certificate + ROOT_CA.pem, key, NOW)
    )
    assert "not a PEM certificate chain" in _only(signer.problems("Ear", "nonsense", leaf.key, NOW))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_openssl_verifies_what_is_made(tmp_path: Path) -> None:
    ca, ca_key = issuing.make_ca("authority", NOW, 7300)
    parts = {"ca": ca, "leaf": issuing.issue(ca, ca_key, HOST, NOW, 365)[0]}
    parts |= {token: issuing.make_signer(token, NOW, 30)[0] for token in ("Simple", "Ear")}
    for name, pem in parts.items():
        (tmp_path / name).write_text(pem, encoding="ascii")
    for name, anchor in (("leaf", "ca"), ("Simple", "Simple"), ("Ear", "Ear")):
        command = ["openssl", "verify", "-attime", str(int(NOW.timestamp())), "-CAfile", str(tmp_path / anchor)]
        done = subprocess.run([*command, str(tmp_path / name)], capture_output=True, text=True, check=False)
        assert re.search(r": OK$", done.stdout.strip()), done.stderr
