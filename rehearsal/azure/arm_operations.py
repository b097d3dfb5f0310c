"""What takes its time in ARM: the operations that a PUT or DELETE of Microsoft.Network starts.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations: the answer names a URL in
``Azure-AsyncOperation`` that says ``InProgress`` until it is over; meanwhile the resource is ``Updating``.
"""

import time
import uuid

from rehearsal.azure.arm_state import ArmError

_TAKES = 0.3
"""Seconds: long enough for a client to ask twice."""
PATH = "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/operations/{name}"


class Operations:
    """The operations of one subscription; a server that is started again has forgotten them: by then they are over."""

    def __init__(self) -> None:
        self._over: dict[str, float] = {}
        self._of: dict[str, float] = {}

    def start(self, resource: str, subscription: str, location: str) -> dict[str, str]:
        """Start one for a resource, and return the headers that tell of it."""
        name = str(uuid.uuid4())
        self._over[name] = self._of[resource.lower()] = time.monotonic() + _TAKES
        url = "{endpoint}" + PATH.format(subscription=subscription, location=location, name=name)
        return {"Azure-AsyncOperation": f"{url}?api-version=2024-05-01", "Retry-After": "1"}

    def pending(self, resource: str) -> bool:
        """Return whether something is still being done to a resource."""
        return self._of.get(resource.lower(), 0.0) > time.monotonic()

    def status(self, name: str) -> dict[str, str]:
        """Return what an operation says of itself; raises ArmError where there is none."""
        if name not in self._over:
            raise ArmError(404, "OperationNotFound", f"Operation {name} not found.")
        return {"status": "InProgress" if self._over[name] > time.monotonic() else "Succeeded"}
