"""initdata: the document that configures a pod VM, its digest, and what the vTPM measures of it.

Format: chapter 7.5 of the OpenShift sandboxed containers 1.9 guide; cloud-api-adaptor v0.12.0
``pkg/userdata/provision.go`` (which files a pod VM takes) and ``pkg/adaptor/cloud/cloud.go`` (base64 of the TOML text).
Does not choose where the document goes: ``peer_pods`` puts it into the ConfigMap, ``attestation_check`` on a pod.
"""

import base64
import hashlib
from dataclasses import dataclass

import tomli_w

ANNOTATION = "io.katacontainers.config.runtime.cc_init_data"
"""Pod annotation that overrides the global INITDATA (OSC 1.9; cloud-api-adaptor v0.12.0 ``pkg/util/cloud.go``)."""

ALGORITHMS = ("sha256", "sha384", "sha512")
"""Digest algorithms that the pod VM knows (``process-user-data``, cloud-api-adaptor v0.12.0)."""

SECURITY_POLICY_URI = "kbs:///default/security-policy/osc"
"""Where the pod VM fetches the image signature policy: KBS secret ``security-policy``, key ``osc`` (chapter 7.13.6)."""

_CDH_SOCKET = "unix:///run/confidential-containers/cdh.sock"


@dataclass(frozen=True, kw_only=True)
class Initdata:
    """What a pod VM has to know before it can attest.

    Attributes:
        kbs_url: URL of KBS as the pod VM reaches it, without a path.
        algorithm: digest algorithm, one of ``ALGORITHMS``.
        certificate: PEM of the certificate that KBS presents, or None where a public authority signed it. It is never
            written for a plain http URL: the chapter demands that ``kbs_cert`` is deleted then.
        agent_policy: Rego of the Kata agent policy, or None to keep the policy of the pod VM image.
    """

    kbs_url: str
    algorithm: str = "sha384"
    certificate: str | None = None
    agent_policy: str | None = None


def render(initdata: Initdata) -> str:
    """Return the TOML text of the document; the same input always gives the same bytes.

    Raises:
        ValueError: the algorithm is not one that a pod VM knows.
    """
    if initdata.algorithm not in ALGORITHMS:
        raise ValueError(f"initdata algorithm {initdata.algorithm!r} is unknown; allowed: {', '.join(ALGORITHMS)}")
    data = {"aa.toml": _attestation_agent(initdata), "cdh.toml": _confidential_data_hub(initdata)}
    if initdata.agent_policy is not None:
        data["policy.rego"] = initdata.agent_policy
    return _toml({"algorithm": initdata.algorithm, "version": "0.1.0", "data": data})


def encode(document: str) -> str:
    """Return the document as OSC 1.9 takes it: base64 of the TOML text on one line."""
    return base64.b64encode(document.encode()).decode()


def digest(document: str, algorithm: str) -> str:
    """Return the hexadecimal digest over the exact bytes of the document."""
    return hashlib.new(algorithm, document.encode()).hexdigest()


def pcr8(document_digest: str) -> str:
    """Return the value of PCR 8 (SHA-256 bank, hexadecimal) after the pod VM has measured the document.

    The pod VM extends the PCR with the first 32 bytes of the digest, whatever its algorithm (cloud-api-adaptor v0.12.0
    ``podvm-mkosi``: ``tpm2_pcrextend 8:sha256=$(head -c64 initdata.digest)``).
    """
    return hashlib.sha256(bytes(32) + bytes.fromhex(document_digest)[:32]).hexdigest()


def _attestation_agent(initdata: Initdata) -> str:
    kbs = {"url": initdata.kbs_url}
    if (certificate := _certificate(initdata)) is not None:
        kbs["cert"] = certificate
    return _toml({"token_configs": {"coco_as": {"url": initdata.kbs_url}, "kbs": kbs}})


def _confidential_data_hub(initdata: Initdata) -> str:
    kbc = {"name": "cc_kbc", "url": initdata.kbs_url}
    if (certificate := _certificate(initdata)) is not None:
        kbc["kbs_cert"] = certificate
    # A cdh.toml of our own may replace the one in the image, and with it the image's setting of this URI: name it.
    image = {"image_security_policy_uri": SECURITY_POLICY_URI}
    return _toml({"socket": _CDH_SOCKET, "credentials": [], "kbc": kbc, "image": image})


def _certificate(initdata: Initdata) -> str | None:
    if initdata.certificate is None or not initdata.kbs_url.startswith("https://"):
        return None
    return initdata.certificate.strip() + "\n"


def _toml(document: dict[str, object]) -> str:
    return tomli_w.dumps(document, multiline_strings=True)
