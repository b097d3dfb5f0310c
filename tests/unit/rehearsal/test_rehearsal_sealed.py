"""The simulated pod VM unseals what its version of guest-components unseals."""

import asyncio
import base64
import json
from typing import Any

import pytest

from coco_azure.formats.kbs import sealed_secrets
from rehearsal.kubelet.hub import SealedError, is_sealed, unseal

URI = "kbs:///default/db/password"
KEY, OTHER = sealed_secrets.generate_signing_key(), sealed_secrets.generate_signing_key()
KID = sealed_secrets.SIGNING_KEY.uri
SIGNED, UNSIGNED = sealed_secrets.seal_vault(URI, KEY, KID), sealed_secrets.seal_vault(URI)
OLD, NEW = (0, 12), (0, 18)


def _unseal(text: str, release: tuple[int, int], jwk: str = sealed_secrets.public_jwk(KEY)) -> bytes:
    async def fetch(uri: str) -> bytes:
        return {URI: b"hunter2", KID: jwk.encode()}[uri]

    return asyncio.run(unseal(text, fetch, release))


def _with(content: Any) -> str:
    return f"sealed.x.{base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b'=').decode()}.x"


def _header(content: Any) -> str:
    sections = SIGNED.split(".")
    return ".".join([sections[0], _with(content).split(".")[2], *sections[2:]])


def test_a_signed_secret_is_unsealed_by_every_version() -> None:
    assert is_sealed(SIGNED)
    assert _unseal(SIGNED, OLD) == _unseal(SIGNED, NEW) == b"hunter2"


def test_an_unsigned_secret_is_unsealed_by_old_versions_only() -> None:
    assert _unseal(UNSIGNED, OLD) == b"hunter2"
    with pytest.raises(SealedError, match="parse JWS"):
        _unseal(UNSIGNED, NEW)


def test_a_secret_that_another_key_signed_stays_sealed() -> None:
    with pytest.raises(SealedError, match="signature error"):
        _unseal(SIGNED, NEW, sealed_secrets.public_jwk(OTHER))


def test_a_secret_whose_key_is_not_served_is_kbs_own_error() -> None:
    with pytest.raises(KeyError, match="default/other/key"):
        _unseal(sealed_secrets.seal_vault(URI, KEY, "kbs:///default/other/key"), NEW)


@pytest.mark.parametrize(
    ("text", "release", "message"),
    [
        ("sealed.a.b", OLD, "malformed"),
        ("sealed.a.!.c", OLD, "JWS|base64"),
        (_with([]), OLD, "JWS"),
        (_with({"version": "0.2.0"}), OLD, "version"),
        (_with({"version": "0.1.0", "type": "envelope", "provider": "kbs"}), OLD, "vault of kbs only"),
        (_with({"version": "0.1.0", "type": "vault", "provider": "aliyun"}), OLD, "aliyun"),
        (_with({"version": "0.1.0", "type": "vault", "provider": "kbs", "name": URI}), OLD, "deserialization"),
        (_header({"alg": "ES256"}), NEW, "find kid"),
        (_header({"alg": "ES256", "kid": "../key"}), NEW, "KID is invalid"),
        (_header({"alg": "HS256", "kid": KID}), NEW, "must be ES256"),
        (SIGNED[:-4], NEW, "signature error"),
    ],
)
def test_what_cannot_be_unsealed_is_an_error(text: str, release: tuple[int, int], message: str) -> None:
    with pytest.raises(SealedError, match=message):
        _unseal(text, release)


@pytest.mark.parametrize("jwk", ["{}", "no json", '{"kty": "EC", "crv": "P-384"}', '{"kty": "EC", "crv": "P-256"}'])
def test_a_served_key_that_is_none_is_an_error(jwk: str) -> None:
    with pytest.raises(SealedError, match="verification key"):
        _unseal(SIGNED, NEW, jwk)


def test_a_plain_value_is_not_sealed() -> None:
    assert not is_sealed("hunter2")
