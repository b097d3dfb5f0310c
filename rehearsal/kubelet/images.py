"""Pulling an image inside a pod VM: credentials, the manifest, and what the image policy demands.

Source: guest-components v0.12.0 ``image-rs/src`` (``image.rs``, ``auth``, ``signature``). Cosign signatures are
verified for real; of GPG signatures it is checked that the key is one, that it is the one said to have signed, and what
for.
"""

import base64
import binascii
import json
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rehearsal.kubelet import image_rules
from rehearsal.kubelet.image_rules import Requirement
from rehearsal.kubelet.registry import CosignSignature, Manifest, Reference, Registry, armour_hash

Fetch = Callable[[str], Awaitable[bytes]]
"""Returns what a URI (``kbs:///...``) names; its own errors pass through."""

_OF_COSIGN = ("matchRepository", "exactRepository")
_EMPTY_IS_ACCEPTED = (0, 14)  # guest-components version from which no requirement means no objection
_MIRRORS = (0, 13)  # ... from which another registry may stand in (f2ca0f64, image-rs/src/registry/mod.rs)
_ANY_KEY = (0, 19)  # ... from which cosign keys may be other than P-256


@dataclass(frozen=True, kw_only=True)
class _PodVm:
    """What the pod VM brings to a verification; the fields are the arguments of ``pull``."""

    fetch: Fetch
    sigstore_config: str | None
    release: tuple[int, int]


class ImageError(ValueError):
    """The image is not pulled; the message says why."""


async def pull(
    image: str,
    policy_text: str | None,
    fetch: Fetch,
    credentials: str | None = None,
    *,
    sigstore_config: str | None = None,
    mirrors: str | None = None,
    release: tuple[int, int] = (0, 12),
    registry: Registry | None = None,
) -> None:
    """Pull an image, or say why not.

    Args:
        image: reference as the pod names it.
        policy_text: the image policy; None: no ``image_security_policy_uri`` is set, and nothing is verified.
        fetch: gets the keys that the policy names.
        credentials: auth.json, of ``authenticated_registry_credentials_uri``.
        sigstore_config: where GPG signatures are, of ``sigstore_config_uri``.
        mirrors: which registry stands in for which, of ``registry_configuration_uri``; older releases do not read it.
        release: version of guest-components in the pod VM image.
        registry: what there is to pull; default: ``registry.yaml``.

    Raises:
        ImageError: the registry, the policy or a signature says no.
    """
    try:
        reference = Reference.parse(image)
        if mirrors is not None and release >= _MIRRORS:
            # The policy, too, is asked about the name that is pulled (image.rs, pull_task).
            reference = Reference.parse(_located(reference.whole, mirrors))
        account = _account(credentials, reference) if credentials is not None else None
        manifest = (registry or Registry.described()).manifest(reference, account)
        if policy_text is None:
            return
        demands = _demands(policy_text, reference)
        if not demands and release < _EMPTY_IS_ACCEPTED:
            raise ImageError("List of verification policy requirements must not be empty")
        pod_vm = _PodVm(fetch=fetch, sigstore_config=sigstore_config, release=release)
        for demand in demands:
            await _meet(demand, reference, manifest, pod_vm)
    except ValueError as error:
        raise ImageError(f"failed to pull image {image}: {error}") from error


def _located(image: str, text: str) -> str:
    """Return the name that an image is pulled by; of several prefixes that fit the longest counts, wherever it is."""
    fitting = {}
    for rule in tomllib.loads(text).get("registry", []):
        end = image.find(rule["prefix"]) + len(rule["prefix"])
        if rule["prefix"] in image and image[end : end + 1] in ("", *"/:@"):
            fitting[end] = rule["location"] + image[end:]
    return str(fitting[max(fitting)]) if fitting else image


def _demands(policy_text: str, reference: Reference) -> list[Requirement]:
    try:
        return image_rules.requirements(policy_text, reference)
    except (ValueError, TypeError) as error:
        raise ImageError(f"the image policy is malformed: {error}") from error


