"""The container image signature policy that a pod VM fetches before it pulls an image (containers-policy.json).

Format: containers-policy.json(5), as far as the pod VM understands it: guest-components v0.12.0 to v0.21.0
``image-rs/src/signature/policy``. ``reject`` refuses every image that is not listed, which the chapter (7.13.6) lacks.
It differs from the man page: there is one transport, several fields are silently ignored, and a key in the policy
itself is PEM instead of base64.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from coco_azure.formats.images import image_reference
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import ResourceUri

SignatureKind = Literal["sigstoreSigned", "signedBy"]

TRANSPORT = "docker"

_SIGNATURES: tuple[SignatureKind, ...] = ("sigstoreSigned", "signedBy")
_KINDS = ("insecureAcceptAnything", "reject", *_SIGNATURES)
_READ = {"type", "keyType", "keyPath", "keyData", "signedIdentity"}
# Fields that an identity of each type has to have (image-rs/src/signature/policy/ref_match.rs).
_IDENTITIES: Mapping[str, frozenset[str]] = {
    "matchExact": frozenset(),
    "matchRepoDigestOrExact": frozenset(),
    "matchRepository": frozenset(),
    "exactReference": frozenset({"dockerReference"}),
    "exactRepository": frozenset({"dockerRepository"}),
    "remapIdentity": frozenset({"prefix", "signedPrefix"}),
}
# A signature of cosign names a repository and no tag, so image-rs denies everything else (policy/cosign/mod.rs).
_OF_COSIGN = ("matchRepository", "exactRepository")


def problems(policy_text: str, served: Collection[str]) -> list[str]:
    """Return everything that keeps a policy from meaning what it says; empty when it is good.

    Args:
        served: paths (``default/SECRET/KEY``) of the resources that KBS serves.
    """
    try:
        policy = _parse(policy_text)
    except ValueError as error:
        return [str(error)]
    return [*_scope_problems(policy), *_requirement_problems(policy, served)]


def admits(policy_text: str, image: str) -> bool | Literal["signed"]:
    """Return whether a policy lets an image in: True, False, or ``"signed"`` where its signatures decide.

    Raises:
        ValueError: the policy or the reference cannot be read.
    """
    policy = _parse(policy_text)
    scopes = policy["transports"].get(TRANSPORT, {})
    demands = policy["default"]
    for scope in image_reference.parse(image).scopes():
        if scope in scopes:
            demands = scopes[scope]
            break
    kinds = [demand.get("type") for demand in demands]
    if "reject" in kinds or not kinds or any(kind not in _KINDS for kind in kinds):
        return False
    return "signed" if any(kind in _SIGNATURES for kind in kinds) else True


def check_identity(kind: SignatureKind, identity: Mapping[str, str]) -> Mapping[str, str]:
    """Return ``identity`` if the pod VM accepts signatures by it.

    Raises:
        ValueError: it is unknown, incomplete, or none that a signature of this kind can have.
    """
    identity_type = identity.get("type", "")
    allowed = _OF_COSIGN if kind == "sigstoreSigned" else tuple(_IDENTITIES)
    if identity_type not in allowed:
        raise ValueError(f"signedIdentity {identity_type or 'without a type'}: {kind} takes {', '.join(allowed)}")
    if identity.keys() - {"type"} != _IDENTITIES[identity_type]:
        needed = ", ".join(sorted(_IDENTITIES[identity_type])) or "no other field"
        fields = ", ".join(sorted(identity.keys() - {"type"})) or "none"
        raise ValueError(f"signedIdentity {identity_type} needs {needed} beside its type (found: {fields})")
    return identity


def _parse(text: str) -> Mapping[str, Any]:
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the image policy is no JSON: {error}") from error
    if not isinstance(policy, dict):
        raise ValueError("the image policy is no JSON object")  # noqa: TRY004 - a user's data, not an argument
    for name, kind, example in (("default", list, '[{"type": "reject"}]'), ("transports", dict, "{}")):
        if not isinstance(policy.get(name), kind):
            raise ValueError(  # noqa: TRY004 - a user's data
                f'the image policy needs "{name}", such as {example}; the pod VM refuses one without'
            )
    for transport, scopes in policy["transports"].items():
        if not isinstance(scopes, dict):
            raise ValueError(f"transport {transport} is no object of scopes")  # noqa: TRY004 - a user's data
    for where, demands in _lists(policy):
        if not isinstance(demands, list) or not all(isinstance(demand, dict) for demand in demands):
            raise ValueError(f'{where} is no list of requirements such as [{{"type": "reject"}}]')
    return policy


def _lists(policy: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "default", policy["default"]
    for transport, scopes in policy["transports"].items():
        for scope, demands in scopes.items():
            yield f"{transport}: {scope or '(all)'}", demands


def _scope_problems(policy: Mapping[str, Any]) -> Iterator[str]:
    for transport, scopes in policy["transports"].items():
        kinds = {str(demand.get("type")) for demands in scopes.values() for demand in demands}
        if transport != TRANSPORT and kinds & set(_SIGNATURES):
            yield f"transport {transport} is never looked at: the pod VM pulls by {TRANSPORT}; move its scopes there"
        for scope in scopes if transport == TRANSPORT else ():
            if problem := image_reference.scope_problem(scope):
                yield f"{transport}: {scope} {problem}"


def _requirement_problems(policy: Mapping[str, Any], served: Collection[str]) -> Iterator[str]:
    for where, demands in _lists(policy):
        if not demands:
            # guest-components v0.14.0 signature/mod.rs: no requirement is met by every image; before, by none.
            yield f"{where} has no requirement: newer pod VMs then accept every image; say reject or name a key"
        for demand in demands:
            kind = demand.get("type")
            if kind not in _KINDS:
                yield f"{where}: requirement {kind!r} is unknown to the pod VM, which refuses the whole policy"
            elif kind in _SIGNATURES:
                yield from (f"{where}: {problem}" for problem in _signature_problems(kind, demand, served))


def _signature_problems(kind: SignatureKind, demand: Mapping[str, Any], served: Collection[str]) -> Iterator[str]:
    if ignored := sorted(demand.keys() - _READ):
        yield f"{', '.join(ignored)}: ignored by the pod VM; a key from KBS in keyPath is what it verifies with"
    if kind == "signedBy" and demand.get("keyType") != "GPGKeys":
        yield "signedBy needs keyType GPGKeys"
    if problem := _identity_problem(kind, demand.get("signedIdentity")):
        yield problem
    path, data = demand.get("keyPath"), demand.get("keyData")
    if (path is None) == (data is None):
        yield "needs either keyPath (kbs:///default/SECRET/KEY) or keyData"
    elif data is not None:
        if kind == "sigstoreSigned" and not str(data).startswith("-----BEGIN "):
            yield "keyData of sigstoreSigned is PEM text here, not base64; better put the key into KBS and use keyPath"
    elif problem := _key_problem(str(path), served):
        yield problem


def _identity_problem(kind: SignatureKind, identity: Any) -> str | None:
    if identity is None:
        return None
    if not isinstance(identity, dict):
        return 'signedIdentity is no object such as {"type": "matchRepository"}'
    try:
        check_identity(kind, identity)
    except ValueError as error:
        return str(error)
    return None


def _key_problem(path: str, served: Collection[str]) -> str | None:
    if not path.startswith("kbs:"):
        return f"keyPath {path} is a file of the pod VM image; put the key into KBS: kbs:///default/SECRET/KEY"
    try:
        wanted = sealed_secrets.parse(path)
    except ValueError as error:
        return f"keyPath {error}"
    return sealed_secrets.unserved(wanted, served, "keyPath")


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
