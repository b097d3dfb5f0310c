"""Start the stand-in as a Pulumi plugin: ``python -m rehearsal.azure_provider ENGINE_ADDRESS``.

It serves ``pulumi.provider.experimental`` with what that cannot express: errors without a Python traceback, and the
answer to ``DiffConfig``.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import grpc
from grpc import aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import DiffRequest
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from rehearsal.azure_provider.arm import ArmClient, ProviderError
from rehearsal.azure_provider.provider import AzureNative

_GRACE = 5.0
"""Seconds for running operations to save what they know, once the process has been asked to end."""

_EXPECTED = (ProviderError, ValueError, OSError)
_Method = Callable[[Any, Any], Awaitable[Any]]


class Servicer(ProviderServicer):
    """Answers the engine; the names of the methods are gRPC's."""

    def __init__(self, arguments: list[str], version: str, provider: AzureNative, engine: str) -> None:
        super().__init__(arguments, version, provider, engine)
        self._azure = provider
        for name in ("Configure", "DiffConfig", "Check", "Diff", "Create", "Read", "Update", "Delete"):
            setattr(self, name, _answering(getattr(self, name)))

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Read a resource."""
        response = await super().Read(request, context)
        # Properties, even empty ones, would make an object of one that is not there.
        return response if response.id else proto.ReadResponse()

    async def DiffConfig(self, request: Any, _context: Any) -> Any:  # noqa: N802
        """Return whether other arguments of the provider mean another place."""
        olds, news = (PropertyValue.unmarshal_map(given) for given in (request.olds, request.news))
        response = await self._azure.diff_config(
            DiffRequest(request.urn, request.id, olds, news, list(request.ignoreChanges))
        )
        answer = proto.DiffResponse
        return answer(
            changes=answer.DIFF_SOME if response.changes else answer.DIFF_NONE,
            diffs=response.diffs,
            replaces=response.replaces,
        )


async def serve(arguments: list[str]) -> None:
    """Serve one engine, whose address is the last argument, until it, or the user, ends this process."""
    engine = arguments[-1]
    provider = AzureNative(ArmClient(os.environ))
    server = aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        Servicer(arguments, version("pulumi-azure-native"), provider, engine), server
    )
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


def _answering(method: _Method) -> _Method:
    """Return a method whose errors reach the engine as they are."""

    async def answer(request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except Exception as error:
            # The experimental server wraps whatever is raised into a text with a traceback.
            cause = error if isinstance(error, _EXPECTED) else error.__context__
            if isinstance(cause, _EXPECTED):
                await context.abort(grpc.StatusCode.UNKNOWN, str(cause) or type(cause).__name__)
            raise

    return answer


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))
