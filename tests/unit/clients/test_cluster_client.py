"""The client for lists, watches and deletions, against a small API server of the test."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from kubernetes.client import ApiException

from coco_azure.clients.kubernetes import ClusterClient, connect
from coco_azure.clients.refused import RefusedError
from coco_azure.settings.cluster import ClusterSettings
from tests.unit.http_server import Answer, Request, Served, serving

NODES = "/api/v1/nodes"
PODS = "/api/v1/pods"
FORBIDDEN = 'pods is forbidden: User "me" cannot list resource "pods" at the cluster scope'
NEW = "/apis/example.com/v1/new"
LOG = "/api/v1/namespaces/n/pods/p/log"
BUSY = 5
TOKEN = "the-token"


def _answer(request: Request, number: int) -> Answer:
    if request.headers["Authorization"] != f"Bearer {TOKEN}":
        return Answer({"message": "who are you?"}, 401)
    if request.path == NEW and number <= BUSY:
        return Answer({"message": "storage is (re)initializing"}, 429, {"Retry-After": "0"})
    if request.path == PODS:
        return Answer({"kind": "Status", "message": FORBIDDEN}, 403)
    if "watch" in request.query:
        events = [("ADDED", "1"), ("MODIFIED", "2"), ("ERROR", "3"), ("MODIFIED", "4")]
        return Answer("".join(json.dumps({"type": kind, "object": {"at": at}}) + "\n" for kind, at in events))
    known: Mapping[str, object] = {
        NODES: {"items": [{"metadata": {"name": "worker-0"}}]},
        f"{NODES}/worker-0": {"metadata": {"name": "worker-0"}},
        LOG: "one\ntwo\n",
    }
    return Answer(known[request.path]) if request.path in known else Answer({"message": "not found"}, 404)


@pytest.fixture
def server() -> Iterator[Served]:
    with serving(lambda request: _answer(request, len(served.asked))) as served:
        yield served


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


def test_the_kubeconfig_and_context_of_the_settings_are_used(tmp_path: Path, server: Served) -> None:
    assert [each["metadata"]["name"] for each in _client(tmp_path, server.url).items(NODES)] == ["worker-0"]


def test_without_settings_the_kubeconfig_of_the_environment_is_used(
    tmp_path: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    _client(tmp_path, server.url)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))

    client = connect(ClusterSettings(context="right"))

    assert [each["metadata"]["name"] for each in client.items(NODES)] == ["worker-0"]


def test_what_the_api_server_refuses_is_one_line_with_its_own_words(tmp_path: Path, server: Served) -> None:
    with pytest.raises(ApiException) as refused:
        _client(tmp_path, server.url).items(PODS)

    assert str(refused.value) == f"{FORBIDDEN} (403 Forbidden)"


def test_a_refusal_without_words_has_its_status() -> None:
    error = RefusedError(status=502, reason="Bad Gateway")
    error.body = "<html>"

    assert str(error) == "refused by the API server (502 Bad Gateway)"


def test_a_list_is_asked_for_by_its_labels(tmp_path: Path, server: Served) -> None:
    _client(tmp_path, server.url).items(NODES, labels="a=b,c")

    assert [(each.method, each.path, each.query) for each in server.asked] == [
        ("GET", NODES, {"labelSelector": ["a=b,c"]})
    ]


def test_the_log_of_a_container_is_text(tmp_path: Path, server: Served) -> None:
    assert _client(tmp_path, server.url).log(LOG.removesuffix("/log"), 7) == "one\ntwo\n"
    assert [(each.method, each.path, each.query) for each in server.asked] == [("GET", LOG, {"tailLines": ["7"]})]


def test_an_object_that_is_not_there_is_none(tmp_path: Path, server: Served) -> None:
    client = _client(tmp_path, server.url)

    assert client.get(f"{NODES}/worker-0") == {"metadata": {"name": "worker-0"}}
    assert client.get(f"{NODES}/worker-1") is None


def test_a_kind_that_the_cluster_does_not_have_has_no_objects(tmp_path: Path, server: Served) -> None:
    assert _client(tmp_path, server.url).items("/apis/example.com/v1/things") == []


def test_a_kind_that_is_not_served_yet_is_asked_for_again(tmp_path: Path, server: Served) -> None:
    assert _client(tmp_path, server.url).items(NEW) == []
    assert len(server.asked) == BUSY + 1


def test_deleting_what_is_not_there_is_no_error(tmp_path: Path, server: Served) -> None:
    _client(tmp_path, server.url).delete(f"{NODES}/worker-1")

    assert [(each.method, each.path, each.query) for each in server.asked] == [
        ("DELETE", f"{NODES}/worker-1", {"propagationPolicy": ["Background"]})
    ]


def test_a_watch_yields_each_change_and_ends_where_the_server_ends_it(tmp_path: Path, server: Served) -> None:
    items = list(_client(tmp_path, server.url).changes(NODES, "worker-0", 5))

    assert items == [("ADDED", {"at": "1"}), ("MODIFIED", {"at": "2"})]
    assert server.asked[0].query == {
        "watch": ["true"],
        "fieldSelector": ["metadata.name=worker-0"],
        "timeoutSeconds": ["5"],
    }


def test_a_refusal_says_what_the_server_says(tmp_path: Path, server: Served) -> None:
    client = _client(tmp_path, server.url, token="old")
    with pytest.raises(ApiException) as caught:
        client.items(NODES)

    assert caught.value.status == 401
    assert "who are you?" in str(caught.value)


def test_a_change_is_sent_as_a_merge_patch(tmp_path: Path) -> None:
    path = "/api/v1/namespaces/n/configmaps/c"
    with serving(lambda request: Answer(status=200 if request.path == path else 409)) as server:
        client = _client(tmp_path, server.url)
        client.patch(path, {"data": {"a": ""}})
        with pytest.raises(ApiException):
            client.patch(f"{path}-other", {"data": {}})

    sent = server.asked[0]
    assert (sent.method, sent.path, sent.body) == ("PATCH", path, {"data": {"a": ""}})
    assert sent.headers["Content-Type"] == "application/merge-patch+json"
