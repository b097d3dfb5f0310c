"""The initdata documents of a stack: the global one and those of workloads, with what a pod VM measures of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from coco_azure.formats import initdata
from coco_azure.formats.policy import policies
from coco_azure.formats.policy.policies import Variant
from coco_azure.settings import Settings
from coco_azure.settings.initdata import OWN_DOCUMENTS, AgentPolicy, InitdataSettings, WorkloadInitdata
from coco_azure.settings.trustee import CHECK_POLICY, SECURITY_POLICY
from coco_azure.versions.profiles import OscProfile

GLOBAL, CHECK = OWN_DOCUMENTS
"""Names of the documents for every pod that brings none of its own, and for the pod of the check."""
REGISTRY_CREDENTIALS, SIGSTORE_CONFIG, CHECK_IMAGES = "registryCredentials", "sigstoreConfig", "checkImagePolicy"
REGISTRY_MIRRORS = "registryMirrors"


@dataclass(frozen=True, kw_only=True)
class Document:
    """One initdata document.

    Attributes:
        text: the TOML text; its exact bytes are what is measured.
        encoded: as ``peer-pods-cm`` and the pod annotation take it.
        digest: hexadecimal digest of the text.
        pcr8: what PCR 8 of the pod VM's vTPM is after it has measured the text, as hexadecimal SHA-256.
        agent_policy: Rego of the agent's policy in it, or None for that of the pod VM image.
    """

    text: str
    encoded: str
    digest: str
    pcr8: str
    agent_policy: str | None


@dataclass(frozen=True, kw_only=True)
class KbsEndpoint:
    """Where KBS is, as pod VMs see it.

    Attributes:
        certificate: PEM of what KBS's certificate is verified with, or None where a public authority signed it.
        images: URIs of what pod VMs pull images with, where another stack serves it: ``REGISTRY_CREDENTIALS``,
            ``REGISTRY_MIRRORS``, ``SIGSTORE_CONFIG`` and ``CHECK_IMAGES``, the image policy of the check's pod, each
            only where there is one. None: the stack serves it itself.
    """

    kbs_url: str
    certificate: str | None = None
    images: Mapping[str, str] | None = None


def documents(stack: Settings, profile: OscProfile, kbs: KbsEndpoint) -> dict[str, Document]:
    """Return every document of the stack by its name: ``GLOBAL`` in any case, ``CHECK`` where there is a check.

    Each document names its workload, so that no two have the same PCR 8, by which secrets are bound to them.

    Raises:
        ValueError: a document is too large for Azure's user data.
    """
    initdata = stack.initdata
    made = {GLOBAL: _document(stack, agent_policy(stack), profile, kbs)}
    for name, workload in initdata.workloads.items():
        made[name] = _document(stack, agent_policy(stack, workload), profile, kbs, name)
    if stack.checks and stack.attestation_check.initdata_annotation:
        made[CHECK] = _document(stack, check_agent_policy(stack), profile, kbs, CHECK)
    return made


def agent_policy(stack: Settings, workload: WorkloadInitdata | None = None) -> str | None:
    """Return the agent's policy for the global document or a workload's; None keeps the image's own."""
    settings: InitdataSettings = stack.initdata
    if workload is not None and workload.agent_policy is not None:
        return workload.agent_policy
    if workload is not None and workload.containers:
        own: Variant = "development" if settings.agent_policy == "development" else "production"
        return policies.agent_policy(own, workload=workload.containers)
    if settings.agent_policy_file is not None and not (workload is not None and workload.allowed_images):
        return settings.agent_policy_file
    listed, variant = allowed_images(stack, workload), agent_variant(stack)
    if listed and variant == "image":
        variant = "production"
    return None if variant == "image" else policies.agent_policy(variant, listed)


def check_agent_policy(stack: Settings) -> str | None:
    """Return the agent's policy for the check's document, which lets its image start and no other.

    None keeps the image's own policy, as the stack's other documents do; that one knows nothing of images. A policy
    that the check's pod brings itself (development) needs the global one, which has to let it.
    """
    if stack.attestation_check.agent_policy is not None:
        return agent_policy(stack)
    variant = agent_variant(stack)
    if variant == "image" and stack.initdata.agent_policy_file is None:
        return None
    return policies.agent_policy("production" if variant == "image" else variant, [stack.attestation_check.image])


def allowed_images(stack: Settings, workload: WorkloadInitdata | None = None) -> tuple[str, ...]:
    """Return the images that the agent's policy of this project keeps to; none means any."""
    return (workload.allowed_images if workload is not None else ()) or stack.initdata.allowed_images


def agent_variant(stack: Settings) -> AgentPolicy:
    """Return whose agent policy it is where the stack brings no file; ``allowedImages`` need at least production's."""
    initdata = stack.initdata
    if initdata.agent_policy is not None:
        return initdata.agent_policy
    return "production" if stack.environment == "production" or initdata.allowed_images else "image"


def _document(
    stack: Settings, policy: str | None, profile: OscProfile, kbs: KbsEndpoint, workload: str | None = None
) -> Document:
    settings, served = stack.initdata, images(stack) if kbs.images is None else kbs.images
    pull = settings.image_pull
    if (mirrors := served.get(REGISTRY_MIRRORS)) is not None and not profile.registry_mirrors:
        raise ValueError(
            f"trustee.registryMirrors is set, and pod VMs of OSC {profile.version} know no mirrors: they would pull "
            "from the registries themselves. Needed: OSC 1.10 or newer (peerPods.operator.version), or manifests that "
            "name images as the mirror has them: pulumi config rm --path 'coco-azure:trustee.registryMirrors'"
        )
    text = initdata.render(
        initdata.Initdata(
            kbs_url=kbs.kbs_url,
            algorithm=settings.algorithm,
            certificate=settings.certificate or kbs.certificate,
            agent_policy=policy,
            registry_credentials_uri=served.get(REGISTRY_CREDENTIALS),
            sigstore_config_uri=served.get(SIGSTORE_CONFIG),
            registry_mirrors_uri=mirrors,
            pull_authorities=pull.ca_certificate,
            pull_proxy=pull.proxy,
            pull_no_proxy=pull.no_proxy,
            pull_proxy_is_table=profile.pull_proxy_is_table,
            workload=workload,
            security_policy_uri=(served.get(CHECK_IMAGES) if workload == CHECK else None) or SECURITY_POLICY.uri,
        )
    )
    encoded = initdata.encode(text, profile)
    initdata.check_size(encoded)
    digest = initdata.digest(text, settings.algorithm)
    return Document(text=text, encoded=encoded, digest=digest, pcr8=initdata.pcr8(digest), agent_policy=policy)


def images(stack: Settings) -> dict[str, str]:
    """Return where the stack's own Trustee serves what pod VMs pull images with, see ``KbsEndpoint``."""
    trustee = stack.trustee
    uris = {
        REGISTRY_CREDENTIALS: trustee.registry_credentials_uri,
        SIGSTORE_CONFIG: trustee.sigstore_config_uri,
        REGISTRY_MIRRORS: trustee.registry_mirrors_uri,
        CHECK_IMAGES: CHECK_POLICY.uri if stack.check_image_policy is not None else None,
    }
    return {name: uri for name, uri in uris.items() if uri is not None}


def measured(made: Mapping[str, Document]) -> dict[str, str]:
    """Return PCR 8 of each document by its name."""
    return {name: document.pcr8 for name, document in made.items()}
