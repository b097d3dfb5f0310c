"""Which modules of engine tests `make test` runs a second time."""

from tests.engine.failed_modules import MOST, failed_modules


def test_a_module_is_run_again_as_a_whole_and_once() -> None:
    tests = ["tests/engine/test_b.py::test_x[1]", "tests/engine/test_a.py::test_y", "tests/engine/test_b.py::test_z"]

    assert failed_modules(tests) == ["tests/engine/test_a.py", "tests/engine/test_b.py"]


def test_a_unit_test_that_failed_is_not_run_again() -> None:
    assert failed_modules(["tests/unit/test_a.py::test_x"]) == []


def test_where_many_modules_fail_it_is_not_the_machine() -> None:
    tests = [f"tests/engine/test_{number}.py::test_x" for number in range(MOST + 1)]

    assert failed_modules(tests[1:]) == [name.partition("::")[0] for name in tests[1:]]
    assert failed_modules(tests) == []
