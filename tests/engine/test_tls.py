"""TLS between pod VMs and KBS on the real engine: who ends it, and whose certificate it is.

The tests share a cluster and go on from each other's state, in their order.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coco_azure.formats.pki import issuing, public_material
from tests.engine import pods
from tests.engine.harness import Stack

pytestmark = pytest.mark.engine

HOST = "kbs-service-trustee-operator-system.apps.rehearsal.example.com"
PEER_PODS_CM = "/api/v1/namespaces/openshift-sandboxed-containers-operator/configmaps/peer-pods-cm"
ROUTE = "/apis/route.openshift.io/v1/namespaces/trustee-operator-system/routes/kbs-service"
NOW = datetime.now(UTC)
VARIABLES = {"COCO_REHEARSAL_OSC": "1.9", "COCO_REHEARSAL_TRUSTEE": "0.3"}
"""The chapter's versions."""


@dataclass(frozen=True)
class Authority:
    """A private authority of the user's, whose files lie in a folder."""

    folder: Path
    certificate: str
    key: str

    @classmethod
    def make(cls, folder: Path, name: str) -> "Authority":
        """Make one."""
        certificate, key = issuing.make_ca(name, NOW, 3650)
        (folder / f"{name}.pem").write_text(certificate)
        return cls(folder, certificate, key)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("pki"), "company")


@pytest.fixture(scope="module")
def own(authority: Authority) -> dict[str, Any]:
    """Settings of the user's own certificate."""
    certificate, key = issuing.issue(authority.certificate, authority.key, HOST, NOW, 300)
    (authority.folder / "kbs.crt").write_text(certificate)
    (authority.folder / "kbs.key").write_text(key)
    files = {"certificateFile": "kbs.crt", "privateKeyFile": "kbs.key", "caCertificateFile": "company.pem"}
    return {setting: str(authority.folder / name) for setting, name in files.items()}


def _initdata(stack: Stack) -> str:
    return pods.decoded(stack.get(PEER_PODS_CM)["data"]["INITDATA"])


def _presented(stack: Stack, use: str) -> Any:
    return next(each for each in stack.outputs()["proof"]["certificates"] if each["use"] == use)


def test_the_users_certificate_is_on_the_edge_route_and_initdata_carries_its_authority(
    stack: Stack, authority: Authority, own: dict[str, Any]
) -> None:
    stack.configure({"trustee": {"tls": own}})
    stack.up()

    assert stack.outputs()["attested"] is True
    assert authority.certificate.strip() in _initdata(stack)
    tls = stack.get(ROUTE)["spec"]["tls"]
    leaf = public_material.certificates(Path(own["certificateFile"]).read_text())[0]
    assert tls["termination"] == "edge"
    assert public_material.certificates(tls["certificate"])[0] == leaf
    presented = _presented(stack, "Route")
    assert (presented["subject"], presented["issuer"]) == ("CN=kbs", "CN=company")
    assert presented["expires"] == f"{leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"


def test_kbs_serves_https_with_the_users_certificate(stack: Stack, authority: Authority, own: dict[str, Any]) -> None:
    before = _initdata(stack)
    stack.configure({"trustee": {"tls": {**own, "termination": "passthrough"}}})
    stack.up()

    assert stack.outputs()["attested"] is True
    assert _initdata(stack) == before, "pod VMs see the same host and the same authority"
    assert stack.get(ROUTE)["spec"]["tls"] == {"termination": "passthrough"}
    assert _presented(stack, "KBS")["issuer"] == "CN=company"
    # Who does not know the authority ends the connection: it is the certificate of KBS that is judged.
    stranger = pods.asking(stack, "default/kbsres1/key1", "")
    text = _initdata(stack).replace(authority.certificate.strip(), Authority.make(authority.folder, "x").certificate)
    stranger["metadata"] = {"annotations": {pods.ANNOTATION_1_9: pods.encoded(text)}}
    assert "UnknownIssuer" in pods.run(stack, pods.CHECK, {"stranger": stranger})["stranger"]


def test_kbs_serves_https_with_a_certificate_that_the_stack_makes_and_keeps(stack: Stack) -> None:
    stack.configure({"trustee": {"tls": {"termination": "passthrough", "validDays": 20}}})
    text = " ".join(stack.up().output.split())

    outputs = stack.outputs()
    assert outputs["attested"] is True
    assert outputs["trusteeCertificate"].strip() in _initdata(stack)
    assert "coco-azure:trustee.tls: a certificate of the chain expires at" in text
    assert "pulumi config set --path coco-azure:trustee.rotation.tls 2" in text
    assert _presented(stack, "KBS")["issuer"].startswith("CN=coco-azure KBS authority")
    # It changes one thing: the initdata of before is no longer accepted.
    stack.up()
    again = stack.outputs()
    assert again["trusteeCertificate"] == outputs["trusteeCertificate"]
    assert again["attested"] is True
