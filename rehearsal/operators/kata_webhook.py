"""The OSC operator's refusal of a second KataConfig (``kataconfig_webhook.go``), as an admission policy.

The policy takes every KataConfig that exists as a parameter, and denies the creation of another one for each of them.
"""

from pathlib import Path

import yaml

from rehearsal.api import Api
from rehearsal.kinds import ALL, POLICY_BINDING


async def install(api: Api) -> None:
    """Create the policy and its binding where they are missing."""
    if await api.get(POLICY_BINDING, "vkataconfig.kb.io") is None:
        for each in yaml.safe_load_all(Path(__file__).with_name("kata_webhook.yaml").read_text("utf-8")):
            await api.create(ALL[each["kind"]], each)
