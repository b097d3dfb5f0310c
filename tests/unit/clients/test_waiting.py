"""A wait for an object: over at once, with a change, when it is gone, or after its time."""

from collections.abc import Iterator

import pytest

from coco_azure.clients import kubernetes
from coco_azure.clients.kubernetes import Object, wait_for
from tests.unit.fake_cluster import FakeCluster

FOLDER = "/api/v1/nodes"
NODE = f"{FOLDER}/worker-0"
OLD: Object = {"metadata": {"name": "worker-0"}, "phase": "old"}


class Changing(FakeCluster):
    """A cluster whose watches yield these changes, one watch after another."""

    def __init__(self, *watches: list[tuple[str, Object]]) -> None:
        super().__init__({FOLDER: [OLD]})
        self.watches = list(watches)

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Object]]:
        """Yield the changes of the next watch."""
        assert f"{path}/{name}" == NODE
        assert 1 <= seconds <= 5
        yield from self.watches.pop(0) if self.watches else []


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "_PAUSE", 0)


def _is_new(node: Object | None) -> bool:
    return node is not None and node["phase"] == "new"


def test_what_is_so_already_is_not_waited_for() -> None:
    cluster = Changing([("MODIFIED", OLD)])

    assert wait_for(cluster, NODE, lambda node: node is not None, 60)
    assert len(cluster.watches) == 1


def test_a_change_ends_the_wait_in_whichever_watch_it_comes() -> None:
    assert wait_for(Changing([("ADDED", OLD)], [("MODIFIED", {**OLD, "phase": "new"})]), NODE, _is_new, 60)


def test_an_object_that_is_deleted_is_gone() -> None:
    assert wait_for(Changing([("ADDED", OLD), ("DELETED", OLD)]), NODE, lambda node: node is None, 60)


def test_a_wait_ends_with_its_time() -> None:
    assert not wait_for(Changing(), NODE, _is_new, 0.05)
