"""The proof report: complete, stable, readable, and without a secret."""

import dataclasses
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coco_azure.trust import proof
from coco_azure.trust.proof import (
    CertificateProof,
    InitdataProof,
    PolicyProof,
    Proof,
    ProofCheck,
    ReferenceProof,
    Version,
)
from coco_azure.trust.proof_report import WIDTH, to_text

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FAR = NOW + timedelta(days=400)
GOOD = Proof(
    environment="production",
    own_cluster=True,
    versions=(
        Version(package="trustee-operator", csv="trustee-operator.v0.3.0", profile="0.3", protocol="0.1.1"),
        Version(
            package="sandboxed-containers-operator",
            csv="sandboxed-containers-operator.v1.9.0",
            profile="1.9",
            protocol="0.1.1",
        ),
    ),
    initdata=(
        InitdataProof(scope="shop/web-0", algorithm="sha256", digest="ab" * 32, pcr8="22" * 32),
        InitdataProof(scope="global", algorithm="sha512", digest="cd" * 64, pcr8="11" * 32),
    ),
    accepted_pcr8=("22" * 32, "11" * 32, "11" * 32),
    secrets={"22" * 32: ("default/db/user", "default/db/password"), "11" * 32: ()},
    reference_values=(ReferenceProof(name="snp_pcr08", count=2, sha256="ef" * 32, expires=FAR),),
    policies=(
        PolicyProof(kind="resource", source="production", sha256=proof.text_hash("package policy")),
        PolicyProof(kind="agent", source="policies/agent.rego", sha256="01" * 32),
    ),
    certificates=(CertificateProof(use="Route", subject="CN=kbs.example.com", issuer="CN=Example CA", expires=FAR),),
    checks=(ProofCheck(name="tampered initdata is denied", outcome="passed"),),
)


def _with(**changes: Any) -> Proof:
    return dataclasses.replace(GOOD, **changes)


def test_the_data_is_json_with_everything_in_it() -> None:
    data = json.loads(json.dumps(proof.to_dict(_with(warnings=("mind this",)))))

    assert list(data) == [
        "environment",
        "ownCluster",
        "versions",
        "initdata",
        "acceptedPcr8",
        "secrets",
        "referenceValues",
        "policies",
        "certificates",
        "checks",
        "attacks",
        "warnings",
    ]
    assert data["acceptedPcr8"] == ["11" * 32, "22" * 32]
    assert list(data["secrets"].items()) == [
        ("11" * 32, []),
        ("22" * 32, ["default/db/password", "default/db/user"]),
    ]
    assert [each["scope"] for each in data["initdata"]] == ["global", "shop/web-0"]
    assert data["referenceValues"] == [
        {"name": "snp_pcr08", "count": 2, "sha256": "ef" * 32, "expires": "2027-06-05T12:00:00Z"}
    ]
    assert data["warnings"] == ["mind this"]


@given(st.permutations(GOOD.initdata), st.permutations(GOOD.policies), st.permutations(GOOD.accepted_pcr8))
def test_the_order_in_which_things_were_found_changes_nothing(initdata: Any, policies: Any, pcr8: Any) -> None:
    other = _with(initdata=tuple(initdata), policies=tuple(policies), accepted_pcr8=tuple(pcr8))

    assert json.dumps(proof.to_dict(other)) == json.dumps(proof.to_dict(GOOD))


def test_dates_are_in_utc_whatever_the_zone_was() -> None:
    result = datetime(2027, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    data = proof.to_dict(_with(certificates=(dataclasses.replace(GOOD.certificates[0], expires=result),)))

    assert data["certificates"][0]["expires"] == "2026-12-31T23:00:00Z"


def test_hashes_are_what_sha256sum_gives_and_of_sets_whatever_the_order() -> None:
    assert proof.text_hash("package policy\n") == hashlib.sha256(b"package policy\n").hexdigest()
    assert proof.set_hash(["b", "a", "b"]) == proof.set_hash(["a", "b"])
    assert proof.set_hash(["a"]) != proof.set_hash(["a", "b"])


def test_a_version_that_is_treated_as_another_one_is_told_as_such() -> None:
    unheard = Version(package="trustee-operator", csv="trustee-operator.v1.20.0", profile="1.2", protocol="0.4.0")

    assert "treated as 1.2, having no profile, RCAR 0.4.0" in to_text(_with(versions=(unheard,)))


def test_the_text_is_an_aligned_table() -> None:
    warning = "Trustee runs on the cluster that it judges, which is for demonstration: whoever controls the cluster"
    text = to_text(_with(warnings=(f"{warning} controls the verifier",)))

    assert text.startswith("Proof of a production deployment\n\nVersions\n")
    assert "  sandboxed-containers-operator  sandboxed-containers-operator.v1.9.0  profile 1.9, RCAR 0.1.1\n" in text
    assert "  trustee-operator               trustee-operator.v0.3.0               profile 0.3, RCAR 0.1.1\n" in text
    assert "11" * 32 in text
    assert "  ! Trustee runs on the cluster that it judges" in text
    assert text.splitlines()[-1].startswith("    ")


def test_a_proof_of_nothing_is_still_a_report() -> None:
    assert to_text(Proof(environment="development")) == "Proof of a development deployment\n"


@given(st.lists(st.tuples(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200)), max_size=4))
def test_no_line_is_too_long_for_a_terminal(parts: list[tuple[str, str, str]]) -> None:
    certificates = tuple(CertificateProof(use=a, subject=b, issuer=c, expires=NOW) for a, b, c in parts)
    checks = tuple(ProofCheck(name=a, outcome="unknown") for a, _, _ in parts)
    text = to_text(_with(certificates=certificates, checks=checks, warnings=tuple(c for *_, c in parts)))

    assert max(len(line) for line in text.splitlines()) <= WIDTH


def test_the_text_says_what_pods_of_each_document_may_have() -> None:
    lines = [" ".join(line.split()) for line in to_text(GOOD).splitlines()]
    at = lines.index("Secrets by PCR 8")

    assert lines[at + 1 : at + 4] == [
        "1111111111111111 none",
        "2222222222222222 default/db/password",
        "2222222222222222 default/db/user",
    ]
    assert "Secrets by PCR 8" not in to_text(_with(secrets=None))
