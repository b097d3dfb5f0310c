"""Admission policies at a real API server: they are made, and waited for."""

from collections.abc import Callable
from typing import Any

from coco_azure import names
from rehearsal.rest import ApiServer


def until(what: Callable[[], bool]) -> None:
    """Wait for what the API server's caches lag behind with; they have no other sign."""
    for _ in range(3000):
        if what():
            return
    raise AssertionError("it does not come to be")


def hold(server: ApiServer, policies: dict[str, tuple[Any, Any]]) -> None:
    """Make policies and their bindings, by their names."""
    for name, (policy, binding) in policies.items():
        server.request("POST", names.ADMISSION_POLICIES, {"metadata": {"name": name}, "spec": policy})
        server.request("POST", names.ADMISSION_BINDINGS, {"metadata": {"name": name}, "spec": binding})
