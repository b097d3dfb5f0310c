"""What is wrong with a chain, all of it at once, and what is allowed and yet worth a warning."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509

from coco_azure.formats.images import image_policy
from coco_azure.formats.pki import certificates
from coco_azure.formats.policy.policies import BOOT_PCRS, PCRS
from coco_azure.formats.policy.policy_check import (
    PolicyReport,
    check_attestation_policy,
    check_chain,
    check_resource_policy,
)
from coco_azure.risks import Risk
from coco_azure.settings import Settings, signatures, tls
from coco_azure.settings.problems import PRODUCTION, headed
from coco_azure.trust import agents, early, history, protocol
from coco_azure.trust import secret_bindings as secrets
from coco_azure.trust import values as chain_values
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.versions.profiles import OscProfile

_INITDATA_PCR = 8
_BOOT = "4: the boot loader, 7: the state and the keys of secure boot"


def describe(problems: Sequence[str]) -> str:
    """Return the problems as the message that a user reads."""
    return headed(problems)


def problems(
    stack: Settings, chain: Chain, host: str, now: datetime, public: Sequence[x509.Certificate] = ()
) -> list[str]:
    """Return everything that keeps the chain from doing what it says.

    Args:
        host: host of KBS's Route; empty where another stack has the Trustee.
        now: the time at which it is judged, in UTC.
        public: the public authorities as far as they are known; without any a certificate's authority is not judged.
    """
    messages = [problem for report in agents.reports(stack, chain) for problem in report.problems]
    messages += agents.replaced(stack, chain)
    messages += protocol.problems(stack, chain)
    messages += [*_credentials(stack, chain), *_root_volume(stack, chain)]
    if chain.judgement is None:
        return messages
    messages += tls.check(stack.trustee.tls, host, now, public)
    messages += tls.check_signer(stack.trustee.token_signer, chain.judgement.profile.token, now)
    messages += image_policy.problems(chain.judgement.image_policy, stack.served)
    causes = chain_values.date_problems(chain.judgement.values, now)
    causes += history.problems(stack, chain.judgement)
    causes += _measured(stack, chain)
    resource, *others = _policies(stack, chain.judgement, now)
    if causes:
        # What evidence would be let in or turned away follows from these values: told once, with its cause.
        others = [report for report in others if not report.outcomes]
    alone = [problem for report in [resource, *others[:1]] for problem in report.problems]
    together = [problem for report in others[1:] for problem in report.problems]
    return messages + causes + (alone or together)


def warnings(stack: Settings, chain: Chain, now: datetime, certificate: str | None = None) -> list[str]:
    """Return what the chain accepts although it should not, and what will soon expire.

    Args:
        now: the time at which it is judged, in UTC.
        certificate: certificates (PEM) that the Route or KBS presents, or None for the router's own.
    """
    # The policies of many workloads may leave the same thing open.
    messages = list(dict.fromkeys(warning for report in agents.reports(stack, chain) for warning in report.warnings))
    messages += _long_digest(stack, chain)
    messages += secrets.warnings(stack, chain.documents)
    if chain.judgement is None:
        return messages
    if not chain.judgement.values:
        messages.append(
            "RVPS is empty: every genuine confidential VM of Azure gets the secrets, whatever image and initdata it "
            "was started with, and whoever owns it. Set trustee.referenceValues.expires to register initdata, "
            "and trustee.referenceValues.image for the pod VM image"
        )
    if chain_values.accepts_nobody(chain.judgement.values):
        messages.append(
            "this Trustee accepts no initdata yet, so it denies every pod. Run `pulumi preview` of the stack that uses "
            "it (trustee.stack): it prints PCR 8 of its initdata and the command that has it accepted here"
        )
    messages += chain_values.date_warnings(stack, chain.judgement.values, now)
    messages += _unsigned(stack)
    messages += _boot_loader(stack, chain.judgement)
    messages += _certificates(stack, now, certificate)
    messages += signatures.warnings(stack.trustee.image_signature)
    messages += early.warnings(stack, chain)
    messages += _let_pass(stack, chain.judgement, now)
    if stack.peer_pods.enabled and stack.trustee.cluster is None:
        messages.append(
            Risk(
                "same_cluster",
                "Trustee runs on the cluster of the pods that it judges, which is for demonstration: whoever controls "
                "the cluster controls the verdict. Set coco-azure:trustee.cluster or trustee.stack for a trusted one",
            )
        )
    return messages


def _long_digest(stack: Settings, chain: Chain) -> Iterator[str]:
    """Yield a warning where the digest of initdata is longer than PCR 8 takes."""
    algorithm = stack.initdata.algorithm
    if not chain.documents or algorithm == "sha256":
        return
    yield (
        f"initdata.algorithm is {algorithm}: a pod VM measures the first 32 bytes of that digest, the verifier of "
        "Trustee ends with a panic as soon as a guest sends such initdata along, and Red Hat's veritas computes "
        "another PCR 8. Take sha256: pulumi config rm --path coco-azure:initdata.algorithm (PCR 8 changes; pods that "
        "run keep their secrets until the `pulumi up` after the next)"
    )


def _unsigned(stack: Settings) -> Iterator[str]:
    """Yield a warning where KBS believes every token."""
    if stack.trustee.sign_tokens:
        return
    yield (
        "trustee.signTokens is false, so anybody, without any TEE, gets every secret: KBS believes a token that its "
        "bearer signed, with the key that stands in the token. Remove the setting: "
        "pulumi config rm --path coco-azure:trustee.signTokens"
    )


def _boot_loader(stack: Settings, judgement: Judgement) -> Iterator[str]:
    """Yield a warning where a production stack does not hold the boot loader and secure boot to anything."""
    demanded = chain_values.demanded_pcrs(judgement.values)
    missing = [pcr for pcr in BOOT_PCRS if pcr not in demanded]
    if stack.environment != "production" or not missing:
        return
    wanted = sorted({*stack.trustee.reference_values.pcrs, *BOOT_PCRS})
    where = "coco-azure:trustee.referenceValues.pcrs"
    way = f"with their values in measurementsFile, set {where} to {wanted} in the stack's file"
    if stack.trustee.reference_values.image is not None:
        way = "name them in trustee.referenceValuesFile, beside those of the image"
    yield (
        f"PCR {' and '.join(map(str, missing))} may be anything ({_BOOT}), so a host can start a boot loader of its "
        "own with secure boot off, which measures into the other PCRs what the genuine image would have, and gets "
        f"every secret. Demand them: {way} (docs/howto/reference-values.md says where the values come from)"
    )


def _credentials(stack: Settings, chain: Chain) -> Iterator[str]:
    """Yield a problem where the operator cannot use the credentials: it would wait for others, after the reboot."""
    osc = chain.versions.osc
    if osc is None or osc.workload_identity or stack.azure.credentials.workload_identity is None:
        return
    yield (
        f"azure.credentials.workloadIdentity is set, which OpenShift sandboxed containers {osc.version} cannot use. "
        "Install 1.12 or later (peerPods.operator.version or channel), or use azure.credentials.servicePrincipal"
    )


def _root_volume(stack: Settings, chain: Chain) -> Iterator[str]:
    """Yield a problem where CAA would not read the size of the root disk, and say nothing."""
    osc, size = chain.versions.osc, stack.peer_pods.root_volume_size
    if osc is None or osc.root_volume_size or size is None:
        return
    yield (
        f"peerPods.rootVolumeSize is {size}, which CAA of OpenShift sandboxed containers {osc.version} does not read. "
        "Install 1.11 or later (peerPods.operator.version or channel), or: pulumi config rm --path "
        "'coco-azure:peerPods.rootVolumeSize'"
    )


def _measured(stack: Settings, chain: Chain) -> list[str]:
    """Return a problem where a production stack does not hold initdata or the image to anything."""
    demanded = chain_values.demanded_pcrs(chain.judgement.values) if chain.judgement is not None else ()
    osc = chain.versions.osc
    if stack.environment != "production":
        return []
    # A stack that has only Trustee may come before those that use it, whose initdata it does not know yet.
    messages = [] if _INITDATA_PCR in demanded or osc is None else [_no_initdata(osc)]
    if _INITDATA_PCR in demanded:
        messages += _unregistered(stack, chain)
    # A policy of the user's own may hold the image to something else than its PCRs.
    if stack.trustee.attestation_policy is None and not set(demanded) - {_INITDATA_PCR}:
        messages.append(
            f"{PRODUCTION}no PCR of the pod VM image is demanded, so any image passes: register "
            "them with coco-azure:trustee.referenceValues.image or measurementsFile, or name them in "
            "coco-azure:trustee.referenceValuesFile "
            f"(found there: {', '.join(value.name for value in stack.trustee.reference_values_file) or 'nothing'})"
        )
    return messages


def _unregistered(stack: Settings, chain: Chain) -> Iterator[str]:
    """Yield a problem where PCR 8 is demanded, but by a file of the user's that lacks documents of the stack."""
    if chain.judgement is None or chain.judgement.bindings is None or stack.trustee.attestation_policy is not None:
        return
    missing = {secrets.title(name): pcr8 for name, pcr8 in chain.measured.items()}
    missing = {title: pcr8 for title, pcr8 in missing.items() if pcr8 not in chain.judgement.bindings.secrets}
    if not missing:
        return
    listed = ", ".join(f"{title} ({pcr8})" for title, pcr8 in missing.items())
    yield (
        "trustee.referenceValuesFile demands PCR 8, and the stack does not register its own initdata, so pods of "
        f"{listed} would be denied. Have it registered beside the file's: pulumi config set --path "
        "'coco-azure:trustee.referenceValues.initdata' true, or add these values to the file"
    )


