"""What each release of OSC brings to a node and into a pod VM, as far as a rehearsal can tell releases apart.

Written from the sources of CAA and Kata, not from the program's own profiles: a wrong profile has to fail here. CAA is
openshift/cloud-api-adaptor at the branches ``release-1.9``, ``osc-release-v1.10``, ``-v1.11`` and ``-v1.12``; Kata is
kata-containers/kata-containers at the version that each of them names: 3.13.0, 3.17.0, 3.21.0, 3.25.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_RUNTIME = "io.katacontainers.config.runtime.cc_init_data"
_HYPERVISOR = "io.katacontainers.config.hypervisor.cc_init_data"
_ENABLED = ("machine_type", "default_memory", "default_vcpus", "image", "default_gpus", "gpu_model")
Options = Literal["words", "trimmed", "environment"]


@dataclass(frozen=True, kw_only=True)
class Release:
    """One minor version of OSC.

    Attributes:
        version: such as ``1.9``.
        compressed: whether initdata is gzip inside base64 (CAA ``pkg/initdata``, Kata
            ``src/runtime/pkg/oci/utils.go``); CAA then also reads the global INITDATA at its start.
        annotation: the annotation that Kata and CAA (``pkg/util/cloud.go``) read initdata from.
        enabled: hypervisor annotations that the shim takes (``enable_annotations`` in Kata's
            ``configuration-remote.toml.in``); it refuses a pod with any other one.
        dummy: whether a pod VM without initdata measures CAA's own dummy (CAA ``pkg/userdata/provision.go``).
        options: how CAA gets its options (``entrypoint.sh``): as words that the shell splits, the same with the spaces
            of lists taken out before, or read from the environment by CAA itself.
        image_denies: what the agent policy of the pod VM image denies (1.9 and 1.10: OSC
            ``config/peerpods/podvm/lib.sh``; then CAA ``podvm-payload/osc-agent-policy.rego``, which no annotation can
            replace any more).
        copies_named: whether the agent names type and target of a copied file to its policy, and the image's policy
            checks them (CAA ``podvm-payload/osc-agent-policy.rego`` of 2026-05, for CVE-2026-41326).
        guest_components: version of guest-components in the pod VM image (CAA ``src/cloud-api-adaptor/versions.yaml``).
        protocol: version of the RCAR protocol that they speak (guest-components
            ``attestation-agent/kbs_protocol/src/client/mod.rs``, KBS_PROTOCOL_VERSION).
    """

    version: str
    compressed: bool
    annotation: str
    enabled: tuple[str, ...] = _ENABLED
    dummy: bool = False
    options: Options = "words"
    image_denies: tuple[str, ...] = ("ExecProcessRequest", "ReadStreamRequest")
    copies_named: bool = False
    guest_components: tuple[int, int] = (0, 11)
    protocol: str = "0.1.1"


def _newest(
    version: str, options: Options, guest_components: tuple[int, int], *, copies_named: bool = False
) -> Release:
    enabled = (*_ENABLED, "cc_init_data")
    return Release(
        version=version,
        compressed=True,
        annotation=_HYPERVISOR,
        enabled=enabled,
        dummy=True,
        options=options,
        copies_named=copies_named,
        guest_components=guest_components,
        protocol="0.4.0",
        image_denies=("ExecProcessRequest", "ReadStreamRequest", "SetPolicyRequest"),
    )


RELEASES: Mapping[str, Release] = {
    release.version: release
    for release in (
        Release(version="1.9", compressed=False, annotation=_RUNTIME),
        Release(version="1.10", compressed=True, annotation=_RUNTIME, guest_components=(0, 13), protocol="0.2.0"),
        _newest("1.11", "trimmed", (0, 15)),
        _newest("1.12", "environment", (0, 17), copies_named=True),
        # No branch of CAA for it is public: as 1.12, with guest-components that verify sealed secrets.
        _newest("1.13", "environment", (0, 18), copies_named=True),
        # There is no such version. It behaves as 1.13, to try what becomes of a version that nobody knows yet.
        _newest("1.14", "environment", (0, 18), copies_named=True),
    )
}


def of(tag: str) -> Release:
    """Return the release of an image tag such as ``1.9.0``; raises ValueError where the rehearsal knows none."""
    minor = ".".join(tag.removeprefix("v").split(".")[:2])
    if (release := RELEASES.get(minor)) is None:
        raise ValueError(f"no rehearsal of OSC {tag}: it knows {', '.join(RELEASES)}")
    return release
