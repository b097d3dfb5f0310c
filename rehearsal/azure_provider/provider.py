"""The provider as the engine sees it: resources, each a request or a few to ARM.

As in azure-native (``provider/pkg/provider/provider.go``), a create refuses what exists already, an update puts the
whole resource, inputs are kept in the state as ``__inputs``, and a read tells what of them is no longer so.
"""

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    PropertyDiff,
    PropertyDiffKind,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from rehearsal.azure_provider.arm import ArmClient, ProviderError
from rehearsal.azure_provider.kinds import Kind, kind_of
from rehearsal.azure_provider.shapes import UNKNOWN, Properties, body, flattened, plain, properties, seen, wrapped

INPUTS = "__inputs"
_COMPUTED = ("name", "type", "etag", "provisioningState", "azureApiVersion")
_READ_ONLY = ("id", "name", "type", "etag", "provisioningState", "resourceGuid", "azureApiVersion")
_MEANS = ("subscriptionId", "tenantId", "clientId")


class AzureNative(Provider):
    """One provider resource: one subscription, and one identity."""

    def __init__(self, arm: ArmClient) -> None:
        self._arm = arm

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """Take the provider's inputs as they are."""
        return CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: DiffRequest) -> DiffResponse:
        """Replace the provider, and so what it made, for another subscription or tenant only."""
        old, new = plain(request.old_state), plain(request.new_inputs)
        moved = [key for key in _MEANS[:2] if old.get(key) != new.get(key)]
        changed = [key for key in {*old, *new} if old.get(key) != new.get(key)]
        return DiffResponse(changes=bool(changed), diffs=changed, replaces=moved)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Take the subscription."""
        settings = {key: value for key, value in plain(request.args).items() if value is not UNKNOWN}
        self._arm.subscription = str(settings.get("subscriptionId", ""))
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def cancel(self) -> None:
        """Nothing waits for long."""

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Give a name and a location where the program says none."""
        kind, news, olds = kind_of(request.type), dict(request.new_inputs), plain(request.old_inputs)
        if kind.name not in news:
            known = olds.get(kind.name) or kind.default_name(request.name, request.random_seed)
            news[kind.name] = PropertyValue(known)
        if kind.located and "location" not in news:
            place = olds.get("location") or await self._location(plain(news).get("resourceGroupName"))
            if place is not None:
                news["location"] = PropertyValue(place)
        return CheckResponse(inputs=news)

    async def _location(self, group: Any) -> str | None:
        if not isinstance(group, str) or not self._arm.subscription:
            return None
        described = await self._arm.find(f"/subscriptions/{self._arm.subscription}/resourceGroups/{group}")
        return str(described["location"])

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """Compare the inputs of the state with the new ones."""
        kind, old, new = kind_of(request.type), plain(request.old_state).get(INPUTS, {}), plain(request.new_inputs)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        replaces = [key for key in changed if key in kind.replaces or key in kind.path_names]
        details = {}
        for key in changed:
            word = "ADD" if key not in old else "UPDATE" if key in new else "DELETE"
            details[key] = PropertyDiff(
                PropertyDiffKind[f"{word}_REPLACE" if key in replaces else word], input_diff=True
            )
        return DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=replaces,
            detailed_diff=details,
            # What has a name of the program's own cannot be there twice; so azure-native decides, too.
            delete_before_replace=bool(replaces),
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Make a resource; raises ProviderError where one of that name is there, RefusedError where ARM refuses."""
        kind, inputs = kind_of(request.type), plain(request.properties)
        if request.preview:
            return CreateResponse(properties=_planned(request.properties, {}))
        arm_id = kind.at(self._arm.subscription, inputs)
        if await self._arm.get(arm_id) is not None:
            raise ProviderError(f"cannot create already existing resource '{arm_id}'")
        made = await self._arm.put(arm_id, body(inputs, kind.path_names))
        return CreateResponse(resource_id=str(made["id"]), properties=_state(kind, made, request.properties))

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Put the whole resource; raises RefusedError where ARM refuses."""
        kind = kind_of(request.type)
        if request.preview:
            return UpdateResponse(properties=_planned(request.news, request.olds))
        made = await self._arm.put(request.resource_id, body(plain(request.news), kind.path_names))
        return UpdateResponse(properties=_state(kind, made, request.news))

    async def read(self, request: ReadRequest) -> ReadResponse:
        """Return what is there now, and what the inputs have become; nothing where there is no such resource."""
        kind = kind_of(request.type)
        document = await self._arm.get(request.resource_id)
        if document is None:
            return ReadResponse(resource_id="")
        live = flattened(document)
        known = plain(request.inputs) or plain(request.properties).get(INPUTS, {})
        inputs = _of_import(kind, request.resource_id, live)
        if known:
            inputs = {
                key: value if key in kind.path_names else seen(value, live.get(key)) for key, value in known.items()
            }
            inputs = {key: value for key, value in inputs.items() if value is not None}
        given = properties(inputs)
        return ReadResponse(
            resource_id=str(document["id"]),
            properties=_state(kind, document, given),
            inputs=_secret_as(request.inputs, given),
        )

    async def delete(self, request: DeleteRequest) -> None:
        """Delete a resource, or see that it is gone; raises RefusedError where ARM refuses."""
        await self._arm.delete(request.resource_id)


def _state(kind: Kind, made: Mapping[str, Any], inputs: Properties) -> Properties:
    outputs = {key: value for key, value in flattened(made).items() if key != "id"}
    state = properties({**outputs, "azureApiVersion": kind.version})
    return {**state, INPUTS: PropertyValue(dict(inputs))}


def _planned(news: Properties, olds: Properties) -> Properties:
    unknown = {key: olds.get(key) or wrapped(UNKNOWN) for key in _COMPUTED}
    return {**olds, **unknown, **news, INPUTS: PropertyValue(dict(news))}


def _of_import(kind: Kind, arm_id: str, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs for a resource that the program takes over: what its path says, and what can be written of it."""
    inputs = {key: value for key, value in live.items() if key not in _READ_ONLY and value not in ([], {}, None)}
    for key in ("ipConfigurations", "subnets", "natGateway") if kind.name != "subnetName" else ("ipConfigurations",):
        inputs.pop(key, None)
    return {**inputs, **kind.of(arm_id)}


def _secret_as(before: Properties, now: Properties) -> Properties:
    return {
        key: value.with_secret(is_secret=True) if key in before and before[key].contains_secret() else value
        for key, value in now.items()
    }
