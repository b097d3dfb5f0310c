"""Rules about what Trustee judges by: its policies, which are evaluated and not read, and its reference values."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from coco_azure import names
from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.formats.policy import policies
from coco_azure.formats.policy.policies import PCRS
from coco_azure.formats.policy.policy_cases import documented_reference
from coco_azure.formats.policy.policy_check import PolicyReport, check_attestation_policy, check_resource_policy
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.trust import values as chain_values
from coco_azure.versions.profiles import TrusteeProfile
from policies import reading
from policies.model import Config, Option, Resource, Rule, Stack, Violation
from policies.reading import UnreadableError

_INITDATA = 8
_Judge = Callable[[str, TrusteeProfile], PolicyReport]


def _resource_policy(stack: Stack, _: Config) -> Iterator[Violation]:
    def judge(text: str, profile: TrusteeProfile) -> PolicyReport:
        # The program's own policy says itself which document's pods may have what.
        return check_resource_policy(text, profile, "snp", bindings=policies.read_bindings(text, v1=profile.rego_v1))

    yield from _findings(stack, names.RESOURCE_POLICY, judge)


def _attestation_policy(stack: Stack, _: Config) -> Iterator[Violation]:
    config = stack.one("ConfigMap", names.REFERENCE_VALUES)
    try:
        values = reading.reference_values(config) if config is not None else []
    except UnreadableError:
        values = []  # told by the rule of reference values
    pcrs = chain_values.demanded_pcrs(values) or PCRS

    def judge(text: str, profile: TrusteeProfile) -> PolicyReport:
        # Without values of the stack's the policy is judged on the documented ones: that they lack is another rule's.
        known = chain_values.as_data(values, reading.now()) or documented_reference(profile, pcrs)
        return check_attestation_policy(text, profile, "snp", known, pcrs=pcrs)

    yield from _findings(stack, names.ATTESTATION_POLICY, judge)


def _findings(stack: Stack, name: str, judge: _Judge) -> Iterator[Violation]:
    for config in stack.objects("ConfigMap", name):
        try:
            profile = reading.trustee(stack)
            if profile is None:
                continue
            key = profile.resource_policy_key if name == names.RESOURCE_POLICY else profile.attestation_policy_key
            text = config.at("data", key)
            if not isinstance(text, str):
                raise UnreadableError(f"there is no {key}, which Trustee {profile.version} reads")  # noqa: TRY301 - one way out
            report = judge(text, profile)
        except (UnreadableError, PolicyError) as error:
            yield Violation(message=f"{config}: {error}", resource=config)
            continue
        passed = [each.case for each in report.outcomes if each.passed and not each.expected]
        if passed:
            yield Violation(message=f"{config} lets pass: {'; '.join(passed)}", resource=config)


def _present(stack: Stack, config: Config) -> Iterator[Violation]:
    if not stack.objects("ConfigMap", names.KBS_CONFIG_CM):
        return
    config_map = stack.one("ConfigMap", names.REFERENCE_VALUES)
    if config_map is None:
        yield Violation(message=f"there is no ConfigMap {names.REFERENCE_VALUES}")
        return
    try:
        values = reading.reference_values(config_map)
    except UnreadableError as error:
        yield Violation(message=str(error), resource=config_map)
        return
    held = chain_values.demanded_pcrs(values)
    if config["initdata"] and _INITDATA not in held:
        yield Violation(
            message=f"{config_map}: PCR {_INITDATA}, that of initdata, may be anything", resource=config_map
        )
    if config["image"] and not set(held) - {_INITDATA}:
        yield Violation(
            message=f"{config_map}: no PCR of the pod VM image is held to a value, so any image passes",
            resource=config_map,
        )


def _fresh(resource: Resource, config: Config) -> Iterator[str]:
    if not reading.is_config_map(resource, names.REFERENCE_VALUES):
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
        title = ", ".join(value.name for value in near if value.expires == moment)
        word = "expired" if moment < now else "expire"
        yield f"reference values {title} {word} on {moment:%Y-%m-%d %H:%M} UTC, and then every pod is denied"


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
        remedy="Register them: coco-azure:trustee.referenceValues.expires and .image; docs/howto/reference-values.md",
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
