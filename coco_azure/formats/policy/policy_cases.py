"""The documented cases that every policy is judged on, and what a policy is expected to say to each.

A case is evidence of one attester together with the state of the reference values. What is expected depends on the
variant: production says no to everything that is not plainly good; development may let a TEE that is debugged or one
without reference values pass, and says so in a warning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coco_azure.formats.policy import claims as documented
from coco_azure.formats.policy.attestation_tokens import Token, Verdict, appraise, token
from coco_azure.formats.policy.claims import DOCUMENTED, ZERO, Attester, Claims, SnpTcb, Tee, at_least, below
from coco_azure.formats.policy.policies import BOOT_PCRS, PCRS, Bindings
from coco_azure.versions.profiles import TrusteeProfile

TEES: tuple[Tee, ...] = ("snp", "tdx")
INITDATA = 8
_BITS = 0xFF


@dataclass(frozen=True, kw_only=True)
class PolicyCase:
    """One attester.

    Attributes:
        reference: reference values that are left when it attests.
        submodule: name of the appraisal in an EAR token.
        good: whether production lets it pass.
        harm: what is wrong with a policy that lets it pass; None for one that is good.
    """

    name: str
    attester: Attester
    claims: Claims
    reference: Mapping[str, list[Any]]
    submodule: str
    good: bool
    harm: str | None = None

    def token(self, profile: TrusteeProfile) -> Token | None:
        """Return the token that a sound attestation policy leads to; None where that is none.

        With Simple tokens the sample attester has one even so: the chapter's attestation policy lets it pass, and it is
        the resource policy that turns it away.
        """
        sound = self.good or self.submodule != profile.submodule
        verdict: Verdict = sound or self.attester == "sample"
        if profile.token == "Ear":  # noqa: S105 - a type of token
            verdict = appraise(dict.fromkeys(("configuration", "executables", "hardware"), 2 if sound else 96))
        return token(profile, self.attester, self.claims, verdict, self.submodule)


def reference_of(profile: TrusteeProfile, tee: Tee, claims: Claims, pcrs: Sequence[int] = PCRS) -> dict[str, list[Any]]:
    """Return the reference values under which ``claims`` are good: each of the PCRs as it is."""
    return {profile.reference_name(tee, pcr): [claims["tpm"][f"pcr{pcr:02}"]] for pcr in pcrs}


def documented_reference(profile: TrusteeProfile, pcrs: Sequence[int] = PCRS) -> dict[str, list[Any]]:
    """Return reference values for the documented pod VMs of both TEEs."""
    both = [reference_of(profile, tee, documented.expected_claims(tee, profile, {}), pcrs) for tee in TEES]
    return {name: values for each in both for name, values in each.items()}


def cases(
    profile: TrusteeProfile,
    reference: Mapping[str, list[Any]] | None = None,
    pcrs: Sequence[int] = PCRS,
    tcb: SnpTcb | None = None,
) -> Sequence[PolicyCase]:
    """Return every documented case.

    Args:
        reference: reference values of the stack; pod VMs then have these PCRs. Default: those of the documented ones.
        pcrs: the PCRs that are demanded; the wrong one is 8, initdata's, if it is among them, and beside it each of
            the boot loader and of secure boot that is.
        tcb: the least that is demanded of an SNP machine's firmware; default: ``SnpTcb``'s own.
    """
    known = documented_reference(profile, pcrs) if reference is None else dict(reference)
    least = tcb or SnpTcb()
    all_cases = [case for tee in TEES for case in _of_tee(profile, tee, known, pcrs, least)]
    return [*all_cases, _sample(profile, known)]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A genuine pod VM asks for a resource.

    Attributes:
        document: what its initdata document is called.
        resource: ``default/SECRET/KEY``.
        token: its token, of a sound attestation policy.
        good: whether its document may have the resource.
        shared: whether every document's pods need it.
    """

    document: str
    resource: str
    token: Token
    good: bool
    shared: bool

    @property
    def name(self) -> str:
        """What it is, in words."""
        return f"pod of {self.document} that asks for {self.resource}"


def requests(profile: TrusteeProfile, tee: Tee, bindings: Bindings) -> Iterator[Request]:
    """Yield the request of each document's pods for each resource that is bound, and for what all of them need."""
    good = dict.fromkeys(("configuration", "executables", "hardware"), 2)
    verdict: Verdict = appraise(good) if profile.token == "Ear" else True  # noqa: S105 - a type of token
    tokens = {
        pcr8: token(profile, tee, documented.expected_claims(tee, profile, {INITDATA: pcr8}), verdict) or {}
        for pcr8 in bindings.secrets
    }
    for pcr8, resource, allowed in bindings.pairs():
        named = bindings.title(pcr8)
        yield Request(document=named, resource=resource, token=tokens[pcr8], good=allowed, shared=False)
    for pcr8, held in tokens.items():
        for resource in bindings.shared:
            yield Request(document=bindings.title(pcr8), resource=resource, token=held, good=True, shared=True)


