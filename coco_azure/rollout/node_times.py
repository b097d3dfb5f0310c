"""When each node rebooted and how long it took, seen from its annotations while a roll-out is waited for.

The machine config daemon writes the node's state: ``Working`` from the drain on, ``Done`` when it is back with its new
configuration (openshift/machine-config-operator ``pkg/daemon/constants/constants.go``).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from coco_azure import names

Object = Mapping[str, Any]

_WORKING, _DONE = "Working", "Done"
_MINUTE = 60


class NodeTimes:
    """What was seen of nodes; a node that was under way at the first look is not measured."""

    def __init__(self) -> None:
        self._began: dict[str, datetime] = {}
        self._looked = False
        self.minutes: dict[str, float] = {}
        """How long each node took that was seen from its beginning to its end."""
        self.lines: list[str] = []
        """What was told, in order."""

    def see(self, nodes: Iterable[Object], now: datetime) -> None:
        """Look at the nodes."""
        for node in nodes:
            name = str(node["metadata"]["name"])
            state = (node["metadata"].get("annotations") or {}).get(names.MACHINE_CONFIG_STATE)
            if state == _WORKING and self._looked:
                self._began.setdefault(name, now)
            elif state == _DONE and name in self._began:
                began = self._began.pop(name)
                taken = now - began
                self.minutes[name] = round(self.minutes.get(name, 0.0) + taken.total_seconds() / _MINUTE, 1)
                self.lines.append(
                    f"node {name} rebooted at {began:%H:%M:%S} UTC, within {_words(taken.total_seconds())}"
                )
        self._looked = True


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
