"""PUT and DELETE: what may be made in the rehearsal's Azure is subnets, NAT gateways, public IP addresses and roles.

What takes its time in ARM are the operations that a PUT or DELETE of Microsoft.Network starts
(https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations): the answer names a URL in
``Azure-AsyncOperation`` that says ``InProgress`` until it is over; meanwhile the resource is ``Updating``.
"""

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.azure import refusals, roles, views
from rehearsal.azure.arm_paths import Asked
from rehearsal.azure.arm_state import SUCCEEDED, ArmError
from rehearsal.azure.documents import Document
from rehearsal.azure.subscription import Subscription

_KINDS = {
    "microsoft.network/virtualnetworks/subnets": "Microsoft.Network/virtualNetworks/subnets",
    "microsoft.network/natgateways": "Microsoft.Network/natGateways",
    "microsoft.network/publicipaddresses": "Microsoft.Network/publicIPAddresses",
    "microsoft.authorization/roleassignments": "Microsoft.Authorization/roleAssignments",
}
_TOP = ("location", "tags", "sku", "zones")
_READ_ONLY = ("provisioningState", "ipConfigurations", "subnets", "resourceGuid")
_FIRST_HOST, _HOSTS = 100, 100
_TAKES = 0.3
"""Seconds: long enough for a client to ask twice."""
_OPERATION = "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/operations/{name}"


