"""Clusters for the engine tests: one for each Kubernetes provider, with chapter 7 carried out on it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolchain
from rehearsal.cluster import CHECKOUT
from rehearsal.control_plane import TOOLS
from tests.engine.harness import Stack, prepare, remove

SPEED = "300"
PROVIDERS = ("real", "stand-in")


@pytest.fixture(scope="session")
def tools() -> dict[str, Path]:
    return {name: tool.path for name, tool in toolchain.ensure(TOOLS, print).items()}


def start(
    root: Path,
    tools: dict[str, Path],
    provider: str,
    variables: dict[str, str] | None = None,
    program: Path = CHECKOUT,
) -> Iterator[Stack]:
    """Yield a stack on a new cluster of its own."""
    demanded = os.environ.get("COCO_KUBERNETES_PROVIDER") == "real"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCO_KUBERNETES_PROVIDER", provider)
        patch.setenv("COCO_REHEARSAL_SPEED", SPEED)
        for name, value in (variables or {}).items():
            patch.setenv(name, value)
        try:
            cluster, prepared = prepare(root, tools)
        except toolchain.ToolchainError as error:
            if provider != "real" or demanded:
                raise
            pytest.skip(f"left out, the stand-in is tested: {error}")
        with cluster:
            yield Stack(root, cluster, prepared, program)
        remove(root)


@pytest.fixture(scope="module", params=PROVIDERS)
def empty(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]
) -> Iterator[Stack]:
    """A stack on a cluster as the installer left it; the tests of a module share it, in their order."""
    yield from start(tmp_path_factory.mktemp(request.param), tools, request.param)


@pytest.fixture(scope="module")
def installed(empty: Stack) -> Stack:
    """The same after ``pulumi up``."""
    empty.up()
    return empty
