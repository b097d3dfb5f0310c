"""Whatever a run has to know of a cluster is asked once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from pulumi.runtime import mocks

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory.cluster_reader import ClusterReader
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import Recorder, run_program

POD: Object = {"metadata": {"name": "one", "namespace": "shop"}}
IN_SHOP = names.path(names.PODS, namespace="shop")


class Counted(FakeCluster):
    """A cluster that remembers what it was asked."""

    def __init__(self, lists: dict[str, list[Object]]) -> None:
        super().__init__(lists)
        self.requests: list[object] = []

    def get(self, path: str) -> Object | None:
        """Return an object."""
        self.requests.append(path)
        return super().get(path)

    def items(self, path: str, **selectors: Any) -> list[Object]:
        """Return the objects of a list."""
        self.requests.append((path, tuple(sorted(selectors.items()))))
        return super().items(path, **selectors)


def test_an_object_and_a_list_are_asked_for_once() -> None:
    cluster = Counted({names.PODS: [POD]})
    reader = ClusterReader(cluster)

    assert [reader.get(f"{names.PODS}/one"), reader.get(f"{names.PODS}/one")] == [POD, POD]
    reader.items(names.PODS).clear()
    assert reader.items(names.PODS) == [POD]
    assert len(cluster.requests) == 2


def test_a_list_by_a_selector_is_another_list() -> None:
    reader = ClusterReader(FakeCluster({names.PODS: [POD]}))

    assert (reader.items(names.PODS), reader.items(names.PODS, labels="app=kbs")) == ([POD], [])


def test_the_list_of_a_namespace_is_a_part_of_that_of_all_where_this_has_been_read() -> None:
    other = {"metadata": {"name": "two", "namespace": "bank"}}
    cluster = Counted({names.PODS: [POD, other]})
    reader = ClusterReader(cluster)

    assert reader.items(IN_SHOP) == []
    reader.items(names.PODS)
    assert reader.items(IN_SHOP) == [POD]
    assert len(cluster.requests) == 2


def test_an_error_is_raised_to_all_who_ask_and_the_cluster_is_not_asked_again() -> None:
    class Silent(Counted):
        def get(self, path: str) -> Object | None:
            super().get(path)
            raise OSError("no route to host")

    cluster = Silent({})
    reader = ClusterReader(cluster)
    for _ in range(2):
        with pytest.raises(OSError, match="no route to host"):
            reader.get(names.INFRASTRUCTURE)
    assert len(cluster.requests) == 1


def test_a_thread_that_asks_while_another_one_waits_gets_the_same_answer() -> None:
    asked, answered = Event(), Event()

    class Slow(Counted):
        def get(self, path: str) -> Object | None:
            asked.set()
            answered.wait(10)
            return super().get(path)

    cluster = Slow({names.PODS: [POD]})
    reader = ClusterReader(cluster)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(reader.get, f"{names.PODS}/one")
        asked.wait(10)
        second = pool.submit(reader.get, f"{names.PODS}/one")
        answered.set()
        assert (first.result(10), second.result(10)) == (POD, POD)
    assert len(cluster.requests) == 1


class Registering(Recorder):
    """An engine that remembers what the cluster had been asked before its first object was registered."""

    before: tuple[object, ...] = ()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Return a resource."""
        if args.typ.startswith("kubernetes:") and not self.before and isinstance(self.cluster, Counted):
            self.before = tuple(self.cluster.requests)
        return super().new_resource(args)


def test_the_program_asks_a_cluster_for_nothing_twice_before_it_registers_anything() -> None:
    answers = Registering()
    answers.cluster = Counted(answers.cluster.lists)

    run_program({}, answers)

    assert len(answers.before) == len(set(answers.before)) > 20