@dataclass(frozen=True)
class Answer:
    """An answer: a list (of which the server makes pages), a document, or nothing.

    Attributes:
        body: what it says.
        status: HTTP status code.
        headers: further headers, with ``{endpoint}`` for the server's own URL.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Operations:
    """The operations of one subscription; a server that is started again has forgotten them: by then they are over."""

    def __init__(self) -> None:
        self._over: dict[str, float] = {}
        self._of: dict[str, float] = {}

    def start(self, resource: str, subscription: str, location: str) -> dict[str, str]:
        """Start one for a resource, and return the headers that tell of it."""
        name = str(uuid.uuid4())
        self._over[name] = self._of[resource.lower()] = time.monotonic() + _TAKES
        url = "{endpoint}" + _OPERATION.format(subscription=subscription, location=location, name=name)
        return {"Azure-AsyncOperation": f"{url}?api-version=2024-05-01", "Retry-After": "1"}

    def pending(self, resource: str) -> bool:
        """Return whether something is still being done to a resource."""
        return self._of.get(resource.lower(), 0.0) > time.monotonic()

    def status(self, name: str) -> dict[str, str]:
        """Return what an operation says of itself; raises ArmError where there is none."""
        if name not in self._over:
            raise ArmError("OperationNotFound", name=name)
        return {"status": "InProgress" if self._over[name] > time.monotonic() else "Succeeded"}


class Changes:
    """One subscription's changes."""

    def __init__(self, subscription: Subscription, operations: Operations) -> None:
        self._subscription = subscription
        self._operations = operations

    def put(self, asked: Asked, body: Any, principal: str) -> Answer:
        """Create or update a resource.

        Raises:
            ArmError: Azure refuses.
        """
        kind = _KINDS.get(asked.kind)
        if kind is None or asked.lists:
            raise ArmError("MethodNotAllowed", method="PUT", path=asked.path)
        if not isinstance(body, Mapping):
            raise ArmError("InvalidRequestContent", error="an object is expected.")
        every = self._subscription.resources()
        before = every.get(asked.path.lower())
        if kind.startswith("Microsoft.Authorization"):
            return self._assign(asked, body, before, every)
        wanted = self._wanted(asked, kind, body, before)
        self._check(wanted, before, every, principal)
        self._subscription.state.write(wanted)
        shown = views.whole(wanted, self._subscription.resources())
        shown["properties"]["provisioningState"] = "Updating"
        return Answer(shown, 201 if before is None else 200, self._started(wanted["id"]))

    def _started(self, arm: str) -> dict[str, str]:
        return self._operations.start(arm, self._subscription.id, self._subscription.location)

    def _wanted(self, asked: Asked, kind: str, body: Mapping[str, Any], before: Document | None) -> Document:
        wanted_properties = body.get("properties") or {}
        properties = {
            key: value for key, value in wanted_properties.items() if key not in _READ_ONLY and value is not None
        }
        top = {key: body[key] for key in _TOP if body.get(key) is not None}
        if not kind.endswith("/subnets"):
            top = {"location": self._subscription.location, "tags": {}, **top}
            place = str(top["location"]).lower().replace(" ", "")
            if place != self._subscription.location:
                raise ArmError("LocationNotAvailableForResourceType", location=top["location"], type=kind)
            top["location"] = place
        old = before["properties"] if before is not None else {}
        if kind.endswith("/publicIPAddresses"):
            properties.pop("natGateway", None)
            common = {"publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4, "ipTags": []}
            properties = {**common, **properties, "ipAddress": old.get("ipAddress") or _address()}
        if kind.endswith("/natGateways"):
            properties = {"idleTimeoutInMinutes": 4, **properties}
        if kind.endswith("/subnets"):
            policies = {"privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"}
            properties = {"delegations": [], **policies, **properties}
            if "ipConfigurations" in old:
                properties["ipConfigurations"] = old["ipConfigurations"]
        arm = before["id"] if before is not None else asked.path
        whole = {"id": arm, "name": asked.names[-1], "type": kind, **top}
        return {**whole, "properties": {"provisioningState": SUCCEEDED, **properties}}

    def _check(self, wanted: Document, before: Document | None, every: Mapping[str, Document], principal: str) -> None:
        content = self._subscription.content
        if wanted["type"].endswith("/subnets"):
            network = str(wanted["id"]).rpartition("/subnets/")[0]
            if network.lower() not in every:
                raise ArmError("ParentResourceNotFound", name=network.rsplit("/", 1)[1])
            refusals.check_subnet(wanted, before, every)
        if wanted["type"].endswith("/publicIPAddresses"):
            refusals.check_public_ip(wanted)
        refusals.check_references(wanted, every, content, principal)
        refusals.check_zones(wanted, content)
        refusals.check_tags(wanted.get("tags") or {})
        if wanted["type"].endswith("/natGateways"):
            refusals.check_nat_gateway(wanted, every)

    def _assign(
        self, asked: Asked, body: Mapping[str, Any], before: Document | None, every: Mapping[str, Document]
    ) -> Answer:
        properties = dict(body.get("properties") or {})
        role, principal = str(properties.pop("roleDefinitionId", "")), str(properties.pop("principalId", ""))
        properties.pop("scope", None)
        wanted = roles.assignment(asked.path, role, principal, **properties)
        refusals.check_assignment(wanted, before, every, self._subscription.content)
        wanted["properties"] = {"principalType": "ServicePrincipal", **wanted["properties"]}
        wanted["properties"]["createdOn"] = datetime.now(UTC).isoformat()
        self._subscription.state.write(wanted)
        return Answer(wanted, 201)

    def delete(self, asked: Asked) -> Answer:
        """Delete a resource; one that is not there is none of Azure's concern.

        Raises:
            ArmError: Azure refuses.
        """
        every = self._subscription.resources()
        document = every.get(asked.path.lower())
        if document is None:
            return Answer(None, 204)
        self._subscription.state.check_locks(document["id"])
        refusals.check_delete(document, every)
        if document["type"] == _KINDS["microsoft.authorization/roleassignments"]:
            self._subscription.remove(document["id"])
            return Answer(document)
        if any(key.startswith(f"{asked.path.lower()}/") for key in every):
            raise ArmError("CannotDeleteResource", id=asked.path)
        self._subscription.remove(document["id"])
        if document["type"].startswith("Microsoft.Network"):
            return Answer(None, 202, self._started(document["id"]))
        return Answer(None)


def _address() -> str:
    """Return an address of a range that is for documentation only (RFC 5737)."""
    return f"198.51.100.{_FIRST_HOST + secrets.randbelow(_HOSTS)}"
