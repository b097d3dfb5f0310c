"""The client with which the real KBS is asked opens what KBS seals for it, and nothing else."""

import base64
import os

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rehearsal.real.kbs import opened
from tests.contract.real_kbs import base64url


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _sealed(secret: bytes, key: rsa.RSAPrivateKey) -> dict[str, str]:
    content_key, nonce = AESGCM.generate_key(256), os.urandom(12)
    protected = base64url(b'{"alg":"RSA1_5","enc":"A256GCM"}')
    sealed = AESGCM(content_key).encrypt(nonce, secret, protected.encode())
    return {
        "protected": protected,
        "encrypted_key": base64url(key.public_key().encrypt(content_key, padding.PKCS1v15())),
        "iv": base64url(nonce),
        "ciphertext": base64url(sealed[:-16]),
        "tag": base64url(sealed[-16:]),
    }


def test_a_sealed_secret_is_opened(key: rsa.RSAPrivateKey) -> None:
    assert opened(_sealed(b"res1val1", key), key) == b"res1val1"


def test_a_changed_header_is_noticed(key: rsa.RSAPrivateKey) -> None:
    changed = _sealed(b"res1val1", key) | {"protected": base64.urlsafe_b64encode(b"{}").decode()}

    with pytest.raises(InvalidTag):
        opened(changed, key)
