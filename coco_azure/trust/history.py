"""What a run that goes on from the last one changes for pods and people; which names its policies ask for in vain.

A value that nobody asks for holds nothing to anything, and looks as if it did: a PCR without its leading zero, a name
of another version or of another TEE.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure import names
from coco_azure.formats.kbs.reference_values import accepted_pcr8
from coco_azure.formats.policy import claims
from coco_azure.formats.policy.attestation_tokens import policy_input
from coco_azure.formats.policy.policies import Bindings
from coco_azure.settings import Settings
from coco_azure.trust import protocol
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.trust.secret_bindings import Earlier
from coco_azure.versions import profiles
from coco_azure.versions.profiles import OscProfile, TrusteeProfile

_FROM_DEVELOPMENT = (
    "the last run was one for development, whose initdata and agent policy were held to nothing: as long as its PCR 8 "
    "is accepted, whoever administers the pods' cluster may start a pod with that initdata and read what it keeps. "
    "Restart the pods, run `pulumi up` once more, and replace secrets that any pod could have in development"
)


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """What the outputs of the last finished run say; everything is empty where there was none.

    Attributes:
        earlier: PCR 8 of the documents that it deployed, and the secrets that their pods could have.
        accepted: values of PCR 8 that its Trustee accepted.
        environment: for what it was; None where that is not known.
        csv: names of the CSVs that it had, by package.
    """

    earlier: Earlier = field(default_factory=Earlier)
    accepted: tuple[str, ...] = ()
    environment: str | None = None
    csv: Mapping[str, str] = field(default_factory=dict)


def read(pcr8: Mapping[str, str] | None, proof: Mapping[str, Any] | None) -> LastRun:
    """Return what the outputs of the last run say.

    Args:
        pcr8: PCR 8 of each document, by name.
        proof: the proof report.
    """
    report = proof or {}
    bound = report.get("secrets")
    secrets = None if bound is None else {str(pcr8): tuple(paths) for pcr8, paths in bound.items()}
    return LastRun(
        earlier=Earlier(documents=dict(pcr8 or {}), secrets=secrets),
        accepted=tuple(report.get("acceptedPcr8") or ()),
        environment=report.get("environment"),
        csv={str(each["package"]): str(each["csv"]) for each in report.get("versions") or ()},
    )


def warnings(stack: Settings, chain: Chain, last: LastRun) -> list[str]:
    """Return what a person has to know of the way from the last run to this one."""
    return [*_initdata(stack, chain, last), *_upgrades(stack, chain, last)]


def _initdata(stack: Settings, chain: Chain, last: LastRun) -> list[str]:
    if chain.judgement is None or not (accepted := set(accepted_pcr8(chain.judgement.values))):
        return []
    kept = {*chain.measured.values(), *stack.trustee.reference_values.others}
    kept |= set(accepted_pcr8(stack.trustee.reference_values_file))
    bound = chain.judgement.bindings
    messages = [
        f"PCR 8 {value} of the last run is still accepted, for pods that run with it{_kept(bound, value)}; the next "
        "`pulumi up` drops it, and shows that as one more change. Restart these pods before, so that they get today's "
        "initdata"
        for value in dict.fromkeys(last.earlier.documents.values())
        if value in accepted - kept
    ]
    if messages and stack.environment == "production" and last.environment == "development":
        messages.append(_FROM_DEVELOPMENT)
    return messages + [
        f"PCR 8 {value} of an earlier run is no longer accepted from this run on: pods that still run with it get no "
        "secret any more. Restart them, so that they get today's initdata"
        for value in last.accepted
        if value not in accepted
    ]


def _kept(bound: Bindings | None, pcr8: str) -> str:
    """Return which secrets pods of the last run's initdata keep, where secrets are bound to initdata."""
    if bound is None:
        return ""
    return f" (it was {bound.title(pcr8)}, and keeps {', '.join(bound.secrets.get(pcr8, ())) or 'no secret'})"


def _upgrades(stack: Settings, chain: Chain, last: LastRun) -> list[str]:
    """Return a warning for each operator that this run takes to a version with other formats."""
    messages, versions = [], chain.versions
    for package, new in ((names.TRUSTEE_PACKAGE, versions.trustee), (names.OSC_PACKAGE, versions.osc)):
        old = _profile(package, last.csv.get(package))
        if old is None or new is None or old.version == new.version:
            continue
        changes = (
            _of_trustee(stack, old, new)
            if isinstance(old, TrusteeProfile) and isinstance(new, TrusteeProfile)
            else _of_osc(old, new)
            if isinstance(old, OscProfile) and isinstance(new, OscProfile)
            else []
        )
        change = f"{package} goes from {old.version} to {new.version} ({last.csv[package]} to {versions.csv[package]})"
        messages.append(": ".join(filter(None, (change, "; ".join(changes)))))
    return messages