def _of_tee(
    profile: TrusteeProfile, tee: Tee, known: dict[str, list[Any]], demanded: Sequence[int], least: SnpTcb
) -> Iterator[PolicyCase]:
    title = f"{tee.upper()} pod VM"
    names = {pcr: profile.reference_name(tee, pcr) for pcr in range(24)}
    pcrs = {pcr: str(values[0]) for pcr in names if (values := _values(profile, tee, pcr, known))}
    genuine = at_least(DOCUMENTED, least)
    claims = documented.expected_claims(tee, profile, pcrs, tcb=genuine)
    wrong = INITDATA if INITDATA in demanded else min(demanded)

    def with_wrong(pcr: int) -> Claims:
        other = other_value(claims["tpm"][f"pcr{pcr:02}"])
        return documented.expected_claims(tee, profile, {**pcrs, pcr: other}, tcb=genuine)

    changed = with_wrong(wrong)
    expired = {name: values for name, values in known.items() if name != names[wrong] and not _ends(name, wrong)}

    def case(name: str, harm: str | None, **differs: Any) -> PolicyCase:
        fields = {"claims": claims, "reference": known, "submodule": profile.submodule, **differs}
        return PolicyCase(name=name, attester=tee, good=harm is None, harm=harm, **fields)

    yield case(f"genuine {title}", None)
    yield case(
        f"{title} under debug",
        _HARM_DEBUG,
        claims=documented.expected_claims(tee, profile, pcrs, debug=True, tcb=genuine),
    )
    if tee == "snp":
        for name, tcb in {"of all zeros": ZERO, "below the minimum": below(least, genuine)}.items():
            yield case(
                f"{title} with a TCB {name}", _HARM_TCB, claims=documented.expected_claims(tee, profile, pcrs, tcb=tcb)
            )
    yield case(f"{title} with a wrong PCR {wrong}", _harm_of(wrong), claims=changed)
    yield case(
        f"{title} with a wrong PCR {wrong} whose reference value has expired",
        "what has expired is taken as never demanded",
        reference=expired,
        claims=changed,
    )
    for pcr in sorted({*BOOT_PCRS} & {*pcrs} - {wrong}):
        yield case(f"{title} with a wrong PCR {pcr}", _HARM_BOOT, claims=with_wrong(pcr))
    if profile.token == "Ear":  # noqa: S105 - a type of token
        other = "cpu" if profile.submodule != "cpu" else "cpu0"
        harm = f"appraisals of the CPU are in {profile.submodule}"
        yield case(f"{title} whose appraisal is in another submodule", harm, submodule=other)


def _values(profile: TrusteeProfile, tee: Tee, pcr: int, known: Mapping[str, list[Any]]) -> list[Any]:
    """Return what a PCR of a pod VM may be: by this version's name, or by any name of a policy of the user's own."""
    name = profile.reference_name(tee, pcr)
    others = [profile.reference_name(each, pcr) for each in TEES if each != tee]
    own = [values for each, values in known.items() if _ends(each, pcr) and each not in others and values]
    return known.get(name) or (own[0] if own else [])


def _ends(name: str, pcr: int) -> bool:
    return name.endswith(f"pcr{pcr:02}")


_HARM_DEBUG = "the host can read the memory of a TEE under debug"
_HARM_TCB = "a host with firmware that old can break the TEE by flaws that have been mended since"
_HARM_BOOT = "a boot loader of the host's own can measure what the genuine image would have measured"


def _harm_of(pcr: int) -> str:
    if pcr == INITDATA:
        return "the host can start it with initdata of its own, which names another KBS or agent policy"
    return "the host can start it from an image of its own"


def _sample(profile: TrusteeProfile, known: dict[str, list[Any]]) -> PolicyCase:
    return PolicyCase(
        name="sample attester",
        attester="sample",
        claims=documented.expected_claims("sample", profile, {}),
        reference=known,
        submodule=profile.submodule,
        good=False,
        harm="anybody can run the sample attester, without any TEE",
    )


def other_value(value: str) -> str:
    """Return another value of the same length for a hexadecimal one: its first byte has every bit turned."""
    return f"{int(value[:2], 16) ^ _BITS:02x}{value[2:]}"
