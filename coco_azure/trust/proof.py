"""The proof report: what a deployment has shown of itself, as data for a stack's output.

Holds hashes, names and dates, and no value of a secret. It says what was checked; it checks nothing itself. The text
for a terminal: ``coco_azure/trust/proof_report.py``.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from coco_azure.formats import one_line

Environment = Literal["development", "production"]
Outcome = Literal["passed", "failed", "skipped", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One operator.

    Attributes:
        profile: version of the profile that it was deployed by.
        protocol: version of the RCAR protocol that its side speaks: pod VMs and KBS need the same.
    """

    package: str
    csv: str
    profile: str
    protocol: str


@dataclass(frozen=True, kw_only=True)
class InitdataProof:
    """One initdata document.

    Attributes:
        scope: ``global``, or the pod (``namespace/name``) that brings its own.
        algorithm: digest of initdata, such as ``sha256``.
        digest: the digest, hex.
        pcr8: SHA-256 value that PCR 8 of the pod VM has for it, hex.
    """

    scope: str
    algorithm: str
    digest: str
    pcr8: str


@dataclass(frozen=True, kw_only=True)
class ReferenceProof:
    """The values that RVPS accepts under one name.

    Attributes:
        sha256: hash of the set, see ``set_hash``.
        expires: end of its validity, with a time zone.
    """

    name: str
    count: int
    sha256: str
    expires: datetime


@dataclass(frozen=True, kw_only=True)
class PolicyProof:
    """One policy.

    Attributes:
        kind: ``resource``, ``attestation``, ``agent`` or ``image``.
        source: variant (``development``, ``production``) or the user's file.
        sha256: hash of its text, see ``text_hash``.
    """

    kind: str
    source: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class CertificateProof:
    """One certificate.

    Attributes:
        use: what it is for, such as ``Route``.
        subject, issuer: distinguished names.
        expires: end of its validity, with a time zone.
    """

    use: str
    subject: str
    issuer: str
    expires: datetime


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One thing that whoever administers the pods' cluster, or its nodes, can try.

    Attributes:
        attack: what, as a short sentence.
        denied_by: who denies it, or ``nobody``.
    """

    attack: str
    denied_by: str


@dataclass(frozen=True, kw_only=True)
class ProofCheck:
    """One thing that was tried.

    Attributes:
        name: what, as a short sentence.
        outcome: what came of it.
    """

    name: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Everything that was proven.

    Attributes:
        environment: which defaults the policies have.
        initdata: the global initdata and those of pods.
        accepted_pcr8: values of PCR 8 that reference values accept, hex.
        secrets: resources that pods with this PCR 8 may have, by PCR 8; None where each may have all of them.
        attacks: what a hostile host can try, and who denies it.
        own_cluster: whether Trustee runs on a cluster of its own, apart from the pods that it judges.
        warnings: what the reader has to know.
    """

    environment: Environment
    versions: tuple[Version, ...] = ()
    initdata: tuple[InitdataProof, ...] = ()
    accepted_pcr8: tuple[str, ...] = ()
    secrets: Mapping[str, tuple[str, ...]] | None = None
    reference_values: tuple[ReferenceProof, ...] = ()
    policies: tuple[PolicyProof, ...] = ()
    certificates: tuple[CertificateProof, ...] = ()
    checks: tuple[ProofCheck, ...] = ()
    attacks: tuple[Attack, ...] = ()
    own_cluster: bool = False
    warnings: tuple[str, ...] = ()


def text_hash(text: str) -> str:
    """Return the SHA-256 of a policy's text, hex; ``sha256sum`` of its file gives the same."""
    return hashlib.sha256(text.encode()).hexdigest()


def set_hash(values: Collection[str]) -> str:
    """Return the SHA-256 of a set of values, hex: of the sorted distinct values as JSON, whatever their order was."""
    return text_hash(json.dumps(sorted(set(values)), separators=(",", ":")))


def to_dict(proof: Proof) -> dict[str, Any]:
    """Return the proof as JSON-compatible data in a stable order: equal proofs give equal text."""
    return {
        "environment": proof.environment,
        "ownCluster": proof.own_cluster,
        "versions": _records(proof.versions, "package"),
        "initdata": _records(proof.initdata, "scope"),
        "acceptedPcr8": sorted(set(proof.accepted_pcr8)),
        "secrets": None
        if proof.secrets is None
        else {pcr8: sorted(own) for pcr8, own in sorted(proof.secrets.items())},
        "referenceValues": _records(proof.reference_values, "name"),
        "policies": _records(proof.policies, "kind"),
        "certificates": _records(proof.certificates, "use"),
        "checks": [asdict(check) for check in proof.checks],
        "attacks": [{"attack": each.attack, "deniedBy": each.denied_by} for each in proof.attacks],
        "warnings": list(proof.warnings),
    }


def to_line(proof: Proof) -> str:
    """Return the proof as the stack's output: a sentence, and all of it as data."""
    held = f"{len(proof.reference_values)} reference values" if proof.reference_values else "nothing"
    return one_line.write(
        f"a {proof.environment} deployment, held to {held}, {len(proof.warnings)} warnings; "
        "all of it, and of which run: ./coco-azure proof",
        to_dict(proof),
    )


def _records(items: Iterable[Any], order: str) -> list[dict[str, Any]]:
    records = [{key: _plain(value) for key, value in asdict(item).items()} for item in items]
    return sorted(records, key=lambda record: (str(record[order]), json.dumps(record, sort_keys=True)))


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
