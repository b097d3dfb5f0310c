"""Stacks that break a rule of the policy pack: the rule, what is wrong, the change of a good stack, what is said."""

import base64
import json

from coco_azure import names
from tests.unit.policy_changes import (
    WORKLOADS,
    Change,
    agent,
    an_object,
    expiring,
    image_policy,
    initdata,
    kbs_toml,
    only,
    peer_pods_cm,
    policy,
    props,
    same_cluster,
    unprotected,
    with_one,
    without,
    workload,
)
from tests.unit.policy_secret_faults import SECRET_OF_WORKLOAD, SECRETS

ALLOWED, INTEL = "package policy\nallow := true\n", "https://api.trustedservices.intel.com/sgx/certification/v4/"
ANNOTATION = "io.katacontainers.config.hypervisor.cc_init_data"
_SHOP = "the agent policy in initdata.workloads.shop"

BAD: list[tuple[str, str, Change, str]] = [
    ("kbs-behind-tls", "no Route", without("trustee-route"), "no Route kbs-service stands before it"),
    ("kbs-behind-tls", "Route without TLS", props("trustee-route", spec={"tls": None}), "found: no TLS at all"),
    ("kbs-behind-tls", "passthrough", props("trustee-route", spec={"tls": {"termination": "passthrough"}}), "(found"),
    (
        "kbs-behind-tls",
        "http too",
        props("trustee-route", spec={"tls": {"insecureEdgeTerminationPolicy": "Allow"}}),
        "passes plain http on",
    ),
    (
        "kbs-behind-tls",
        "another way in",
        props("trustee-kbsconfig", spec={"kbsServiceType": "LoadBalancer"}),
        "a Service of type LoadBalancer",
    ),
    ("kbs-behind-tls", "no configuration", props("trustee-content-kbs-config-cm", data=None), "there is no kbs-"),
    (
        "kbs-url-https",
        "http in aa.toml",
        initdata({"aa.toml": '[token_configs.kbs]\nurl = "http://kbs.example.com"\n'}),
        "sends pod VMs to http://kbs.example.com",
    ),
    (
        "kbs-url-https",
        "http in cdh.toml",
        initdata({"cdh.toml": '[kbc]\nname = "cc_kbc"\nurl = "http://kbs.example.com"\n'}),
        "sends pod VMs to http://kbs.example.com",
    ),
    ("kbs-url-https", "no document", peer_pods_cm(INITDATA="bm9uZQ=="), "no initdata: Expected"),
    ("kbs-url-https", "no base64", peer_pods_cm(INITDATA="%"), "no initdata: Only base64"),
    ("kbs-admin-closed", "insecure_api", kbs_toml({"admin": {"insecure_api": True}}), "lets anybody use the admin API"),
    ("kbs-admin-closed", "no key", kbs_toml({"admin": {"auth_public_key": None}}), "lets anybody use the admin API"),
    ("kbs-admin-closed", "no admin", kbs_toml({"admin": None}), "lets anybody use the admin API"),
    (
        "kbs-admin-closed",
        "1.1 for all",
        kbs_toml({"admin": {"insecure_api": None, "type": "InsecureAllowAll"}}),
        "lets anybody use the admin API",
    ),
    (
        "kbs-admin-closed",
        "1.2 for all",
        kbs_toml({"admin": {"insecure_api": None, "authorization_mode": "InsecureAllowAll"}}),
        "lets anybody use the admin API",
    ),
    (
        "kbs-admin-closed",
        "legacy",
        props("trustee-content-kbs-config-cm", data={"kbs-config.json": '{"insecure_api": true}'}),
        "kbs-config.json has insecure_api",
    ),
    ("kbs-tokens-vouched", "blind", kbs_toml({"attestation_token": {"insecure_key": True}}), "(insecure_key)"),
    (
        "kbs-tokens-vouched",
        "no certificate",
        kbs_toml({"attestation_token": {"trusted_certs_paths": None}}),
        "no trusted_certs_paths",
    ),
    (
        "tdx-own-pccs",
        "collateral service",
        kbs_toml({"attestation_service": {"verifier_config": {"dcap_verifier": {"collateral_service": INTEL}}}}),
        "collateral from https://api.trustedservices.intel.com",
    ),
    *(
        (
            "tdx-own-pccs",
            title,
            with_one(
                an_object(
                    "ConfigMap",
                    "tdx-config",
                    "trustee-operator-system",
                    data={"sgx_default_qcnl.conf": json.dumps(library)},
                )
            ),
            "collateral from https://api.trustedservices.intel.com",
        )
        for title, library in {
            "library": {"pccs_url": INTEL},
            "library with a service in the place of its PCCS": {
                "pccs_url": "https://pccs.example.com/",
                "collateral_service": INTEL,
            },
        }.items()
    ),
    (
        "resource-policy-denies",
        "allow all",
        props("trustee-content-resource-policy", data={"policy.rego": ALLOWED}),
        "lets pass: ",
    ),
    (
        "resource-policy-denies",
        "other key",
        props("trustee-content-resource-policy", data={"policy.rego": None, "resource-policy.rego": "package policy"}),
        "there is no policy.rego, which Trustee 1.0 reads",
    ),
    (
        "attestation-policy-denies",
        "all is affirming",
        props(
            "trustee-content-attestation-policy",
            data={
                "default_cpu.rego": "package policy\nconfiguration := 2\nexecutables := 2\nhardware := 2\n",
            },
        ),
        "SNP pod VM under debug",
    ),
    (
        "attestation-policy-denies",
        "does not compile",
        props("trustee-content-attestation-policy", data={"default_cpu.rego": "package policy\nallow {"}),
        "line ",
    ),
    ("reference-values-present", "no initdata", only("pcr03", "pcr09"), "PCR 8, that of initdata, may be anything"),
    ("reference-values-present", "no image", only("pcr08"), "no PCR of the pod VM image is held to a value"),
    ("reference-values-present", "unreadable", props("trustee-content-rvps-reference-values", data={"x": "["}), "no"),
    ("reference-values-present", "none", without("trustee-content-rvps-reference-values"), "there is no ConfigMap"),
    ("reference-values-fresh", "soon", expiring(7), "expire on"),
    ("reference-values-fresh", "over", expiring(-1), "expired on"),
    (
        "secure-boot-on",
        "off",
        peer_pods_cm(ENABLE_SECURE_BOOT="false"),
        "ENABLE_SECURE_BOOT is false, needed is exactly true",
    ),
    ("secure-boot-on", "misspelt", peer_pods_cm(ENABLE_SECURE_BOOT="True"), "ENABLE_SECURE_BOOT is True"),
    ("secure-boot-on", "left out", peer_pods_cm(ENABLE_SECURE_BOOT=None), "ENABLE_SECURE_BOOT is not set"),
    ("confidential-vms", "disabled", peer_pods_cm(DISABLECVM="true"), "DISABLECVM is true, needed is exactly false"),
    ("confidential-vms", "left out", peer_pods_cm(DISABLECVM=None), "DISABLECVM is not set"),
    ("confidential-vms", "gate", props("peer-pods-feature-gates", data={"confidential": "false"}), "confidential is"),
    (
        "instance-sizes-allowed",
        "default",
        peer_pods_cm(AZURE_INSTANCE_SIZE="Standard_D2s_v5"),
        "Standard_D2s_v5 not among",
    ),
    (
        "instance-sizes-allowed",
        "list",
        peer_pods_cm(AZURE_INSTANCE_SIZES="Standard_DC2as_v5,Standard_X"),
        "Standard_X not among",
    ),
    ("images-signed-or-listed", "default", image_policy(default=[{"type": "insecureAcceptAnything"}]), "accepted"),
    (
        "images-signed-or-listed",
        "unreadable",
        props("trustee-content-security-policy", data={"osc": base64.b64encode(b"[").decode()}),
        "Secret trustee-operator-system/security-policy, osc: ",
    ),
    ("agent-policy-known", "no INITDATA", peer_pods_cm(INITDATA=None), "has no INITDATA"),
    ("agent-policy-known", "none in it", initdata({"policy.rego": None}), "has no agent policy"),
    ("agent-policy-known", "does not compile", initdata({"policy.rego": "package agent_policy\nx {"}), "line 2"),
    (
        "agent-policy-known",
        "annotation",
        props("check-job", spec={"template": {"metadata": {"annotations": {names.AGENT_POLICY: "%"}}}}),
        "the annotation of Job coco-attestation-check/attestation-check",
    ),
    (
        "agent-exec-off",
        "exec",
        agent("default ExecProcessRequest := true"),
        "allows ExecProcessRequest: the host gets a",
    ),
    ("agent-logs-off", "logs", agent("default ReadStreamRequest := true"), "allows ReadStreamRequest"),
    ("agent-logs-off", "stdin", agent("default WriteStreamRequest := true"), "allows WriteStreamRequest"),
    ("agent-set-policy-off", "SetPolicy", agent("default SetPolicyRequest := true"), "allows SetPolicyRequest"),
    (
        "agent-withstands-host",
        "files anywhere",
        agent('CopyFileRequest if startswith(input.path, "/run/kata-containers/shared")'),
        "allows a file over another container's root: the host gets any file of the pod VM",
    ),
    (
        "agent-policy-no-allow-all",
        "requests without a rule",
        agent("default AllowRequestsFailingPolicy := true"),
        "allows NoSuchRequest: the host gets whatever no rule names",
    ),
    (
        "operators-pinned",
        "automatic",
        props("trustee-operator-subscription", spec={"installPlanApproval": "Automatic"}),
        "OLM upgrades trustee-operator by itself",
    ),
    (
        "operators-pinned",
        "no version",
        props("peer-pods-operator-subscription", spec={"startingCSV": None}),
        "OLM upgrades sandboxed-containers-operator by itself",
    ),
    ("kataconfig-protected", "unprotected", unprotected, "may be replaced and deleted by any run"),
    ("trustee-on-another-cluster", "same provider", same_cluster, "on the cluster of the pods that it judges"),
    (
        "names-as-documented",
        "namespace",
        with_one(an_object("ConfigMap", "more", "shop")),
        "ConfigMap shop/more stands in namespace shop",
    ),
    (
        "names-as-documented",
        "name",
        props("trustee-route", metadata={"name": "kbs"}),
        "documented are trustee-operator-system/kbs-service",
    ),
    ("chain-is-proved", "no check", without("check"), "nothing proves that they attest"),
    *SECRETS,
]

