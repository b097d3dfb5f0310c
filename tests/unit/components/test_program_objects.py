"""Every object that the program makes, to the letter, against golden files.

``UPDATE_GOLDEN=1 make test-unit`` writes them anew; read the difference before you commit it.
"""

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.pki import issuing
from tests.unit.recording import ROOT, Recorder, Secret, run_program

GOLDEN = Path(__file__).parent / "golden"
KEYS = ROOT / "tests/unit/keys"


def _production(termination: str) -> dict[str, Any]:
    """Return a production stack in which nothing is made at random."""
    return {
        "environment": "production",
        "clientSecrets": {"kbsres1": {"key1": "res1val1"}},
        "trustee": {
            "host": "kbs.example.com",
            "tls": {
                "termination": termination,
                "certificateFile": "tests/unit/keys/kbs-golden.crt",
                "privateKeyFile": "tests/unit/keys/kbs-golden.key",
            },
            "tokenSigner": {
                "certificateFile": "tests/unit/keys/signer-p256.crt",
                "privateKeyFile": "tests/unit/keys/signer-p256.key",
            },
            "referenceValues": {"expires": "2099-12-31", "alsoAccept": ["ab" * 32]},
            "referenceValuesFile": "tests/unit/keys/reference-values-ear.json",
            "imageSignature": {
                "publicKeyFile": "tests/unit/keys/cosign.pub",
                "images": ["registry.access.redhat.com/ubi9"],
            },
            "registryMirrors": {"registry.access.redhat.com": "mirror.example.com:8443/redhat"},
            "registryCredentials": {"registries": {"quay.io": {"username": "robot", "password": "correct horse"}}},
        },
        "initdata": {
            "imagePull": {"proxy": "http://proxy.example.com:3128", "caCertificateFile": "tests/unit/keys/kbs.crt"},
            "allowedImages": ["registry.access.redhat.com/ubi9", "quay.io/my-org"],
            "workloads": {"web": {"allowedImages": ["quay.io/my-org/web"], "secrets": ["kbsres1"]}},
        },
    }


SIGNER = {
    "certificateFile": "tests/unit/keys/signer-rsa.crt",
    "privateKeyFile": "tests/unit/keys/signer-rsa.key",
}
IMAGE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/g/images/mine/versions/1.0.0"
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "defaults": {"clientSecrets": {"kbsres1": {"key1": "res1val1", "key2": "res1val2"}}},
    "everything": {
        "cluster": {"context": "admin", "identifier": "demo"},
        "clientSecrets": {
            "kbsres1": {"key1": {"file": "tests/unit/keys/value.bin"}, "key2": "res1val2"},
            "database": {"password": "correct horse"},
        },
        "azure": {"resourceGroup": "pod-vms", "subnetName": "peer-pods"},
        "trustee": {
            "operator": {"version": "0.3.0", "catalog": "mirror", "catalogNamespace": "mirrors"},
            "host": "kbs.example.com",
            "tokenDuration": 10,
            "referenceValuesFile": "tests/unit/keys/reference-values-tdx.json",
            "securityPolicyDefault": "reject",
            "imageSignature": [
                {
                    "publicKeyFile": "tests/unit/keys/cosign.pub",
                    "images": ["quay.io/my-image", "registry.access.redhat.com/ubi9"],
                }
            ],
            "tdx": {"pccsUrl": "https://global.acccache.azure.net/sgx/certification/v4/"},
            "serviceType": "NodePort",
        },
        "initdata": {
            "algorithm": "sha384",
            "kbsUrl": "https://kbs.example.com:8443",
            "kbsCertificateFile": "tests/unit/keys/kbs.crt",
            "agentPolicyFile": "coco_azure/formats/rego/agent_allow_all.rego",
        },
        "peerPods": {
            "tee": "tdx",
            "limitPerNode": 5,
            "tags": {"key2": "value2", "key1": "value1"},
            "imageId": IMAGE,
            "secureBoot": False,
            "proxyTimeout": "10m",
            "caaEnvironment": {"HTTPS_PROXY": "http://proxy.example.com:3128"},
            "vxlanPort": 9001,
            "kataConfig": {"logLevel": "debug", "poolSelector": {"matchLabels": {"cc": "true"}}, "timeout": "2h"},
        },
        "attestationCheck": {
            "namespace": "proof",
            "resource": "default/database/password",
            "agentPolicyFile": "coco_azure/formats/rego/agent_allow_all.rego",
            "podVmImage": IMAGE,
        },
    },
    "plain-http": {
        "clientSecrets": {"kbsres1": {"key1": "res1val1"}},
        "trustee": {"host": "kbs.example.com", "signTokens": False},
        "initdata": {"kbsUrl": "http://10.0.0.4:8080", "global": False},
        "attestationCheck": {"initdataAnnotation": False},
        "peerPods": {"confidential": False, "operator": {"install": False}},
    },
    "production-1.11-1.1": _production("edge"),
    "production-1.12-1.2": _production("passthrough"),
}
VERSIONS = {"production-1.11-1.1": ("1.11.0", "1.1.0"), "production-1.12-1.2": ("1.12.0", "1.2.1")}


class _Literal(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that a difference can be read; those with tabs, too."""

    def analyze_scalar(self, scalar: str) -> Any:
        result = super().analyze_scalar(scalar.replace("\t", "x"))
        result.scalar = scalar
        return result


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Literal.add_representer(str, _text)


def _readable(value: Any) -> Any:
    if isinstance(value, Secret):
        return {"secret": _readable(value.value)}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return {key: _readable(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_object_is_exactly_as_the_golden_file_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "generate_secret", lambda: "made once")
    monkeypatch.setattr(sealed_secrets, "generate_signing_key", (KEYS / "signer-p256.key").read_text)
    key = (KEYS / "admin.key").read_text()
    config = {**CONFIGURATIONS[name]}
    config["trustee"] = {"tokenSigner": SIGNER, **config.get("trustee", {}), "adminPrivateKey": key}

    osc, trustee = VERSIONS.get(name, ("1.9.0", "0.3.0"))
    answers = Recorder(osc=osc, trustee=trustee)
    answers.cluster.offer("mirrors", "mirror", trustee_operator=trustee)
    run = run_program(config, answers)
    result = yaml.dump(_readable(run.objects()), Dumper=_Literal, sort_keys=True, width=120)

    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(result)
    assert result == golden.read_text()


def test_a_client_secret_from_a_file_keeps_every_byte() -> None:
    config = {"clientSecrets": {"kbsres1": {"key1": {"file": "tests/unit/keys/value.bin"}}}}

    data = run_program(config).objects()["Secret trustee-operator-system/kbsres1"]["data"]

    # The whole of data is secret: one of its values is.
    held = data.value if isinstance(data, Secret) else data
    value = held["key1"].value if isinstance(held["key1"], Secret) else held["key1"]
    assert base64.b64decode(value) == (KEYS / "value.bin").read_bytes()
