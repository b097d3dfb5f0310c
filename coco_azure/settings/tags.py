r"""Azure tags: what Azure takes (learn.microsoft.com, "Use tags to organize your Azure resources", its limitations).

Names are at most 512 characters without ``< > % & \ ? /``, do not begin with azure, microsoft or windows, and are the
same in another case; values are at most 256 characters; a resource has at most 50 tags, and those of a VM have at most
2048 characters in all.
"""

from typing import Annotated

from pydantic import AfterValidator

from coco_azure.settings.base import matching

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