BAD_WORKLOADS: list[tuple[str, str, Change, str]] = [
    SECRET_OF_WORKLOAD,
    (
        "kbs-url-https",
        "http for a workload",
        workload({"aa.toml": '[token_configs.kbs]\nurl = "http://kbs.example.com"\n'}),
        "initdata.workloads.shop sends pod VMs to http://kbs.example.com",
    ),
    (
        "agent-policy-known",
        "none of a workload",
        workload({"policy.rego": None}),
        "initdata.workloads.shop has no agent policy",
    ),
    (
        "agent-policy-known",
        "a workload's does not compile",
        workload({"policy.rego": "package agent_policy\nx {"}),
        "initdata.workloads.shop: ",
    ),
    (
        "agent-policy-known",
        "no document of a workload",
        props(WORKLOADS, input={"shop": {ANNOTATION: "%"}}),
        "initdata.workloads.shop: no initdata: Only base64",
    ),
    *(
        (rule, f"a workload's {request}", workload(policy(f"default {request} := true")), f"{_SHOP} allows {allowed}")
        for rule, request, allowed in (
            ("agent-exec-off", "ExecProcessRequest", "ExecProcessRequest"),
            ("agent-logs-off", "ReadStreamRequest", "ReadStreamRequest"),
            ("agent-set-policy-off", "SetPolicyRequest", "SetPolicyRequest"),
            ("agent-withstands-host", "UpdateRoutesRequest", "UpdateRoutes"),
            ("agent-policy-no-allow-all", "AllowRequestsFailingPolicy", "NoSuchRequest"),
        )
    ),
]
"""The same for the documents that workloads have of their own, whose pods are no resources of the stack."""