def _account(text: str, reference: Reference) -> tuple[str, str] | None:
    """Return user and password for an image: those of its longest prefix, else of its registry (``auth_config.rs``)."""
    try:
        auths = {name: str(entry["auth"]) for name, entry in json.loads(text)["auths"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        # Nothing of the file may be shown.
        raise ImageError("Invalid registry auth file") from None
    hosts = {_host(key): auth for key, auth in auths.items()}
    named = (auths[each] for each in reference.prefixes if each in auths)
    account = next(named, hosts.get(_host(reference.host)))
    if account is None:
        return None
    try:
        user, colon, password = base64.b64decode(account, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ImageError("Invalid registry auth file") from None
    if not colon:
        raise ImageError("Invalid registry auth file")
    return user, password.strip("\n")


def _host(key: str) -> str:
    bare = key.removeprefix("http://").removeprefix("https://")
    host = bare.partition("/")[0] if bare != key else bare
    return "index.docker.io" if host in ("docker.io", "registry-1.docker.io") else host


async def _meet(demand: Requirement, reference: Reference, manifest: Manifest, pod_vm: _PodVm) -> None:
    kind = demand["type"]
    if kind == "reject":
        raise ImageError("the image policy rejects it")
    if kind == "sigstoreSigned":
        identity = demand.get("signedIdentity")
        if identity is not None and identity["type"] not in _OF_COSIGN:
            raise ImageError(f"Denied by {identity['type']}: a cosign signature names a repository only")
        _verify_cosign(await _key(demand, pod_vm.fetch), reference, manifest, identity, pod_vm.release)
    if kind == "signedBy":
        if demand["keyType"] != "GPGKeys":
            raise ImageError("Unknown key type in policy config: only support GPGKeys now.")
        _verify_gpg(await _key(demand, pod_vm.fetch), reference, manifest, demand, pod_vm.sigstore_config)


async def _key(demand: Requirement, fetch: Fetch) -> bytes:
    path, data = demand.get("keyPath"), demand.get("keyData")
    if (path is None) == (data is None):
        raise ImageError(
            f"{'Neither' if path is None else 'Both'} keyPath and keyData of {demand['type']} are specified"
        )
    if path is not None:
        return await fetch(str(path))
    if demand["type"] == "sigstoreSigned":
        return str(data).encode()  # not base64, unlike containers-policy.json(5)
    return base64.b64decode(str(data), validate=True)


def _verify_cosign(
    key: bytes,
    reference: Reference,
    manifest: Manifest,
    identity: Mapping[str, str] | None,
    release: tuple[int, int],
) -> None:
    try:
        public = serialization.load_pem_public_key(key)
    except (ValueError, TypeError) as error:
        raise ImageError("the key of sigstoreSigned is no PEM public key") from error
    p256 = isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
    if not p256 and release < _ANY_KEY:
        raise ImageError("the key of sigstoreSigned is no ECDSA P-256 key, and this pod VM verifies with no other")
    if not manifest.cosign:
        raise ImageError("it has no signature, and the image policy demands one (sigstoreSigned)")
    if not any(_signed_by(public, signature) for signature in manifest.cosign):
        raise ImageError("none of its signatures is of the key that the image policy names (sigstoreSigned)")
    for signature in manifest.cosign:
        critical = json.loads(signature.payload)["critical"]
        if identity is not None and not image_rules.names(
            identity, reference, critical["identity"]["docker-reference"]
        ):
            raise ImageError("Match reference failed.")
        if (signed := critical["image"]["docker-manifest-digest"]) != manifest.digest:
            raise ImageError(f"SigPayload's manifest digest does not match: {manifest.digest}, signed was {signed}")


def _signed_by(public: Any, signature: CosignSignature) -> bool:
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False  # registry.yaml has signatures of one kind
    try:
        public.verify(base64.b64decode(signature.signature), signature.payload.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _verify_gpg(
    key: bytes, reference: Reference, manifest: Manifest, demand: Requirement, sigstore_config: str | None
) -> None:
    if sigstore_config is None:
        raise ImageError("Simple Signing Sigstore Config not set (sigstore_config_uri in cdh.toml)")
    fingerprint = armour_hash(key.decode(errors="replace"))
    if fingerprint is None:
        raise ImageError("the key of signedBy is no ASCII-armoured GPG public key")
    store = _store(sigstore_config, reference)
    signatures = [each for each in manifest.gpg if each.store == store]
    if not signatures:
        raise ImageError(f"Can not find any signatures in {store} (signedBy)")
    identity = demand.get("signedIdentity") or {"type": "matchRepoDigestOrExact"}
    for each in signatures:
        if each.key == fingerprint and image_rules.names(identity, reference, each.reference):
            return
    raise ImageError("The signatures do not satisfied! No signature for it is of the key that the image policy names")


def _store(text: str, reference: Reference) -> str:
    try:
        config = yaml.safe_load(text)
        places = {name: str(entry["sigstore"]) for name, entry in (config.get("docker") or {}).items()}
        default = (config.get("default-docker") or {}).get("sigstore")
    except (yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
        raise ImageError("parse simple signing sigstore config") from error
    store = next((places[each] for each in (reference.whole, *reference.prefixes) if each in places), default)
    if store is None:
        raise ImageError("The sigstore base url is none")
    if not str(store).startswith("file://"):
        raise ImageError("HTTP support for signature stores is not implemented.")
    return str(store)
