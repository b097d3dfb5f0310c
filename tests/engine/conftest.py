"""Clusters for the engine tests, with chapter 7 carried out on them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import toolchain, workplace
from rehearsal.cluster import CHECKOUT
from rehearsal.control_plane import TOOLS
from tests.engine.harness import Stack, prepare, remove
from tests.engine.warm import warm_python

SPEED = "300"
LONGEST = ("test_fault_bench.py", "test_bench.py")
"""Modules of few tests that take minutes each."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the modules that take longest begin first, so that no stream is left with one of them at the end.

    With ``--dist loadfile --no-loadscope-reorder`` pytest-xdist hands modules out in this order.
    """
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in LONGEST, -tests[item.path]))


@pytest.fixture(scope="session", autouse=True)
def compiled() -> Iterator[None]:
    """Have every process keep what it compiles: without that each of a thousand runs compiles the program anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The programs of a cluster, and the interpreter of what the engine starts."""
    programs = {name: tool.path for name, tool in toolchain.ensure(TOOLS, print).items()}
    with warm_python(tmp_path_factory.mktemp("warm")) as python:
        yield {**programs, "python": python}


@pytest.fixture
def warm_bench(monkeypatch: pytest.MonkeyPatch, tools: dict[str, Path]) -> None:
    """Have the benches, which prepare their stacks by themselves, run programs by the warm interpreter as well."""
    monkeypatch.setattr(workplace, "PYTHON", tools["python"])


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
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]
) -> Iterator[Stack]:
    """A stack on a cluster as the installer left it; the tests of a module share it, in their order.

    A module's VARIABLES are those of its rehearsal (COCO_REHEARSAL_...).
    """
    yield from start(tmp_path_factory.mktemp("stack"), tools, getattr(request.module, "VARIABLES", None))


@pytest.fixture(scope="module")
def empty(stack: Stack) -> Stack:
    """The same under the name that says how it begins."""
    return stack


@pytest.fixture(scope="module")
def installed(empty: Stack) -> Stack:
    """The same after ``pulumi up``."""
    empty.up()
    return empty
