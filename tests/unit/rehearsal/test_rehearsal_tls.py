"""The TLS client in a simulated pod VM says no where rustls does, in its words."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from rehearsal.kubelet import tls
from tests.unit.pki import CHAIN, HOST, INTERMEDIATE, LEAF, NOW, OTHER_CA, ROOT_CA, Made, make
from tests.unit.recording import ROOT


def _message(server_certificate: str | None, trusted: str | None = ROOT_CA.pem, host: str = HOST) -> str:
    with pytest.raises(tls.TlsError) as error:
        tls.check(host, server_certificate, trusted, NOW)
    return str(error.value)


def _under_root(**changes: object) -> str:
    return make("leaf", ROOT_CA, **changes).pem  # type: ignore[arg-type]


def _chain_of(depth: int, **changes: object) -> tuple[str, str]:
    """Return a chain with so many intermediates below ``ROOT_CA``, and its leaf's PEM."""
    issuer, texts = ROOT_CA, list[str]()
    for number in range(depth):
        issuer = make(f"intermediate {number}", issuer, authority=True, **changes)  # type: ignore[arg-type]
        texts.insert(0, issuer.pem)
    leaf = make("leaf", issuer).pem
    return leaf + "".join(texts), leaf


def test_a_publicly_signed_certificate_needs_nothing() -> None:
    tls.check(HOST, None, None, NOW)


def test_a_further_authority_does_not_take_the_public_ones_away() -> None:
    tls.check(HOST, None, ROOT_CA.pem, NOW)


def test_a_private_certificate_is_unknown_without_its_authority() -> None:
    assert _message(CHAIN, None) == "invalid peer certificate: UnknownIssuer"
    assert _message(CHAIN, OTHER_CA.pem) == "invalid peer certificate: UnknownIssuer"
    assert _message(make("own").pem, None) == "invalid peer certificate: UnknownIssuer"


def test_a_private_certificate_is_good_with_its_authority() -> None:
    tls.check(HOST, CHAIN, ROOT_CA.pem, NOW)
    tls.check(HOST, CHAIN, OTHER_CA.pem + ROOT_CA.pem, NOW)
    tls.check(HOST, CHAIN + ROOT_CA.pem, ROOT_CA.pem, NOW)


def test_the_order_of_the_intermediates_does_not_matter() -> None:
    lower = make("lower", INTERMEDIATE, authority=True)
    leaf = make("leaf", lower)

    tls.check(HOST, leaf.pem + INTERMEDIATE.pem + lower.pem, ROOT_CA.pem, NOW)


def test_without_its_intermediate_a_leaf_is_unknown() -> None:
    assert "UnknownIssuer" in _message(LEAF.pem)


def test_a_leaf_that_signs_itself_is_its_own_anchor() -> None:
    own = make("own")

    tls.check(HOST, own.pem, own.pem, NOW)


@pytest.mark.parametrize("use", [None, ExtendedKeyUsageOID.SERVER_AUTH])
def test_an_authority_as_the_leaf_is_refused(use: object) -> None:
    own = make("own", authority=True, use=use)  # type: ignore[arg-type]

    assert _message(own.pem, own.pem) == "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"


def test_validity_comes_first() -> None:
    old = make("own", authority=True, end=NOW - timedelta(seconds=1))

    assert _message(old.pem, old.pem) == "invalid peer certificate: Expired"
    assert _message(_under_root(end=NOW - timedelta(seconds=1)), None) == "invalid peer certificate: Expired"
    assert _message(_under_root(start=NOW + timedelta(seconds=1))) == "invalid peer certificate: NotValidYet"


def test_an_expired_intermediate_is_told_and_an_expired_anchor_is_not_looked_at() -> None:
    before = {"start": NOW - timedelta(days=9), "end": NOW - timedelta(days=1)}
    root = make("old", authority=True, **before)  # type: ignore[arg-type]
    chain, _ = _chain_of(1, **before)

    assert _message(chain) == "invalid peer certificate: Expired"
    tls.check(HOST, make("leaf", root).pem, root.pem, NOW)


def test_names_are_looked_at_last_and_the_common_name_never() -> None:
    assert _message(_under_root(names=["other.example.com"])) == "invalid peer certificate: NotValidForName"
    assert (
        _message(make(HOST[:60], ROOT_CA, names=()).pem, host=HOST[:60]) == "invalid peer certificate: NotValidForName"
    )
    assert "UnknownIssuer" in _message(_under_root(names=["other.example.com"]), None)


@pytest.mark.parametrize("name", ["*.apps.demo.example.com", HOST.upper()])
def test_names_that_cover_the_host(name: str) -> None:
    tls.check(HOST, _under_root(names=[name]), ROOT_CA.pem, NOW)


@pytest.mark.parametrize("name", ["*.demo.example.com", "kbs*.apps.demo.example.com", "apps.demo.example.com", "*"])
def test_names_that_do_not(name: str) -> None:
    assert "NotValidForName" in _message(_under_root(names=[name]))


def test_a_certificate_for_clients_is_refused() -> None:
    assert _message(_under_root(use=ExtendedKeyUsageOID.CLIENT_AUTH)) == (
        "invalid peer certificate: Other(OtherError(RequiredEkuNotFound))"
    )


def test_a_server_is_no_authority_unless_it_is_the_anchor() -> None:
    server = make("server", ROOT_CA)
    leaf = make("leaf", server)

    assert "EndEntityUsedAsCa" in _message(leaf.pem + server.pem)
    tls.check(HOST, leaf.pem, server.pem, NOW)


def test_the_right_name_with_another_key_is_a_bad_signature() -> None:
    impostor = make("root", authority=True)

    assert _message(_under_root(), impostor.pem) == "invalid peer certificate: BadSignature"


def test_a_curve_or_a_hash_that_the_client_does_not_know_is_a_bad_signature() -> None:
    root = make("curve", authority=True, key=ec.generate_private_key(ec.SECP521R1()))

    assert "BadSignature" in _message(make("leaf", root).pem, root.pem)
    assert "BadSignature" in _message(_under_root(algorithm=hashes.SHA512()))


def test_a_path_may_be_six_intermediates_long_and_not_longer_than_an_authority_allows() -> None:
    tls.check(HOST, _chain_of(6)[0], ROOT_CA.pem, NOW)

    assert "MaximumPathDepthExceeded" in _message(_chain_of(7)[0])
    assert "PathLenConstraintViolated" in _message(_chain_of(2, path_length=0)[0])


def test_authorities_that_sign_each_other_do_not_lead_in_circles() -> None:
    one = make("one", authority=True)
    two = make("two", one, authority=True)
    back = Made(make("one", two, authority=True, key=one.private).certificate, one.private)
    leaf = make("leaf", two)

    assert "UnknownIssuer" in _message(leaf.pem + two.pem + back.pem)


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_told_for_what_it_is(text: str) -> None:
    assert _message(text) == "invalid peer certificate: BadEncoding"
    assert _message(None, text) == "builder error: invalid certificate encoding (kbs_cert)"


def test_the_certificate_of_another_test_is_not_taken_for_a_public_one() -> None:
    own = (ROOT / "tests/unit/keys/kbs.crt").read_text(encoding="ascii")

    assert "invalid peer certificate" in _message(own, None)
