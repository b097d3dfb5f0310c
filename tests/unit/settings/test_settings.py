"""What a stack may say, and what it is told when it says something else."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.settings import SettingsError, parse
from tests.unit.recording import ROOT
from tests.unit.trust_stacks import refused

KEYS = "tests/unit/keys"


def test_an_empty_configuration_is_complete() -> None:
    settings = parse({}, ROOT)

    assert settings.peer_pods.sizes == ("Standard_DC2as_v5", "Standard_DC4as_v5", "Standard_DC8as_v5")
    assert set(settings.client_secrets["kbsres1"]) == {"key1", "key2"}
    assert settings.peer_pods.kata_config.allow_reboot is False


def test_tdx_has_its_own_sizes() -> None:
    settings = parse({"peerPods": {"tee": "tdx"}, "trustee": {"tdx": {"pccsUrl": "https://pccs.example.com/"}}}, ROOT)

    assert settings.peer_pods.size == "Standard_EC4eds_v5"


BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown top-level key": (
        {"trusty": {}},
        ["trusty", "no such setting", "pulumi config rm --path 'coco-azure:trusty'"],
    ),
    "an unknown nested key": ({"trustee": {"hosts": "x"}}, ["trustee.hosts", "no such setting"]),
    "text where an object belongs": ({"azure": "eastus"}, ["azure", '"eastus"', "needed an object"]),
    "a size list in one text": (
        {"peerPods": {"instanceSizes": ["Standard_DC2as_v5, Standard_DC4as_v5"]}},
        ["peerPods.instanceSizes[0]", "without spaces", "one size per list item"],
    ),
    "a default size that is not offered": (
        {"peerPods": {"instanceSize": "Standard_DC16as_v5"}},
        ["Standard_DC16as_v5 is not among", "Add it to the list"],
    ),
    "a tag with a space": ({"peerPods": {"tags": {"team": "data science"}}}, ["peerPods.tags.team", "without spaces"]),
    "an empty pool selector": (
        {"peerPods": {"kataConfig": {"poolSelector": {"matchLabels": {}}}}},
        ["matchLabels", "at least 1"],
    ),
    "a restart of CAA that nobody knows": (
        {"peerPods": {"caaRestart": "later"}},
        ["peerPods.caaRestart", '"later"', "wait", "evict", "now"],
    ),
    "text where a number belongs": ({"peerPods": {"limitPerNode": "10"}}, ["limitPerNode", '"10"', "whole number"]),
    "a malformed private key": (
        {"trustee": {"adminPrivateKey": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}},
        ["trustee.adminPrivateKey", "openssl genpkey -algorithm ed25519", "--secret"],
    ),
    "a public key that is a private one": (
        {"trustee": {"imageSignature": {"publicKeyFile": f"{KEYS}/admin.key", "images": ["quay.io/a/b"]}}},
        ["trustee.imageSignature.publicKeyFile", "admin.key: holds a private key", "openssl pkey -in FILE -pubout"],
    ),
    "a certificate that is a key": (
        {"initdata": {"kbsUrl": "https://kbs.example.com", "kbsCertificateFile": f"{KEYS}/cosign.pub"}},
        ["kbsCertificateFile", "not a PEM certificate", "block 1 (PUBLIC KEY, line 1)", "openssl crl2pkcs7"],
    ),
    "a certificate for plain http": (
        {"initdata": {"kbsUrl": "http://kbs.example.com", "kbsCertificateFile": f"{KEYS}/kbs.crt"}},
        ["kbsCertificateFile", "https", "leave kbsCertificateFile out"],
    ),
    "a URL with a path": (
        {"initdata": {"kbsUrl": "https://kbs.example.com/kbs"}},
        ["initdata.kbsUrl", "without a path"],
    ),
    "a host with a scheme": ({"trustee": {"host": "https://kbs.example.com"}}, ["trustee.host", "without scheme"]),
    "a missing file": (
        {"trustee": {"resourcePolicyFile": "nowhere.rego"}},
        ["cannot read nowhere.rego", "folder of Pulumi.yaml"],
    ),
    "a path with a NUL": (
        {"trustee": {"resourcePolicyFile": "no\0where.rego"}},
        ["resourcePolicyFile", "'no\\x00where.rego' has a NUL character"],
    ),
    "reference values that are no list": (
        {"trustee": {"referenceValuesFile": f"{KEYS}/../golden/not-a-list.json"}},
        ["referenceValuesFile"],
    ),
    "a secret name with a dot": (
        {"clientSecrets": {"a.b": {"k": "v"}}},
        ['clientSecrets["a.b"]', "DNS label", "no dots"],
    ),
    "a secret without keys": ({"clientSecrets": {"kbsres1": {}}}, ["clientSecrets.kbsres1"]),
    "a secret named like the image policy": (
        {"clientSecrets": {"security-policy": {"osc": "v"}, "kbsres1": {"key1": "v"}}},
        ["security-policy"],
    ),
    "a client secret from nowhere": (
        {"clientSecrets": {"kbsres1": {"key1": {"env": "X"}}}},
        ["kbsres1.key1", "{file: PATH}"],
    ),
    "a check of a secret that nobody serves": (
        {"attestationCheck": {"resource": "default/kbsres1/key9"}},
        ["default/kbsres1/key9", "served: default/kbsres1/key1, default/kbsres1/key2"],
    ),
    "TDX without a PCCS": ({"peerPods": {"tee": "tdx"}}, ["trustee.tdx.pccsUrl", "pulumi config set"]),
    "the public Intel service as PCCS": (
        {"trustee": {"tdx": {"pccsUrl": "https://api.trustedservices.intel.com/sgx/certification/v4/"}}},
        ["the public Intel service"],
    ),
    "two subnets in one text": (
        {
            "azure": {
                "subnetId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
                "/virtualNetworks/v/subnets/a\nb"
            }
        },
        ["azure.subnetId", "exactly one ARM id"],
    ),
    "a duration without a unit": ({"peerPods": {"kataConfig": {"timeout": "90"}}}, ["kataConfig.timeout", "90m"]),
    "an unknown algorithm": ({"initdata": {"algorithm": "md5"}}, ["initdata.algorithm", '"md5"', "sha256"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_a_way_out(case: str) -> None:
    values, texts = BAD[case]

    complaint = refused(values)

    for text in texts:
        assert text in complaint, complaint


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("AZURE_IMAGE_ID", "/x", "AZURE_IMAGE_ID is decided by peerPods.imageId"),
        ("AZURE_CLIENT_SECRET", "x", "azure.credentials"),
        ("TLS_SKIP_VERIFY", "true", "CAA would hand pods to whoever answers"),
        ("Https-Proxy", "x", "a variable such as HTTPS_PROXY"),
        ("HTTPS_PROXY", "http://user:hunter2@proxy.example.com", "without a password"),
        ("HTTPS_PROXY", "user:hunter2@proxy.example.com:3128", "without a password"),
        ("NO_PROXY", "a, b", "a value without spaces"),
    ],
)
def test_a_key_of_caa_that_is_not_the_users_is_an_error(key: str, value: str, text: str) -> None:
    assert text in refused({"peerPods": {"caaEnvironment": {key: value}}})


def test_all_problems_come_in_one_message() -> None:
    complaint = refused({"trusty": {}, "trustee": {"host": "x y"}, "peerPods": {"vxlanPort": 0, "tee": "sgx"}})

    assert complaint.startswith("4 problems")
    assert "nothing was changed" in complaint


@given(
    st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(max_size=8), max_size=4)
)
def test_any_unknown_part_is_either_taken_or_explained(values: dict[str, Any]) -> None:
    assert "peerPods" in _outcome({"peerPods": values})


def _outcome(config: dict[str, Any]) -> str:
    """Return the complaint about ``config``, or how it was understood."""
    try:
        return f"peerPods: {parse(config, Path()).peer_pods}"
    except SettingsError as error:
        return str(error)
