"""Kinds that come with an operator are watched once they are served and listed: kopf looks at the lists once."""

import asyncio
from typing import Any, cast

import pytest

from rehearsal.api import Api
from rehearsal.kinds import KATA_CONFIG
from rehearsal.operators.app import _served
from rehearsal.rest import ApiError

GROUP, _, VERSION = KATA_CONFIG.api_version.partition("/")
ANSWERS: dict[str, Any] = {
    f"{KATA_CONFIG.path()}?limit=1": {"items": []},
    "/apis": {"groups": [{"name": "apps"}, {"name": GROUP}]},
    f"/apis/{KATA_CONFIG.api_version}": {"resources": [{"name": KATA_CONFIG.plural}]},
}


class _Server:
    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    async def request(self, _: str, path: str) -> Any:
        if path not in self._answers:
            raise ApiError(404, "not found")
        return self._answers[path]


def _watched(**answers: Any) -> bool:
    found = {key: value for key, value in {**ANSWERS, **answers}.items() if value is not None}
    return asyncio.run(_served(cast("Api", _Server(found)), KATA_CONFIG))


def test_a_kind_that_is_served_and_listed_is_watched() -> None:
    assert _watched()


@pytest.mark.parametrize(
    "answers",
    [
        {f"{KATA_CONFIG.path()}?limit=1": None},
        {"/apis": {"groups": [{"name": "apps"}]}},
        {f"/apis/{KATA_CONFIG.api_version}": None},
        {f"/apis/{KATA_CONFIG.api_version}": {"resources": [{"name": f"{KATA_CONFIG.plural}/status"}]}},
    ],
    ids=["not served", "no such group yet", "no such version yet", "not in its list yet"],
)
def test_a_kind_that_is_not_listed_yet_is_looked_for_again(answers: dict[str, Any]) -> None:
    assert not _watched(**answers)
