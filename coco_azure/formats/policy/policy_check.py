"""Judges policies on the documented cases before they are deployed: those of the program and those of a user.

Each check compiles the policy as its enforcer would, evaluates it on every case, and says in sentences what is wrong
and the remediation. Does not read files and does not decide whether a problem stops a deployment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coco_azure.formats.policy.attestation_tokens import affirms, token
from coco_azure.formats.policy.claims import SnpTcb, Tee
from coco_azure.formats.policy.policies import PCRS, Bindings, Variant
from coco_azure.formats.policy.policy_cases import INITDATA, TEES, PolicyCase, cases, requests
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import (
    Reference,
    compile_policy,
    judge_attestation,
    judge_resource,
    resource_judge,
)
from coco_azure.versions.profiles import TrusteeProfile

_Passes = Callable[[PolicyCase], bool]
RESOURCE = "default/kbsres1/key1"
"""The resource that the documented cases ask for (chapter 7.13.5)."""


@dataclass(frozen=True, kw_only=True)
class CaseOutcome:
    """What a policy said to one case.

    Attributes:
        error: why the enforcer failed, which denies; None where it did not.
    """

    case: str
    expected: bool
    passed: bool
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class PolicyReport:
    """What a policy said to every case.

    Attributes:
        problems: what makes it unfit, each a sentence with the remediation.
        warnings: what a development stack may accept, and production not.
        leaves: kinds of what a hostile host may do under an agent policy: requests, and keys of
            ``agent_requests.harms``.
    """

    outcomes: Sequence[CaseOutcome]
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return the outcomes, one line each."""
        return "\n".join(
            f"{'ok  ' if each.passed == each.expected else 'FAIL'}  {each.case}: expected {_word(each.expected)}, "
            f"found {_word(each.passed)}{f' ({each.error})' if each.error else ''}"
            for each in self.outcomes
        )


def check_resource_policy(
    text: str,
    profile: TrusteeProfile,
    tee: Tee,
    *,
    variant: Variant = "production",
    bindings: Bindings | None = None,
) -> PolicyReport:
    """Judge a resource policy on the tokens that a sound attestation policy leads to.

    With bindings, each document's pods also ask for each resource: what is bound to others is to be denied. Where no
    document is accepted, there is nothing to judge.

    Args:
        variant: in development a policy may let more pass.

    Raises:
        PolicyError: KBS would not take it.
    """
    compile_policy(text, profile, "resource")
    reference, resource = None, RESOURCE
    if bindings is not None:
        if (pair := bindings.one()) is None:
            return PolicyReport(outcomes=[])
        reference = {profile.reference_name(each, INITDATA): [pair[0]] for each in TEES}
        resource = pair[1]

    def passes(case: PolicyCase) -> bool:
        signed_token = case.token(profile)
        return signed_token is not None and judge_resource(text, profile, signed_token, resource)

    relevant = [case for case in cases(profile, reference) if case.token(profile) is not None]
    report = _report("resource", relevant, passes, tee, variant)
    return report if bindings is None else _across(report, text, profile, tee, bindings)


def check_attestation_policy(
    text: str,
    profile: TrusteeProfile,
    tee: Tee,
    reference: Reference,
    *,
    variant: Variant = "production",
    pcrs: Sequence[int] = PCRS,
    tcb: SnpTcb | None = None,
) -> PolicyReport:
    """Judge an attestation policy on the documented evidence under a stack's reference values.

    Args:
        reference: the stack's reference values by name, without those that have expired.
        variant: in development a policy may let more pass.
        tcb: the least that it is to demand of an SNP machine's firmware; None: ``SnpTcb``'s own.

    Raises:
        PolicyError: the attestation service would not take it.
    """
    compile_policy(text, profile, "attestation")

    def passes(case: PolicyCase) -> bool:
        return affirms(judge_attestation(text, profile, case.claims, case.attester, case.reference))

    relevant = [case for case in cases(profile, reference, pcrs, tcb) if case.submodule == profile.submodule]
    return _report("attestation", relevant, passes, tee, variant)


def check_chain(
    resource_text: str,
    attestation_text: str,
    profile: TrusteeProfile,
    tee: Tee,
    reference: Reference,
    *,
    variant: Variant = "production",
    pcrs: Sequence[int] = PCRS,
    tcb: SnpTcb | None = None,
    bindings: Bindings | None = None,
) -> PolicyReport:
    """Judge both policies together: the resource policy sees the token that the attestation policy leads to.

    Args:
        reference: the stack's reference values by name, without those that have expired.
        variant: in development the policies may let more pass.
        tcb: the least that they are to demand of an SNP machine's firmware; None: ``SnpTcb``'s own.
        bindings: which document's pods may have which resource; a pod of the first document that is accepted asks for
            what it may have.

    Raises:
        PolicyError: Trustee would not take one of them.
    """
    compile_policy(attestation_text, profile, "attestation")
    compile_policy(resource_text, profile, "resource")
    resource = RESOURCE
    if bindings is not None:
        if (pair := bindings.of_first(reference.get(profile.reference_name(tee, INITDATA), ()))) is None:
            return PolicyReport(outcomes=[])
        resource = pair

    def passes(case: PolicyCase) -> bool:
        verdict = judge_attestation(attestation_text, profile, case.claims, case.attester, case.reference)
        signed_token = token(profile, case.attester, case.claims, verdict)
        return signed_token is not None and judge_resource(resource_text, profile, signed_token, resource)

    relevant = [case for case in cases(profile, reference, pcrs, tcb) if case.submodule == profile.submodule]
    return _report("chain", relevant, passes, tee, variant)


