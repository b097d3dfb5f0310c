"""Compiles and evaluates policies as their enforcers do: KBS, its attestation service, the Kata agent.

Sources: openshift/trustee, tags v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.0: ``kbs/src/policy_engine``,
``kbs/src/api_server.rs``, ``deps/policy-engine``, ``attestation-service/src/policy_engine`` and the token brokers;
kata-containers 3.12.0 ``src/agent/src/policy.rs``. What makes an enforcer fail is a PolicyError here: whoever asks it
is denied.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from coco_azure.formats.policy import claims as documented
from coco_azure.formats.policy import policy_engine
from coco_azure.formats.policy.attestation_tokens import (
    TRUST_CLAIMS,
    Appraisal,
    Token,
    Verdict,
    appraise,
    policy_input,
    token,
)
from coco_azure.formats.policy.claims import Attester, Claims
from coco_azure.formats.policy.policy_engine import MISSING, UNDEFINED, Policy, PolicyError, PolicyFacts
from coco_azure.versions.profiles import TrusteeProfile

Kind = Literal["resource", "attestation", "agent"]
Reference = Mapping[str, list[Any]]
"""Reference values by name; those that have expired are not in it."""

_RULES = ("configuration", "executables", "hardware")
_NO_PACKAGE = "Missing package declaration"
_OBJECT, _EXTENSIONS = "trust_claims", "extensions"
_BYTE = 128


def compile_policy(text: str, profile: TrusteeProfile | None, kind: Kind) -> None:
    """Check that an enforcer would take ``text``: it compiles, and has the package and the rules that are read.

    Args:
        profile: the version of Trustee; None for the agent's policy, whose enforcer has no part in it.
        kind: whose policy it is.

    Raises:
        PolicyError: it would not; with line, column and the line's text.
    """
    if kind == "agent":
        _compiled(text, v1=False, package="agent_policy")
        return
    if profile is None:
        raise TypeError(f"a {kind} policy belongs to a version of Trustee")
    policy = _of_trustee(text, profile)
    facts = (
        _facts(profile, {}) if kind == "attestation" else PolicyFacts(data=_request(profile, "default/kbsres1/key1"))
    )
    rules, alien = _read(profile, kind)
    for rule in rules:
        if policy.value(f"policy.{rule}", {}, facts) is MISSING:
            raise policy.at_package(_without(rule, alien, policy, profile))
    # Only an evaluation finds a function that the enforcer does not have.
    for tee in ("snp", "tdx"):
        for rule in rules:
            policy.value(f"policy.{rule}", _genuine(profile, kind, tee), facts)


def judge_attestation(
    text: str, profile: TrusteeProfile, claims: Claims, tee: Attester, reference: Reference
) -> Verdict:
    """Return the verdict of an attestation policy.

    Returns:
        Simple tokens: whether the evidence is good. EAR: the appraisal.

    Raises:
        PolicyError: the attestation service fails on it.
    """
    policy = _of_trustee(text, profile)
    evidence, facts = policy_input(profile, tee, claims), _facts(profile, reference)
    if profile.token == "Simple":  # noqa: S105 - a type of token
        allowed = policy.value("policy.allow", evidence, facts)
        if not isinstance(allowed, bool):
            raise policy.at_package(f"rule allow has the value {_shown(allowed)}, needed is true or false")
        return allowed
    if profile.reference_function:
        return _appraisal(policy, policy.value(f"policy.{_OBJECT}", evidence, facts), evidence, facts)
    allowed = {rule: policy.value(f"policy.{rule}", evidence, facts) for rule in _RULES}
    return _vector(policy, {rule: value for rule, value in allowed.items() if value is not MISSING})


def judge_resource(text: str, profile: TrusteeProfile, token_claims: Token, resource_path: str) -> bool:
    """Return whether a resource policy lets the holder of a token have ``<repository>/<type>/<tag>``.

    Raises:
        PolicyError: KBS fails on it, and denies.
    """
    return resource_judge(text, profile)(token_claims, resource_path)


def resource_judge(text: str, profile: TrusteeProfile) -> Callable[[Token, str], bool]:
    """Return ``judge_resource`` for a policy that is asked many times and compiled once."""
    policy = _of_trustee(text, profile)

    def judge(token_claims: Token, resource_path: str) -> bool:
        return policy.value("policy.allow", token_claims, PolicyFacts(data=_request(profile, resource_path))) is True

    return judge


def judge_agent(
    text: str, request: str, document: Mapping[str, Any], *, after: Sequence[Mapping[str, Any]] = (), v1: bool = False
) -> bool:
    """Return whether an agent policy allows a request.

    Args:
        request: name of the request's message, such as ``CreateContainerRequest``.
        after: requests to create a container that come before; where the policy denies one, the answer is no.
        v1: Rego v1; the agents of Kata 3.12 to 3.29 take v0.

    Raises:
        PolicyError: the policy does not compile, and the agent does not start.
    """
    policy = _compiled(text, v1=v1, package="agent_policy")
    state: dict[str, Any] = {}
    if _takes_what_fails(policy):
        return True
    created = (_agent_allows(policy, "CreateContainerRequest", each, state) for each in after)
    return all(created) and _agent_allows(policy, request, document, state)


@lru_cache(maxsize=16)
def _takes_what_fails(policy: Policy) -> bool:
    """Return whether the agent takes requests that its policy does not allow: one answer for all of them."""
    return policy.value("agent_policy.AllowRequestsFailingPolicy", {}, PolicyFacts(data={"pstate": {}})) is True


def _agent_allows(policy: Policy, request: str, document: Mapping[str, Any], state: dict[str, Any]) -> bool:
    """Return whether the agent takes a request, and keep in ``state`` what the policy has it keep (policy.rs)."""
    try:
        answer = policy.value(f"agent_policy.{request}", document, PolicyFacts(data={"pstate": state}))
    except PolicyError:
        return False  # The agent does not stop at a built-in that fails: the rule does not hold.
    if not isinstance(answer, Mapping):
        return answer is True
    if allowed := answer.get("allowed") is True:
        state |= {each["path"].removeprefix("/pstate/"): each["value"] for each in answer.get("ops") or []}
    return allowed


def _of_trustee(text: str, profile: TrusteeProfile) -> Policy:
    return _compiled(text, v1=profile.rego_v1, package="policy", limited=profile.rego_limits)


def _compiled(text: str, *, v1: bool, package: str, limited: bool = False) -> Policy:
    try:
        policy = _kept(text, v1, limited, policy_engine.new_engine)
    except PolicyError as error:
        if _NO_PACKAGE not in str(error):
            raise
        raise PolicyError(f"there is no package clause; needed is package {package} in the first line") from error
    if policy.package != package:
        raise policy.at_package(f"package {policy.package} is not read, needed is package {package}")
    return policy


@lru_cache(maxsize=16)
def _kept(text: str, v1: bool, limited: bool, _: object) -> Policy:  # noqa: FBT001 - the key, with the engine's maker
    """Return a compiled policy; it is judged on hundreds of documents, and each evaluation has an engine of its own."""
    return Policy(text, v1=v1, limited=limited)


def _genuine(profile: TrusteeProfile, kind: Kind, tee: documented.Tee) -> Mapping[str, Any]:
    claims = documented.expected_claims(tee, profile, {})
    if kind == "attestation":
        return policy_input(profile, tee, claims)
    verdict: Verdict = appraise(dict.fromkeys(_RULES, 2)) if profile.token == "Ear" else True  # noqa: S105 - a type
    return token(profile, tee, claims, verdict) or {}


def _facts(profile: TrusteeProfile, reference: Reference) -> PolicyFacts:
    if profile.reference_function:
        return PolicyFacts(data={}, reference=reference)
    return PolicyFacts(data={"reference": dict(reference)})


def _request(profile: TrusteeProfile, path: str) -> dict[str, Any]:
    # Trustee 1.1, the version that brought the function for reference values, also names the plugin on its own.
    if profile.reference_function:
        return {"plugin": "resource", "resource-path": path.split("/"), "query": {}}
    return {"resource-path": f"resource/{path}"}


def _read(profile: TrusteeProfile, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the rules that are read, and those that another version reads instead."""
    if kind == "resource":
        return ("allow",), ()
    if profile.token == "Simple":  # noqa: S105 - a type of token
        return ("allow",), (*_RULES, _OBJECT)
    if profile.reference_function:
        return (_OBJECT,), ("allow", *_RULES)
    return _RULES, ("allow", _OBJECT)


