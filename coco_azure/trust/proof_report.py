"""The proof report of a stack, from its chain: hashes, names and dates, and no secret."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from coco_azure import names
from coco_azure.formats.kbs.reference_values import accepted_pcr8
from coco_azure.formats.pki import certificates, public_material
from coco_azure.settings import Settings
from coco_azure.trust import agents, denials, proof
from coco_azure.trust.chain import Chain, Judgement
from coco_azure.trust.documents import GLOBAL, agent_variant
from coco_azure.trust.proof import PolicyProof, Proof, ReferenceProof, to_dict


def proof_of(stack: Settings, chain: Chain, warnings: list[str], certificate: str | None) -> Proof:
    """Return what the chain proves by itself; what came of the check is told beside it.

    Args:
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
        accepted_pcr8=tuple(accepted_pcr8(judgement.values)) if judgement is not None else (),
        secrets=judgement.bindings.secrets if judgement is not None and judgement.bindings is not None else None,
        reference_values=_values(judgement),
        policies=_policies(stack, chain),
        certificates=_certificates(stack, certificate),
        # The run that could not show them has failed, and has left the outputs as they were.
        checks=tuple(
            proof.ProofCheck(name=f"{tried} is denied", outcome="passed")
            for tried in (denials.TRIED if stack.attestation_check.negative else ())
        ),
        attacks=agents.table(stack, chain),
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


Row = tuple[str, ...]
"""The cells of one line."""

WIDTH = 100
"""Longest line, in characters."""

_INDENT, _GAP = "  ", "  "
_SHORTEST = 8


def to_text(proof: Proof) -> str:
    """Return the proof as text, no line longer than ``WIDTH``; the warnings come last, where a terminal ends."""
    return text_of(to_dict(proof))


def text_of(data: Mapping[str, Any]) -> str:
    """Return the text of a proof that was exported, as ``to_dict`` made it."""
    lines = [f"Proof of a {data['environment']} deployment"]
    for title, section in _sections(data):
        lines += ["", title, *_table(section)]
    if data["warnings"]:
        lines += ["", "Warnings"]
        for warning in data["warnings"]:
            lines += textwrap.wrap(warning, WIDTH, initial_indent=f"{_INDENT}! ", subsequent_indent=f"{_INDENT}  ")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _sections(data: Mapping[str, Any]) -> list[tuple[str, list[Row]]]:
    sections: list[tuple[str, list[Row]]] = [
        ("Versions", _version_rows(data["versions"])),
        ("Initdata", [part for each in data["initdata"] for part in _initdata_rows(each)]),
        ("Accepted PCR 8", [(value,) for value in data["acceptedPcr8"]]),
        (
            "Secrets by PCR 8",
            [(pcr8[:16], path) for pcr8, paths in (data.get("secrets") or {}).items() for path in paths or ["none"]],
        ),
        (
            "Reference values",
            [
                (each["name"], f"{each['count']}", each["sha256"][:16], each["expires"])
                for each in data["referenceValues"]
            ],
        ),
        ("Policies", [(each["kind"], each["source"], each["sha256"][:16]) for each in data["policies"]]),
        (
            "Certificates",
            [(each["use"], each["subject"], each["issuer"], each["expires"]) for each in data["certificates"]],
        ),
        ("Checks", [(each["name"], each["outcome"]) for each in data["checks"]]),
        ("Attacks of a host", [(each["attack"], each["deniedBy"]) for each in data.get("attacks", ())]),
    ]
    return [(title, content) for title, content in sections if content]


def _version_rows(versions: Sequence[Mapping[str, str]]) -> list[Row]:
    return [(each["package"], each["csv"], f"{_profile(each)}, RCAR {each['protocol']}") for each in versions]


def _profile(each: Mapping[str, str]) -> str:
    own = f".v{each['profile']}." in each["csv"]
    return f"profile {each['profile']}" if own else f"treated as {each['profile']}, having no profile"


def _initdata_rows(each: Mapping[str, str]) -> list[Row]:
    digest = each["digest"]
    half = (len(digest) + 1) // 2 if len(digest) > 64 else len(digest)  # noqa: PLR2004 - what fits into a line
    lines = [digest[start : start + half] for start in range(0, len(digest), half)] or [""]
    return [
        (each["scope"], each["algorithm"], lines[0]),
        *(("", "", line) for line in lines[1:]),
        ("", "PCR 8", each["pcr8"]),
    ]


def _table(section: Sequence[Row]) -> list[str]:
    widths = _widths(section)
    return [
        _INDENT + _GAP.join(_fit(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in section
    ]


def _widths(section: Sequence[Row]) -> list[int]:
    """Return the width of each column: what it needs, the widest ones cut until the line fits."""
    widths = [max(map(len, column)) for column in zip(*section, strict=True)]
    room = WIDTH - len(_INDENT) - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _SHORTEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _fit(cell: str, width: int) -> str:
    flat = " ".join(cell.split())
    return flat if len(flat) <= width else flat[: max(width - 3, 0)] + "..."
