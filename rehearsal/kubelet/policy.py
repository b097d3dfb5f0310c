"""Evaluates Rego with regorus, the engine of Trustee and of the Kata agent, in the dialect of their versions."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import regorus

Function = Callable[[Any], Any]
"""What a policy may call: one argument, one value; None is Rego's null."""

_NANOSECONDS = 1_000_000_000
_UNDEFINED = '"<undefined>"'


class PolicyError(ValueError):
    """The policy does not compile or cannot be evaluated; the message has line and column."""


class NoSuchRuleError(PolicyError):
    """The policy does not have the rule."""


class UndefinedError(PolicyError):
    """The policy has the rule, but it has no value for this input."""


class Policy:
    """One policy with its input and data."""

    def __init__(
        self,
        text: str,
        document: Mapping[str, Any],
        data: Mapping[str, Any] | None = None,
        *,
        v1: bool = False,
        functions: Mapping[str, Function] | None = None,
        now: datetime | None = None,
    ) -> None:
        """Compile the policy.

        Args:
            text: Rego.
            document: the input.
            data: static data.
            v1: whether the text is Rego v1 unless it says otherwise (regorus 0.5 and newer), else v0.
            functions: what the policy may call, by name.
            now: the time that the policy sees; that of this machine where it is left out.

        Raises:
            PolicyError: the policy is malformed.
        """
        self._engine = regorus.Engine()
        self._engine.set_rego_v0(not v1)
        try:
            self._engine.add_policy("policy.rego", text if now is None else _at(text, now))
            for name, function in (functions or {}).items():
                self._engine.add_extension(name, 1, function)
            self._engine.add_data_json(json.dumps(data or {}))
            self._engine.set_input_json(json.dumps(document))
        except RuntimeError as error:
            raise PolicyError(_message(error)) from error

    def value(self, rule: str) -> Any:
        """Return the value of a rule (``data.policy.allow``).

        Raises:
            NoSuchRuleError: the policy does not have it.
            UndefinedError: it has no value.
            PolicyError: it cannot be evaluated.
        """
        try:
            encoded = self._engine.eval_rule_as_json(rule)
        except RuntimeError as error:
            message = _message(error)
            if message == "not a valid rule path":
                raise NoSuchRuleError(f"{rule}: {message}") from error
            raise PolicyError(message) from error
        if encoded == _UNDEFINED:
            raise UndefinedError(f"{rule} is undefined")
        return json.loads(encoded)


def _at(text: str, now: datetime) -> str:
    # The engine has no clock of its own that could be set, so the call becomes the time.
    return text.replace("time.now_ns()", str(int(now.timestamp()) * _NANOSECONDS))


def _message(error: RuntimeError) -> str:
    return str(error).partition("\n\nStack backtrace")[0].strip()
