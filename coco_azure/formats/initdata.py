"""initdata: the document that configures a pod VM, its digest, and what the vTPM measures of it.

Format: chapter 7.5 of the OpenShift sandboxed containers 1.9 guide; openshift/cloud-api-adaptor
``pkg/userdata/provision.go`` (which files a pod VM takes), ``pkg/adaptor/cloud/cloud.go`` (1.9: base64 of the TOML
text) and ``pkg/initdata/initdata.go`` (from 1.10 on: base64 of its gzip). Settings of images: guest-components v0.12.0
``confidential-data-hub/example.config.toml``. Does not choose where the document goes: ``peer_pods`` puts it into the
ConfigMap, ``attestation_check`` on a pod.
"""

import base64
import hashlib
import re
import struct
import tomllib
import zlib
from dataclasses import dataclass

import tomli_w

from coco_azure import names
from coco_azure.formats.pki import private_keys, public_material
from coco_azure.versions.profiles import OscProfile

ALGORITHMS = ("sha256", "sha384", "sha512")
"""Digest algorithms that the pod VM knows (``process-user-data``, cloud-api-adaptor v0.12.0)."""

SECURITY_POLICY_URI = f"kbs:///default/{names.IMAGE_POLICY_SECRET}/osc"
"""Where the pod VM fetches the image signature policy: KBS secret ``security-policy``, key ``osc`` (chapter 7.13.6)."""

USER_DATA_LIMIT = 64 * 1024
"""Characters of base64 that Azure takes as a VM's user data (cloud-api-adaptor ``azure/provider.go`` refuses more)."""

OTHER_USER_DATA = 4 * 1024
"""Bytes of user data that CAA needs beside initdata: the cloud-config around it and a file with the VM's TLS pair. The
image pull secret of a pod, up to 12 KiB, comes on top (``cloudinit.DefaultAuthfileLimit``)."""

