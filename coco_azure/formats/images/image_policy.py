"""The container image signature policy that a pod VM fetches before it pulls an image (containers-policy.json).

Format: containers-policy.json(5), as far as the pod VM understands it: guest-components v0.12.0 to v0.21.0
``image-rs/src/signature/policy``. ``reject`` refuses every image that is not listed, which the chapter (7.13.6) lacks.
What is wrong with a policy that somebody else wrote: ``coco_azure/formats/images/image_policy_check.py``.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coco_azure.formats.images.image_policy_check import SignatureKind, check_identity
from coco_azure.formats.kbs.resource_uri import ResourceUri

DefaultRule = Literal["insecureAcceptAnything", "reject"]


@dataclass(frozen=True, kw_only=True)
class SignatureRule:
    """Images that need a signature of one key.

    Attributes:
        scopes: images, repositories or their prefixes, hosts, or ``*.example.com``; with the host, as in
            ``docker.io/library/nginx``. An image with several rules for its scope needs all their signatures.
        key: the public key, as a resource of KBS.
        kind: ``sigstoreSigned`` (cosign) or ``signedBy`` (GPG simple signing, which needs ``sigstore_config`` too).
        signed_identity: which image the signature has to name, as containers-policy.json(5) has it (``{"type":
            "matchRepository"}``); None: for ``sigstoreSigned`` the digest alone, for ``signedBy`` the exact reference.
        transport: image transport; the pod VM knows only ``docker``.
    """

    scopes: tuple[str, ...]
    key: ResourceUri
    kind: SignatureKind = "sigstoreSigned"
    signed_identity: Mapping[str, str] | None = None
    transport: str = "docker"


def render_rules(default: DefaultRule, rules: Iterable[SignatureRule], accepted: Iterable[str] = ()) -> str:
    """Return the policy as JSON; what neither ``rules`` nor ``accepted`` name has ``default``.

    Args:
        default: what happens to all other images.
        rules: images that need signatures.
        accepted: images or repositories that are accepted as they are; a rule for the same scope comes before that.

    Raises:
        ValueError: an identity that the pod VM refuses.
    """
    transports: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for rule in rules:
        if rule.signed_identity is not None:
            check_identity(rule.kind, rule.signed_identity)
        for scope in rule.scopes:
            demands = transports.setdefault(rule.transport, {}).setdefault(scope, [])
            if (demand := _demand(rule)) not in demands:
                demands.append(demand)
    for scope in accepted:
        transports.setdefault("docker", {}).setdefault(scope, [{"type": "insecureAcceptAnything"}])
    return _document(default, {name: dict(sorted(scopes.items())) for name, scopes in sorted(transports.items())})


def sigstore_config(stores: Mapping[str, str], default: str | None = None) -> str:
    """Return the file that says where GPG signatures lie (containers-registries.d(5)); served as a resource of KBS.

    It is JSON, which every reader of YAML reads.

    Args:
        stores: image, repository or namespace to the URL of its signatures.
        default: URL for all other images.

    Raises:
        ValueError: a URL that the pod VM does not read: guest-components (v0.12.0 to v0.21.0
            ``policy/simple/sigstore.rs``) has signatures from files of the pod VM image alone.
    """
    for url in (*stores.values(), *([default] if default is not None else [])):
        if not url.startswith("file:///"):
            raise ValueError(
                f"{url}: the pod VM reads GPG signatures only from its own files (file:///path in the pod VM image); "
                "sign with cosign (sigstoreSigned) to have them read from the registry"
            )
    document: dict[str, Any] = {"default-docker": {"sigstore": default}} if default is not None else {}
    if stores:
        document["docker"] = {scope: {"sigstore": url} for scope, url in sorted(stores.items())}
    return json.dumps(document, indent=2) + "\n"


def _demand(rule: SignatureRule) -> dict[str, Any]:
    demand: dict[str, Any] = {"type": rule.kind}
    if rule.kind == "signedBy":
        demand["keyType"] = "GPGKeys"
    demand["keyPath"] = rule.key.uri
    if rule.signed_identity is not None:
        demand["signedIdentity"] = dict(rule.signed_identity)
    return demand


def _document(default: DefaultRule, transports: Mapping[str, Any]) -> str:
    return json.dumps({"default": [{"type": default}], "transports": transports}, indent=2) + "\n"
