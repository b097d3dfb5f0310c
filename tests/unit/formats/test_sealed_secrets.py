"""Sealed secrets: the form that every pod VM reads, and the signature that newer ones demand."""

import base64
import json
from typing import Any

import pulumi
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import mocks

from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from components.trustee.sealed_secrets import SealedSecrets, SealedSecretsArgs
from tests.unit.recording import new_event_loop

RESOURCE = "kbs:///default/db/password"
KEY = sealed_secrets.generate_signing_key()
JWK = sealed_secrets.public_jwk(KEY)
KID = sealed_secrets.SIGNING_KEY.uri


def _section(text: str, index: int) -> Any:
    section = text.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(section + "=" * (-len(section) % 4)))


def _sealed(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return f"sealed.fakejwsheader.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.fakesignature"


def test_an_unsigned_secret_is_what_the_tool_of_guest_components_writes() -> None:
    text = sealed_secrets.seal_vault(RESOURCE)

    assert text.startswith("sealed.fakejwsheader.")
    assert text.endswith(".fakesignature")
    assert "=" not in text
    assert _section(text, 2) == {
        "version": "0.1.0",
        "type": "vault",
        "name": RESOURCE,
        "provider": "kbs",
        "provider_settings": {},
        "annotations": {},
    }
    assert sealed_secrets.kid(text) is None


def test_a_signed_secret_names_the_key_that_kbs_serves_and_verifies_with_it() -> None:
    text = sealed_secrets.seal_vault(RESOURCE, KEY, KID)

    assert _section(text, 1) == {"alg": "ES256", "kid": "kbs:///default/sealed-secret-key/jwk"}
    assert sealed_secrets.kid(text) == KID
    assert sealed_secrets.unseal(text, JWK) == RESOURCE
    assert sealed_secrets.unseal(text) == RESOURCE, "older pod VMs do not look at the signature"
    assert set(json.loads(JWK)) == {"kty", "crv", "x", "y"}, "nothing of the private half"


def test_sealing_twice_gives_the_same_text() -> None:
    assert sealed_secrets.seal_vault(RESOURCE, KEY, KID) == sealed_secrets.seal_vault(RESOURCE, KEY, KID)


def test_a_tampered_reference_is_refused() -> None:
    signed, other = (sealed_secrets.seal_vault(uri, KEY, KID).split(".") for uri in (RESOURCE, "kbs:///default/a/b"))

    with pytest.raises(ValueError, match="not that of the key"):
        sealed_secrets.unseal(".".join([*signed[:2], other[2], signed[3]]), JWK)


def test_the_signature_of_another_key_is_refused() -> None:
    other = sealed_secrets.seal_vault(RESOURCE, sealed_secrets.generate_signing_key(), KID)

    with pytest.raises(ValueError, match="not that of the key"):
        sealed_secrets.unseal(other, JWK)


def test_an_unsigned_secret_is_refused_where_signatures_are_demanded() -> None:
    with pytest.raises(ValueError, match="header is no"):
        sealed_secrets.unseal(sealed_secrets.seal_vault(RESOURCE), JWK)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("res1val1", "malformed"),
        ("sealed.a.b", "malformed"),
        ("open.a.b.c", "malformed"),
        ("sealed.a.!!!.c", "no base64url|no JSON"),
        (_sealed(b"not json"), "payload is no JSON"),
        (_sealed([]), "payload is no object"),
        (_sealed({"version": "0.2.0", "type": "vault", "provider": "kbs", "name": RESOURCE}), "not a sealed secret"),
        (_sealed({"version": "0.1.0", "type": "envelope", "provider": "kbs"}), "not a sealed secret"),
        (_sealed({"version": "0.1.0", "type": "vault", "provider": "aws", "name": RESOURCE}), "not a sealed secret"),
        (_sealed({"version": "0.1.0", "type": "vault", "provider": "kbs", "name": "kbs:///a"}), "part between"),
    ],
)
def test_what_is_no_sealed_secret_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sealed_secrets.unseal(text)


def test_a_signature_of_another_length_or_algorithm_is_an_error() -> None:
    parts = sealed_secrets.seal_vault(RESOURCE, KEY, KID).split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()

    with pytest.raises(ValueError, match="must be ES256"):
        sealed_secrets.unseal(".".join([parts[0], header, *parts[2:]]), JWK)
    with pytest.raises(ValueError, match="not one of ES256"):
        sealed_secrets.unseal(".".join([*parts[:3], parts[3][:-4]]), JWK)


def test_what_cannot_be_sealed_is_an_error() -> None:
    with pytest.raises(ValueError, match="repository default only"):
        sealed_secrets.seal_vault("kbs:///other/db/password")
    with pytest.raises(ValueError, match="kid"):
        sealed_secrets.seal_vault(RESOURCE, KEY)
    with pytest.raises(ValueError, match="no PEM private key"):
        sealed_secrets.seal_vault(RESOURCE, "no key", KID)


def test_a_signing_key_of_another_curve_is_an_error() -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    with pytest.raises(ValueError, match="P-256"):
        sealed_secrets.public_jwk(pem)


_NAME = st.from_regex(r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,20}", fullmatch=True)


@given(_NAME, _NAME)
def test_every_resource_comes_back_out(secret: str, key: str) -> None:
    uri = ResourceUri(secret, key).uri

    assert sealed_secrets.unseal(sealed_secrets.seal_vault(uri, KEY, KID), JWK) == uri


class _Cluster(mocks.Mocks):
    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.read: list[str] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        if args.typ == "kubernetes:core/v1:Namespace":
            self.read.append(str(args.resource_id))
            return args.resource_id, {"metadata": {"name": args.resource_id}}
        if args.typ == "kubernetes:core/v1:Secret":
            # The SDK marks the data of every Secret as secret.
            self.made[args.name] = {**args.inputs, "data": args.inputs["data"]["value"]}
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


def _run(signing_key: Any) -> _Cluster:
    new_event_loop()
    cluster = _Cluster()
    pulumi.runtime.set_mocks(cluster, project="coco-azure", stack="test", preview=False)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        references = {"shop": {"db": {"password": ResourceUri("db", "password"), "user": ResourceUri("db", "user")}}}
        result = SealedSecrets("sealed", SealedSecretsArgs(references=references, signing_key=signing_key()))
        assert result.names == ["shop/db"]

    program()
    return cluster


def test_workload_secrets_hold_signed_references_and_their_namespace_is_only_read() -> None:
    cluster = _run(lambda: pulumi.Output.secret(KEY))

    assert cluster.read == ["shop"]
    secret = cluster.made["sealed-shop-db"]
    assert secret["metadata"] == {"name": "db", "namespace": "shop"}
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert sealed_secrets.unseal(values["password"], JWK) == RESOURCE
    assert sealed_secrets.unseal(values["user"], JWK) == "kbs:///default/db/user"


def test_workload_secrets_are_unsigned_without_a_key() -> None:
    cluster = _run(lambda: None)

    value = base64.b64decode(cluster.made["sealed-shop-db"]["data"]["password"]).decode()
    assert sealed_secrets.unseal(value) == RESOURCE
    assert sealed_secrets.kid(value) is None
