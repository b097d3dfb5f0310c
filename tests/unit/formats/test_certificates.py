"""A certificate that pod VMs or KBS would refuse is refused before it is deployed, with what to do about it."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.pki import certificates
from rehearsal.kubelet import tls
from tests.unit.pki import CHAIN, HOST, INTERMEDIATE, LEAF, NOW, OTHER_CA, ROOT_CA, Made, make
from tests.unit.recording import ROOT

LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=3, max_size=6).map(".".join)


def _problems(chain: str, key: str | None = LEAF.key, roots: str | None = None) -> list[str]:
    return certificates.problems(chain, key, HOST, NOW, roots_pem=roots)


def _read(name: str) -> str:
    return (ROOT / "tests/unit/keys" / name).read_text(encoding="ascii")


def _only(items: list[str]) -> str:
    assert len(items) == 1, items
    return items[0]


def test_a_good_chain_has_no_problems() -> None:
    assert _problems(CHAIN) == []
    assert _problems(CHAIN, roots=ROOT_CA.pem) == []
    assert _problems(CHAIN + ROOT_CA.pem, roots=ROOT_CA.pem) == []


def test_a_leaf_that_signs_itself_is_complete() -> None:
    own = make("own")
    bare = make("bare", authority=None, use=None)

    assert _problems(own.pem, own.key) == []
    assert _problems(own.pem, own.key, roots=own.pem) == []
    assert _problems(bare.pem, bare.key) == []


def test_a_certificate_for_another_host_is_refused() -> None:
    leaf = make("kbs", INTERMEDIATE, names=["a.example.com", "b.example.com"])

    result = _only(_problems(leaf.pem + INTERMEDIATE.pem, leaf.key))

    for part in (HOST, "found a.example.com, b.example.com", "*.apps.demo.example.com", f"subjectAltName=DNS:{HOST}"):
        assert part in result


def test_a_common_name_alone_is_not_enough() -> None:
    leaf = make("kbs.example.com", INTERMEDIATE, names=())

    problems = certificates.problems(leaf.pem + INTERMEDIATE.pem, leaf.key, "kbs.example.com", NOW)

    assert "the common name does not count" in _only(problems)


def test_an_authority_as_the_leaf_is_refused_as_rustls_does() -> None:
    own = make("own", authority=True)

    messages = _problems(own.pem, own.key)

    assert "CaUsedAsEndEntity" in messages[0]
    assert "CA:FALSE" in messages[0]
    with pytest.raises(tls.TlsError, match="CaUsedAsEndEntity"):
        tls.check(HOST, own.pem, own.pem, NOW)


def _of(made: Made, issuer: Made = INTERMEDIATE) -> tuple[str, str]:
    return made.pem + issuer.pem, made.key


_OLD = make("intermediate", ROOT_CA, authority=True, end=NOW - timedelta(hours=1))
_IMPOSTOR, _SERVER = make("intermediate", ROOT_CA, authority=True), make("server", ROOT_CA)
_BLOCK = "-----BEGIN {0}-----\nAAAA\n-----END {0}-----"
REFUSED: dict[str, tuple[tuple[str, str], str]] = {
    "of the future": (
        _of(make("leaf", INTERMEDIATE, start=NOW + timedelta(days=2), end=NOW + timedelta(days=3))),
        "not valid before 2026-06-03 00:00 UTC",
    ),
    "expired, anywhere in the chain": (
        _of(make("leaf", _OLD), _OLD),
        "CN=intermediate expired at 2026-05-31 23:00 UTC",
    ),
    "an issuer of the right name with another key": (_of(LEAF, _IMPOSTOR), "which did not sign it"),
    "an issuer that is no authority": (_of(make("leaf", _SERVER), _SERVER), "no authority (found CA:FALSE"),
    "a key that is none": (
        (CHAIN, "key.pem"),
        "without a password. It has no line -----BEGIN PRIVATE KEY-----: set the text",
    ),
    "a key on one line": ((CHAIN, LEAF.key.replace("\n", "\\n")), "where its lines end: write lines: printf %b"),
    "a key that cannot be read": ((CHAIN, _BLOCK.format("PRIVATE KEY")), "Take the password off with"),
    "a weak key": (
        _of(make("curve", INTERMEDIATE, key=ec.generate_private_key(ec.SECP521R1()))),
        "curve secp521r1",
    ),
    "a signature that the client does not take": (
        _of(make("sha512", INTERMEDIATE, algorithm=hashes.SHA512())),
        "ecdsa-with-SHA512",
    ),
    "a certificate for clients": (
        _of(make("client", INTERMEDIATE, use=ExtendedKeyUsageOID.CLIENT_AUTH)),
        "extended key usage is clientAuth; needed serverAuth",
    ),
    "nothing": (("", LEAF.key), "not a PEM certificate chain"),
    "nonsense": (("nonsense", LEAF.key), "not a PEM certificate chain"),
    "a block that is no certificate": ((_BLOCK.format("CERTIFICATE"), LEAF.key), "not a PEM certificate chain"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_pod_vms_or_kbs_would_refuse_is_one_problem(case: str) -> None:
    (chain, key), part = REFUSED[case]
    assert part in _only(_problems(chain, key))


def test_a_leaf_without_its_intermediate_is_incomplete() -> None:
    assert "the chain is incomplete: it ends at the leaf" in _only(_problems(LEAF.pem))
    result = _only(_problems(LEAF.pem, roots=ROOT_CA.pem))
    assert "found CN=root" in result
    assert "needed the certificate of CN=intermediate" in result


def test_a_hole_in_the_chain_is_told_from_a_wrong_order() -> None:
    assert "incomplete: CN=leaf is followed by CN=root" in _only(_problems(LEAF.pem + ROOT_CA.pem))
    messages = _problems(LEAF.pem + ROOT_CA.pem + INTERMEDIATE.pem)
    assert "out of order: CN=leaf" in messages[0]


def test_a_chain_of_another_authority_than_the_trusted_one_is_refused() -> None:
    assert "found CN=other" in _only(_problems(CHAIN, roots=OTHER_CA.pem))
    assert "found CN=other" in _only(_problems(CHAIN + ROOT_CA.pem, roots=OTHER_CA.pem))
    assert "caCertificateFile" in _only(_problems(CHAIN, roots="nonsense"))


def test_a_key_of_another_certificate_is_refused_without_being_told() -> None:
    result = _only(_problems(CHAIN, ROOT_CA.key))

    assert "does not belong to CN=leaf" in result
    assert "PRIVATE" not in result


def test_the_weak_signature_of_a_root_does_not_matter_but_that_of_a_leaf_does() -> None:
    chain, own = _read("sha1-chain.crt"), _read("sha1-own.crt")

    assert "CN=old-leaf is signed with sha1WithRSAEncryption" in _only(certificates.pair_problems(chain, None))
    assert "CN=old-own is signed with sha1WithRSAEncryption" in _only(certificates.pair_problems(own, None))


def test_md5_and_small_rsa_keys_are_refused() -> None:
    assert "md5WithRSAEncryption" in _only(certificates.pair_problems(_read("md5.crt"), None))
    assert "RSA key of 1024 bits" in _only(certificates.pair_problems(_read("small.crt"), None))


def test_all_problems_are_told_at_once() -> None:
    bad = make("bad", authority=True, end=NOW - timedelta(days=0.5), key=ec.generate_private_key(ec.SECP521R1()))

    text = " ".join(_problems(bad.pem, LEAF.key))

    for part in ("CaUsedAsEndEntity", "secp521r1", "does not belong", "expired", f"not for {HOST}"):
        assert part in text


@given(HOSTS)
def test_a_name_covers_itself_whatever_its_case(host: str) -> None:
    assert certificates.covers(host.upper(), host)


@given(HOSTS, LABELS)
def test_a_wildcard_covers_exactly_one_label(host: str, label: str) -> None:
    pattern = f"*.{host}"

    assert certificates.covers(pattern, f"{label}.{host}")
    assert not certificates.covers(pattern, host)
    assert not certificates.covers(pattern, f"{label}.{label}.{host}")


@given(HOSTS, st.integers(min_value=1, max_value=5))
def test_a_wildcard_elsewhere_covers_nothing(host: str, place: int) -> None:
    labels = host.split(".")
    place = place % len(labels) or 1

    assert not certificates.covers(".".join([*labels[:place], "*", *labels[place + 1 :]]), host)
    assert not certificates.covers(f"{labels[0][:1]}*.{'.'.join(labels[1:])}", host)


@given(st.text(alphabet="ab*.", max_size=8), st.text(alphabet="ab.", max_size=8))
def test_the_rehearsal_knows_the_same_names_as_the_program(pattern: str, host: str) -> None:
    assert certificates.covers(pattern, host) == tls._matches(pattern, host)


def test_a_wildcard_of_a_whole_top_level_domain_covers_nothing() -> None:
    assert not certificates.covers("*.com", "example.com")


def test_the_first_expiry_of_the_chain_counts_and_is_warned_about() -> None:
    short = make("intermediate", ROOT_CA, authority=True, end=NOW + timedelta(days=10))
    chain = make("leaf", short).pem + short.pem

    assert certificates.expiry(chain) == NOW + timedelta(days=10)
    assert certificates.expires_within(chain, NOW, 9) is None
    assert "expires at 2026-06-11 00:00 UTC" in str(certificates.expires_within(chain, NOW, 10))
    assert "has expired at 2026-06-11 00:00 UTC" in str(
        certificates.expires_within(chain, NOW + timedelta(days=11), 10)
    )


def test_the_fingerprint_is_that_of_the_leaf() -> None:
    assert certificates.fingerprint(CHAIN) == LEAF.certificate.fingerprint(hashes.SHA256()).hex()


def test_a_route_gets_leaf_and_issuers_apart() -> None:
    assert certificates.split(CHAIN) == (LEAF.pem, INTERMEDIATE.pem)


def test_an_authority_that_is_not_among_the_known_public_ones_is_a_problem() -> None:
    def problems_of(chain: str, *public: x509.Certificate) -> list[str]:
        return certificates.problems(chain, LEAF.key, HOST, NOW, public=public)

    assert problems_of(CHAIN) == [], "nothing is known, nothing is said"
    assert problems_of(CHAIN, OTHER_CA.certificate, ROOT_CA.certificate) == []
    assert problems_of(CHAIN + ROOT_CA.pem, ROOT_CA.certificate) == []
    result = _only(problems_of(CHAIN, OTHER_CA.certificate))
    assert "CN=root is none of the 1 public authorities" in result
    assert "caCertificateFile" in result
    # Of the same name, and another key.
    assert "UnknownIssuer" in _only(problems_of(CHAIN, make("root", authority=True).certificate))


def test_the_machine_knows_public_authorities_and_no_private_one() -> None:
    known = certificates.public_authorities()

    assert len(known) != 1
    assert ROOT_CA.certificate not in known
