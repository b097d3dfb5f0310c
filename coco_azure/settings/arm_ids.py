"""ARM ids in settings: in any case, and with a slash at the end, as portals and scripts write them.

Azure compares ids without regard to case, and so does this program. What an id is made of, such as ``resourceGroups``,
gets the spelling of the documentation; names are kept as they were written.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_NAME = r"[^/\s]+"
_BEGIN = "/subscriptions/*/resourceGroups/*/providers/"


@dataclass(frozen=True)
class ArmId:
    """Accepts the ARM id of one resource.

    Attributes:
        types: what follows ``providers/``, with ``*`` for each name, such as
            ``Microsoft.Network/virtualNetworks/*/subnets/*``; one of them has to fit.
        needed: what is needed, in words.
    """

    types: tuple[str, ...]
    needed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the type itself has been checked."""
        return core_schema.no_info_after_validator_function(self.spelled, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the pattern to what the type itself says; ECMAScript has no flag within a pattern."""
        options = "|".join("/".join(map(_any_case, shape.split("/"))) for shape in self._shapes)
        return {**handler(core), "pattern": f"^(?:{options})/*$"}

    def spelled(self, value: str) -> str:
        """Return an id as the documentation spells it; raises ValueError where it is none of these types."""
        parts = value.rstrip("/").split("/")
        for shape in (shape.split("/") for shape in self._shapes):
            if len(shape) == len(parts) and all(map(_fits, parts, shape)):
                return "/".join(part if fixed == "*" else fixed for part, fixed in zip(parts, shape, strict=True))
        raise ValueError(f"needed {self.needed}")

    @property
    def _shapes(self) -> list[str]:
        return [f"{_BEGIN}{each}" for each in self.types]


def arm_id(needed: str, *types: str) -> ArmId:
    """Return a validator that accepts the ARM id of a resource of these types, and says what is needed otherwise."""
    return ArmId(types, needed)


def _fits(part: str, fixed: str) -> bool:
    return bool(re.fullmatch(_NAME, part)) if fixed == "*" else part.casefold() == fixed.casefold()


def _any_case(fixed: str) -> str:
    if fixed == "*":
        return _NAME
    return "".join(f"[{each.upper()}{each.lower()}]" if each.isalpha() else re.escape(each) for each in fixed)