def _no_initdata(osc: OscProfile) -> str:
    return (
        f"{PRODUCTION}no initdata is demanded: the pod VM image of OSC {osc.version} is not known "
        "to measure it into PCR 8. Use OSC 1.10 or later, or, where your image does measure it: pulumi config set "
        "--path coco-azure:trustee.referenceValues.initdata true"
    )


def _let_pass(stack: Settings, judgement: Judgement, now: datetime) -> list[str]:
    """Return one warning with everything that the two policies of a development stack let pass."""
    if stack.environment == "production":
        return []
    whole = _policies(stack, judgement, now)[-1]
    passed = [outcome.case for outcome in whole.outcomes if outcome.passed and not outcome.expected]
    other = "TDX" if stack.peer_pods.tee == "snp" else "SNP"
    own = [case for case in passed if not case.startswith(other)]
    own.append(
        "any pod that is let in, whichever secret it asks for (secrets are bound to initdata in production only)"
    )
    way = "A production stack does not: pulumi config set coco-azure:environment production"
    return [f"this development stack hands out secrets to: {'; '.join(own)}. {way}"]


def _policies(stack: Settings, judgement: Judgement, now: datetime) -> list[PolicyReport]:
    """Return what the engine makes of the policies, each alone and then both together."""
    profile, tee, variant = judgement.profile, stack.peer_pods.tee, stack.environment
    known, bound = chain_values.as_data(judgement.values, now), judgement.bindings
    tcb, pcrs = stack.trustee.snp_tcb.minimum, chain_values.demanded_pcrs(judgement.values) or PCRS
    resource, attestation = judgement.resource_policy, judgement.attestation_policy
    return [
        report
        for report in (
            agents.reported(
                "trustee.resourcePolicyFile",
                lambda: check_resource_policy(resource, profile, tee, variant=variant, bindings=bound),
            ),
            agents.reported(
                "trustee.attestationPolicyFile",
                lambda: check_attestation_policy(attestation, profile, tee, known, variant=variant, pcrs=pcrs, tcb=tcb),
            ),
            agents.reported(
                None,
                lambda: check_chain(
                    resource, attestation, profile, tee, known, variant=variant, pcrs=pcrs, tcb=tcb, bindings=bound
                ),
            ),
        )
        if report is not None
    ]


def _certificates(stack: Settings, now: datetime, certificate: str | None) -> list[str]:
    trustee, days = stack.trustee, stack.trustee.reference_values.warn_days
    pairs = {
        "trustee.tls.certificateFile": trustee.tls.certificate,
        "trustee.tokenSigner.certificateFile": trustee.token_signer.certificate,
        "initdata.kbsCertificateFile": stack.initdata.certificate,
    }
    expiring = {name: certificates.expires_within(pem, now, days) for name, pem in pairs.items() if pem is not None}
    if trustee.tls.made and certificate is not None:
        way = f"pulumi config set --path coco-azure:trustee.rotation.tls {trustee.rotation.tls + 1}"
        expires = certificates.expires_within(certificate, now, days)
        expiring["trustee.tls"] = f"{expires}: {way}" if expires is not None else None
    return [f"coco-azure:{name}: {text}" for name, text in expiring.items() if text is not None]