def _profile(package: str, csv: str | None) -> TrusteeProfile | OscProfile | None:
    """Return the profile of the last run's CSV; None where there was none, or where it is no longer known."""
    if csv is None:
        return None
    try:
        return profiles.trustee(csv) if package == names.TRUSTEE_PACKAGE else profiles.osc(csv)
    except profiles.VersionError:
        return None


def _of_trustee(stack: Settings, old: TrusteeProfile, new: TrusteeProfile) -> list[str]:
    changes = [
        f"{what} {after} instead of {before}"
        for what, before, after in (
            ("kbs-config-cm is in the schema of", old.kbs_schema, new.kbs_schema),
            ("rvps-reference-values has its values in", old.reference_values_key, new.reference_values_key),
            ("resource-policy has its Rego in", old.resource_policy_key, new.resource_policy_key),
            ("attestation-policy has its Rego in", old.attestation_policy_key, new.attestation_policy_key),
        )
        if before != after
    ]
    if old.protocol != new.protocol:
        before_osc, after_osc = (protocol.osc_versions(each.protocol) for each in (old, new))
        changes.append(
            f"KBS takes version {new.protocol} of the RCAR protocol and no longer {old.protocol}, so pods that run in "
            f"pod VMs of OSC {before_osc}, of every stack that uses this Trustee, get no secret any more: restart them "
            f"in pod VMs of OSC {after_osc}"
        )
    tee = stack.peer_pods.tee
    before, after = old.reference_name(tee, 8), new.reference_name(tee, 8)
    if before != after:
        changes.append(f"reference values have names such as {after} instead of {before}")
    if old.token != new.token:
        changes.append(f"tokens are {new.token} instead of {old.token}, and policies read other claims")
        if stack.trustee.sign_tokens and stack.trustee.token_signer.certificate is None:
            changes.append(f"a new token signer is made, with a key of kind {new.signer_key}")
    changes += _own_policies(stack, new)
    if stack.trustee.operator.automatic and stack.trustee.operator.install:
        changes.append(
            "approval is Automatic, so OLM takes this step by itself, and until `pulumi up` is through KBS may not "
            f"start with the content of {old.version}. To decide when: pulumi config rm --path "
            "'coco-azure:trustee.operator.approval'"
        )
    return changes


def _own_policies(stack: Settings, new: TrusteeProfile) -> list[str]:
    policies = {
        "trustee.resourcePolicyFile": stack.trustee.resource_policy,
        "trustee.attestationPolicyFile": stack.trustee.attestation_policy,
    }
    own = [name for name, text in policies.items() if text is not None]
    if not own:
        return []
    return [f"{' and '.join(own)} stays as it is, and has been tried with the claims of {new.version}"]


def _of_osc(old: OscProfile, new: OscProfile) -> list[str]:
    changes = []
    if old.initdata_gzip != new.initdata_gzip:
        form = "compressed" if new.initdata_gzip else "no longer compressed"
        changes.append(f"initdata is {form}, in peer-pods-cm and on pods")
    if old.initdata_annotation != new.initdata_annotation:
        changes.append(
            f"pods with initdata of their own need it in annotation {new.initdata_annotation} instead of "
            f"{old.initdata_annotation} (pulumi stack output workloadInitdata)"
        )
    if old.protocol != new.protocol:
        changes.append(
            f"its pod VMs speak version {new.protocol} of the RCAR protocol; pods keep the pod VM that they run in, "
            f"and new ones start from the image of {old.version}, both of which speak {old.protocol} and get no secret "
            f"of a KBS that takes {new.protocol}. Have the image built anew (docs/howto/upgrade.md), and restart pods"
        )
    if new.initdata_measured and not old.initdata_measured:
        changes.append("the pod VM image measures initdata into PCR 8")
    if new.one_image and not old.one_image:
        changes.append(
            "the operator's next pod VM image is the same with and without confidential containers, and has other "
            "measurements; the present one stays until KataConfig is replaced"
        )
    if new.verifies_sealed and not old.verifies_sealed:
        changes.append("pod VMs of the next image refuse sealed secrets that nobody has signed")
    if new.follows_tls_profile and not old.follows_tls_profile:
        changes.append("CAA restarts when the cluster's TLS profile changes, which may cost pods that run")
    return changes


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
        return frozenset(policy_input(profile, tee, claims.expected_claims(tee, profile, {})))
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
