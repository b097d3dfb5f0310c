"""Whether the attestation policy ever asks for what a file of reference values names.

A value that nobody asks for holds nothing to anything, and looks as if it did: a PCR without its leading zero, a name
of another version or of another TEE.
"""

import difflib
import re
from collections.abc import Sequence

from coco_azure.formats.policy import claims
from coco_azure.formats.policy.attestation_tokens import policy_input
from coco_azure.settings import Settings
from coco_azure.trust.chain import Judgement
from coco_azure.versions.profiles import TrusteeProfile

_PCRS = 24
_PCR = re.compile(r"pcr[_-]?0*(\d{1,2})$", re.IGNORECASE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_LITERALS = re.compile(
    r'data\.reference\.(\w+)|data\.reference\s*\[\s*"([^"]+)"\s*\]|query_reference_value\s*\(\s*"([^"]+)"\s*\)'
)
_ASKS = re.compile(r"data\.reference|query_reference_value")


def problems(stack: Settings, judgement: Judgement) -> list[str]:
    """Return one problem with every name of ``trustee.referenceValuesFile`` that the policy never asks for."""
    profile, own = judgement.profile, stack.trustee.attestation_policy
    asked = asked_by(own) if own is not None else known(stack, profile)
    wrong = [
        value.name for value in stack.trustee.reference_values_file if asked is not None and value.name not in asked
    ]
    if not wrong or asked is None:
        return []
    corrections = ", ".join(
        f"{name} ({_advice(name, sorted(asked), stack, profile, own=own is not None)})" for name in wrong
    )
    whose = (
        "trustee.attestationPolicyFile" if own is not None else f"the attestation policy of Trustee {profile.version}"
    )
    problem = (
        f"trustee.referenceValuesFile: {whose} never asks for {'this name' if len(wrong) == 1 else 'these names'}, so "
        f"nothing would be held to the values: {corrections}"
    )
    return [problem]


def known(stack: Settings, profile: TrusteeProfile) -> frozenset[str]:
    """Return the names that the program's own policy asks for, or may ask for."""
    tee = stack.peer_pods.tee
    if profile.token == "Simple" and stack.environment == "development":  # noqa: S105 - a type of token
        # The chapter's policy looks at every claim.
        return frozenset(policy_input(profile, tee, claims.of(tee, profile, {})))
    return frozenset(profile.reference_name(tee, pcr) for pcr in range(_PCRS))


def asked_by(policy: str) -> frozenset[str] | None:
    """Return the names that a policy of the user's asks for; None where it makes them up while it is evaluated."""
    code = _COMMENT.sub("", policy)
    literals = ["".join(groups) for groups in _LITERALS.findall(code)]
    return frozenset(literals) if len(literals) == len(_ASKS.findall(code)) else None


def _advice(name: str, asked: Sequence[str], stack: Settings, profile: TrusteeProfile, *, own: bool) -> str:
    if own:
        near = difflib.get_close_matches(name, asked, n=1)
        return f"write {near[0]}" if near else f"it asks for {', '.join(asked) or 'none'}"
    tee = stack.peer_pods.tee
    right = (match := _PCR.search(name)) and profile.reference_name(tee, int(match[1]))
    if not right or right not in asked:
        return f"names are such as {profile.reference_name(tee, 8)}"
    other = next(
        (each for each in profile.claims if each != tee and name.startswith((each, profile.claims[each]))), None
    )
    return f"of {other.upper()} pod VMs, and peerPods.tee is {tee}: write {right}" if other else f"write {right}"
