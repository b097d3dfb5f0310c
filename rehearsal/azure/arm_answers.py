"""What ARM answers to one request, without the HTTP around it: lists and GET; PUT and DELETE in ``arm_changes``."""

import re
from collections.abc import Mapping
from typing import Any

from rehearsal.azure import compute, roles, views
from rehearsal.azure.arm_changes import Answer, Changes, Operations
from rehearsal.azure.arm_paths import Asked
from rehearsal.azure.arm_state import ArmError
from rehearsal.azure.documents import Document
from rehearsal.azure.subscription import Subscription

_LOCATION = re.compile(r"location eq '([^']+)'")
_ROLE_NAME = re.compile(r"roleName eq '([^']+)'")


class Answers:
    """One subscription's answers."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._operations = Operations()
        self._changes = Changes(subscription, self._operations)

    def to(self, method: str, asked: Asked, query: Mapping[str, str], body: Any, principal: str) -> Answer:
        """Return the answer to a request.

        Raises:
            ArmError: Azure refuses, with its code.
        """
        self._check_group(asked)
        if asked.kinds == ("locks",) and method != "GET":
            state = self._subscription.state
            state.lock(asked.scope, asked.names[0]) if method == "PUT" else state.unlock(asked.scope)
            return Answer({"id": asked.path, "properties": {"level": "CanNotDelete"}})
        if asked.kind == "microsoft.compute/locations/placementscores/generate":
            return Answer(compute.placement_scores(self._subscription.content, body))
        if method == "GET":
            return Answer(self._get(asked, query, principal))
        if method == "DELETE":
            return self._changes.delete(asked)
        if method == "PUT":
            return self._changes.put(asked, body, principal)
        raise ArmError("MethodNotAllowed", method=method, path=asked.path)

    def _check_group(self, asked: Asked) -> None:
        groups = [each.lower() for each in self._subscription.resource_groups()]
        foreign = asked.subscription is not None and asked.subscription.lower() != self._subscription.id.lower()
        if asked.group is not None and not foreign and asked.group.lower() not in groups:
            raise ArmError("ResourceGroupNotFound", group=asked.group)

    def _get(self, asked: Asked, query: Mapping[str, str], principal: str) -> Any:
        filter_text = query.get("$filter", "")
        if asked.namespace == "microsoft.authorization":
            return self._authorization(asked, filter_text, principal)
        if asked.kind == "microsoft.network/locations/operations":
            return self._operations.status(asked.names[-1])
        if asked.kind in ("microsoft.compute/skus", "microsoft.compute/locations/usages"):
            return self._compute(asked, filter_text)
        if not asked.namespace:
            return self._groups(asked)
        every = self._subscription.resources()
        return self._list(asked, every) if asked.lists else self._shown(asked, every)

    def _shown(self, asked: Asked, every: Mapping[str, Document]) -> Document:
        shown = views.whole(self._one(asked, every), every)
        if self._operations.pending(asked.path):
            shown["properties"]["provisioningState"] = "Updating"
        return shown

    def _list(self, asked: Asked, every: Mapping[str, Document]) -> list[Document]:
        if len(asked.kinds) > 1:
            parent = asked.path.rpartition("/")[0]
            self._one_at(parent, every)
            documents = views.inside(parent, asked.kinds[-1], every)
        else:
            documents = [
                each for each in every.values() if str(each["type"]).lower() == asked.kind and _in(each, asked)
            ]
        return [views.whole(each, every) for each in sorted(documents, key=lambda each: str(each["id"]))]

    def _groups(self, asked: Asked) -> Any:
        subscription = f"/subscriptions/{self._subscription.id}"
        path = asked.path.lower()
        if path.endswith("/resources") and asked.group:
            every = self._subscription.resources()
            outlines = [views.outline(each) for each in every.values() if _in(each, asked) and views.is_listed(each)]
            return sorted(outlines, key=lambda each: str(each["id"]))
        groups: list[Document] = [
            {
                "id": f"{subscription}/resourceGroups/{name}",
                "name": name,
                "type": "Microsoft.Resources/resourceGroups",
                "location": self._subscription.location,
                "properties": {"provisioningState": "Succeeded"},
            }
            for name in self._subscription.resource_groups()
        ]
        if path.endswith("/resourcegroups"):
            return groups
        if asked.group and path.endswith(f"/resourcegroups/{asked.group.lower()}"):
            return next(each for each in groups if str(each["name"]).lower() == asked.group.lower())
        if path == subscription.lower():
            shown = {"subscriptionId": self._subscription.id, "displayName": "rehearsal", "state": "Enabled"}
            return {"id": subscription, "tenantId": self._subscription.tenant, **shown}
        raise ArmError("NotFound.here", path=asked.path)

    def _compute(self, asked: Asked, filter_text: str) -> list[Document]:
        content, region = self._subscription.content, self._subscription.location.lower()
        if asked.kind.endswith("/skus"):
            match = _LOCATION.search(filter_text)
            return list(compute.skus(content)) if match is None or match[1].lower() == region else []
        return compute.usages(content) if asked.names[0].lower() == region else []

    def _one(self, asked: Asked, every: Mapping[str, Document]) -> Document:
        if len(asked.kinds) > 1:
            self._one_at("/".join(asked.path.split("/")[:-2]), every, wanted=asked.path)
        return self._one_at(asked.path, every)

    def _one_at(self, path: str, every: Mapping[str, Document], wanted: str | None = None) -> Document:
        """Return a resource; raises ArmError in the words that Microsoft.Network and the others have for it."""
        document = every.get(path.lower())
        if document is not None:
            return document
        parts = path.split("/")
        if "subnets" in [each.lower() for each in parts]:
            raise ArmError("NotFound", path=path)
        kind = "/".join(parts[6:8])
        if wanted is not None:
            raise ArmError("ParentResourceNotFound.read", type=kind, path=path)
        raise ArmError("ResourceNotFound", resource=f"{kind}/{'/'.join(parts[8:])}", group=parts[4])

    def _authorization(self, asked: Asked, filter_text: str, principal: str) -> Any:
        content, every = self._subscription.content, self._subscription.resources().values()
        kind = asked.kinds[0]
        if kind == "permissions":
            scope = asked.scope or f"/subscriptions/{self._subscription.id}"
            return list(roles.granted(content, every, principal, scope))
        if kind == "roledefinitions":
            definitions = roles.definitions(content)
            if asked.names:
                return _named(definitions, asked)
            name = _ROLE_NAME.search(filter_text)
            return [each for each in definitions if name is None or each["properties"]["roleName"] == name[1]]
        if kind == "roleassignments":
            if asked.names:
                return _named(list(every), asked, full=True)
            return roles.listed(every, asked.scope or f"/subscriptions/{self._subscription.id}", filter_text)
        raise ArmError("NotFound.here", path=asked.path)


def _in(document: Document, asked: Asked) -> bool:
    scope = f"/subscriptions/{asked.subscription}/" + (f"resourceGroups/{asked.group}/" if asked.group else "")
    return str(document["id"]).lower().startswith(scope.lower())


def _named(documents: list[Document], asked: Asked, *, full: bool = False) -> Document:
    for each in documents:
        same = each["id"].lower() == asked.path.lower() if full else each["name"].lower() == asked.names[0].lower()
        if same:
            return each
    raise ArmError("RoleAssignmentNotFound" if full else "RoleDefinitionDoesNotExist", name=asked.names[0])
