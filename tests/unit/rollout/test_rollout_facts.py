"""What is read of a cluster: whether control plane and workers are the same nodes."""

import pytest

from coco_azure.rollout.facts import read_pool
from tests.unit.rollout_facts import facts, pool


@pytest.mark.parametrize(
    ("pools", "converged"),
    [
        ([("master", 3), ("worker", 0)], True),
        ([("worker", 0), ("master", 1)], True),
        ([("master", 3), ("worker", 3)], False),
        ([("master", 3), ("worker", -1)], False),
        ([("master", 3), ("worker", 0), ("kata-oc", 3)], False),
        ([("worker", 0)], False),
        ([("master", 3), ("infra", 0)], False),
        ([("master", 0), ("infra", 0)], False),
        ([], False),
    ],
)
def test_a_cluster_is_converged_where_only_the_pool_of_workers_beside_the_masters_is_empty(
    pools: list[tuple[str, int]], *, converged: bool
) -> None:
    result = tuple(read_pool(pool(name, machines)) for name, machines in pools)

    assert facts(pools=result).converged is converged
