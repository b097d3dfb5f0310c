"""The formats, held to what their readers demand."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats import attestation_check, fingerprint, rego
from coco_azure.formats import peer_pods_cm as peer_pods
from coco_azure.formats.images import image_policy
from coco_azure.formats.images.image_policy import SignatureRule
from coco_azure.formats.kbs import tdx
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.formats.pki import issuing, public_material

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def test_both_documented_image_policies_and_reject() -> None:
    rule = SignatureRule(scopes=("quay.io/my-image",), key=ResourceUri("img-sig", "pub-key"))
    accept = json.loads(image_policy.render_rules("insecureAcceptAnything", []))
    signed = json.loads(image_policy.render_rules("reject", [rule]))

    assert accept == {"default": [{"type": "insecureAcceptAnything"}], "transports": {}}
    assert signed["default"] == [{"type": "reject"}]
    assert signed["transports"]["docker"]["quay.io/my-image"] == [
        {"type": "sigstoreSigned", "keyPath": "kbs:///default/img-sig/pub-key"}
    ]


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


def test_further_keys_of_peer_pods_cm_stand_beside_those_of_the_settings() -> None:
    data = _peer_pods(root_volume_size=64, environment={"HTTPS_PROXY": "http://proxy.example.com:3128"})

    assert (data["ROOT_VOLUME_SIZE"], data["HTTPS_PROXY"]) == ("64", "http://proxy.example.com:3128")
    assert data.keys() - _peer_pods().keys() == {"ROOT_VOLUME_SIZE", "HTTPS_PROXY"}


def test_every_key_that_the_settings_decide_has_an_owner() -> None:
    written = _peer_pods(tags={"a": "b"}, initdata="i", image_id="/i", credentials="c", root_volume_size=64)

    assert written.keys() <= peer_pods.OWNERS.keys()


def test_the_qcnl_file_is_json_without_a_backslash() -> None:
    text = tdx.render("https://pccs.example.com/", "https://intel.example.com/")

    assert json.loads(text) == {
        "collateral_service": "https://intel.example.com/",
        "pccs_url": "https://pccs.example.com/",
    }
    assert "\\" not in text


def test_the_generated_admin_key_is_one_that_kbs_takes() -> None:
    private = issuing.generate_private_key()

    assert issuing.check_admin_key(private) == private
    assert public_material.public_key_pem(issuing.public_key(private)) == issuing.public_key(private)
    assert issuing.generate_private_key() != private


@given(st.dictionaries(TEXT, TEXT), TEXT.filter(bool))
def test_a_fingerprint_changes_with_the_content_and_not_with_its_order(content: dict[str, str], key: str) -> None:
    backwards = dict(reversed(content.items()))

    assert fingerprint.fingerprint_of(content) == fingerprint.fingerprint_of(backwards)
    assert fingerprint.keyed(content, key) == fingerprint.keyed(backwards, key)
    assert fingerprint.fingerprint_of({**content, "more": "x" + content.get("more", "")}) != fingerprint.fingerprint_of(
        content
    )


def test_the_allow_all_agent_policy_has_the_chapters_36_requests() -> None:
    defaults = [line for line in rego.load("agent_allow_all").splitlines() if line.startswith("default ")]

    assert len(defaults) == 36
    assert all(line.endswith(" := true") for line in defaults)


@given(st.binary(), TEXT)
def test_the_expected_digest_is_that_of_salt_and_value(value: bytes, salt: str) -> None:
    assert attestation_check.expected_digest(salt, value) == hashlib.sha256(salt.encode() + value).hexdigest()
