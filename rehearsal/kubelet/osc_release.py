"""What each release of OSC brings to a node and into a pod VM, as far as a rehearsal can tell releases apart.

Written from the sources of CAA and Kata, not from the program's own profiles: a wrong profile has to fail here. CAA is
openshift/cloud-api-adaptor at the branches ``release-1.9``, ``osc-release-v1.10``, ``-v1.11`` and ``-v1.12``; Kata is
kata-containers/kata-containers at the version that each of them names: 3.13.0, 3.17.0, 3.21.0, 3.25.0.

Of the options of CAA some get lost. Up to OSC 1.11 ``entrypoint.sh`` collects them in one string and hands it over
unquoted, so the shell splits it at every space. Go's ``flag`` then stops at the first word that is no option, and CAA
(``cmd/parse.go``) never looks at the rest: with spaces in AZURE_INSTANCE_SIZES only the first size counts, and TAGS and
ENABLE_SECURE_BOOT, which come later, are dropped without a word. OSC 1.11 takes the spaces out of lists first. In OSC
1.12 CAA reads the variables itself (``src/cloud-providers/util.go``), and an item of a list keeps its space.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

Options = Literal["words", "trimmed", "environment"]
_VALUES = (
    ("PAUSE_IMAGE", "pause-image"),
    ("TUNNEL_TYPE", "tunnel-type"),
    ("VXLAN_PORT", "vxlan-port"),
    ("CACERT_FILE", "ca-cert-file"),
    ("PROXY_TIMEOUT", "proxy-timeout"),
    ("INITDATA", "initdata"),
    ("FORWARDER_PORT", "forwarder-port"),
    ("PEERPODS_LIMIT_PER_NODE", "peerpods-limit-per-node"),
    ("SSH_USERNAME", "ssh-username"),
)
_LISTS = (("AZURE_INSTANCE_SIZES", "instance-sizes"), ("TAGS", "tags"))
_ALL_SWITCHES = (
    ("DISABLECVM", "disable-cvm"),
    ("ENABLE_SECURE_BOOT", "enable-secure-boot"),
    ("USE_PUBLIC_IP", "use-public-ip"),
)


def options(environment: Mapping[str, str], how: Options) -> dict[str, str]:
    """Return the options that reach CAA, in Go's spelling; a switch that is on has the value ``true``.

    Args:
        environment: variables of the container.
        how: how they become options.
    """
    if how == "environment":
        values = {option: environment[name] for name, option in (*_VALUES, *_LISTS) if environment.get(name)}
        on = [option for name, option in _ALL_SWITCHES if environment.get(name, "").lower() in ("1", "true")]
        return values | dict.fromkeys(on, "true")
    words: list[str] = []
    for variable, option in _VALUES:
        if value := environment.get(variable):
            words += [f"-{option}", *value.split()]
    words += _switches(environment, _ALL_SWITCHES[:1])
    for variable, option in _LISTS:
        if value := environment.get(variable):
            text = re.sub(r",\s+", ",", value.strip()) if how == "trimmed" else value
            words += [f"-{option}", *text.split()]
    return _flags([*words, *_switches(environment, _ALL_SWITCHES[1:])])


def _switches(environment: Mapping[str, str], known: tuple[tuple[str, str], ...]) -> list[str]:
    # Any other spelling, such as True, is off.
    return [f"-{option}" for variable, option in known if environment.get(variable) == "true"]


def _flags(words: list[str]) -> dict[str, str]:
    """Return what Go's ``flag`` makes of the words."""
    switches = {option for _, option in _ALL_SWITCHES}
    flags: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0).lstrip("-")
        if option in switches:
            flags[option] = "true"
        elif rest:
            flags[option] = rest.pop(0)
    return flags


class Release(BaseModel):
    """One minor version of OSC.

    Attributes:
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

    model_config = ConfigDict(frozen=True, extra="forbid")

    compressed: bool
    annotation: str
    enabled: tuple[str, ...]
    dummy: bool
    options: Options
    image_denies: tuple[str, ...]
    copies_named: bool
    guest_components: tuple[int, int]
    protocol: str


_TABLE = yaml.safe_load(Path(__file__).with_name("osc_release.yaml").read_text(encoding="utf-8"))
RELEASES: Mapping[str, Release] = {version: Release(**fields) for version, fields in _TABLE.items()}


def of(tag: str) -> Release:
    """Return the release of an image tag such as ``1.9.0``; raises ValueError where the rehearsal knows none."""
    minor = ".".join(tag.removeprefix("v").split(".")[:2])
    if (release := RELEASES.get(minor)) is None:
        raise ValueError(f"no rehearsal of OSC {tag}: it knows {', '.join(RELEASES)}")
    return release
