"""Who may do what in a described subscription: definitions and assignments of roles (``Microsoft.Authorization``).

Shapes: REST API 2022-04-01, RoleDefinitions and RoleAssignments. Actions with wildcards, ``notActions`` and inheritance
along scopes: https://learn.microsoft.com/azure/role-based-access-control/role-definitions.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.azure.description import Content

Document = dict[str, Any]
OPERATORS = "operators"
PROVIDER = "/providers/Microsoft.Authorization"
_SPACE = uuid.UUID("6f9619ff-8b86-d011-b42d-00cf4fc964ff")


def definitions(content: Content) -> list[Document]:
    """Return built-in and custom roles."""
    subscription = f"/subscriptions/{content['subscriptionId']}"
    builtin = [_definition(subscription, name, role, "BuiltInRole") for name, role in _built_in().items()]
    custom = content.get("roleDefinitions", ())
    return builtin + [_definition(subscription, each["name"], each, "CustomRole") for each in custom]


@cache
def _built_in() -> Mapping[str, Any]:
    roles: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("roles.yaml").read_text(encoding="utf-8"))
    return roles


def _definition(subscription: str, name: str, role: Mapping[str, Any], kind: str) -> Document:
    guid = str(role.get("id") or uuid.uuid5(_SPACE, name))
    permissions = {
        "actions": list(role.get("actions", ())),
        "notActions": list(role.get("notActions", ())),
        "dataActions": [],
        "notDataActions": [],
    }
    return {
        "id": f"{subscription}{PROVIDER}/roleDefinitions/{guid}",
        "name": guid,
        "type": "Microsoft.Authorization/roleDefinitions",
        "properties": {
            "roleName": name,
            "type": kind,
            "description": name,
            "assignableScopes": ["/"] if kind == "BuiltInRole" else [subscription],
            "permissions": [permissions],
        },
    }


def scope_of(content: Content, text: str) -> str:
    """Return a scope of a description as an ARM id: ``subscription``, a resource group, or what is below one."""
    subscription = f"/subscriptions/{content['subscriptionId']}"
    if text == "subscription":
        return subscription
    if text.startswith("/resourceGroups/"):
        return subscription + text
    return text if text.startswith("/") else f"{subscription}/resourceGroups/{text}"


def assignments(content: Content) -> Iterator[Document]:
    """Yield the described role assignments; raises ValueError for a role or identity that there is not."""
    known = {each["properties"]["roleName"]: each["id"] for each in definitions(content)}
    for described in content.get("roleAssignments", ()):
        role, identity = described["role"], described["identity"]
        if role not in known or identity not in content.get("identities", {}):
            raise ValueError(
                f"the described subscription gives {identity} the role {role}: roles are {', '.join(known)}, "
                f"identities are {', '.join(content.get('identities', {}))}"
            )
        scope = scope_of(content, described["scope"])
        guid = str(uuid.uuid5(_SPACE, f"{scope} {role} {identity}"))
        principal = str(content["identities"][identity]["objectId"])
        arm = f"{scope}{PROVIDER}/roleAssignments/{guid}"
        yield assignment(arm, known[role], principal, principalType="ServicePrincipal")


def assignment(arm: str, definition: str, principal: str, **others: Any) -> Document:
    """Return a role assignment."""
    return {
        "id": arm,
        "name": arm.rsplit("/", 1)[1],
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": definition,
            "principalId": principal,
            "scope": arm.rpartition(f"{PROVIDER}/roleAssignments/")[0],
            **others,
        },
    }


def principals(content: Content) -> dict[str, str]:
    """Return the object id of everybody by client id."""
    return {str(each["clientId"]): str(each["objectId"]) for each in content.get("identities", {}).values()}


def granted(content: Content, every: Iterable[Document], principal: str, scope: str) -> Iterator[Mapping[str, Any]]:
    """Yield the permissions (``actions``, ``notActions``) that somebody has at a scope, his own and inherited ones."""
    known = {each["name"].lower(): each for each in definitions(content)}
    for each in every:
        properties = each.get("properties", {})
        if each["type"] != "Microsoft.Authorization/roleAssignments" or properties["principalId"] != principal:
            continue
        if within(scope, properties["scope"]):
            yield from known[properties["roleDefinitionId"].rsplit("/", 1)[1].lower()]["properties"]["permissions"]


def allows(permissions: Iterable[Mapping[str, Any]], action: str) -> bool:
    """Return whether one of the permissions has an action and does not take it out again."""
    return any(_in(each["actions"], action) and not _in(each["notActions"], action) for each in permissions)


def _in(patterns: Iterable[str], action: str) -> bool:
    return any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), action, re.IGNORECASE) for each in patterns)


def within(scope: str, outer: str) -> bool:
    """Return whether a scope is another one or lies below it."""
    return f"{scope.lower().rstrip('/')}/".startswith(f"{outer.lower().rstrip('/')}/")


def listed(every: Iterable[Document], scope: str, filter_text: str) -> list[Document]:
    """Return the role assignments that a list at a scope has, with a ``$filter`` (atScope, principalId, assignedTo)."""
    principal = re.search(r"principalId eq '([^']+)'|assignedTo\('([^']+)'\)", filter_text)
    wanted = next(filter(None, principal.groups()), None) if principal else None
    below = "atScope()" not in filter_text
    matches = []
    for each in every:
        if each["type"] != "Microsoft.Authorization/roleAssignments":
            continue
        own = each["properties"]["scope"]
        if not (within(scope, own) or (below and within(own, scope))):
            continue
        if wanted is None or each["properties"]["principalId"] == wanted:
            matches.append(each)
    return matches
