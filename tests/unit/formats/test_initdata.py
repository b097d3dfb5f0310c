"""initdata: the document that a pod VM reads, its encoding by version, and what is measured of it."""

import base64
import gzip
import hashlib
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats import initdata
from coco_azure.versions.profiles import OSC, OscProfile
from tests.unit.private_key_texts import body, pems
from tests.unit.recording import ROOT

CERTIFICATE = (ROOT / "tests/unit/keys/kbs.crt").read_text()
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))
URL = "https://kbs.example.com"
GZIP = [profile for profile in OSC.values() if profile.initdata_gzip]


def _parts(document: str) -> dict[str, Any]:
    data = tomllib.loads(document)["data"]
    return {name: tomllib.loads(text) if name.endswith(".toml") else text for name, text in data.items()}


def test_initdata_names_kbs_in_every_place_that_reads_it() -> None:
    document = initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com"))

    assert tomllib.loads(document)["algorithm"] == "sha256"
    assert tomllib.loads(document)["version"] == "0.1.0"
    parts = _parts(document)
    assert parts["aa.toml"]["token_configs"] == {
        "coco_as": {"url": "https://kbs.example.com"},
        "kbs": {"url": "https://kbs.example.com"},
    }
    assert parts["cdh.toml"]["kbc"] == {"name": "cc_kbc", "url": "https://kbs.example.com"}
    assert parts["cdh.toml"]["socket"] == "unix:///run/confidential-containers/cdh.sock"
    assert parts["cdh.toml"]["image"]["image_security_policy_uri"] == "kbs:///default/security-policy/osc"
    assert "policy.rego" not in parts


def test_a_certificate_goes_to_both_agents_over_https_and_to_none_over_http() -> None:
    secure = _parts(initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com", certificate=CERTIFICATE)))
    plain = _parts(initdata.render(initdata.Initdata(kbs_url="http://kbs.example.com", certificate=CERTIFICATE)))

    assert secure["aa.toml"]["token_configs"]["kbs"]["cert"].strip() == CERTIFICATE.strip()
    assert secure["cdh.toml"]["kbc"]["kbs_cert"].strip() == CERTIFICATE.strip()
    assert "cert" not in plain["aa.toml"]["token_configs"]["kbs"]
    assert "kbs_cert" not in plain["cdh.toml"]["kbc"]


@given(TEXT)
def test_any_agent_policy_survives_the_way_into_the_document(policy: str) -> None:
    document = initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com", agent_policy=policy))

    assert tomllib.loads(document)["data"]["policy.rego"] == policy
    assert base64.b64decode(initdata.encode(document, OSC["1.9"])) == document.encode()


def test_an_unknown_algorithm_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"md5.*sha256, sha384, sha512"):
        initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com", algorithm="md5"))


@pytest.mark.parametrize(
    ("digest", "pcr8"),
    [
        # cloud-api-adaptor v0.12.0 docs/initdata.md: a SHA-384 digest, of which 32 bytes are measured.
        (
            "52af3178dd7ad4bf551e629b84b45bfd1fbe1434b980120267181ae3575ea20ca9013b8eadf31d27eed7ff2552d500ef",
            "b38927609998047b40609a152e8ccb3716450321203fe11c1e0533c648334ed5",
        ),
        # cloud-api-adaptor v0.22.0 generateDummyInitdata: what a pod VM without initdata measures.
        (
            initdata.digest("algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"aa.toml\" = '''\n'''", "sha256"),
            "4b58b30becd30d16f7f60d56b32661d921ae0d3310c6a89f5d552f9bfee921a9",
        ),
    ],
    ids=["sha384 of the documentation", "the stand-in"],
)
def test_pcr8_is_what_the_pod_vm_measures(digest: str, pcr8: str) -> None:
    assert initdata.pcr8(digest) == pcr8


@pytest.mark.parametrize("algorithm", initdata.ALGORITHMS)
def test_pcr8_uses_the_first_32_bytes_of_a_longer_digest(algorithm: str) -> None:
    digest = initdata.digest("x", algorithm)

    assert initdata.pcr8(digest) == hashlib.sha256(bytes(32) + bytes.fromhex(digest[:64])).hexdigest()


def test_osc_1_9_takes_plain_base64_also_where_no_version_is_named() -> None:
    document = initdata.render(initdata.Initdata(kbs_url=URL))

    assert initdata.encode(document, OSC["1.9"]) == base64.b64encode(document.encode()).decode()


