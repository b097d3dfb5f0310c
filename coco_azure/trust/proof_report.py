"""The proof report of a stack, from its chain: hashes, names and dates, and no secret."""

from coco_azure import names
from coco_azure.formats.pki import certificates, public_material
from coco_azure.settings import Settings
from coco_azure.trust import attacks, denials, proof
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.trust.documents import GLOBAL, agent_variant
from coco_azure.trust.proof import PolicyProof, Proof, ReferenceProof

_INITDATA_PCR = "pcr08"


def of(stack: Settings, chain: Chain, warnings: list[str], certificate: str | None) -> Proof:
    """Return what the chain proves by itself; what came of the check is told beside it.

    Args:
        stack: the settings.
        chain: the checked chain.
        warnings: what the checks warned about.
        certificate: certificates (PEM) that the Route or KBS presents, or None for the router's own.
    """
    judgement = chain.judgement
    return Proof(
        environment=stack.environment,
        versions=_versions(chain),
        initdata=tuple(
            proof.InitdataProof(
                scope=name, algorithm=stack.initdata.algorithm, digest=document.digest, pcr8=document.pcr8
            )
            for name, document in chain.documents.items()
        ),
        accepted_pcr8=_accepted(judgement),
        secrets=judgement.bindings.secrets if judgement is not None and judgement.bindings is not None else None,
        reference_values=_values(judgement),
        policies=_policies(stack, chain),
        certificates=_certificates(stack, certificate),
        # The run that could not show them has failed, and has left the outputs as they were.
        checks=tuple(
            proof.Check(name=f"{tried} is denied", outcome="passed")
            for tried in (denials.TRIED if stack.attestation_check.negative else ())
        ),
        attacks=attacks.table(stack, chain),
        own_cluster=stack.trustee.cluster is not None or not (stack.deploys_trustee and stack.peer_pods.enabled),
        warnings=tuple(warnings),
    )


def _versions(chain: Chain) -> tuple[proof.Version, ...]:
    versions = {names.OSC_PACKAGE: chain.versions.osc, names.TRUSTEE_PACKAGE: chain.versions.trustee}
    return tuple(
        proof.Version(
            package=package, csv=chain.versions.csv[package], profile=profile.version, protocol=profile.protocol
        )
        for package, profile in versions.items()
        if profile is not None
    )


def _accepted(judgement: Judgement | None) -> tuple[str, ...]:
    values = judgement.values if judgement is not None else ()
    return tuple(text for value in values if value.name.endswith(_INITDATA_PCR) for text in value.values)


def _values(judgement: Judgement | None) -> tuple[ReferenceProof, ...]:
    values = judgement.values if judgement is not None else ()
    return tuple(
        ReferenceProof(
            name=value.name, count=len(value.values), sha256=proof.set_hash(value.values), expires=value.expires
        )
        for value in values
    )


def _policies(stack: Settings, chain: Chain) -> tuple[PolicyProof, ...]:
    texts: list[tuple[str, str | None, str | None]] = []
    trustee, judgement = stack.trustee, chain.judgement
    if judgement is not None:
        texts += [
            ("resource", trustee.resource_policy, judgement.resource_policy),
            ("attestation", trustee.attestation_policy, judgement.attestation_policy),
            ("image", None, judgement.image_policy),
        ]
    if GLOBAL in chain.documents:
        texts.append(("agent", stack.initdata.agent_policy_file, chain.documents[GLOBAL].agent_policy))
    variants = {"agent": agent_variant(stack)}
    return tuple(
        PolicyProof(
            kind=kind,
            source="file of the stack" if own is not None else variants.get(kind, stack.environment),
            sha256=proof.text_hash(text),
        )
        for kind, own, text in texts
        if text is not None
    )


def _certificates(stack: Settings, certificate: str | None) -> tuple[proof.CertificateProof, ...]:
    use = "Route" if stack.trustee.tls.termination == "edge" else "KBS"
    pems = {use: certificate, "token signer": stack.trustee.token_signer.certificate}
    return tuple(_certificate(name, pem) for name, pem in pems.items() if pem is not None)


def _certificate(use: str, pem: str) -> proof.CertificateProof:
    leaf = public_material.certificates(pem)[0]
    return proof.CertificateProof(
        use=use,
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        expires=certificates.expiry(pem),
    )
