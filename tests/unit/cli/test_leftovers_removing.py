"""The deletion of CRDs when asked for, the wait for its end, and what is asked again after it."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException

from coco_azure import names
from coco_azure.cli import CommandError
from coco_azure.cli.leftovers import cluster_facts, cluster_leftovers
from tests.unit.cli.test_leftovers_cluster import BARE, INSTALLED, UNINSTALLED, _cluster, _kata_config, _left
from tests.unit.fake_cluster import FakeCluster


def test_crds_are_deleted_only_where_their_operator_is_gone_and_no_object_is_left() -> None:
    gone = _cluster(**UNINSTALLED)
    assert cluster_leftovers.remove_crds(gone, cluster_facts.read(gone)) == [
        "customresourcedefinitions/kataconfigs.kataconfiguration.openshift.io",
        "operators/sandboxed-containers-operator.openshift-sandboxed-containers-op",
    ]
    assert len(gone.deleted) == 2

    installed = _cluster(**INSTALLED)
    assert cluster_leftovers.remove_crds(installed, cluster_facts.read(installed)) == []

    used = _cluster(**UNINSTALLED, **{names.KATA_CONFIGS: [_kata_config(going=True)]})
    with pytest.raises(CommandError, match=r"kataconfigs.kataconfiguration.openshift.io \(1\)"):
        cluster_leftovers.remove_crds(used, cluster_facts.read(used))
    assert used.deleted == []


class _Slow(FakeCluster):
    """A cluster that takes a kind away only while somebody watches it, or never."""

    never = False

    def delete(self, path: str) -> None:
        self.deleted.append(path)

    def changes(self, path: str, name: str, seconds: int) -> Iterator[tuple[str, Any]]:
        del seconds
        yield "MODIFIED", {}
        if not self.never:
            FakeCluster.delete(self, f"{path}/{name}")
            yield "DELETED", {}


def test_the_end_of_a_kind_is_waited_for_so_that_it_is_not_told_as_left() -> None:
    slow = _Slow({**BARE, **UNINSTALLED})
    cluster_leftovers.remove_crds(slow, cluster_facts.read(slow))

    assert _left(slow) == {}


def test_a_kind_that_does_not_go_is_waited_for_only_so_long_and_told_as_left() -> None:
    slow = _Slow({**BARE, **UNINSTALLED})
    slow.never = True
    cluster_leftovers.remove_crds(slow, cluster_facts.read(slow), seconds=0)

    assert len(_left(slow)) == 2


class _Going(FakeCluster):
    """A cluster that refuses a kind which is just being taken away, so many times."""

    refusals = 2

    def items(self, path: str, **selectors: Any) -> list[Any]:
        if path == names.OPERATORS and self.refusals:
            self.refusals -= 1
            raise ApiException(503, "Service Unavailable")
        return super().items(path, **selectors)


def test_a_kind_that_is_refused_while_it_goes_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_leftovers, "_PAUSE", 0)

    assert cluster_leftovers.read_afterwards(_Going(BARE)) == cluster_facts.read(FakeCluster(BARE))
    with pytest.raises(ApiException, match="Service Unavailable"):
        cluster_leftovers.read_afterwards(_Going(BARE), seconds=-1)
