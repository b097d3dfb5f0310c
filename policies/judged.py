"""Rules about what Trustee judges by: its policies, which are evaluated and not read, and its reference values."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from policies import reading
from policies.model import Config, Found, Option, Resource, Rule, Stack
from policies.reading import REFERENCE_VALUES, UnreadableError
from rendering.policy import bindings
from rendering.policy.policies import PCRS
from rendering.policy.policy_cases import documented_reference
from rendering.policy.policy_check import PolicyError, Report, check_attestation_policy, check_resource_policy
from rendering.profiles import TrusteeProfile
from rendering.trustee.reference_values import ReferenceValue
from trust import values as chain_values

_RESOURCE, _ATTESTATION = "resource-policy", "attestation-policy"
_INITDATA = 8
_Judge = Callable[[str, TrusteeProfile], Report]


def _resource_policy(stack: Stack, _: Config) -> Iterator[Found]:
    def judge(text: str, profile: TrusteeProfile) -> Report:
        # The program's own policy says itself which document's pods may have what.
        return check_resource_policy(text, profile, "snp", bindings=bindings.read(text, v1=profile.rego_v1))

    yield from _judged(stack, _RESOURCE, judge)


def _attestation_policy(stack: Stack, _: Config) -> Iterator[Found]:
    config = stack.one("ConfigMap", REFERENCE_VALUES)
    try:
        values = reading.reference_values(config) if config is not None else []
    except UnreadableError:
        values = []  # told by the rule of reference values
    pcrs = chain_values.demanded_pcrs(values) or PCRS

    def judge(text: str, profile: TrusteeProfile) -> Report:
        # Without values of the stack's the policy is judged on the documented ones: that they lack is another rule's.
        known = chain_values.as_data(values, reading.now()) or documented_reference(profile, pcrs)
        return check_attestation_policy(text, profile, "snp", known, pcrs=pcrs)

    yield from _judged(stack, _ATTESTATION, judge)


def _judged(stack: Stack, name: str, judge: _Judge) -> Iterator[Found]:
    for config in stack.objects("ConfigMap", name):
        try:
            profile = reading.trustee(stack)
            if profile is None:
                continue
            key = profile.resource_policy_key if name == _RESOURCE else profile.attestation_policy_key
            text = config.at("data", key)
            if not isinstance(text, str):
                raise UnreadableError(f"there is no {key}, which Trustee {profile.version} reads")  # noqa: TRY301 - one way out
            report = judge(text, profile)
        except (UnreadableError, PolicyError) as error:
            yield Found(said=f"{config}: {error}", resource=config)
            continue
        passed = [each.case for each in report.outcomes if each.found and not each.expected]
        if passed:
            yield Found(said=f"{config} lets pass: {'; '.join(passed)}", resource=config)


def _present(stack: Stack, config: Config) -> Iterator[Found]:
    if not stack.objects("ConfigMap", reading.KBS_CONFIG):
        return
    found = stack.one("ConfigMap", REFERENCE_VALUES)
    if found is None:
        yield Found(said=f"there is no ConfigMap {REFERENCE_VALUES}")
        return
    try:
        values = reading.reference_values(found)
    except UnreadableError as error:
        yield Found(said=str(error), resource=found)
        return
    held = chain_values.demanded_pcrs(values)
    if config["initdata"] and _INITDATA not in held:
        yield Found(said=f"{found}: PCR {_INITDATA}, that of initdata, may be anything", resource=found)
    if config["image"] and not set(held) - {_INITDATA}:
        yield Found(said=f"{found}: no PCR of the pod VM image is held to a value, so any image passes", resource=found)


def _fresh(resource: Resource, config: Config) -> Iterator[str]:
    if not reading.is_config_map(resource, REFERENCE_VALUES):
        return
    try:
        values = reading.reference_values(resource)
    except UnreadableError as error:
        yield str(error)
        return
    yield from _near(values, int(config["days"]))


def _near(values: Sequence[ReferenceValue], days: int) -> Iterator[str]:
    now = reading.now()
    near = [value for value in values if value.expires < now + timedelta(days=days)]
    for moment in sorted({value.expires for value in near}):
        names = ", ".join(value.name for value in near if value.expires == moment)
        word = "expired" if moment < now else "expire"
        yield f"reference values {names} {word} on {moment:%Y-%m-%d %H:%M} UTC, and then every pod is denied"


_SWITCH = {"type": "boolean"}

RULES = (
    Rule(
        id="resource-policy-denies",
        title="The resource policy gives nothing to a guest that is not good, and no secret to another document's pods",
        why="Anybody could fetch every secret",
        remedy="Leave coco-azure:trustee.resourcePolicyFile out and set coco-azure:environment to production, or "
        "change the file; docs/trust-chain.md has the cases",
        severity="critical",
        stack=_resource_policy,
    ),
    Rule(
        id="attestation-policy-denies",
        title="The attestation policy rejects TEEs under debug, and what differs from reference values",
        why="A guest that the host reads or has changed would get every secret",
        remedy="Leave coco-azure:trustee.attestationPolicyFile out and set coco-azure:environment to production, or "
        "change the file; docs/trust-chain.md has the cases",
        severity="critical",
        stack=_attestation_policy,
    ),
    Rule(
        id="reference-values-present",
        title="Reference values hold initdata and the pod VM image to what is known",
        why="Any image and any initdata would pass, those of an attacker too",
        remedy="Register them: coco-azure:trustee.referenceValues.expires and .measurementsFile; docs/trust-chain.md",
        severity="critical",
        stack=_present,
        options={
            "initdata": Option(schema=_SWITCH, default=True, doc="whether PCR 8 (initdata) has to have a value"),
            "image": Option(schema=_SWITCH, default=True, doc="whether a PCR of the pod VM image has to have one"),
        },
    ),
    Rule(
        id="reference-values-fresh",
        title="No reference value is about to expire",
        why="From that moment on every pod is denied, or at some versions what has expired goes on being accepted",
        remedy="Check what is registered and set a later date: pulumi config set --path "
        "'coco-azure:trustee.referenceValues.expires' YYYY-MM-DD",
        severity="high",
        resource=_fresh,
        options={
            "days": Option(
                schema={"type": "integer", "minimum": 0}, default=30, doc="days that a value has to hold still"
            )
        },
    ),
)
