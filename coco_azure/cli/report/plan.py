"""Reads the dependency graph of what a preview foresees, from its update plan (``pulumi preview --save-plan FILE``).

Names and order only: what values a plan has, encrypted or not, is never looked at. Resources that are read have no
entry in a plan; those that others depend on are known by that (pulumi sdk/go/common/apitype, ``plan.go``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coco_azure.cli.report.model import Graph

_SAVE, _VARIABLE = "--save-plan", "PULUMI_OPTION_SAVE_PLAN"
_WITHOUT = ("--show-secrets", "--remote")
"""Options with which no plan is asked for: it would have secrets in the clear, or pulumi refuses both together."""
_NAME = "only-for-the-report.json"
"""pulumi advises to use the plan that it has saved; the name says that this one is not for that."""


class NotAPlanError(ValueError):
    """The file is not an update plan; the message says what it is and which command makes one."""


def read(text: str) -> Graph:
    """Return the graph of a plan.

    Raises:
        NotAPlanError: it is none.
    """
    try:
        plans = json.loads(text)["resourcePlans"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotAPlanError(
            "this is no update plan of pulumi (JSON with resourcePlans). Make one: pulumi preview --save-plan FILE"
        ) from error
    # What is only deleted has no goal; the graph of what is deployed has it.
    goals = {urn: goal for urn, each in plans.items() if (goal := each.get("goal"))}
    return Graph(
        parents={urn: goal["parent"] for urn, goal in goals.items() if goal.get("parent")},
        needs={urn: _needs(goal) for urn, goal in goals.items()},
    )


def _needs(goal: Mapping[str, Any]) -> frozenset[str]:
    of_properties = (goal.get("propertyDependencies") or {}).values()
    return frozenset(goal.get("dependencies") or ()).union(*(urns or () for urns in of_properties))


def asked(options: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return where the plan of a preview will be, and the options that ask for it in addition to the user's.

    Args:
        options: the user's options.
        environment: the user's environment variables, which may stand for options.
        folder: a folder that only the user can read, and that is gone afterwards.
    """
    if own_plan := _value(options, environment):
        return Path(own_plan), ()
    if any(_is_on(name, options, environment) for name in _WITHOUT):
        return None, ()
    return folder / _NAME, (_SAVE, str(folder / _NAME))


def _value(options: Sequence[str], environment: Mapping[str, str]) -> str:
    for place, option in enumerate(options):
        name, _, value = option.partition("=")
        if name == _SAVE:
            return value or "".join(options[place + 1 : place + 2])
    return environment.get(_VARIABLE, "")


def _is_on(name: str, options: Sequence[str], environment: Mapping[str, str]) -> bool:
    variable = f"PULUMI_OPTION_{name.strip('-').replace('-', '_').upper()}"
    return any(option.partition("=")[0] == name for option in options) or bool(environment.get(variable))
