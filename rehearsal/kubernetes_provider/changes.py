"""Create, update and delete as the engine asks for them, in terms of ``operations`` (``provider.go``)."""

from collections.abc import Sequence
from typing import Any

import aiohttp
from pulumi.provider.experimental.provider import (
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    UpdateRequest,
    UpdateResponse,
)

from rehearsal.kubernetes_provider.client import Client
from rehearsal.kubernetes_provider.cluster import Cluster
from rehearsal.kubernetes_provider.errors import ApiError, InitFailedError, NoMatchError, ProviderError, WaitError
from rehearsal.kubernetes_provider.expressions import ExpressionError
from rehearsal.kubernetes_provider.normal import normalized
from rehearsal.kubernetes_provider.notes import Note, Progress
from rehearsal.kubernetes_provider.objects import Gvk, Object, has_unknown, is_patch, object_id, split_id, text
from rehearsal.kubernetes_provider.operations import ConflictError, ExistsError, NamespaceMissingError, Operation
from rehearsal.kubernetes_provider.properties import (
    checkpoint,
    initial_api_version,
    manager_of,
    parse_checkpoint,
    plain,
)

_Request = CreateRequest | UpdateRequest | DeleteRequest
_REFUSED = (
    ApiError,
    ExistsError,
    ConflictError,
    ExpressionError,
    NamespaceMissingError,
    aiohttp.ClientError,
    TimeoutError,
)
_NO_CRD = (
    "failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. "
    "Verify that any required CRDs have been created"
)
_UNREACHABLE = (
    "configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource from "
    'Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)
_NEEDED = (
    "this Patch resource is currently managing a required field, so it can't be deleted directly. Either set the "
    "`retainOnDelete` resource option, or transfer ownership of the field before deleting: {}"
)


async def create(cluster: Cluster, request: CreateRequest) -> CreateResponse:
    """Create an object, or at a preview have the server try it where it can.

    Raises:
        InitFailedError: it exists and has not become what it should.
        ProviderError: it does not exist.
    """
    inputs = plain(request.properties)
    patch = is_patch(request.type, text(inputs, "kind"))
    untried = CreateResponse(resource_id="", properties=request.properties)
    tried = cluster.settings.server_side_apply and not patch and not has_unknown(inputs)
    if request.preview and not (tried and await cluster.serves(Gvk.of(inputs))):
        return untried
    manager = manager_of(request.properties, inputs)
    operation = _operation(cluster, request, inputs, manager, preview=request.preview)
    api_version = text(inputs, "apiVersion")
    try:
        live = await operation.create(inputs)
    except WaitError as error:
        seen = dict(error.seen)
        raise InitFailedError(
            f'resource "{request.urn}" was successfully created, but the Kubernetes API server reported that it failed '
            f"to fully initialize or become live: {error}",
            resource_id=object_id(seen),
            properties=checkpoint(inputs, seen, request.properties, api_version, manager),
            reasons=error.reasons,
        ) from error
    except NoMatchError as error:
        gvk = Gvk.of_type(request.type)
        title = f'creation of resource "{request.urn}" with kind {gvk.group_version}/{gvk.kind}'
        raise ProviderError(f"{title} {_NO_CRD}: {error}") from error
    except _REFUSED as error:
        if request.preview and _cannot_be_tried(error):
            return untried
        title = f'resource "{request.urn}" was not successfully created by the Kubernetes API server'
        raise ProviderError(f"{title}: {error}") from error
    if request.preview:
        # The status of a dry run is empty, and would be taken for what it is going to be.
        live.pop("status", None)
    return CreateResponse(
        resource_id="" if request.preview else object_id(live),
        properties=checkpoint(inputs, live, request.properties, api_version, manager),
    )


async def update(cluster: Cluster, request: UpdateRequest) -> UpdateResponse:
    """Apply new inputs to an object, or at a preview have the server try it.

    Raises:
        InitFailedError: the apply was refused, or the object has not become what it should.
        ProviderError: the object is not there any more.
    """
    inputs = normalized(plain(request.news))
    if request.preview and (has_unknown(inputs) or not await cluster.serves(Gvk.of(inputs))):
        return UpdateResponse(properties=request.news)
    old_inputs, before = parse_checkpoint(request.olds)
    manager = manager_of(request.olds, inputs)
    ignored = list(request.ignore_changes)
    operation = _operation(cluster, request, inputs, manager, preview=request.preview, ignored=ignored)
    api_version = initial_api_version(request.olds, old_inputs)
    try:
        live = await operation.update(inputs, before)
    except NoMatchError as error:
        raise ProviderError(f'update of resource "{request.urn}" {_NO_CRD}: {error}') from error
    except (WaitError, *_REFUSED) as error:
        if request.preview and isinstance(error, ApiError) and error.forbidden:
            return UpdateResponse(properties=request.news)
        live = await _after_failure(operation.client, request.urn, before, error)
        title = f'the Kubernetes API server reported that "{object_id(live)}" failed to fully initialize or become live'
        raise InitFailedError(
            f"{title}: {error}",
            resource_id=object_id(live),
            properties=checkpoint(inputs, live, request.news, api_version, manager),
            reasons=error.reasons if isinstance(error, WaitError) else (),
        ) from error
    old_manager = manager_of(request.olds, old_inputs)
    if not request.preview and old_manager != manager:
        await operation.relinquish(live, old_manager)
    return UpdateResponse(properties=checkpoint(inputs, live, request.news, api_version, manager))


async def delete(cluster: Cluster, request: DeleteRequest) -> None:
    """Delete an object and wait until it is gone; a patch gives up its fields.

    Raises:
        InitFailedError: it is still there.
        ProviderError: the server refuses, or cannot be reached.
    """
    inputs, live = parse_checkpoint(request.properties)
    if cluster.client is None:
        await _report_unreachable(cluster, request.urn)
        if cluster.settings.delete_unreachable:
            return
        raise ProviderError(_UNREACHABLE)
    manager = manager_of(request.properties, inputs)
    operation = _operation(cluster, request, inputs, manager)
    try:
        await operation.delete(inputs, live, split_id(request.resource_id)[1])
    except NoMatchError:
        # The kind has been deleted, and its objects with it.
        return
    except ApiError as error:
        needed = error.missing_field() if operation.patch else None
        raise ProviderError(_NEEDED.format(needed) if needed else str(error)) from error
    except WaitError as error:
        seen = dict(error.seen)
        api_version = initial_api_version(request.properties, {})
        raise InitFailedError(
            str(error),
            resource_id=object_id(seen),
            properties=checkpoint(inputs, seen, request.properties, api_version, manager),
        ) from error


def _operation(
    cluster: Cluster,
    request: _Request,
    inputs: Object,
    manager: str,
    *,
    preview: bool = False,
    ignored: Sequence[str] = (),
) -> Operation:
    return Operation(
        client=cluster.reached(),
        progress=Progress(cluster.log, request.urn),
        stop=cluster.stop,
        patch=is_patch(request.type, text(inputs, "kind")),
        manager=manager,
        force=cluster.settings.patch_force,
        # Without server-side apply there is nothing to upsert with (`await.go`, `Creation`).
        upsert=cluster.settings.upsert_existing and cluster.settings.server_side_apply,
        preview=preview,
        timeout=request.timeout,
        ignored=ignored,
    )


def _cannot_be_tried(error: Exception) -> bool:
    """Return whether a dry run failed for a reason that the run itself will not have."""
    if isinstance(error, ApiError):
        return error.forbidden or "does not support dry run" in str(error)
    return isinstance(error, ExistsError | NamespaceMissingError)


async def _after_failure(client: Client, urn: str, before: Object, error: Any) -> Object:
    try:
        return await client.get_like(before)
    except (ApiError, NoMatchError, aiohttp.ClientError, TimeoutError) as second:
        raise ProviderError(
            f'update of resource "{urn}" failed: {error}\nunable to get cluster state: {second}'
        ) from second


async def _report_unreachable(cluster: Cluster, urn: str) -> None:
    progress = Progress(cluster.log, urn)
    trouble = f"configured Kubernetes cluster is unreachable: {cluster.trouble}"
    await progress.keep(Note.warning(trouble))
    if cluster.settings.delete_unreachable:
        await progress.keep(
            Note.info(
                "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "
                "Deleting the unreachable resource from Pulumi state"
            )
        )
