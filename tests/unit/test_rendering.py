"""The formats, held to what their readers demand."""

import base64
import hashlib
import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rendering import (
    attestation_check,
    fingerprint,
    image_policy,
    initdata,
    kbs_config,
    keys,
    peer_pods,
    reference_values,
    rego,
    tdx,
)
from tests.unit.recording import ROOT

CERTIFICATE = (ROOT / "tests/unit/keys/kbs.crt").read_text()
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def _parts(document: str) -> dict[str, Any]:
    data = tomllib.loads(document)["data"]
    return {name: tomllib.loads(text) if name.endswith(".toml") else text for name, text in data.items()}


def test_initdata_names_kbs_in_every_place_that_reads_it() -> None:
    document = initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com"))

    assert tomllib.loads(document)["algorithm"] == "sha384"
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
    assert base64.b64decode(initdata.encode(document)) == document.encode()


def test_an_unknown_algorithm_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"md5.*sha256, sha384, sha512"):
        initdata.render(initdata.Initdata(kbs_url="https://kbs.example.com", algorithm="md5"))


def test_pcr8_is_what_the_pod_vm_measures() -> None:
    # cloud-api-adaptor v0.22.0 generateDummyInitdata: this document, without a final line break.
    document = "algorithm = \"sha256\"\nversion = \"0.1.0\"\n\n[data]\n\"aa.toml\" = '''\n'''"

    assert initdata.pcr8(initdata.digest(document, "sha256")) == (
        "4b58b30becd30d16f7f60d56b32661d921ae0d3310c6a89f5d552f9bfee921a9"
    )


@pytest.mark.parametrize("algorithm", initdata.ALGORITHMS)
def test_pcr8_uses_the_first_32_bytes_of_a_longer_digest(algorithm: str) -> None:
    digest = initdata.digest("x", algorithm)

    assert initdata.pcr8(digest) == hashlib.sha256(bytes(32) + bytes.fromhex(digest[:64])).hexdigest()


def test_kbs_toml_has_what_kbs_0_3_demands() -> None:
    document = tomllib.loads(kbs_config.render_toml(kbs_config.KbsConfig(token_duration=7)))

    assert document["attestation_service"]["type"] == "coco_as_builtin"
    assert document["attestation_service"]["attestation_token_broker"]["duration_min"] == 7
    assert document["attestation_token"] == {"insecure_key": True}
    assert document["admin"] == {"insecure_api": False, "auth_public_key": "/etc/auth-secret/publicKey"}
    assert document["plugins"][0]["name"] == "resource"


def test_kbs_json_is_the_chapters() -> None:
    document = json.loads(kbs_config.render_json(kbs_config.KbsConfig()))

    assert document["as_config"]["attestation_token_broker"] == "Simple"
    assert document["policy_engine_config"] == {"policy_path": "/opt/confidential-containers/opa/policy.rego"}


def test_both_documented_image_policies_and_reject() -> None:
    accept = json.loads(image_policy.render("insecureAcceptAnything", {}))
    signed = json.loads(image_policy.render("reject", {"quay.io/my-image": "default/img-sig/pub-key"}))

    assert accept == {"default": [{"type": "insecureAcceptAnything"}], "transports": {}}
    assert signed["default"] == [{"type": "reject"}]
    assert signed["transports"]["docker"]["quay.io/my-image"] == [
        {"type": "sigstoreSigned", "keyPath": "kbs:///default/img-sig/pub-key"}
    ]


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"name": "x", "expiration": "2027-01-31", "hash-value": []}, "2027-01-31T00:00:00Z"),
        ({"expiration": "2027-01-31T00:00:00Z", "hash-value": []}, "has no name"),
        ({"name": "x", "expiration": "2027-01-31T00:00:00Z", "hash-value": ["aa"]}, "hash-value"),
        ("x", "needed an object"),
    ],
)
def test_reference_values_that_kbs_would_refuse_are_refused_first(entry: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        reference_values.parse(json.dumps([entry]))


@pytest.mark.parametrize("text", ["{", "{}"])
def test_a_reference_value_file_is_a_json_array(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON"):
        reference_values.parse(text)


def _peer_pods(**changes: Any) -> dict[str, str]:
    values: dict[str, Any] = {
        "subnet_id": "subnet",
        "nsg_id": "nsg",
        "region": "eastus",
        "resource_group": "group",
        "instance_size": "Standard_DC2as_v5",
        "instance_sizes": peer_pods.INSTANCE_SIZES["snp"],
    }
    return peer_pods.render(peer_pods.PeerPods(**{**values, **changes}))


def test_no_list_in_peer_pods_cm_has_a_space() -> None:
    data = _peer_pods(tags={"b": "2", "a": "1"})

    assert data["AZURE_INSTANCE_SIZES"] == "Standard_DC2as_v5,Standard_DC4as_v5,Standard_DC8as_v5"
    assert data["TAGS"] == "a=1,b=2"
    assert not any(" " in value for value in data.values())


def test_keys_of_the_operator_are_left_to_it() -> None:
    assert "AZURE_IMAGE_ID" not in _peer_pods()
    assert "DISABLECVM" not in _peer_pods(confidential=False)
    assert _peer_pods(image_id="mine")["AZURE_IMAGE_ID"] == "mine"
    assert _peer_pods()["DISABLECVM"] == "false"


def test_the_qcnl_file_is_json_without_a_backslash() -> None:
    text = tdx.render("https://pccs.example.com/", "https://intel.example.com/")

    assert json.loads(text) == {
        "collateral_service": "https://intel.example.com/",
        "pccs_url": "https://pccs.example.com/",
    }
    assert "\\" not in text


def test_the_generated_admin_key_is_one_that_kbs_takes() -> None:
    private = keys.generate_private_key()

    assert keys.check_private_key(private) == private
    assert keys.check_public_key(keys.public_key(private)).startswith("-----BEGIN PUBLIC KEY-----")
    assert keys.generate_private_key() != private


@given(st.dictionaries(TEXT, TEXT), TEXT.filter(bool))
def test_a_fingerprint_changes_with_the_content_and_not_with_its_order(content: dict[str, str], key: str) -> None:
    backwards = dict(reversed(content.items()))

    assert fingerprint.of(content) == fingerprint.of(backwards)
    assert fingerprint.keyed(content, key) == fingerprint.keyed(backwards, key)
    assert fingerprint.of({**content, "more": "x" + content.get("more", "")}) != fingerprint.of(content)


def test_the_allow_all_agent_policy_has_the_chapters_36_requests() -> None:
    defaults = [line for line in rego.load("agent_allow_all").splitlines() if line.startswith("default ")]

    assert len(defaults) == 36
    assert all(line.endswith(" := true") for line in defaults)


@given(st.binary(), TEXT)
def test_the_expected_digest_is_that_of_salt_and_value(value: bytes, salt: str) -> None:
    assert attestation_check.expected_digest(salt, value) == hashlib.sha256(salt.encode() + value).hexdigest()
