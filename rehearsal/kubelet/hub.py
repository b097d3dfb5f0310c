"""The Confidential Data Hub (CDH) of a pod VM: resources of KBS, images, sealed secrets.

Source: guest-components v0.12.0 ``confidential-data-hub/hub/src/config.rs`` (``cdh.toml``), ``kms/src/plugins/kbs``,
and ``hub/src/secret/mod.rs`` of v0.12.0 and v0.18.0; the latter verifies what is sealed. What becomes of images is the
business of the module that is called.
"""

import base64
import binascii
import json
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from rehearsal.kubelet import evidence, images
from rehearsal.kubelet.agent import GuestError
from rehearsal.kubelet.caa import PodVm
from rehearsal.kubelet.images import Fetch
from rehearsal.kubelet.kbs import DeniedError, Releases

_VERIFIES = (0, 18)  # guest-components version from which a signature is demanded
_SECTIONS, _NUMBER = 4, 32
Reach = Callable[[str, str | None], Awaitable[Releases]]
"""Finds the KBS behind a URL, for a client that trusts this PEM (None: public authorities); raises UnreachableError."""


class SealedError(ValueError):
    """A sealed secret stays sealed; the message says why and shows nothing of it."""


class UnreachableError(Exception):
    """There is no KBS at a URL, or no trust in it; the message says why."""


class Hub:
    """The CDH of one pod VM."""

    def __init__(self, machine: PodVm, reach: Reach) -> None:
        """Start with the machine's ``cdh.toml``; raises GuestError where it cannot be read."""
        self._machine = machine
        self._reach = reach
        text = machine.files.get("cdh.toml")
        try:
            self._config: Mapping[str, Any] = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            raise GuestError(f"CDH does not start: cdh.toml: {error}") from error
        if text is not None and "name" not in self._config.get("kbc", {}):
            raise GuestError("CDH does not start: invalid config: missing field `name` of [kbc] in cdh.toml")

    async def resource(self, path: str) -> bytes:
        """Return ``<repository>/<type>/<tag>`` of KBS.

        Raises:
            DeniedError: KBS says no.
            UnreachableError: no KBS answers that this CDH trusts.
        """
        kbc = self._config.get("kbc", {})
        if not kbc.get("url"):
            raise UnreachableError("no KBS is configured: this pod has no initdata with a cdh.toml that names one")
        if kbc["name"] != "cc_kbc":
            raise UnreachableError(f"[kbc] of cdh.toml names {kbc['name']!r}, which asks no KBS; needed is cc_kbc")
        kbs = await self._reach(str(kbc["url"]), kbc.get("kbs_cert"))
        # Without a TEE the attestation agent uses the sample attester.
        return kbs.release(path, self._machine.evidence or evidence.sample(), self._machine.protocol)

    async def pull(self, image: str) -> None:
        """Pull an image as the image policy and the registry's credentials allow; raises GuestError."""
        try:
            policy = await self._text("image_security_policy_uri")
            credentials = await self._text("authenticated_registry_credentials_uri")
            store, mirrors = await self._text("sigstore_config_uri"), await self._text("registry_configuration_uri")
            release = self._machine.guest_components
            await images.pull(
                image, policy, self._by_uri, credentials, sigstore_config=store, mirrors=mirrors, release=release
            )
        except images.ImageError as error:
            raise GuestError(str(error)) from error
        except (DeniedError, UnreachableError, ValueError) as error:
            raise GuestError(f"failed to pull image {image}: {error}") from error

    async def unseal(self, text: str) -> str:
        """Return the value that a sealed secret stands for; raises SealedError."""
        try:
            return (await unseal(text, self._by_uri, self._machine.guest_components)).decode()
        except (DeniedError, UnreachableError, ValueError) as error:
            raise SealedError(str(error)) from error

    async def _text(self, setting: str) -> str | None:
        """Return the file that a setting of ``[image]`` names, or None where it names none."""
        uri = self._config.get("image", {}).get(setting)
        return (await self._by_uri(str(uri))).decode() if uri else None

    async def _by_uri(self, uri: str) -> bytes:
        scheme, _, path = uri.partition(":///")
        if scheme != "kbs":
            raise ValueError(f"{uri}: this rehearsal's image has no such file; needed is kbs:///REPOSITORY/TYPE/TAG")
        return await self.resource(path)


def is_sealed(text: str) -> bool:
    """Return whether the agent asks for a value to be unsealed."""
    return text.startswith("sealed.")


async def unseal(text: str, fetch: Fetch, release: tuple[int, int] = (0, 12)) -> bytes:
    """Return the value that a sealed secret stands for.

    Args:
        text: the sealed secret.
        fetch: gets a resource of KBS by its URI; its own errors pass through.
        release: version of guest-components in the pod VM image.

    Raises:
        SealedError: it is malformed, of a kind that this rehearsal does not have, or signed by nobody that counts.
    """
    sections = text.split(".")
    if len(sections) != _SECTIONS:
        raise SealedError("malformed input sealed secret")
    if release >= _VERIFIES:
        await _verify(sections, fetch)
    content = _object(sections[2])
    if content.get("version") != "0.1.0":
        raise SealedError("unsupported secret version")
    if content.get("type") != "vault" or content.get("provider") != "kbs":
        raise SealedError(f"no {content.get('type')} of {content.get('provider')} in a rehearsal: vault of kbs only")
    if not isinstance(content.get("name"), str) or not {"provider_settings", "annotations"} <= content.keys():
        raise SealedError("malformed input sealed secret format (json deserialization failed)")
    return await fetch(content["name"])


async def _verify(sections: list[str], fetch: Fetch) -> None:
    header = _object(sections[1])
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise SealedError("Could not find kid")
    if not kid.startswith("kbs:///"):
        raise SealedError("KID is invalid. Must be a KBS URI or a credential path.")
    if header.get("alg") != "ES256":
        raise SealedError("JWS algorithm must be ES256")
    signature = _decode(sections[3])
    if len(signature) != 2 * _NUMBER:
        raise SealedError("signature error")
    pair = encode_dss_signature(int.from_bytes(signature[:_NUMBER]), int.from_bytes(signature[_NUMBER:]))
    key = _public_key(await fetch(kid))
    try:
        key.verify(pair, f"{sections[1]}.{sections[2]}".encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise SealedError("signature error") from None


def _public_key(jwk: bytes) -> ec.EllipticCurvePublicKey:
    try:
        key = json.loads(jwk)
        if (key["kty"], key["crv"]) != ("EC", "P-256"):
            raise SealedError("Key must be P256")
        x, y = (int.from_bytes(_decode(key[name])) for name in ("x", "y"))
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except (ValueError, KeyError, TypeError) as error:
        raise SealedError(f"Could not parse verification key: {error}") from error


def _object(section: str) -> Mapping[str, Any]:
    try:
        content = json.loads(_decode(section))
    except ValueError:
        raise SealedError("Failed to parse JWS") from None
    if not isinstance(content, dict):
        raise SealedError("Failed to parse JWS")
    return content


def _decode(section: str) -> bytes:
    try:
        return base64.b64decode(section + "=" * (-len(section) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise SealedError("base64 decode Secret body") from None
