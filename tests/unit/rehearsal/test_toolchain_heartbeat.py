"""Set-up gives signs of life while something takes long, and none after it."""

import threading

import pytest

from rehearsal.toolchain import heartbeat
from rehearsal.toolchain.heartbeat import heartbeat as beating


def test_what_takes_long_is_told_again_and_again_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY", 0.01)
    lines: list[str] = []
    twice = threading.Event()

    def say(text: str) -> None:
        lines.append(text)
        if len(lines) == 2:
            twice.set()

    with beating("installing requirements.txt", say):
        assert twice.wait(10)
    count = len(lines)

    assert all(line.startswith("  still installing requirements.txt, ") and line.endswith(" s") for line in lines)
    assert not any(each.name.startswith("heartbeat") and each.is_alive() for each in threading.enumerate())
    assert len(lines) == count


def test_what_is_quick_is_told_once_by_whoever_does_it() -> None:
    lines: list[str] = []
    with beating("making .venv", lines.append):
        pass

    assert lines == []


def test_an_error_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY", 0.01)
    lines: list[str] = []
    with pytest.raises(ValueError, match="no"), beating("x", lines.append):
        raise ValueError("no")
    count = len(lines)

    assert len(lines) == count
