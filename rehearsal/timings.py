"""How long things take in the real world, in seconds, each with where the figure is from.

The rehearsal divides them by its speed, so that the order of things stays true. Where a source gives a range, the value
is inside it.
"""

import time

DEFAULT_SPEED = 60.0
"""A documented minute takes a second."""

CATALOG_RESOLUTION = 10.0
"""Subscription to InstallPlan: the catalog operator's resolution, some seconds."""
CSV_INSTALL = 45.0
"""InstallPlan to a CSV that has succeeded: image pull and start of one operator; under a minute in Red Hat's lab."""
NODE_REBOOT = 300.0
"""One node through drain, MachineConfig and reboot. Chapter 7.10: the whole pool takes 10 to more than 60 minutes."""
IMAGE_JOB = 600.0
"""Building the pod VM image: "several minutes", ten in Red Hat's lab on ARO."""
IMAGE_PULL = 8.0
"""Pulling a container image and starting the container."""
POD_VM_START = 90.0
"""Creating a confidential VM and reaching the Kata agent in it; PROXY_TIMEOUT allows five minutes."""
CONTAINER_STOP = 3.0
"""From SIGTERM to the end of a container that listens to it."""
ROUTE_ADMISSION = 2.0
"""The router's answer to a new Route."""
RETRY = 15.0
"""An operator's next try after an error (KataConfig: requeue after 15 s, openshift_controller.go)."""


class Clock:
    """Tells how much is left of a documented duration since it was first asked about.

    It lives in memory: after a restart of the simulation what was under way takes its whole time once more.
    """

    def __init__(self, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed is {speed}, needed a factor above 0, such as 60")
        self.speed = speed
        self._since: dict[str, float] = {}

    def left(self, what: str, seconds: float) -> float:
        """Return the seconds of this machine's time until ``what`` is over; 0.0 when it is."""
        began = self._since.setdefault(what, time.monotonic())
        return max(0.0, began + seconds / self.speed - time.monotonic())

    def forget(self, what: str) -> None:
        """Let everything whose name begins with ``what`` begin anew when it is asked about again."""
        self._since = {name: since for name, since in self._since.items() if not name.startswith(what)}

    def scaled(self, seconds: float) -> float:
        """Return a documented duration in seconds of this machine's time."""
        return seconds / self.speed
