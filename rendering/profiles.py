"""Version profiles: what differs between versions of OpenShift sandboxed containers (OSC) and of Trustee, as data.

Everything that depends on a version is a field here, and nothing else in the program asks for a version number. A
version without a profile is an error that names the versions that have one. Sources stand beside each field; TO is
openshift/trustee-operator, TR openshift/trustee, CAA confidential-containers/cloud-api-adaptor, each at the tag of the
version that it belongs to.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Token = Literal["Simple", "Ear"]
KbsSchema = Literal["0.3", "1.1", "1.2"]
ReferenceFormat = Literal["hash-value", "value", "local-json"]

TRUSTEE_PACKAGE = "trustee-operator"
OSC_PACKAGE = "sandboxed-containers-operator"


class VersionError(ValueError):
    """There is no profile for a version; the message names those that there are."""


@dataclass(frozen=True, kw_only=True)
class OscProfile:
    """OpenShift sandboxed containers, one minor version.

    Attributes:
        version: minor version, such as ``1.9``.
        initdata_gzip: whether initdata is compressed before base64 (CAA >= 0.14).
        initdata_annotation: pod annotation that overrides the global INITDATA; the key of another version is ignored.
        initdata_measured: whether the pod VM image is known to extend PCR 8 with the digest of initdata.
        restarts_caa: whether the operator restarts CAA itself when ``peer-pods-cm`` changes.
    """

    version: str
    initdata_gzip: bool
    initdata_annotation: str
    initdata_measured: bool
    restarts_caa: bool


@dataclass(frozen=True, kw_only=True)
class TrusteeProfile:
    """Trustee, one minor version of operator and KBS.

    Attributes:
        version: minor version, such as ``0.3``.
        kbs_schema: schema of ``kbs-config.toml``.
        token: type of the attestation token, which decides the form of the policies.
        rego_v1: whether the embedded engine takes Rego v1 without an import.
        submodule: name of the CPU's appraisal in an EAR token (``input["submods"][...]``).
        claims: key of a TEE's claims in the input of the attestation policy, by TEE (``snp``, ``tdx``).
        reference_function: whether policies ask ``query_reference_value(name)`` instead of ``data.reference[name]``.
        reference_format: form of the reference values' file.
        resource_policy_key, attestation_policy_key, reference_values_key: keys of the ConfigMaps.
        paths: where KBS finds things: ``repository``, ``resource_policy``, ``attestation_policies``,
            ``reference_values``, ``work_dir``; absolute paths in the container.
        migration_annotations: annotations that keep the operator from migrating (and deleting) a ConfigMap.
        reports_ready: whether the operator writes ``status.isReady`` of KbsConfig.
        tdx_config_map: whether KbsConfig takes ``tdxConfigSpec``; otherwise the collateral service is KBS configuration.
        attestation_secrets: whether KbsConfig takes ``kbsAttestationKeySecretName`` and its sibling for the token
            signer; otherwise the signer's files lie beside the administrator's public key.
    """

    version: str
    kbs_schema: KbsSchema
    token: Token
    rego_v1: bool
    submodule: str
    claims: Mapping[str, str]
    reference_function: bool
    reference_format: ReferenceFormat
    resource_policy_key: str
    attestation_policy_key: str
    reference_values_key: str
    paths: Mapping[str, str]
    migration_annotations: Mapping[str, str] = field(default_factory=dict)
    reports_ready: bool
    tdx_config_map: bool
    attestation_secrets: bool

    def reference_name(self, tee: str, pcr: int) -> str:
        """Return the name that reference values of a PCR go by, for a TEE (``snp``, ``tdx``)."""
        if self.token == "Simple":  # noqa: S105 - a type of token
            return f"{self.claims[tee]}.tpm.pcr{pcr:02}"
        return f"{tee}_pcr{pcr:02}"


@dataclass(frozen=True, kw_only=True)
class Profiles:
    """The two versions that a stack deploys.

    Attributes:
        osc: profile of OpenShift sandboxed containers.
        trustee: profile of Trustee.
        osc_csv, trustee_csv: names of the CSVs that they follow from.
    """

    osc: OscProfile
    trustee: TrusteeProfile
    osc_csv: str
    trustee_csv: str


_RUNTIME = "io.katacontainers.config.runtime.cc_init_data"
_HYPERVISOR = "io.katacontainers.config.hypervisor.cc_init_data"

OSC: Mapping[str, OscProfile] = {
    profile.version: profile
    for profile in (
        OscProfile(
            version="1.9",
            initdata_gzip=False,
            initdata_annotation=_RUNTIME,
            initdata_measured=False,
            restarts_caa=False,
        ),
        OscProfile(
            version="1.10", initdata_gzip=True, initdata_annotation=_RUNTIME, initdata_measured=True, restarts_caa=False
        ),
        OscProfile(
            version="1.11",
            initdata_gzip=True,
            initdata_annotation=_HYPERVISOR,
            initdata_measured=True,
            restarts_caa=False,
        ),
        OscProfile(
            version="1.12",
            initdata_gzip=True,
            initdata_annotation=_HYPERVISOR,
            initdata_measured=True,
            restarts_caa=True,
        ),
    )
}

_ROOT = "/opt/confidential-containers"
_PATHS_0_3 = {
    "repository": f"{_ROOT}/kbs/repository",
    "resource_policy": f"{_ROOT}/opa/policy.rego",
    "attestation_policies": f"{_ROOT}/attestation-service/policies",
    "reference_values": f"{_ROOT}/rvps/reference-values/reference-values.json",
    "work_dir": f"{_ROOT}/attestation-service",
}
_PATHS_1_2 = {
    "repository": f"{_ROOT}/storage/repository",
    "resource_policy": f"{_ROOT}/storage/kbs/resource-policy.rego",
    "attestation_policies": f"{_ROOT}/storage/attestation_service_policy",
    "reference_values": f"{_ROOT}/storage/local_json/reference_value",
    "work_dir": f"{_ROOT}/storage",
}
_DASHED = {"snp": "az-snp-vtpm", "tdx": "az-tdx-vtpm"}
_MIGRATED = {"kbs.confidentialcontainers.org/migrated-from-v1.1.0": "v1.2.0"}


def _simple(version: str) -> TrusteeProfile:
    return TrusteeProfile(
        version=version,
        kbs_schema="0.3",
        token="Simple",  # noqa: S106 - a type of token
        rego_v1=False,
        submodule="cpu",
        claims=_DASHED,
        reference_function=False,
        reference_format="hash-value",
        resource_policy_key="policy.rego",
        attestation_policy_key="default.rego",
        reference_values_key="reference-values.json",
        paths=_PATHS_0_3,
        migration_annotations=_MIGRATED,
        reports_ready=False,
        tdx_config_map=True,
        attestation_secrets=False,
    )


def _ear(version: str, schema: KbsSchema, claims: Mapping[str, str]) -> TrusteeProfile:
    newest = schema == "1.2"
    return TrusteeProfile(
        version=version,
        kbs_schema=schema,
        token="Ear",  # noqa: S106 - a type of token
        rego_v1=newest,
        submodule="cpu0",
        claims=claims,
        reference_function=newest,
        reference_format="local-json" if newest else "value",
        resource_policy_key="resource-policy.rego" if newest else "policy.rego",
        attestation_policy_key="default_cpu.rego",
        reference_values_key="reference_value" if newest else "reference-values.json",
        paths=_PATHS_1_2 if newest else _PATHS_0_3,
        migration_annotations=_MIGRATED,
        reports_ready=True,
        tdx_config_map=not newest,
        attestation_secrets=True,
    )


TRUSTEE: Mapping[str, TrusteeProfile] = {
    profile.version: profile
    for profile in (
        _simple("0.3"),
        _simple("0.4"),
        _ear("1.0", "0.3", {"snp": "azsnpvtpm", "tdx": "aztdxvtpm"}),
        _ear("1.1", "1.1", _DASHED),
        _ear("1.2", "1.2", _DASHED),
    )
}

_CSV = re.compile(r"(?P<package>[a-z0-9-]+)\.v(?P<minor>[0-9]+\.[0-9]+)\.[0-9]+(?:[-+.].*)?")


def minor_version(csv: str) -> str:
    """Return the minor version in the name of a CSV: ``1.9`` for ``sandboxed-containers-operator.v1.9.0``.

    Raises:
        VersionError: the name has no version.
    """
    found = _CSV.fullmatch(csv)
    if found is None:
        raise VersionError(f"{csv!r} is no name of a CSV such as {TRUSTEE_PACKAGE}.v0.3.0")
    return found["minor"]


def osc(csv: str) -> OscProfile:
    """Return the profile of OpenShift sandboxed containers for a CSV; raises VersionError."""
    if (found := OSC.get(minor_version(csv))) is None:
        raise VersionError(_unknown(csv, OSC_PACKAGE, OSC, "peerPods"))
    return found


def trustee(csv: str) -> TrusteeProfile:
    """Return the profile of Trustee for a CSV; raises VersionError."""
    if (found := TRUSTEE.get(minor_version(csv))) is None:
        raise VersionError(_unknown(csv, TRUSTEE_PACKAGE, TRUSTEE, "trustee"))
    return found


def _unknown(csv: str, package: str, known: Mapping[str, object], part: str) -> str:
    return (
        f"{csv} has no profile; versions of {package} that have one: {', '.join(known)}. Choose a channel that offers one "
        f"(coco-azure:{part}.operator.channel), or pin one: "
        f"pulumi config set --path 'coco-azure:{part}.operator.version' VERSION"
    )
