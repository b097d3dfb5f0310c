"""Texts that a manifest fixes wholly, in part or not at all, and the kubelet's ``$(NAME)`` in them.

Source: kubernetes 1.34 ``third_party/forked/golang/expansion/expand.go``, ``pkg/kubelet/container/helpers.go``.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\)|)")
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
ADDRESS = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}"
_OF_SERVICES: Mapping[str, str] = {"_SERVICE_HOST": ADDRESS, "_SERVICE_PORT": "[0-9]{1,5}"}

ANYTHING = "(?s).*"


@dataclass(frozen=True, kw_only=True)
class Value:
    """The value of a variable or an argument.

    Attributes:
        text: the value; where ``pattern`` is set, a regular expression for the whole of it, in the syntax that Rust's
            ``regex`` and Python share.
        pattern: whether ``text`` is a regular expression.
        required: whether it is always there.
        example: a value that the pattern matches.
    """

    text: str
    pattern: bool = False
    required: bool = True
    example: str = ""

    @property
    def open(self) -> bool:
        """Whether the host may choose it freely."""
        return self.pattern and self.text == ANYTHING

    @property
    def as_pattern(self) -> str:
        """The value as a regular expression."""
        return self.text if self.pattern else escaped(self.text)

    @property
    def sample(self) -> str:
        """A value that fits."""
        return self.example if self.pattern else self.text


def like(pattern: str, example: str, *, required: bool = True) -> Value:
    """Return a value that only a pattern is known of, which matches the example."""
    return Value(text=pattern, pattern=True, required=required, example=example)


def anything(*, required: bool = True) -> Value:
    """Return a value that nothing is known of."""
    return like(ANYTHING, "anything", required=required)


def escaped(text: str) -> str:
    """Return a regular expression for exactly this text; ``re.escape`` escapes more than Rust's ``regex`` takes."""
    return _SPECIAL.sub(lambda match: f"\\{match[0]}", text)


def expand(text: str, known: Mapping[str, Value], on_open: Callable[[str], None]) -> Value:
    """Return what the kubelet makes of a text.

    Args:
        text: as in the manifest; ``$$`` is a dollar sign, ``$(NAME)`` a variable, or itself where there is none.
        known: the variables that it may name.
        on_open: called with each variable whose value the host may choose freely.
    """
    parts: list[Value] = []
    at = 0
    for reference in _REFERENCE.finditer(text):
        parts += [Value(text=text[at : reference.start()]), _meant(reference, known, on_open)]
        at = reference.end()
    parts.append(Value(text=text[at:]))
    if any(part.pattern for part in parts):
        pattern = "".join(f"({part.text})" if part.pattern else part.as_pattern for part in parts)
        return like(pattern, "".join(part.sample for part in parts))
    return Value(text="".join(part.text for part in parts))


def _meant(reference: re.Match[str], known: Mapping[str, Value], on_open: Callable[[str], None]) -> Value:
    name = reference["name"]
    if name is None:
        return Value(text="$")
    value = known.get(name)
    if value is not None:
        if value.open or not value.required:
            on_open(name)
        return value
    of_service = next((pattern for end, pattern in _OF_SERVICES.items() if name.endswith(end)), None)
    if of_service is not None and re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return like(f"{of_service}|{escaped(reference[0])}", reference[0])
    return Value(text=reference[0])
