r"""ARM ids and tags in settings. ARM ids: in any case, and with a slash at the end, as portals and scripts write them.

Azure compares ids without regard to case, and so does this program. What an id is made of, such as ``resourceGroups``,
gets the spelling of the documentation; names are kept as they were written.

Names of tags are at most 512 characters without ``< > % & \ ? /``, do not begin with azure, microsoft or windows, and
are the same in another case; values are at most 256 characters; a resource has at most 50 tags, and those of a VM have
at most 2048 characters in all.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from coco_azure.settings.base import matching

_NAME = r"[^/\s]+"
_BEGIN = "/subscriptions/*/resourceGroups/*/providers/"


@dataclass(frozen=True)
class ArmId:
    """Accepts the ARM id of one resource.

    Attributes:
        types: what follows ``providers/``, with ``*`` for each name, such as
            ``Microsoft.Network/virtualNetworks/*/subnets/*``; one of them has to fit.
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


_MOST, _VM_CHARACTERS = 50, 2048
_MARKS = 1
"""Tags of the program's own on what it makes in Azure."""
_NO_PREFIX = r"(?![Aa][Zz][Uu][Rr][Ee]|[Mm][Ii][Cc][Rr][Oo][Ss][Oo][Ff][Tt]|[Ww][Ii][Nn][Dd][Oo][Ww][Ss])"
_RESERVED = "that does not begin with azure, microsoft or windows"
_LISTED = "without spaces, commas and =, because CAA reads all tags as one list"


def _apart(tags: dict[str, str], most: int) -> dict[str, str]:
    """Refuse more tags than Azure takes, and names that it takes for one."""
    if len(tags) > most:
        raise ValueError(
            f"needed at most {most} tags, found {len(tags)}; Azure refuses more, and with them the resource"
        )
    for name in tags:
        if twins := [each for each in tags if each.casefold() == name.casefold() and each != name]:
            raise ValueError(f"{name} and {twins[0]} are one name to Azure, which knows no case; keep one of them")
    return tags


def _check(tags: dict[str, str]) -> dict[str, str]:
    return _apart(tags, _MOST - _MARKS)


def _check_of_vm(tags: dict[str, str]) -> dict[str, str]:
    characters = sum(len(name) + len(value) for name, value in tags.items())
    if characters > _VM_CHARACTERS:
        raise ValueError(
            f"needed tags of at most {_VM_CHARACTERS} characters in all, names and values, found {characters}; Azure "
            "refuses a VM with more"
        )
    return _apart(tags, _MOST)


_Name = Annotated[
    str,
    matching(
        _NO_PREFIX + r"[^<>%&\\?/]{1,512}",
        rf"a tag name of at most 512 characters without < > % & \ ? / {_RESERVED}",
    ),
]
_Value = Annotated[str, matching(r".{0,256}", "a tag value of at most 256 characters")]
_ListedName = Annotated[
    str,
    matching(
        _NO_PREFIX + r"[^\s,=<>%&\\?/]{1,512}",
        rf"a tag name of at most 512 characters without < > % & \ ? / {_RESERVED}, and {_LISTED}",
    ),
]
_ListedValue = Annotated[str, matching(r"[^\s,=]{1,256}", f"a tag value of 1 to 256 characters {_LISTED}")]

Tags = Annotated[dict[_Name, _Value], AfterValidator(_check)]
"""Tags of what the stack makes in Azure."""
PodVmTags = Annotated[dict[_ListedName, _ListedValue], AfterValidator(_check_of_vm)]
"""Tags of VMs that CAA makes, which has them as ``NAME=VALUE,NAME=VALUE``."""
