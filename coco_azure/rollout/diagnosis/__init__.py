"""What a cluster's objects say of a roll-out of KataConfig: how far it is, what holds it, and what shows more.

Pure: everything here takes objects as the API server sends them (JSON), and returns text or facts.
"""

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]


def name_of(obj: Object) -> str:
    """Return the object's name."""
    return str(obj["metadata"]["name"])


def condition(obj: Object, kind: str) -> Object:
    """Return the condition of this type in the object's status, or an empty one."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind), {})


def holds(obj: Object, kind: str) -> bool:
    """Return whether the object's condition of this type is True."""
    return condition(obj, kind).get("status") == "True"
