"""Commands in containers, against a small API server of the test: whether they ran, and why not."""

import asyncio
import json
import threading
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
import yaml
from aiohttp import web

from coco_azure.clients import kubernetes
from coco_azure.clients.pod_exec import Executed
from coco_azure.settings.cluster import ClusterSettings
from rehearsal import loopback
from tests.unit.clients.test_cluster_client import TOKEN, _client

POD = "/api/v1/namespaces/n/pods/p"
BLOCKED = 'error executing command in container: rpc error: desc = "ExecProcessRequest is blocked by policy: ": unknown'
FORBIDDEN = 'pods "p" is forbidden: User "me" cannot create resource "pods/exec" in API group ""'


async def _serve(request: web.Request) -> web.WebSocketResponse:
    """Open a WebSocket, as an API server does for exec."""
    stream = web.WebSocketResponse(protocols=["v4.channel.k8s.io"])
    await stream.prepare(request)
    return stream


def _run(folder: Path, answer: Any) -> Executed:
    """Run a command in a pod where ``answer`` is what serves the request."""

    async def both() -> Executed:
        application = web.Application()
        application.router.add_get(f"{POD}/exec", answer)
        async with loopback.serving(application) as port:
            client = _client(folder, f"http://{loopback.HOST}:{port}")
            return await asyncio.to_thread(client.exec, POD, "app", ["cat", "a b"])

    return asyncio.run(both())


@pytest.mark.parametrize(
    ("status", "result", "message"),
    [
        ({"status": "Success"}, "ran", ""),
        ({"status": "Failure", "reason": "NonZeroExitCode", "message": "exit code 7"}, "ran", "exit code 7"),
        ({"status": "Failure", "reason": "InternalError", "message": f"{BLOCKED}\n"}, "failed", BLOCKED),
    ],
)
def test_the_status_says_whether_the_command_was_started(
    tmp_path: Path, status: dict[str, str], result: str, message: str
) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        stream = await _serve(request)
        await stream.send_bytes(b"\x01some output")
        await stream.send_bytes(b"\x03" + json.dumps(status).encode())
        await stream.close()
        return stream

    executed = _run(tmp_path, answer)

    assert (executed.result, executed.message, executed.status) == (result, message, 0)


def test_it_is_asked_for_without_input_by_the_protocol_of_every_version(tmp_path: Path) -> None:
    asked = []

    async def answer(request: web.Request) -> web.WebSocketResponse:
        asked.append(request)
        stream = await _serve(request)
        await stream.close()
        return stream

    _run(tmp_path, answer)

    (request,) = asked
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Sec-WebSocket-Protocol"] == "v4.channel.k8s.io"
    assert request.query.getall("command") == ["cat", "a b"]
    assert {key: request.query[key] for key in request.query if key != "command"} == {
        "container": "app",
        "stdout": "true",
        "stderr": "true",
    }


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (403, {"kind": "Status", "message": FORBIDDEN}, f"{FORBIDDEN} (403 Forbidden)"),
        (400, {"message": "Upgrade request required"}, "Upgrade request required (400 Bad Request)"),
    ],
)
def test_a_refusal_has_the_status_and_the_words_of_the_api_server(
    tmp_path: Path, status: int, body: dict[str, str], message: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    assert _run(tmp_path, answer) == Executed(result="refused", message=message, status=status)


def test_a_connection_that_ends_without_an_outcome_is_no_answer(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        stream = await _serve(request)
        await stream.close()
        return stream

    executed = _run(tmp_path, answer)

    assert (executed.result, executed.message) == ("no answer", "the connection ended without an outcome")


@pytest.mark.parametrize("upgraded", [True, False])
def test_who_does_not_answer_is_not_waited_for_longer_than_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, upgraded: bool
) -> None:
    monkeypatch.setattr(kubernetes, "_ANSWER", 0.2)

    async def answer(request: web.Request) -> web.StreamResponse:
        stream: web.StreamResponse = await _serve(request) if upgraded else web.Response()
        await asyncio.sleep(1)
        return stream

    assert _run(tmp_path, answer).result == "no answer"


def test_the_proxy_of_the_kubeconfig_is_asked_to_connect(tmp_path: Path) -> None:
    asked = []

    class Proxy(StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().decode().split())
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with ThreadingTCPServer((loopback.HOST, 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        _client(tmp_path, "https://api.demo.example.com:6443")
        kubeconfig = yaml.safe_load((tmp_path / "kubeconfig").read_text())
        kubeconfig["clusters"][0]["cluster"]["proxy-url"] = f"http://{loopback.HOST}:{server.server_address[1]}"
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        settings = ClusterSettings(kubeconfig=str(tmp_path / "kubeconfig"), context="right")
        executed = kubernetes.connect(settings).exec(POD, "app", ["true"])
        server.shutdown()

    assert asked == [["CONNECT", "api.demo.example.com:6443", "HTTP/1.1"]]
    assert executed.result == "no answer"


def test_where_nobody_listens_that_is_no_answer(tmp_path: Path) -> None:
    executed = _client(tmp_path, "http://127.0.0.1:9").exec(POD, "app", ["true"])

    assert executed.result == "no answer"
    assert "refused" in executed.message
