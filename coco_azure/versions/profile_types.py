"""What a version profile says: the fields, without any version's values (those are in ``profiles``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Token = Literal["Simple", "Ear"]
KbsSchema = Literal["0.3", "1.1", "1.2"]
ReferenceFormat = Literal["hash-value", "value", "local-json"]
SignerKey = Literal["RSA", "P-256"]


@dataclass(frozen=True, kw_only=True)
class OscProfile:
    """OpenShift sandboxed containers, one minor version.

    Attributes:
        version: minor version, such as ``1.9``.
        initdata_gzip: whether initdata is compressed before base64.
        initdata_annotation: pod annotation that overrides the global INITDATA; the key of another version is ignored.
        initdata_measured: whether the pod VM image is known to extend PCR 8 with the digest of initdata.
        initdata_stand_in: whether a pod VM without initdata measures a document of its own into PCR 8; otherwise
            PCR 8 stays at what the boot left in it.
        restarts_caa: whether the operator restarts CAA itself when ``peer-pods-cm`` changes.
        daemon_set_without_reboot: whether ``deploymentMode: DaemonSet`` installs kata without a reboot; where it does
            not, nodes have to be rebooted by hand.
        caa_update_strategy: whether the operator takes ``caaUpdateStrategy`` in ``osc-feature-gates``.
        workload_identity: whether operator and CAA can sign in to Azure with a token of the cluster.
        protocol: version of the RCAR protocol that guest-components in its pod VM image speak with KBS.
        registry_mirrors: whether guest-components in its pod VM image read which registry stands in for which.
        pull_proxy_is_table: whether they take the proxy that images are pulled through as a table, else as one text.
        root_volume_size: whether CAA on Azure reads the size of a pod VM's root disk.
        copied_type_named: whether the Kata agent names the type of a file that the host copies, and the target of a
            link, to its policy (``file_type``, ``symlink_target``); otherwise policies find them in the mode and data.
        one_image: whether the operator's pod VM image is the same with and without confidential containers.
        verifies_sealed: whether the guest refuses a sealed secret that nobody has signed.
        follows_tls_profile: whether CAA has TLS versions and ciphers from the cluster's TLS profile, and restarts
            when that changes.
        proxy_timeout: how long CAA waits for the agent of a new pod VM in Red Hat's example.
        openshift: least releases of OpenShift, one a minor version, the oldest first; empty: none is told.
        assumed: names of fields that no public source tells, and that are as in the version before.
    """

    version: str
    initdata_gzip: bool
    initdata_annotation: str
    initdata_measured: bool
    initdata_stand_in: bool
    restarts_caa: bool
    daemon_set_without_reboot: bool
    caa_update_strategy: bool
    workload_identity: bool
    protocol: str
    registry_mirrors: bool
    pull_proxy_is_table: bool
    root_volume_size: bool
    copied_type_named: bool
    one_image: bool
    verifies_sealed: bool
    follows_tls_profile: bool
    proxy_timeout: str
    openshift: tuple[str, ...]
    assumed: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class TrusteeProfile:
    """Trustee, one minor version of operator and KBS.

    Attributes:
        version: minor version, such as ``0.3``.
        kbs_schema: schema of ``kbs-config.toml``.
        kbs_json: whether the ConfigMap also holds the chapter's ``kbs-config.json``, which no version here reads.
        token: type of the attestation token, which decides the form of the policies.
        rego_v1: whether the embedded engine takes Rego v1 only (``if`` and ``contains`` are keywords); otherwise it
            takes Rego v0, and v1 after ``import rego.v1``.
        rego_limits: whether that engine refuses a policy of more than 1024 columns, 20,000 lines or 1 MB.
        trust_claims: whether an EAR policy gives one object ``trust_claims``; otherwise a rule for each claim.
        submodule: name of the CPU's appraisal in an EAR token (``input["submods"][...]``).
        claims: name of a TEE (``snp``, ``tdx``) at this version: the key of its claims in the input of an EAR policy,
            the prefix of its claims in the input of a Simple policy, and the claim ``tee`` of a Simple token.
        reference_function: whether policies ask ``query_reference_value(name)`` instead of ``data.reference[name]``.
        reference_format: form of the reference values' file.
        enforces_expiry: whether RVPS leaves out values that have expired. Where it does not, an expired value goes
            on being accepted until it is taken out of the file.
        split_path: whether the resource policy sees ``data.plugin`` and ``data["resource-path"]`` as a list;
            otherwise the path is one text and there is no plugin.
        resource_policy_key, attestation_policy_key, reference_values_key: keys of the ConfigMaps.
        paths: where KBS finds things, absolute paths in the container: ``repository``, ``resource_policy``,
            ``attestation_policies`` (the setting ``policy_dir`` or its successor), ``attestation_policy`` (the file),
            ``reference_values``, ``work_dir``, ``signer_key``, ``signer_certificate``, ``previous_signer_certificate``.
        migration_annotations: annotations that keep the operator from migrating (and deleting) a ConfigMap.
        reports_ready: whether the operator writes ``status.isReady`` of KbsConfig.
        tdx_config_map: whether KbsConfig takes ``tdxConfigSpec``; otherwise ``kbs-config.toml`` names the
            collateral service.
        signer_key: kind of private key that signs tokens.
        several_admins: whether KBS can accept more than one administrator's key at a time.
        volumes: names of the operator's own volumes; a Secret that KBS serves gives its name to a volume, too.
        refreshed: what a running KBS sees of a changed ConfigMap without a restart (keys of ``paths``): it is mounted
            as a folder and read at each request.
        follows_config_maps: whether the operator rolls KBS out when one of its ConfigMaps changes.
        closed_from: first patch release whose operator may keep KBS from calling other ports than 443, see
            ``coco_azure.formats.kbs.tdx``; None: no release of this version does.
        protocol: version of the RCAR protocol that KBS takes; it refuses every other one.
    """

    version: str
    kbs_schema: KbsSchema
    kbs_json: bool
    token: Token
    rego_v1: bool
    rego_limits: bool
    trust_claims: bool
    submodule: str
    claims: Mapping[str, str]
    reference_function: bool
    reference_format: ReferenceFormat
    enforces_expiry: bool
    split_path: bool
    resource_policy_key: str
    attestation_policy_key: str
    reference_values_key: str
    paths: Mapping[str, str]
    migration_annotations: Mapping[str, str]
    reports_ready: bool
    tdx_config_map: bool
    signer_key: SignerKey
    several_admins: bool
    volumes: frozenset[str]
    refreshed: frozenset[str]
    follows_config_maps: bool
    closed_from: int | None
    protocol: str

    def reference_name(self, tee: str, pcr: int) -> str:
        """Return the name that reference values of a PCR go by, for a TEE (``snp``, ``tdx``)."""
        if self.token == "Simple":  # noqa: S105 - a type of token
            return f"{self.claims[tee]}.tpm.pcr{pcr:02}"
        return f"{tee}_pcr{pcr:02}"
