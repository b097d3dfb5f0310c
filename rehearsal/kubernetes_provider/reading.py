"""Read as the engine asks for it: a look-up, an import or a refresh (``provider.go``, ``Read``)."""

import aiohttp
from pulumi.provider.experimental.provider import ReadRequest, ReadResponse

from rehearsal.kubernetes_provider import awaiting
from rehearsal.kubernetes_provider.cluster import Cluster
from rehearsal.kubernetes_provider.errors import ApiError, InitFailedError, NoMatchError, ProviderError
from rehearsal.kubernetes_provider.normal import normalized, pruned
from rehearsal.kubernetes_provider.notes import Note, Progress
from rehearsal.kubernetes_provider.objects import Gvk, Object, name, namespace, set_namespace, split_id, text
from rehearsal.kubernetes_provider.properties import (
    checkpoint,
    initial_api_version,
    manager_of,
    parse_checkpoint,
    plain,
    properties,
    with_secrets,
)

_GONE = ReadResponse(resource_id="")
_UNREACHABLE = (
    "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this "
    "resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable "
    'set to "true"'
)


async def read(cluster: Cluster, request: ReadRequest) -> ReadResponse:
    """Return the live object; its id is empty where there is none.

    An object that neither inputs nor state know of is found by the id and the type token; its inputs are then only its
    identity. For built-in kinds the official provider adds what its schema names, and so the first refresh of such a
    look-up shows a difference, because a refresh gives the identity only.

    Raises:
        InitFailedError: a workload is not ready right now.
        ProviderError: the cluster cannot be reached.
    """
    if cluster.client is None:
        await Progress(cluster.log, request.urn).keep(
            Note.warning(f"configured Kubernetes cluster is unreachable: {cluster.trouble}")
        )
        if cluster.settings.delete_unreachable:
            return _GONE
        raise ProviderError(_UNREACHABLE)
    inputs, found_anew = _identity(request)
    title = split_id(request.resource_id)[1]
    progress = Progress(cluster.log, request.urn)
    api_version, manager = initial_api_version(request.properties, inputs), manager_of(request.properties, inputs)
    try:
        live = await cluster.client.get(Gvk.of(inputs), namespace(inputs), title)
        unready = None if found_anew else await awaiting.at_rest(cluster.client, inputs, live, progress)
    except NoMatchError:
        return _GONE
    except (ApiError, aiohttp.ClientError, TimeoutError) as error:
        if isinstance(error, ApiError) and error.not_found:
            return _GONE
        raise ProviderError(str(error) or type(error).__name__) from error
    live_inputs = pruned(live, inputs)
    state = checkpoint(live_inputs, live, request.inputs, api_version, manager)
    read_inputs = with_secrets(properties(live_inputs), request.inputs)
    if unready is not None:
        raise InitFailedError(
            str(unready),
            resource_id=request.resource_id,
            properties=state,
            reasons=unready.reasons,
            inputs=read_inputs,
        )
    return ReadResponse(resource_id=request.resource_id, properties=state, inputs=read_inputs)


def _identity(request: ReadRequest) -> tuple[Object, bool]:
    """Return inputs that say at least which object it is, and whether only the id says so."""
    place, title = split_id(request.resource_id)
    if not title:
        raise ProviderError(
            "failed to read resource because of a failure to parse resource name from request ID: "
            f"{request.resource_id}"
        )
    inputs = normalized(plain(request.inputs))
    if text(inputs, "apiVersion") or text(inputs, "kind"):
        return inputs, False
    _, live = parse_checkpoint(request.properties)
    found_anew = not (text(live, "apiVersion") or text(live, "kind"))
    if found_anew:
        gvk = Gvk.of_type(request.type)
        inputs |= {"apiVersion": gvk.group_version, "kind": gvk.kind}
    else:
        inputs |= {"apiVersion": live.get("apiVersion"), "kind": live.get("kind")}
    metadata = inputs.setdefault("metadata", {})
    if not name(inputs):
        metadata["name"] = title
    if not namespace(inputs):
        set_namespace(inputs, place)
    return inputs, found_anew
