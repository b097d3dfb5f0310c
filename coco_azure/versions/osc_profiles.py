"""Version profiles of OpenShift sandboxed containers (OSC), as data.

Sources stand beside the values: CAA is openshift/cloud-api-adaptor (branches release-1.9, osc-release-v1.10, -v1.11,
-v1.12), OSC openshift/sandboxed-containers-operator. What no public source tells of a version is as in the one before,
and named in ``OscProfile.assumed``.
"""

from collections.abc import Mapping
from typing import Any

from coco_azure import names
from coco_azure.versions.profile_types import OscProfile

# CAA pkg/util/cloud.go GetInitdataFromAnnotation.


def _osc(version: str, protocol: str, annotation: str = names.HYPERVISOR_INITDATA, **changes: Any) -> OscProfile:
    fields: dict[str, Any] = {
        "initdata_gzip": True,  # CAA pkg/initdata/initdata.go Decode
        # CAA podvm-mkosi process-user-data.service.d/10-override.conf extends PCR 8; whether the image that OSC 1.9
        # builds itself does, no public source says.
        "initdata_measured": True,
        "initdata_stand_in": True,  # CAA pkg/userdata/provision.go generateDummyInitdata
        "restarts_caa": False,
        # OSC docs/CONFIG-OPTIONS.md at 00b58ece, which no release has yet.
        # deploymentMode is there since pull request 825 of 2025-07; 2410 of 2026-07 takes its reboots away.
        "daemon_set_without_reboot": False,
        "caa_update_strategy": False,
        # openshift/sandboxed-containers-operator pull request 879, docs/credentials-handling.md (1.12.1)
        "workload_identity": False,
        # guest-components f2ca0f64 (image-rs registry configuration) is in 0a06ef24 and not in 3df6c412; 608b4820 is
        # the first of the four below whose image_pull_proxy is a table.
        "registry_mirrors": True,
        "pull_proxy_is_table": True,
        # CAA src/cloud-providers/azure/manager.go RootVolumeSize: in v0.16.0, not in v0.14.0.
        "root_volume_size": True,
        # kata-containers 3.29.0 src/agent/policy/src/policy.rs PolicyCopyFileRequest, not in 3.13 to 3.25; Red Hat's
        # own policy reads it from OSC 1.12 on (CAA podvm-payload/osc-agent-policy.rego).
        "copied_type_named": False,
        "one_image": False,
        "verifies_sealed": False,
        "follows_tls_profile": False,
        "proxy_timeout": "5m",
        "openshift": (),
        "assumed": frozenset(),
    }
    return OscProfile(version=version, initdata_annotation=annotation, protocol=protocol, **{**fields, **changes})


# KBS_PROTOCOL_VERSION of confidential-containers/guest-components (attestation-agent/kbs_protocol/src/client/mod.rs) at
# the revisions that CAA src/cloud-api-adaptor/versions.yaml names: 3df6c412, 0a06ef24, 608b4820, 5574c494. What KBS
# takes: TR kbs/src/attestation/backend.rs, VERSION_REQ.
RCAR_FIRST, RCAR_0_4, RCAR_1_0 = "0.1.1", "0.2.0", "0.4.0"


# The branch of CAA for OSC 1.13 is not public, and of the operator nobody has read the tag of 1.13.1.
_ASSUMED = frozenset(
    {
        "initdata_gzip",
        "initdata_annotation",
        "initdata_measured",
        "initdata_stand_in",
        "restarts_caa",
        "workload_identity",
        "protocol",
        "registry_mirrors",
        "pull_proxy_is_table",
        "root_volume_size",
        "copied_type_named",
    }
)

OSC: Mapping[str, OscProfile] = {
    profile.version: profile
    for profile in (
        _osc(
            "1.9",
            RCAR_FIRST,
            names.RUNTIME_INITDATA,
            initdata_gzip=False,
            initdata_measured=False,
            initdata_stand_in=False,
            registry_mirrors=False,
            pull_proxy_is_table=False,
            root_volume_size=False,
        ),
        _osc(
            "1.10",
            RCAR_0_4,
            names.RUNTIME_INITDATA,
            initdata_stand_in=False,
            pull_proxy_is_table=False,
            root_volume_size=False,
        ),
        _osc("1.11", RCAR_1_0),
        _osc("1.12", RCAR_1_0, restarts_caa=True, workload_identity=True, copied_type_named=True),
        _osc(
            "1.13",
            RCAR_1_0,
            restarts_caa=True,
            workload_identity=True,
            copied_type_named=True,
            one_image=True,  # OSC docs/peerpods-encrypted-scratch.md at 50a32f42
            verifies_sealed=True,  # guest-components confidential-data-hub/hub/src/secret/mod.rs, from v0.18.0 on
            follows_tls_profile=True,  # OSC controllers/tls.go at 933eb47: TLS_MIN_VERSION, TLS_CIPHER_SUITES
            proxy_timeout="8m",
            openshift=("4.19.38", "4.20.29", "4.21.24", "4.22.5"),  # told by people who have installed it
            assumed=_ASSUMED,
        ),
    )
}
