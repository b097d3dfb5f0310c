r"""TDX: which service Trustee asks for collateral (chapter 7.13.3), and whether KBS gets out to it.

Format: ``sgx_default_qcnl.conf`` is JSON. The chapter's manifest begins the block with ``| \``, which puts a backslash
into the file; here it is plain JSON.

The library has certificates of platforms from ``pccs_url``, and all that a verifier needs from ``collateral_service``,
which is ``pccs_url`` where the file does not name it (Intel's DCAP ``QuoteGeneration/qcnl/qcnl_config.cpp``, and the
comments of ``kbs/config/sgx_default_qcnl.conf`` in openshift/trustee v1.0.0). KBS is a verifier.

The next release of openshift/trustee-operator (``internal/controller/networkpolicy.go`` of main at 1edfe3de) denies KBS
all traffic that it does not allow: out to the cluster's DNS, TCP 443 and the port of the cluster's proxy. It makes the
NetworkPolicies with KbsConfig, and puts them back when somebody changes them. The newest tag, v1.2.1, has none.
"""

import json
from urllib.parse import urlsplit

from coco_azure import names
from coco_azure.versions import profiles
from coco_azure.versions.profiles import TRUSTEE

FILE = "sgx_default_qcnl.conf"
AZURE_CACHE = "https://global.acccache.azure.net/sgx/certification/v4/"
"""Microsoft's cache of Intel's certificates, which anybody may ask (learn.microsoft.com, "Trusted Hardware Identity
Management"; Intel's DCAP ``QuoteGeneration/qcnl/linux/sgx_default_qcnl_azure.conf`` has this path)."""


def render(pccs_url: str, collateral_service: str) -> str:
    """Return the file for certificates of platforms from ``pccs_url``, and a verifier's from ``collateral_service``."""
    return json.dumps({"collateral_service": collateral_service, "pccs_url": pccs_url}, indent=2) + "\n"


PORT = 443
"""The only port beside those of DNS and of a proxy."""


def port_of(url: str) -> int:
    """Return the port that an https URL leads to; 0 for one that is none."""
    try:
        return urlsplit(url).port or PORT
    except ValueError:
        return 0


def may_close(csv: str) -> bool:
    """Return whether the operator of a CSV may keep KBS from other ports than ``PORT``.

    A version without a profile is judged by its number: what is newer than all that have one may have the policies.
    """
    minor, patch = profiles.release(csv)
    if (profile := TRUSTEE.get(minor)) is not None:
        return profile.closed_from is not None and patch >= profile.closed_from
    return _numbers(minor) > _numbers(profiles.newest(names.TRUSTEE_PACKAGE))


def _numbers(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))
