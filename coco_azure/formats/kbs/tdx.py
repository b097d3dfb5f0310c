r"""Configuration of the Intel quote provider library for TDX: which service Trustee asks (chapter 7.13.3).

Format: ``sgx_default_qcnl.conf`` is JSON. The chapter's manifest begins the block with ``| \``, which puts a backslash
into the file; here it is plain JSON.

The library has certificates of platforms from ``pccs_url``, and all that a verifier needs from ``collateral_service``,
which is ``pccs_url`` where the file does not name it (Intel's DCAP ``QuoteGeneration/qcnl/qcnl_config.cpp``, and the
comments of ``kbs/config/sgx_default_qcnl.conf`` in openshift/trustee v1.0.0). KBS is a verifier.
"""

import json

FILE = "sgx_default_qcnl.conf"
AZURE_CACHE = "https://global.acccache.azure.net/sgx/certification/v4/"
"""Microsoft's cache of Intel's certificates, which anybody may ask (learn.microsoft.com, "Trusted Hardware Identity
Management"; Intel's DCAP ``QuoteGeneration/qcnl/linux/sgx_default_qcnl_azure.conf`` has this path)."""


def render(pccs_url: str, collateral_service: str) -> str:
    """Return the file for certificates of platforms from ``pccs_url``, and a verifier's from ``collateral_service``."""
    return json.dumps({"collateral_service": collateral_service, "pccs_url": pccs_url}, indent=2) + "\n"
