"""The OSC operator's refusal of a second KataConfig (``kataconfig_webhook.go``), as an admission policy.

The policy takes every KataConfig that exists as a parameter, and denies the creation of another one for each of them.
"""

from rehearsal.api import Api
from rehearsal.kinds import KATA_CONFIG, POLICY, POLICY_BINDING

_NAME = "vkataconfig.kb.io"
_REFUSAL = "A KataConfig instance already exists, refusing to create a duplicate"


async def install(api: Api) -> None:
    """Create the policy and its binding where they are missing."""
    if await api.get(POLICY_BINDING, _NAME) is not None:
        return
    group, _, version = KATA_CONFIG.api_version.partition("/")
    created = {
        "apiGroups": [group],
        "apiVersions": [version],
        "resources": [KATA_CONFIG.plural],
        "operations": ["CREATE"],
    }
    policy = {
        "failurePolicy": "Fail",
        "paramKind": {"apiVersion": KATA_CONFIG.api_version, "kind": KATA_CONFIG.name},
        "matchConstraints": {"resourceRules": [created]},
        "validations": [{"expression": "false", "message": _REFUSAL}],
    }
    binding = {
        "policyName": _NAME,
        "validationActions": ["Deny"],
        "paramRef": {"selector": {}, "parameterNotFoundAction": "Allow"},
    }
    await api.create(POLICY, {"metadata": {"name": _NAME}, "spec": policy})
    await api.create(POLICY_BINDING, {"metadata": {"name": _NAME}, "spec": binding})
