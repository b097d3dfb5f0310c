"""The gRPC server of the stand-ins: ``pulumi.provider.experimental`` with what it cannot express.

That is: errors without a Python traceback, the detail that has the engine save a resource whose initialization failed,
and the answer to ``DiffConfig``.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
import grpc
from grpc import aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import DiffRequest, DiffResponse
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.kubernetes_provider.errors import ApiError, InitFailedError, NoMatchError, ProviderError

_GRACE = 5.0
"""Seconds for running operations to save what they know, once the process has been asked to end."""

_EXPECTED = (ProviderError, ApiError, NoMatchError, ValueError, aiohttp.ClientError, TimeoutError)
_Method = Callable[[Any, Any], Awaitable[Any]]


class StandIn(Protocol):
    """What is asked of a provider beside the methods of ``pulumi.provider.experimental``."""

    async def diff_config(self, request: DiffRequest) -> DiffResponse:
        """Return whether other arguments of the provider mean another place."""

    async def cancel(self) -> None:
        """End all waits."""

    async def close(self) -> None:
        """Close all connections."""


class Servicer(ProviderServicer):
    """Answers the engine; the names of the methods are gRPC's."""

    def __init__(self, arguments: list[str], version: str, provider: Any, engine: str) -> None:
        super().__init__(arguments, version, provider, engine)
        self._stand_in: StandIn = provider

    async def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a function."""
        return await _answer(super().Invoke, request, context)

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Connect."""
        return await _answer(super().Configure, request, context)

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return whether other arguments of the provider mean another place."""
        return await _answer(self._diff_config, request, context)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the inputs to work with."""
        return await _answer(super().Check, request, context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return what an update would change."""
        return await _answer(super().Diff, request, context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Create a resource."""
        return await _answer(super().Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read a resource."""
        found = await _answer(super().Read, request, context)
        # Properties, even empty ones, would make an object of one that is not there.
        return found if found.id else proto.ReadResponse()

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Update a resource."""
        return await _answer(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Delete a resource."""
        return await _answer(super().Delete, request, context)

    async def _diff_config(self, request: Any, _context: Any) -> Any:
        olds, news = (PropertyValue.unmarshal_map(given) for given in (request.olds, request.news))
        found = await self._stand_in.diff_config(
            DiffRequest(request.urn, request.id, olds, news, list(request.ignoreChanges))
        )
        answer = proto.DiffResponse
        return answer(
            changes=answer.DIFF_SOME if found.changes else answer.DIFF_NONE,
            diffs=found.diffs,
            replaces=found.replaces,
        )


def serve(arguments: list[str], version: str, make: Callable[[str], StandIn]) -> None:
    """Serve one engine until it, or the user, ends this process.

    Args:
        arguments: arguments of the command line; the last one is the engine's address.
        version: version to report.
        make: makes the provider, given the engine's address.
    """
    asyncio.run(_serve(arguments, version, make))


async def _serve(arguments: list[str], version: str, make: Callable[[str], StandIn]) -> None:
    engine = arguments[-1]
    provider = make(engine)
    server = aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(arguments, version, provider, engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    # An engine that is killed ends nobody: its plugins have to see for themselves that it is gone.
    loop.add_reader(os.pidfd_open(os.getppid()), ended.set)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()
    await provider.cancel()
    await server.stop(_GRACE)
    await provider.close()


async def _answer(method: _Method, request: Any, context: Any) -> Any:
    try:
        return await method(request, context)
    except Exception as error:
        # The experimental server wraps whatever is raised into a text with a traceback.
        cause = error if isinstance(error, _EXPECTED) else error.__context__
        if isinstance(cause, InitFailedError):
            await _abort_with_state(cause, context)
        elif isinstance(cause, _EXPECTED):
            await context.abort(grpc.StatusCode.UNKNOWN, str(cause) or type(cause).__name__)
        raise


async def _abort_with_state(error: InitFailedError, context: Any) -> None:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=PropertyValue.marshal_map(error.properties),
        reasons=error.reasons,
        inputs=None if error.inputs is None else PropertyValue.marshal_map(error.inputs),
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(grpc.StatusCode.UNKNOWN, str(error), metadata)
