r"""Configuration of the Intel quote provider library for TDX: which PCCS Trustee asks (chapter 7.13.3).

Format: ``sgx_default_qcnl.conf`` is JSON. The chapter's manifest begins the block with ``| \``, which puts a backslash
into the file; here it is plain JSON.
"""

import json

FILE = "sgx_default_qcnl.conf"


def render(pccs_url: str, collateral_service: str) -> str:
    """Return the file for a caching service at ``pccs_url`` that itself asks ``collateral_service``."""
    return json.dumps({"collateral_service": collateral_service, "pccs_url": pccs_url}, indent=2) + "\n"
