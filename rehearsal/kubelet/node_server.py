"""Serves what the API server asks the kubelet of a node for: logs of containers, and commands in them (exec).

One server stands for all nodes; each says in its status where it is. The API server does not verify it, as without
``--kubelet-certificate-authority``. Of exec it has the WebSockets that the API server hands on unchanged, kubectl's
version 5 where the node declares so, and their error channel alone: what is said there is that of
``remotecommand/exec.go`` of the real kubelet's CRI streaming.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from rehearsal import loopback
from rehearsal.api import Api
from rehearsal.kinds import NODE
from rehearsal.kubelet.agent import GuestError
from rehearsal.kubelet.kubelet import Kubelets

_PROTOCOLS, _ERROR_CHANNEL = ("v5.channel.k8s.io", "v4.channel.k8s.io"), b"\x03"
_FEATURES = ["ExtendWebSocketsToKubelet"]
"""What nodes declare (kubernetes 1.36 ``pkg/registry/core/pod/rest/subresources.go``)."""


@asynccontextmanager
async def serving(nodes: Kubelets, api: Api, cluster: Path) -> AsyncIterator[None]:
    """Serve meanwhile, and have every node say so.

    Args:
        nodes: what runs on the nodes.
        api: the API server.
        cluster: folder of the cluster, whose certificate is shown.
    """

    async def log(request: web.Request) -> web.Response:
        text = await nodes.log(request.match_info["namespace"], request.match_info["pod"])
        return web.Response(text=text or "") if text is not None else web.Response(status=404)

    async def run(request: web.Request) -> web.StreamResponse:
        where, command = request.match_info, request.query.getall("command", [])
        try:
            await nodes.exec(where["namespace"], where["pod"], where["container"], command)
        except LookupError as error:
            return web.Response(status=404, text=str(error))
        except GuestError as error:
            message = f"error executing command in container: cannot enter container: rpc error: {error}"
            status = {"status": "Failure", "reason": "InternalError", "message": message, "code": 500}
        else:
            status = {"status": "Success"}
        stream = web.WebSocketResponse(protocols=_PROTOCOLS)
        await stream.prepare(request)
        await stream.send_bytes(_ERROR_CHANNEL + json.dumps({"metadata": {}, **status}).encode())
        await stream.close()
        return stream

    application = web.Application()
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", log)
    application.router.add_get("/exec/{namespace}/{pod}/{container}", run)
    async with loopback.serving(application, pki=cluster / "pki") as port:
        for node in await api.list(NODE):
            where = {"addresses": [{"type": "InternalIP", "address": loopback.HOST}], "declaredFeatures": _FEATURES}
            await api.set_status(NODE, node, {**where, "daemonEndpoints": {"kubeletEndpoint": {"Port": port}}})
        yield
