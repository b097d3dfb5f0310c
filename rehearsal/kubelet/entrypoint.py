"""How environment variables become options of CAA on Azure, and which of them get lost.

Up to OSC 1.11 ``entrypoint.sh`` collects options in one string and hands it over unquoted, so the shell splits it at
every space. Go's ``flag`` then stops at the first word that is no option, and CAA (``cmd/parse.go``) never looks at the
rest: with spaces in AZURE_INSTANCE_SIZES only the first size counts, and TAGS and ENABLE_SECURE_BOOT, which come later,
are dropped without a word. OSC 1.11 takes the spaces out of lists first. In OSC 1.12 CAA reads the variables itself
(``src/cloud-providers/util.go``), and an item of a list keeps its space. Source: openshift/cloud-api-adaptor, branches
``release-1.9`` to ``osc-release-v1.12``.
"""

import re
from collections.abc import Mapping

from rehearsal.kubelet.osc_release import Options

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
