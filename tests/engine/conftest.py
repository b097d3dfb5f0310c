"""Clusters for the engine tests, with chapter 7 carried out on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import toolchain
from rehearsal.cluster import CHECKOUT
from rehearsal.control_plane import TOOLS
from tests.engine.harness import Stack, prepare, remove

SPEED = "300"


@pytest.fixture(scope="session")
def tools() -> dict[str, Path]:
    return {name: tool.path for name, tool in toolchain.ensure(TOOLS, print).items()}


def start(
    root: Path, tools: dict[str, Path], variables: dict[str, str] | None = None, program: Path = CHECKOUT
) -> Iterator[Stack]:
    """Yield a stack on a new cluster of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"COCO_REHEARSAL_SPEED": SPEED, **(variables or {})}.items():
            patch.setenv(name, value)
        cluster, prepared = prepare(root, tools)
        with cluster:
            yield Stack(root, cluster, prepared, program)
        remove(root)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack on a cluster as the installer left it; the tests of a module share it, in their order."""
    yield from start(tmp_path_factory.mktemp("empty"), tools)


@pytest.fixture(scope="module")
def installed(empty: Stack) -> Stack:
    """The same after ``pulumi up``."""
    empty.up()
    return empty
