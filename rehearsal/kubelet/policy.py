"""Evaluates Rego with regorus, in the dialect (v0) that Trustee 0.3 and the Kata agent 3.12 take."""

import json
from collections.abc import Mapping
from typing import Any

import regorus


class PolicyError(ValueError):
    """The policy does not compile or cannot be evaluated; the message has line and column."""


def holds(policy: str, rule: str, document: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> bool:
    """Return whether ``rule`` (``data.policy.allow``) is true; a rule that the policy does not have is not.

    Raises:
        PolicyError: the policy is malformed.
    """
    engine = regorus.Engine()
    engine.set_rego_v0(True)
    try:
        engine.add_policy("policy.rego", policy)
        engine.add_data_json(json.dumps(data or {}))
        engine.set_input_json(json.dumps(document))
        return bool(engine.eval_rule(rule) is True)
    except RuntimeError as error:
        said = str(error).partition("\n\nStack backtrace")[0].strip()
        if said == "not a valid rule path":
            return False
        raise PolicyError(said) from error
