"""An image policy as image-rs parses it: strictly, and the whole file or nothing.

Source: guest-components v0.12.0 ``image-rs/src/signature/policy``; where a later version differs, its number is beside
the line.
"""

import json
from collections.abc import Mapping
from typing import Any

from rehearsal.kubelet.registry import Reference

_KINDS = ("insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned")
_IDENTITIES: Mapping[str, tuple[str, ...]] = {
    "matchExact": (),
    "matchRepoDigestOrExact": (),
    "matchRepository": (),
    "exactReference": ("dockerReference",),
    "exactRepository": ("dockerRepository",),
    "remapIdentity": ("prefix", "signedPrefix"),
}

Requirement = Mapping[str, Any]


def requirements(policy_text: str, image: Reference) -> list[Requirement]:
    """Return what a policy demands of an image: that of its longest scope, else the default.

    Raises:
        ValueError: the policy cannot be parsed.
    """
    policy = _parse(policy_text)
    scopes = policy["transports"].get("docker", {})
    for scope in _scopes(image):
        if scope in scopes:
            return list(scopes[scope])
    return list(policy["default"])


def names(identity: Mapping[str, str], image: Reference, signed: str) -> bool:
    """Return whether a signature for ``signed`` is good for ``image``, by an identity of the policy."""
    kind = identity["type"]
    if kind == "exactReference":
        return signed == identity["dockerReference"]
    repository = Reference.parse(signed).name
    if kind == "exactRepository":
        return repository == identity["dockerRepository"]
    if kind == "matchRepository":
        return repository == image.name
    if kind == "matchExact":
        return image.digest is None and image.whole == signed
    if kind == "remapIdentity" and image.whole.startswith(identity["prefix"]):
        image = Reference.parse(identity["signedPrefix"] + image.whole.removeprefix(identity["prefix"]))
    return (image.tag is None or image.whole == signed) and (image.digest is None or image.name == repository)


def _scopes(image: Reference) -> list[str]:
    scopes = [image.whole, *image.prefixes]
    host = image.host.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        scopes.append(f"*.{host}")
    return [*scopes, ""]


def _parse(text: str) -> dict[str, Any]:
    policy = json.loads(text)
    if not isinstance(policy, dict) or not {"default", "transports"} <= policy.keys():
        raise ValueError("missing field `default` or `transports`")
    transports = policy["transports"]
    if not isinstance(transports, dict) or not all(isinstance(scopes, dict) for scopes in transports.values()):
        raise ValueError("invalid type: expected a map of transports to scopes")
    lists = [policy["default"], *(each for scopes in transports.values() for each in scopes.values())]
    for demands in lists:
        if not isinstance(demands, list):
            raise ValueError("invalid type: expected a sequence of requirements")  # noqa: TRY004 - as serde says it
        for demand in demands:
            _check(demand)
    return policy


def _check(demand: Any) -> None:
    kind = demand.get("type") if isinstance(demand, dict) else None
    if kind not in _KINDS:
        raise ValueError(f"unknown variant `{kind}`, expected one of {', '.join(_KINDS)}")
    if kind == "signedBy" and not isinstance(demand.get("keyType"), str):
        raise ValueError("missing field `keyType`")
    identity = demand.get("signedIdentity")
    if identity is None or kind not in ("signedBy", "sigstoreSigned"):
        return
    identity_type = str(identity.get("type")) if isinstance(identity, dict) else ""
    if identity_type not in _IDENTITIES:
        raise ValueError(f"unknown variant `{identity_type}`, expected one of {', '.join(_IDENTITIES)}")
    for name in _IDENTITIES[identity_type]:
        if not isinstance(identity.get(name), str):
            raise ValueError(f"missing field `{name}`")  # noqa: TRY004 - as serde says it