def _without(rule: str, alien: tuple[str, ...], policy: Policy, profile: TrusteeProfile) -> str:
    message = f"there is no rule {rule}, which Trustee {profile.version} reads"
    for other in alien:
        if policy.value(f"policy.{other}", {}, _facts(profile, {})) is not MISSING:
            return f"{message}; the policy has {other}, which belongs to another version or type of token"
    return message


def _appraisal(policy: Policy, appraisal: Any, evidence: Mapping[str, Any], facts: PolicyFacts) -> Appraisal:
    extensions = policy.value(f"policy.{_EXTENSIONS}", evidence, facts)
    if extensions is not MISSING and not _are_extensions(extensions):
        raise policy.at_package(f"rule {_EXTENSIONS} is no list of objects with name, key (an integer) and value")
    if not isinstance(appraisal, Mapping):
        raise policy.at_package(f"rule {_OBJECT} has the value {_shown(appraisal)}, needed is an object of numbers")
    return _vector(policy, appraisal)


def _vector(policy: Policy, vector: Mapping[str, Any]) -> Appraisal:
    for name, value in vector.items():
        if name not in TRUST_CLAIMS:
            raise policy.at_package(f"{name} is no trust claim; there are {', '.join(TRUST_CLAIMS)}")
        if not isinstance(value, int) or isinstance(value, bool) or not -_BYTE <= value < _BYTE:
            raise policy.at_package(f"{name} has the value {_shown(value)}, needed is an integer from -128 to 127")
    if not vector:
        raise policy.at_package("the policy makes no trust claim, at least one is needed")
    return appraise(vector)


def _are_extensions(extensions: Any) -> bool:
    return isinstance(extensions, list) and all(
        isinstance(each, Mapping)
        and isinstance(each.get("name"), str)
        and isinstance(each.get("key"), int)
        and "value" in each
        for each in extensions
    )


def _shown(value: Any) -> str:
    return {id(UNDEFINED): "undefined (no default)", id(MISSING): "none (there is no such rule)"}.get(
        id(value), repr(value)
    )
