"""The client for lists, watches and deletions, against a small API server of the test."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from components.cluster.client import ClusterClient, connect
from settings.cluster import ClusterSettings

NODES = "/api/v1/nodes"
NEW = "/apis/example.com/v1/new"
BUSY = 5
TOKEN = "the-token"


class _Server(BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str, dict[str, list[str]]]]] = []

    def do_GET(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        where = urlsplit(self.path)
        query = parse_qs(where.query)
        self.seen.append((self.command, where.path, query))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._send(401, {"message": "who are you?"})
        if where.path == NEW and len(self.seen) <= BUSY:
            return self._send(429, {"message": "storage is (re)initializing"}, {"Retry-After": "0"})
        if "watch" in query:
            events = [("ADDED", "1"), ("MODIFIED", "2"), ("ERROR", "3"), ("MODIFIED", "4")]
            lines = [json.dumps({"type": kind, "object": {"at": at}}) for kind, at in events]
            return self._send(200, "\n".join(lines) + "\n")
        if where.path == NODES:
            return self._send(200, {"items": [{"metadata": {"name": "worker-0"}}]})
        if where.path == f"{NODES}/worker-0":
            return self._send(200, {"metadata": {"name": "worker-0"}})
        return self._send(404, {"message": "not found"})

    def _send(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    _Server.seen.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def _client(folder: Path, address: str, token: str = TOKEN) -> ClusterClient:
    kubeconfig = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "right", "cluster": {"server": address}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [
            {"name": "wrong", "context": {"cluster": "nowhere", "user": "nobody"}},
            {"name": "right", "context": {"cluster": "right", "user": "me"}},
        ],
        "current-context": "wrong",
    }
    kubeconfig.write_text(yaml.safe_dump(content))
    return connect(ClusterSettings(kubeconfig=str(kubeconfig), context="right"))


def test_the_kubeconfig_and_context_of_the_settings_are_used(tmp_path: Path, address: str) -> None:
    assert [each["metadata"]["name"] for each in _client(tmp_path, address).items(NODES)] == ["worker-0"]


def test_a_list_is_asked_for_by_its_labels(tmp_path: Path, address: str) -> None:
    _client(tmp_path, address).items(NODES, labels="a=b,c")

    assert _Server.seen == [("GET", NODES, {"labelSelector": ["a=b,c"]})]


def test_an_object_that_is_not_there_is_none(tmp_path: Path, address: str) -> None:
    client = _client(tmp_path, address)

    assert client.get(f"{NODES}/worker-0") == {"metadata": {"name": "worker-0"}}
    assert client.get(f"{NODES}/worker-1") is None


def test_a_kind_that_the_cluster_does_not_have_has_no_objects(tmp_path: Path, address: str) -> None:
    assert _client(tmp_path, address).items("/apis/example.com/v1/things") == []


def test_a_kind_that_is_not_served_yet_is_asked_for_again(tmp_path: Path, address: str) -> None:
    assert _client(tmp_path, address).items(NEW) == []
    assert len(_Server.seen) == BUSY + 1


def test_deleting_what_is_not_there_is_no_error(tmp_path: Path, address: str) -> None:
    _client(tmp_path, address).delete(f"{NODES}/worker-1")

    assert _Server.seen == [("DELETE", f"{NODES}/worker-1", {"propagationPolicy": ["Background"]})]


def test_a_watch_yields_each_change_and_ends_where_the_server_ends_it(tmp_path: Path, address: str) -> None:
    found = list(_client(tmp_path, address).changes(NODES, "worker-0", 5))

    assert found == [("ADDED", {"at": "1"}), ("MODIFIED", {"at": "2"})]
    assert _Server.seen[0][2] == {
        "watch": ["true"],
        "fieldSelector": ["metadata.name=worker-0"],
        "timeoutSeconds": ["5"],
    }


def test_a_refusal_says_what_the_server_says(tmp_path: Path, address: str) -> None:
    from kubernetes.client import ApiException  # noqa: PLC0415 - as in the module under test

    client = _client(tmp_path, address, token="old")
    with pytest.raises(ApiException) as caught:
        client.items(NODES)

    assert caught.value.status == 401
    assert "who are you?" in str(caught.value)