_URI = re.compile(r"kbs:///[^/\s]+/[^/\s]+/[^/\s]+|file:///\S+")
_GZIP = b"\x1f\x8b"
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
        security_policy_uri: where the pod VM fetches the image signature policy.
        sigstore_config_uri: where it fetches the configuration for GPG signatures (``signedBy``), or None.
        registry_credentials_uri: where it fetches the registries' ``auth.json``, or None to pull without.
        registry_mirrors_uri: where it fetches which registry stands in for which, or None.
        pull_authorities: PEM of the authorities of registries and proxies beside the public ones, or None.
        pull_proxy, pull_no_proxy: URL of the proxy that images are pulled through, and what is reached without it.
        pull_proxy_is_table: whether the guest takes the proxy as a table (guest-components 608b4820), or as one text.
        workload: name of the workload whose pods it is for, or None: for every pod. No pod VM reads it; it keeps
            documents apart that are the same otherwise, whose pods KBS could not tell from each other.
    """

    kbs_url: str
    algorithm: str = "sha256"
    certificate: str | None = None
    agent_policy: str | None = None
    security_policy_uri: str = SECURITY_POLICY_URI
    sigstore_config_uri: str | None = None
    registry_credentials_uri: str | None = None
    registry_mirrors_uri: str | None = None
    pull_authorities: str | None = None
    pull_proxy: str | None = None
    pull_no_proxy: tuple[str, ...] = ()
    pull_proxy_is_table: bool = True
    workload: str | None = None


def render(initdata: Initdata) -> str:
    """Return the TOML text of the document; the same input always gives the same bytes.

    Raises:
        ValueError: the algorithm is not one that a pod VM knows, a URI leads nowhere, the certificate is none, or a
            private key would be in the document.
    """
    if initdata.algorithm not in ALGORITHMS:
        raise ValueError(f"initdata algorithm {initdata.algorithm!r} is unknown; allowed: {', '.join(ALGORITHMS)}")
    data = {"aa.toml": _attestation_agent(initdata), "cdh.toml": _confidential_data_hub(initdata)}
    if initdata.agent_policy is not None:
        data["policy.rego"] = initdata.agent_policy
    document = _toml({"algorithm": initdata.algorithm, "version": "0.1.0", "data": data})
    if (private_key := private_keys.find(document)) is not None:
        raise ValueError(
            f"initdata, which everybody can read, would hold {private_key}; remove it from the agent policy"
        )
    return document if initdata.workload is None else f"# initdata of {initdata.workload}\n{document}"


def encode(document: str, profile: OscProfile) -> str:
    """Return the document as a version of OSC takes it, in base64 on one line; the same input gives the same text."""
    raw = document.encode()
    return base64.b64encode(_gzip(raw) if profile.initdata_gzip else raw).decode()


def decode(encoded: str) -> dict[str, str]:
    """Return the files of an encoded document (``aa.toml``, ``cdh.toml``, ``policy.rego``) by name.

    Raises:
        ValueError: it is no initdata, in the form of any version of OSC.
    """
    try:
        files = tomllib.loads(_document(encoded).decode()).get("data")
    except (ValueError, zlib.error) as error:
        raise ValueError(f"no initdata: {error}") from None
    if not isinstance(files, dict):
        raise ValueError("no initdata: it has no data")  # noqa: TRY004 - a user's data
    return {str(name): str(content) for name, content in files.items()}


def commented(encoded: str) -> str:
    """Return an encoded document with one more comment, so that it does the same and is measured as another one."""
    raw = _document(encoded) + b"# one more comment\n"
    return base64.b64encode(_gzip(raw) if base64.b64decode(encoded).startswith(_GZIP) else raw).decode()


def _document(encoded: str) -> bytes:
    raw = base64.b64decode(encoded, validate=True)
    return zlib.decompress(raw, wbits=16 + zlib.MAX_WBITS) if raw.startswith(_GZIP) else raw


def user_data_size(encoded: str, beside: int = OTHER_USER_DATA) -> int:
    """Return how many characters of base64 a VM's user data takes with this initdata.

    Args:
        encoded: initdata as ``encode`` returns it.
        beside: bytes of everything else in the user data.
    """
    return -(-(len(encoded) + beside) // 3) * 4


def check_size(encoded: str) -> None:
    """Check that encoded initdata fits into a VM's user data.

    Raises:
        ValueError: no VM could be created with it.
    """
    size = user_data_size(encoded)
    if size > USER_DATA_LIMIT:
        allowed = USER_DATA_LIMIT // 4 * 3 - OTHER_USER_DATA
        raise ValueError(
            f"initdata takes {len(encoded)} characters, and Azure's user data has room for {allowed} (64 KiB of base64 "
            "with what cloud-api-adaptor adds); make the agent policy shorter (initdata.agentPolicyFile), give one CA "
            "certificate instead of a bundle (initdata.kbsCertificateFile), or keep long texts as KBS resources"
        )


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
    image = {
        "image_security_policy_uri": initdata.security_policy_uri,
        "sigstore_config_uri": initdata.sigstore_config_uri,
        "authenticated_registry_credentials_uri": initdata.registry_credentials_uri,
        "registry_configuration_uri": initdata.registry_mirrors_uri,
    }
    image = {key: _checked(key, uri) for key, uri in image.items() if uri is not None}
    return _toml({"socket": _CDH_SOCKET, "credentials": [], "kbc": kbc, "image": {**image, **_pulling(initdata)}})


def _pulling(initdata: Initdata) -> dict[str, object]:
    """Return what ``[image]`` says of the way to registries (image-rs ``config.rs`` at 3df6c412 and at 608b4820)."""
    made: dict[str, object] = {}
    if initdata.pull_authorities is not None:
        # One text each: of a longer one only the first certificate counts.
        made["extra_root_certificates"] = public_material.each_certificate(initdata.pull_authorities)
    if initdata.pull_proxy is not None:
        proxy, without = initdata.pull_proxy, ",".join(initdata.pull_no_proxy)
        table = {"https_proxy": proxy, "http_proxy": proxy, **({"no_proxy": without} if without else {})}
        text = {"image_pull_proxy": proxy, **({"skip_proxy_ips": without} if without else {})}
        made |= {"image_pull_proxy": table} if initdata.pull_proxy_is_table else text
    return made


def _checked(key: str, uri: str) -> str:
    if not _URI.fullmatch(uri):
        raise ValueError(f"{key} is {uri!r}, needed kbs:///<repository>/<secret>/<key> or file:///<path>")
    return uri


def _gzip(raw: bytes) -> bytes:
    """Return a gzip member without a name and a time; ``gzip.compress`` writes a header that depends on the Python."""
    packer = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    header = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x02\xff"
    return header + packer.compress(raw) + packer.flush() + struct.pack("<II", zlib.crc32(raw), len(raw) % 2**32)


def _certificate(initdata: Initdata) -> str | None:
    if initdata.certificate is None or not initdata.kbs_url.startswith("https://"):
        return None
    return public_material.certificates_pem(initdata.certificate)


def _toml(document: dict[str, object]) -> str:
    return tomli_w.dumps(document, multiline_strings=True)
