"""The client's merge patch, on an HTTP server that remembers what it got."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from kubernetes.client import ApiException

from components.cluster.client import ClusterClient
from settings.cluster import ClusterSettings

PATH = "/api/v1/namespaces/n/configmaps/c"
GOT: list[tuple[str, str, str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        GOT.append((self.command, self.path, self.headers["Content-Type"], body))
        answer = b"{}"
        self.send_response(200 if self.path == PATH else 409)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
        del format, args


@pytest.fixture
def client(tmp_path: Path) -> Iterator[ClusterClient]:
    GOT.clear()
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    yield ClusterClient(ClusterSettings(kubeconfig=str(kubeconfig)))
    server.shutdown()
    server.server_close()


def test_a_change_is_sent_as_a_merge_patch(client: ClusterClient) -> None:
    client.patch(PATH, {"data": {"a": ""}})

    ((method, path, kind, body),) = GOT
    assert (method, path, kind) == ("PATCH", PATH, "application/merge-patch+json")
    assert json.loads(body) == {"data": {"a": ""}}


def test_a_refusal_is_an_error(client: ClusterClient) -> None:
    with pytest.raises(ApiException):
        client.patch(f"{PATH}-other", {"data": {}})
