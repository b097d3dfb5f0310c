"""Which lines of a policy its cases reach, from the coverage reports of the engine."""

import json
from typing import Any

import pytest
import regorus

from coco_azure.formats.policy import policy_engine


class _Covering:
    """An engine that notes which lines its evaluations reach."""

    reports: list[Any]

    def __init__(self, engine: Any, reports: list[Any]) -> None:
        self._engine = engine
        self.reports = reports
        engine.set_enable_coverage(True)
        reports.append(engine)

    def clone(self) -> "_Covering":
        return _Covering(self._engine.clone(), self.reports)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def watch(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the engines that are used from now on, as they come."""
    items: list[Any] = []
    monkeypatch.setattr(policy_engine, "new_engine", lambda: _Covering(regorus.Engine(), items))
    return items


def never_reached(engines: list[Any], text: str) -> list[str]:
    """Return the lines of a policy that no evaluation reached."""
    lines, reached = set[int](), set[int]()
    for engine in engines:
        for report in json.loads(engine.get_coverage_report_as_json())["files"]:
            if report["code"] == text:
                lines |= {*report["covered"], *report["not_covered"]}
                reached |= {*report["covered"]}
    assert reached, "the policy was never evaluated"
    return [f"{at}: {text.splitlines()[at - 1]}" for at in sorted(lines - reached)]
