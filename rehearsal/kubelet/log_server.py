"""Serves the logs of containers to the API server, as the kubelet of each node does (``/containerLogs``).

One server stands for all nodes; each says in its status where it is. The API server does not verify it, as without
``--kubelet-certificate-authority``.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from rehearsal import loopback
from rehearsal.api import Api
from rehearsal.kinds import NODE

Log = Callable[[str, str], Awaitable[str | None]]
"""Returns the log of a pod, by its namespace and name; None where there is no such pod."""


@asynccontextmanager
async def serving(log: Log, api: Api, cluster: Path) -> AsyncIterator[None]:
    """Serve meanwhile, and have every node say so.

    Args:
        log: finds the logs.
        api: the API server.
        cluster: folder of the cluster, whose certificate is shown.
    """

    async def answer(request: web.Request) -> web.Response:
        text = await log(request.match_info["namespace"], request.match_info["pod"])
        return web.Response(text=text or "") if text is not None else web.Response(status=404)

    application = web.Application()
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", answer)
    async with loopback.serving(application, pki=cluster / "pki") as port:
        for node in await api.list(NODE):
            where = {"addresses": [{"type": "InternalIP", "address": loopback.HOST}]}
            await api.set_status(NODE, node, {**where, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}})
        yield
