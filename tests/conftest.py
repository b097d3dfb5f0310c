"""Settings of all tests, and the line at their end that says how much of reality was there."""

import signal
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests import reality

# A busy machine must not fail a property: how long an example may take is no part of it.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


def pytest_configure() -> None:
    """Have Ctrl-C end what tests start: a shell that runs tests in the background has them, and it, ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Say what of reality was there, below everything else, where tests that it could be used in were run."""
    yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None:  # a worker of pytest-xdist
        return
    reports = [each for kind in terminal.stats.values() for each in kind if hasattr(each, "nodeid")]
    if any(each.nodeid.startswith(("tests/contract/", "tests/engine/")) for each in reports):
        skipped = [each.longrepr[2] for each in terminal.stats.get("skipped", [])]
        terminal.write_line(reality.line(skipped))
