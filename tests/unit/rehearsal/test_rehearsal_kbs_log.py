"""The simulated KBS writes of each request what the real one writes, so that what reads it can be tried."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest

from coco_azure.formats.kbs import log
from coco_azure.formats.kbs.log import KbsRequest
from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, Evidence, Kbs
from tests.unit.kbs_versions import CONFIG, RESOURCE, SETUPS, Setup

NOW = datetime(2026, 12, 1, 2, 0, 1, tzinfo=UTC)
every_version = pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)


def _log(setup: Setup, resource: str = RESOURCE, **options: str) -> list[KbsRequest]:
    asked: Evidence | None = evidence.of("Standard_DC2as_v5", "ab" * 48)
    assert asked is not None
    files = setup.files()
    kbs = Kbs.start(CONFIG, lambda: files, setup.version, lambda: NOW)
    with suppress(DeniedError):
        kbs.release(resource, asked, **options)
    return list(log.parse(kbs.log.text.splitlines()))


@every_version
def test_a_secret_that_is_given_has_its_handshake_before_it(setup: Setup) -> None:
    requests = _log(setup)

    assert [(each.step, each.granted) for each in requests] == [("auth", True), ("attest", True), (RESOURCE, True)]
    assert {each.time for each in requests} == {NOW}


@every_version
def test_a_resource_that_is_denied_has_kbs_own_words(setup: Setup) -> None:
    *_, denied = _log(setup, "default/none/such")

    assert (denied.step, denied.granted) == ("default/none/such", False)
    assert denied.reason.startswith("PluginInternalError")


@every_version
def test_another_protocol_ends_the_handshake_at_its_first_step(setup: Setup) -> None:
    (denied,) = _log(setup, protocol="9.9.9")

    assert (denied.step, denied.granted) == ("auth", False)
    assert "Protocol Version Mismatch" in denied.reason


@every_version
def test_lines_are_coloured_from_1_1(setup: Setup) -> None:
    files = setup.files()
    kbs = Kbs.start(CONFIG, lambda: files, setup.version, lambda: NOW)
    with suppress(DeniedError):
        kbs.release("default/none/such", evidence.sample())

    assert ("\x1b[" in kbs.log.text) == (setup.version >= "1.1")
