"""The whole chain of one stack: what pod VMs get, what Trustee reads, and what it holds evidence to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coco_azure import names
from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.formats.kbs import kbs_config, reference_values, tdx
from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.formats.policy import policies
from coco_azure.formats.policy.policies import Bindings
from coco_azure.settings import Settings
from coco_azure.trust import secret_bindings as secrets
from coco_azure.trust import values as chain_values
from coco_azure.trust.documents import CHECK, GLOBAL, Document, KbsEndpoint, documents, measured
from coco_azure.trust.secret_bindings import Earlier
from coco_azure.versions.profiles import OscProfile, TrusteeProfile

_NOTHING = Earlier()


@dataclass(frozen=True, kw_only=True)
class Versions:
    """The versions that a stack deploys; None where it leaves that side to another stack.

    Attributes:
        csv: names of the CSVs that they follow from, by package.
    """

    osc: OscProfile | None
    trustee: TrusteeProfile | None
    csv: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What Trustee judges by.

    Attributes:
        resource_policy, attestation_policy: Rego of KBS and of the AS.
        image_policy: JSON of the container image policy that pod VMs fetch.
        bindings: which document's pods may have which resource; None in development, where all may have all.
    """

    profile: TrusteeProfile
    values: tuple[ReferenceValue, ...]
    resource_policy: str
    attestation_policy: str
    image_policy: str
    bindings: Bindings | None = None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The trust chain of a stack.

    Attributes:
        documents: initdata documents by name; none where the stack has no peer pods.
        judgement: what Trustee judges by; None where another stack has the Trustee.
    """

    versions: Versions
    documents: Mapping[str, Document]
    judgement: Judgement | None

    @property
    def measured(self) -> dict[str, str]:
        """PCR 8 of each document by its name."""
        return measured(self.documents)

    @property
    def annotations(self) -> dict[str, dict[str, str]]:
        """The pod annotation of each workload's own document, ready to be put on its pods."""
        if self.versions.osc is None:
            return {}
        key = self.versions.osc.initdata_annotation
        return {
            name: {key: document.encoded} for name, document in self.documents.items() if name not in (GLOBAL, CHECK)
        }


def build(
    stack: Settings,
    versions: Versions,
    kbs: KbsEndpoint,
    earlier: Earlier = _NOTHING,
    images: Sequence[MeasuredImage] = (),
) -> Chain:
    """Return the chain.

    Args:
        earlier: what the last finished run deployed, and pods may still have.
        images: pod VM images whose measurements are accepted, beside those of the settings.

    Raises:
        ValueError: a document is too large, or an image lacks a PCR that evidence is to be held to.
    """
    made = documents(stack, versions.osc, kbs) if versions.osc is not None else {}
    judgement = None
    if versions.trustee is not None:
        pcr8, before = measured(made), earlier.documents.values()
        values = chain_values.reference_values(stack, versions.osc, versions.trustee, pcr8, before, images=images)
        bound = secrets.bindings(stack, pcr8, values, earlier) if stack.environment == "production" else None
        judgement = _judgement(stack, versions.trustee, values, bound)
    return Chain(versions=versions, documents=made, judgement=judgement)


def _judgement(
    stack: Settings, profile: TrusteeProfile, values: list[ReferenceValue], bound: Bindings | None
) -> Judgement:
    trustee, variant = stack.trustee, stack.environment
    demanded = chain_values.demanded_pcrs(values) or policies.PCRS
    expires = min((value.expires for value in values), default=None)
    return Judgement(
        profile=profile,
        values=tuple(values),
        # An empty file is one that the user named, and is judged: nothing takes its place.
        resource_policy=policies.resource_policy(profile, variant, bound)
        if trustee.resource_policy is None
        else trustee.resource_policy,
        attestation_policy=policies.attestation_policy(
            profile, variant, pcrs=demanded, expires=expires, tcb=trustee.snp_tcb.minimum
        )
        if trustee.attestation_policy is None
        else trustee.attestation_policy,
        image_policy=trustee.image_policy(stack.image_default),
        bindings=bound,
    )


def config_maps(stack: Settings, judgement: Judgement) -> dict[str, dict[str, str]]:
    """Return the data of every ConfigMap that Trustee reads, by name; TDX's only where it is set."""
    trustee, profile = stack.trustee, judgement.profile
    # Generations are of what the stack makes: of keys of the user's there is no file of the one before.
    overlap = trustee.rotation.overlap
    made_signer = trustee.sign_tokens and trustee.token_signer.certificate is None
    old_signer = overlap and made_signer and trustee.rotation.token_signer > 1
    old_admin = overlap and trustee.rotation.admin_key > 1 and trustee.admin_private_key is None
    config = kbs_config.KbsConfig(
        token_duration=trustee.token_duration,
        https=trustee.tls.termination == "passthrough",
        signer=trustee.sign_tokens,
        previous_signer=old_signer,
        previous_admin=old_admin,
        collateral_service=trustee.tdx.asked if trustee.tdx is not None else None,
    )
    maps = {
        names.KBS_CONFIG_CM: kbs_config.render(config, profile),
        names.REFERENCE_VALUES: {
            profile.reference_values_key: reference_values.render(list(judgement.values), profile)
        },
        names.RESOURCE_POLICY: {profile.resource_policy_key: judgement.resource_policy},
        names.ATTESTATION_POLICY: {profile.attestation_policy_key: judgement.attestation_policy},
    }
    if trustee.tdx is not None:
        maps[names.TDX_CONFIG] = {tdx.FILE: tdx.render(trustee.tdx.pccs_url, trustee.tdx.asked)}
    return maps
