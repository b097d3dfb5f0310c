"""A CrossGuard pack of the rules: turns what the engine sends into resources, and what rules say into violations.

Levels come from the file of ``--policy-pack-config``; without one every rule is mandatory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError, _is_unknown

from policies.model import UNKNOWN, Resource, Rule, Stack, UnknownError
from policies.rules import RULES

NAME = "coco-azure"


def start() -> None:
    """Serve the pack until the engine ends it."""
    PolicyPack(NAME, policies(), EnforcementLevel.MANDATORY)


def policies() -> list[Policy]:
    """Return the rules as the engine takes them."""
    return [_of_resource(rule) if rule.resource is not None else _of_stack(rule) for rule in RULES]


def _of_resource(rule: Rule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        try:
            messages = rule.of_resource(_resource(args), args.get_config())
        except UnknownError:
            return  # The run itself knows it, and asks before it makes the resource.
        for message in messages:
            report(message, None)

    return ResourceValidationPolicy(validate=validate, **_description(rule))


def _of_stack(rule: Rule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        stack = Stack([_resource(each) for each in args.resources])
        try:
            for message, urn in rule.of_stack(stack, args.get_config()):
                report(message, urn or None)
        except UnknownError as error:
            # The pack then says that it could not judge, which is no violation.
            raise UnknownValueError(UNKNOWN_STRING_VALUE, [str(error)]) from None

    return StackValidationPolicy(validate=validate, **_description(rule))


def _description(rule: Rule) -> dict[str, Any]:
    schema = {name: {**option.schema, "default": option.default} for name, option in rule.options.items()}
    return {
        "name": rule.id,
        "description": f"{rule.title}.",
        "config_schema": PolicyConfigSchema(schema) if schema else None,
        "severity": Severity(rule.severity),
        "remediation_steps": rule.remedy,
    }


def _resource(args: Any) -> Resource:
    provider = args.provider
    return Resource(
        kind=args.resource_type,
        name=args.name,
        urn=args.urn,
        props=plain(args.props),
        protect=bool(args.opts.protect),
        provider=None if provider is None else (provider.name, plain(provider.props)),
    )


def plain(value: Any) -> Any:
    """Return a value without the SDK's proxies, which raise at each unknown; ``UNKNOWN`` stands for one."""
    if _is_unknown(value):
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        # Both of its methods get at the values without asking whether they are known.
        target = value["__target"] if not isinstance(value, dict) else value
        return {key: plain(inner) for key, inner in target.items()}
    if isinstance(value, Sequence):
        target = value["__target"] if not isinstance(value, list) else value  # type: ignore[call-overload]
        return [plain(inner) for inner in target]
    return value
