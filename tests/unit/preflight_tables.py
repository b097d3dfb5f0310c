"""Reads the table of the pre-flight back: cells that were broken over lines are whole again."""

from dataclasses import dataclass

from coco_azure.preflight.model import CHECKS


@dataclass
class Row:
    """One row; ``check`` has the mark with it, such as ``quota (accepted)``, and ``fix`` its lines."""

    check: str
    found: str
    needed: str
    fix: str


def rows(output: str) -> list[Row]:
    """Return the rows of the last table in what a run printed; none where there is no table."""
    lines = output.splitlines()
    heads = [number for number, line in enumerate(lines) if line.split() == ["check", "found", "needed", "fix"]]
    if not heads:
        return []
    head = lines[heads[-1]]
    starts = [head.index(word) for word in ("check", "found", "needed", "fix")]
    items: list[Row] = []
    for line in lines[heads[-1] + 2 :]:
        cells = [line[at:end].strip() for at, end in zip(starts, [*starts[1:], None], strict=True)]
        if not line.strip() or cells[0].partition(" (")[0] not in ("", *CHECKS):
            break
        if cells[0]:
            items.append(Row(*cells))
        else:
            last = items[-1]
            last.found = f"{last.found} {cells[1]}".strip()
            last.needed = f"{last.needed} {cells[2]}".strip()
            last.fix = f"{last.fix}\n{cells[3]}".strip()
    return items


def row(output: str, check: str) -> Row:
    """Return the only row of a check in what a run printed."""
    items = [each for each in rows(output) if each.check == check]
    assert len(items) == 1, output
    return items[0]
