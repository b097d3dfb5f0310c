"""What KBS hands out: sources of secrets, references to them, keys of image signatures and registry credentials."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from coco_azure.formats.images import image_policy, registry_credentials
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.settings import client_secrets, signatures
from coco_azure.settings.client_secrets import ClientSecrets, SealedSecrets
from coco_azure.settings.signatures import RegistryCredentialsSettings, SignatureRules
from tests.unit.trust_stacks import PRODUCTION, refused, stack

KEYS = Path(__file__).parents[3] / "rehearsal/kubelet/registry-keys"


def _parse(kind: Any, value: Any, root: Path = Path()) -> Any:
    return TypeAdapter(kind).validate_python(value, context={"root": root})


def _complaint(kind: Any, value: Any, root: Path = Path()) -> str:
    with pytest.raises((ValidationError, ValueError)) as error:
        _parse(kind, value, root)
    return str(error.value)


def _values(secrets: Any, name: str) -> dict[str, bytes | None]:
    return {key: each.value and each.value.get_secret_value() for key, each in secrets[name].items()}


def _folder(root: Path, **files: str) -> Path:
    (root / "db").mkdir()
    for name, text in files.items():
        (root / "db" / name.replace("_", ".")).write_text(text)
    return root


def test_a_secret_is_a_text_a_file_or_made_once(tmp_path: Path) -> None:
    _folder(tmp_path, a_pem="from a file")
    secrets = _parse(ClientSecrets, {"s": {"a": "x", "b": {"file": "db/a.pem"}, "c": {"generate": True}}}, tmp_path)

    assert _values(secrets, "s") == {"a": b"x", "b": b"from a file", "c": None}


def test_a_glob_makes_one_key_per_file(tmp_path: Path) -> None:
    _folder(tmp_path, a_pem="1", b_pem="2", c_txt="3")
    (tmp_path / "db" / "sub.pem").mkdir()

    secrets = _parse(ClientSecrets, {"db": {"glob": "db/*.pem"}, "all": {"glob": f"{tmp_path}/**/*.txt"}}, tmp_path)

    assert _values(secrets, "db") == {"a.pem": b"1", "b.pem": b"2"}
    assert _values(secrets, "all") == {"c.txt": b"3"}


def test_a_glob_takes_bytes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "key.bin").write_bytes(b"\xff\x00")

    assert _values(_parse(ClientSecrets, {"db": {"glob": "*.bin"}}, tmp_path), "db") == {"key.bin": b"\xff\x00"}


def test_a_key_may_be_called_glob_when_it_is_not_alone() -> None:
    assert _values(_parse(ClientSecrets, {"s": {"glob": "x", "b": "y"}}), "s") == {"glob": b"x", "b": b"y"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("db/*.key", "finds nothing: db has no such file"),
        ("nowhere/*/*.pem", "nowhere is no folder"),
        ("", "needed a pattern"),
        (7, "needed a pattern"),
        ("db/.*", "'.hidden', needed a secret key"),
        ("db/a b*", "'a b.pem', needed a secret key"),
        ("**/twice.pem", "two files named twice.pem"),
        ("db/**.pem**/", "finds nothing|cannot be searched"),
    ],
)
def test_a_glob_that_makes_no_secret_is_an_error(tmp_path: Path, pattern: object, text: str) -> None:
    _folder(tmp_path, a_pem="1", twice_pem="2")
    (tmp_path / "db/.hidden").write_text("x")
    (tmp_path / "db/a b.pem").write_text("x")
    (tmp_path / "twice.pem").write_text("x")

    complaint = _complaint(ClientSecrets, {"db": {"glob": pattern}}, tmp_path)

    assert any(part in complaint for part in text.split("|"))


def test_a_glob_of_more_than_a_secret_holds_is_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x" * 600_000)

    assert "1200000 bytes in 2 files; a Secret holds 1048576" in _complaint(
        ClientSecrets, {"db": {"glob": "?"}}, tmp_path
    )


@pytest.mark.parametrize("key", [".hidden", "a b", "", "a/b", "x" * 254])
def test_a_key_that_kbs_cannot_serve_is_an_error(key: str) -> None:
    assert "no dot first" in _complaint(ClientSecrets, {"s": {key: "x"}})


@pytest.mark.parametrize("name", sorted(client_secrets.RESERVED_VOLUMES))
def test_a_name_that_any_version_of_the_operator_takes_is_an_error(name: str) -> None:
    assert "volume of its own" in _complaint(ClientSecrets, {name: {"a": "x"}})


@pytest.mark.parametrize("value", [True, 7, {"files": "x"}, {"generate": False}, None])
def test_a_source_that_is_none_is_an_error_without_its_value(value: object) -> None:
    assert "{generate: true}" in _complaint(ClientSecrets, {"s": {"a": value}})


@given(st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,30}", fullmatch=True))
def test_every_key_that_is_accepted_can_be_named_by_a_resource_uri(key: str) -> None:
    secrets = _parse(ClientSecrets, {"s": {key: "x"}})

    assert client_secrets.served(secrets) == {f"default/s/{key}"}
    assert _parse(client_secrets.Resource, f"default/s/{key}") == ResourceUri("s", key)


def test_sealed_secrets_name_resources_that_are_served() -> None:
    sealed = _parse(
        SealedSecrets, {"shop": {"db.config": {".password": "default/db/password", "u": "kbs:///default/db/u"}}}
    )
    secrets = _parse(ClientSecrets, {"db": {"password": "x"}})

    assert sealed["shop"]["db.config"][".password"] == ResourceUri("db", "password")
    paths = client_secrets.served(secrets, ResourceUri("img-sig", "pub-key"))
    assert paths == {"default/db/password", "default/img-sig/pub-key"}
    (complaint,) = client_secrets.unserved(sealed, paths)
    assert complaint.startswith("sealedSecrets.shop.db.config.u names kbs:///default/db/u, which no secret serves")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Shop": {"db": {"a": "default/db/a"}}}, "DNS label"),
        ({"shop": {"DB": {"a": "default/db/a"}}}, "name of a Kubernetes Secret"),
        ({"shop": {"db": {}}}, "at least 1"),
        ({"shop": {"db": {"..": "default/db/a"}}}, "key of a Kubernetes Secret"),
        ({"shop": {"db": {"a": "db/a"}}}, "2 parts"),
        ({"shop": {"db": {"a": "kbs:///vault/db/a"}}}, "repository default only"),
        ({"shop": {"db": {"a": 7}}}, "needed kbs:///default/SECRET/KEY"),
    ],
)
def test_sealed_secrets_that_cannot_be_are_an_error(value: object, text: str) -> None:
    assert text in _complaint(SealedSecrets, value)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _rules(root: Path, *rules: dict[str, Any]) -> Any:
    (root / "ec.pub").write_text(_pem(ec.generate_private_key(ec.SECP256R1())))
    (root / "rsa.pub").write_text(_pem(rsa.generate_private_key(65537, 2048)))
    (root / "gpg.asc").write_text((KEYS / "release.asc").read_text())
    return _parse(SignatureRules, list(rules), root)


def _policy(rules: Any) -> str:
    return image_policy.render_rules("reject", [rule.rule() for rule in rules])


COSIGN = {"images": ["quay.io/team"], "publicKeyFile": "ec.pub"}
GPG = {
    "images": ["registry.redhat.io"],
    "publicKeyFile": "gpg.asc",
    "type": "signedBy",
    "key": "release.asc",
    "signatureStore": "file:///usr/share/sigstore",
}


def test_rules_become_a_policy_and_the_keys_that_it_needs(tmp_path: Path) -> None:
    rules = _rules(tmp_path, {**COSIGN, "signedIdentity": {"type": "matchRepository"}}, GPG)

    text, secrets = _policy(rules), signatures.secrets(rules)

    served = [f"default/{secret}/{key}" for secret, entries in secrets.items() for key in entries]
    assert served == ["default/img-sig/pub-key", "default/img-sig/release.asc", "default/sigstore-config/osc"]
    assert image_policy.problems(text, served) == []
    assert image_policy.admits(text, "quay.io/team/app:1") == "signed"
    assert json.loads(secrets["sigstore-config"]["osc"])["docker"] == {
        "registry.redhat.io": {"sigstore": "file:///usr/share/sigstore"}
    }
    assert signatures.warnings(rules) == []


def test_cosign_rules_need_no_list_of_stores(tmp_path: Path) -> None:
    assert list(signatures.secrets(_rules(tmp_path, COSIGN))) == ["img-sig"]


def test_a_key_that_only_newer_pod_vms_verify_with_is_warned_about(tmp_path: Path) -> None:
    rules = _rules(tmp_path, {**COSIGN, "publicKeyFile": "rsa.pub"})

    assert "guest-components before v0.19.0" in signatures.warnings(rules)[0]


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([{**COSIGN, "images": ["nginx"]}], "write docker.io/library/nginx"),
        ([{**COSIGN, "images": []}], "at least 1"),
        ([{**COSIGN, "publicKeyFile": "gpg.asc"}], "not a PEM public key"),
        ([{**COSIGN, "signedIdentity": {"type": "matchExact"}}], "takes matchRepository"),
        ([{**COSIGN, "signatureStore": "file:///x"}], "Leave it out"),
        ([{**COSIGN, "transport": "dir"}], "docker"),
        ([{**GPG, "publicKeyFile": "ec.pub"}], "not an ASCII-armoured GPG public key"),
        ([{**GPG, "signatureStore": None}], "needs signatureStore"),
        ([{**GPG, "signatureStore": "https://x"}], "only from its own files"),
        ([COSIGN, {**COSIGN, "publicKeyFile": "rsa.pub"}], "two different keys for default/img-sig/pub-key"),
        ([GPG, {**GPG, "signatureStore": "file:///other"}], "two signature stores"),
    ],
)
def test_a_signature_rule_that_cannot_work_is_an_error(tmp_path: Path, rules: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        _rules(tmp_path, *rules)


def test_a_policy_that_locks_out_the_programs_own_image_is_told(tmp_path: Path) -> None:
    text = _policy(_rules(tmp_path, COSIGN))

    complaints = signatures.lockout(text, ["quay.io/team/app:1", "registry.access.redhat.com/ubi9/ubi:9.3"], "policy")

    assert [complaint.partition(",")[0] for complaint in complaints] == [
        "policy rejects registry.access.redhat.com/ubi9/ubi:9.3"
    ]


def test_registry_credentials_come_from_logins_or_from_a_file(tmp_path: Path) -> None:
    logins = {"quay.io": {"username": "robot", "password": "hunter2"}}
    typed = _parse(RegistryCredentialsSettings, {"registries": logins})
    (tmp_path / "auth.json").write_text(typed.text())
    filed = _parse(RegistryCredentialsSettings, {"authFile": "auth.json", "secret": "pull", "key": "json"}, tmp_path)

    assert registry_credentials.parse(filed.text()) == {"quay.io": ("robot", "hunter2")}
    assert typed.resource.uri == "kbs:///default/credential/osc"
    assert filed.resource.uri == "kbs:///default/pull/json"
    assert "hunter2" not in repr(typed)
    assert "auths" not in repr(filed)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "needed either authFile"),
        ({"authFile": "empty.json"}, "no registry in auths"),
        ({"registries": {"quay.io": {"username": "a:b", "password": "x"}}}, "without a colon"),
    ],
)
def test_registry_credentials_that_cannot_work_are_an_error(tmp_path: Path, value: object, text: str) -> None:
    (tmp_path / "empty.json").write_text("{}")

    assert text in _complaint(RegistryCredentialsSettings, value, tmp_path)


@pytest.mark.parametrize("more", [{}, {"attestationCheck": {"resource": "default/db/password"}}])
def test_a_client_secret_of_ones_own_does_not_remove_the_default_one(more: dict[str, Any]) -> None:
    result = stack({"clientSecrets": {"db": {"password": "x"}}, **more})

    assert result.client_secrets.keys() == {"kbsres1", "db"}
    assert all(each.value is None for each in result.client_secrets["kbsres1"].values())


def test_a_default_secret_with_other_keys_is_told_with_the_command_that_adds_the_one_of_the_check() -> None:
    message = refused({"clientSecrets": {"kbsres1": {"other": "x"}}})

    assert "pulumi config set --secret --path 'coco-azure:clientSecrets.kbsres1.key1' VALUE" in message


def test_in_production_there_is_no_default_one() -> None:
    assert stack(PRODUCTION).client_secrets == {}
