"""What Azure refuses of tags (learn.microsoft.com, "Use tags to organize your Azure resources"); codes from memory."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

_MOST, _NAME, _VALUE, _VM = 50, 512, 256, 2048
_FORBIDDEN = re.compile(r"[<>%&\\?/]")
_RESERVED = ("azure", "microsoft", "windows")


def refusal(tags: Mapping[str, str], *, vm: bool = False) -> tuple[str, str] | None:
    """Return code and text of Azure's refusal of a resource with these tags; None: it takes them."""
    return next(_refusals(tags, vm=vm), None)


def _refusals(tags: Mapping[str, str], *, vm: bool) -> Iterator[tuple[str, str]]:
    if len(tags) > _MOST:
        yield "TooManyTags", f"The maximum number of tags allowed is {_MOST}, and {len(tags)} were given."
    names = Counter(name.casefold() for name in tags)
    for name, value in tags.items():
        if not 0 < len(name) <= _NAME:
            yield "InvalidTagName", f"Invalid tag name: the maximum length is {_NAME}."
        if _FORBIDDEN.search(name):
            yield "InvalidTagNameCharacters", f"The tag name '{name}' has reserved characters '<,>,%,&,\\,?,/'."
        if name.casefold().startswith(_RESERVED):
            yield "InvalidTagName", f"The tag name '{name}' has a reserved prefix: {', '.join(_RESERVED)}."
        if names[name.casefold()] > 1:
            yield "DuplicateTagName", f"The tag name '{name}' is given more than once."
        if len(value) > _VALUE:
            yield "InvalidTagValueLength", f"Tag value too large: the maximum length is {_VALUE}."
    if vm and sum(len(name) + len(value) for name, value in tags.items()) > _VM:
        yield "TagsTooLong", f"The tags of a virtual machine have at most {_VM} characters in all."
