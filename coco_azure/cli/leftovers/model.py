"""One left-over, and the whole answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Side = Literal["azure", "cluster"]


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that nobody uses any more.

    Attributes:
        side: ``azure`` or ``cluster``.
        what: its kind in words, such as ``pod VM``.
        name: its name; in the cluster ``KIND/NAME``.
        made_by: who made it.
        remove: the command that removes it.
        billed: whether it costs money as long as it is there.
        note: what to know before it is removed; empty where there is nothing.
        id: ARM id, or path at the API server.
    """

    side: Side
    what: str
    name: str
    made_by: str
    remove: str
    billed: bool = False
    note: str = ""
    id: str = ""


@dataclass(frozen=True, kw_only=True)
class InTheWay:
    """Something that a deletion waits for.

    Attributes:
        what: what is being deleted, or could not be.
        why: what it waits for.
        remove: the command that ends the wait, or that shows more.
    """

    what: str
    why: str
    remove: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found.

    Attributes:
        leftovers: in an order in which their commands work, one after the other.
        in_the_way: what deletions wait for.
        unknown: what could not be asked, each with the reason and the remediation; then the rest is not all.
        places: where was looked, in words.
    """

    leftovers: Sequence[Leftover] = ()
    in_the_way: Sequence[InTheWay] = ()
    unknown: Sequence[str] = ()
    places: Sequence[str] = field(default_factory=tuple)

    @property
    def code(self) -> int:
        """The exit code: 0 nothing is left, 1 it could not be told, 2 something is left or in the way."""
        if self.unknown:
            return 1
        return 2 if self.leftovers or self.in_the_way else 0


def to_dict(answer: Answer) -> Mapping[str, Any]:
    """Return the answer as it goes into JSON."""
    return {**asdict(answer), "code": answer.code}


def to_text(answer: Answer) -> str:
    """Return the answer for people, ending with a line break."""
    lines = [f"looked at {place}" for place in answer.places]
    for wait in answer.in_the_way:
        lines += ["", f"in the way: {wait.what} {wait.why}", f"    {wait.remove}"]
    for side, title in (("azure", "left in Azure"), ("cluster", "left in the cluster")):
        of_side = [each for each in answer.leftovers if each.side == side]
        if of_side:
            lines += ["", f"{title} ({len(of_side)}; * costs money):"]
        for each in of_side:
            lines.append(f"{'*' if each.billed else ' '} {each.what} {each.name}: made by {each.made_by}")
            lines += [f"    {each.note}"] if each.note else []
            lines.append(f"    {each.remove}")
    lines += [*([""] if lines else []), *(f"cannot tell: {each}" for each in answer.unknown)] if answer.unknown else []
    if answer.code == 0:
        lines.append("nothing is left behind")
    return "\n".join(lines) + "\n"