def _report(kind: str, relevant: Sequence[PolicyCase], passes: _Passes, tee: Tee, variant: Variant) -> PolicyReport:
    outcomes = [_outcome(case, passes) for case in relevant]
    report = PolicyReport(outcomes=outcomes, problems=_refusals(kind, relevant, outcomes, tee))
    leaks: dict[str, list[str]] = {}
    for case, outcome in zip(relevant, outcomes, strict=True):
        if outcome.passed and case.harm is not None:
            leaks.setdefault(case.harm, []).append(f"the {case.name}")
    (report.problems if variant == "production" else report.warnings).extend(
        f"{_WHAT[kind]} {' and '.join(names)} may pass: {harm}. {_SAY_NO[kind]}" for harm, names in leaks.items()
    )
    return report


def _across(report: PolicyReport, text: str, profile: TrusteeProfile, tee: Tee, bindings: Bindings) -> PolicyReport:
    """Return the report with what each document's pods get of what is bound, and of what all of them need."""
    judge, outcomes = resource_judge(text, profile), list(report.outcomes)
    leaks: dict[str, list[str]] = {}
    denied: dict[str, list[str]] = {}
    for request in requests(profile, tee, bindings):
        try:
            outcome = CaseOutcome(
                case=request.name, expected=request.good, passed=judge(request.token, request.resource)
            )
        except PolicyError as error:
            outcome = CaseOutcome(case=request.name, expected=request.good, passed=False, error=str(error))
        outcomes.append(outcome)
        if outcome.passed != outcome.expected:
            (leaks if outcome.passed else denied).setdefault(request.document, []).append(request.resource)
    problems = [
        f"by the resource policy, pods of {document} may have {', '.join(paths)}, which that document does not list: "
        f"whoever may start such a pod gets another one's secret. {_SAY_NO['resource']} Where it is meant, list it: "
        "coco-azure:initdata.secrets, coco-azure:initdata.workloads.WORKLOAD.secrets"
        for document, paths in leaks.items()
    ]
    if not report.problems:
        # A policy that turns everybody away has been told of.
        problems += [
            f"by the resource policy, pods of {document} are denied {', '.join(paths)}, which is theirs. "
            f"{_SAY_YES['resource']}"
            for document, paths in denied.items()
        ]
    return PolicyReport(outcomes=outcomes, problems=[*report.problems, *problems], warnings=report.warnings)


def _outcome(case: PolicyCase, passes: _Passes) -> CaseOutcome:
    try:
        return CaseOutcome(case=case.name, expected=case.good, passed=passes(case))
    except PolicyError as error:
        return CaseOutcome(case=case.name, expected=case.good, passed=False, error=str(error))


def _refusals(kind: str, relevant: Sequence[PolicyCase], outcomes: Sequence[CaseOutcome], tee: Tee) -> list[str]:
    genuine = {
        case.attester: outcome
        for case, outcome in zip(relevant, outcomes, strict=True)
        if case.good and not outcome.passed
    }
    if tee not in genuine:
        return []
    good = {case.attester for case in relevant if case.good}
    whom = "every documented TEE" if genuine.keys() == good else f"a genuine {tee.upper()} pod VM (this stack's TEE)"
    error = f" ({genuine[tee].error})" if genuine[tee].error else ""
    return [f"{_WHAT[kind]} {whom} is turned away, so no pod gets a secret{error}. {_SAY_YES[kind]}"]


def _word(passes: object) -> str:
    return "yes" if passes else "no"


_WHAT = {
    "resource": "by the resource policy,",
    "attestation": "by the attestation policy,",
    "chain": "by the attestation policy and the resource policy together,",
}
_RM = "pulumi config rm --path 'coco-azure:trustee.{}PolicyFile'"
_SAY_NO = {
    kind: (
        "Change it, or take the program's own, which says no where coco-azure:environment is production: "
        f"{' and '.join(commands)}."
    )
    for kind, commands in {
        "resource": [_RM.format("resource")],
        "attestation": [_RM.format("attestation")],
        "chain": [_RM.format("attestation"), _RM.format("resource")],
    }.items()
}
_REGISTER = "Where it demands reference values, register them (coco-azure:trustee.referenceValuesFile)."
_SAY_YES = {
    "resource": f"Compare the names that it reads of a token with those of this version. {_SAY_NO['resource']}",
    "attestation": f"{_REGISTER} Compare the claims that it names with this version's. {_SAY_NO['attestation']}",
    "chain": f"{_REGISTER} {_SAY_NO['chain']}",
}