@pytest.mark.parametrize("profile", GZIP, ids=lambda profile: profile.version)
@given(document=TEXT)
def test_newer_osc_takes_base64_of_gzip(profile: OscProfile, document: str) -> None:
    packed = base64.b64decode(initdata.encode(document, profile))

    assert gzip.decompress(packed) == document.encode()


def test_gzip_names_no_file_and_no_time_so_the_config_map_stays_the_same() -> None:
    packed = base64.b64decode(initdata.encode("x", OSC["1.12"]))

    assert packed[:10] == bytes.fromhex("1f8b08000000000002ff")
    assert initdata.encode("x", OSC["1.12"]) == initdata.encode("x", OSC["1.12"])


def test_the_size_counts_what_azure_counts() -> None:
    # provider.go: base64 of the whole cloud-config may have 65536 characters, which is 49152 bytes.
    assert initdata.user_data_size("x" * 49152, beside=0) == initdata.USER_DATA_LIMIT
    assert initdata.user_data_size("x" * 49153, beside=0) > initdata.USER_DATA_LIMIT
    assert initdata.user_data_size("x", beside=0) == len(base64.b64encode(b"x"))


def test_initdata_that_cannot_fit_into_user_data_is_refused_with_a_way_out() -> None:
    allowed = 49152 - initdata.OTHER_USER_DATA
    initdata.check_size("x" * allowed)

    with pytest.raises(ValueError, match=rf"{allowed + 1} characters.*{allowed}.*agentPolicyFile"):
        initdata.check_size("x" * (allowed + 1))


def test_the_image_settings_name_every_kbs_resource_that_was_given() -> None:
    document = initdata.render(
        initdata.Initdata(
            kbs_url=URL,
            security_policy_uri="kbs:///default/policies/mine",
            sigstore_config_uri="kbs:///default/sigstore/config",
            registry_credentials_uri="kbs:///default/credential/osc",
        )
    )

    assert _parts(document)["cdh.toml"]["image"] == {
        "image_security_policy_uri": "kbs:///default/policies/mine",
        "sigstore_config_uri": "kbs:///default/sigstore/config",
        "authenticated_registry_credentials_uri": "kbs:///default/credential/osc",
    }


def test_without_settings_only_the_security_policy_is_named() -> None:
    document = initdata.render(initdata.Initdata(kbs_url=URL))

    assert _parts(document)["cdh.toml"]["image"] == {"image_security_policy_uri": initdata.SECURITY_POLICY_URI}


@pytest.mark.parametrize("uri", ["default/credential/osc", "kbs:///default/osc", "https://example.com/auth.json", ""])
def test_a_uri_that_leads_nowhere_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"authenticated_registry_credentials_uri.*kbs:///<repository>"):
        initdata.render(initdata.Initdata(kbs_url=URL, registry_credentials_uri=uri))


def test_a_chain_of_certificates_goes_into_the_document_whole() -> None:
    document = initdata.render(initdata.Initdata(kbs_url=URL, certificate=CERTIFICATE + CERTIFICATE))

    assert _parts(document)["cdh.toml"]["kbc"]["kbs_cert"].count("BEGIN CERTIFICATE") == 2


def test_what_becomes_a_certificate_of_the_document_is_written_anew() -> None:
    indented = "".join(f"  {line}\n" for line in CERTIFICATE.splitlines())
    document = initdata.render(initdata.Initdata(kbs_url=URL, certificate=f"\ufeffissuer: me\n{indented}"))

    assert _parts(document)["aa.toml"]["token_configs"]["kbs"]["cert"] == CERTIFICATE
    assert _parts(document)["cdh.toml"]["kbc"]["kbs_cert"] == CERTIFICATE


@pytest.mark.parametrize("certificate", ["", "words", CERTIFICATE + pems()["RSA in PKCS #8"]])
def test_no_document_has_something_else_in_place_of_a_certificate(certificate: str) -> None:
    with pytest.raises(ValueError, match=r"not a PEM certificate chain|holds a private key"):
        initdata.render(initdata.Initdata(kbs_url=URL, certificate=certificate))


@pytest.mark.parametrize("name", pems())
def test_a_private_key_comes_into_no_document(name: str) -> None:
    pem = pems()[name]

    for policy in (pem, f'package agent_policy\nkey := "{base64.b64encode(pem.encode()).decode()}"\n'):
        with pytest.raises(ValueError, match="would hold a private key") as refused:
            initdata.render(initdata.Initdata(kbs_url=URL, agent_policy=policy))
        assert body(pem)[:20] not in str(refused.value)
