"""All checks, one after the other: what they say, in one order, and what of it ends a run.

A check is a module with ``problems(facts, wanted) -> Iterator[Finding]``. It says nothing of a part of the facts that
is None: nobody could ask it, and ``unknown`` says so.
"""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Any

from coco_azure.inventory.azure_facts import AzureFacts
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import cluster, credentials, image, mirrors, network, nodes, nsg, roles, sizes
from coco_azure.preflight.model import CHECKS, Finding

_OF_AZURE: Sequence[Callable[[AzureFacts, Requirements], Iterator[Finding]]] = (
    sizes.problems,
    sizes.quota_problems,
    sizes.capacity_problems,
    image.problems,
    network.problems,
    nsg.problems,
    network.own_subnet_problems,
    roles.problems,
)
_OF_CLUSTER: Sequence[Callable[[ClusterFacts, Requirements], Iterator[Finding]]] = (
    cluster.cloud_problems,
    credentials.problems,
    cluster.problems,
    mirrors.problems,
    nodes.problems,
)


_LIMIT = re.compile(rf"({re.escape('coco-azure:peerPods.limitPerNode')}'? )(\d+)")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the checks found.

    Attributes:
        problems: what ends a run where the mode is ``enforce``.
        accepted: problems of checks that the settings accept.
        warnings: what may go wrong, and what nobody could ask.
    """

    problems: Sequence[Finding] = ()
    accepted: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()

    @property
    def rows(self) -> list[tuple[Finding, str]]:
        """All of them in the order of the table, each with what is said beside the check's name."""
        marked = ((self.problems, ""), (self.accepted, "accepted"), (self.warnings, "warning"))
        return [(finding, mark) for findings, mark in marked for finding in findings]


def judge(
    azure: AzureFacts,
    openshift: ClusterFacts,
    requirements: Requirements,
    accept: Sequence[str],
    foreign: Sequence[Finding] = (),
) -> Verdict:
    """Return what all checks say; ``foreign`` is what ``coco_azure.preflight.foreign`` says of the stack's clusters."""
    findings = [finding for check in _OF_AZURE for finding in check(azure, requirements)]
    findings += [finding for check in _OF_CLUSTER for finding in check(openshift, requirements)]
    findings += unasked([*azure.unknown, *openshift.unknown])
    return verdict([*findings, *foreign], accept)


def verdict(findings: Sequence[Finding], accept: Sequence[str]) -> Verdict:
    """Return the findings in the order of the table, by what they mean for a run."""
    ordered = sorted(_with_one_limit(findings), key=lambda finding: CHECKS.index(finding.check))
    problems = [finding for finding in ordered if finding.level == "problem"]
    return Verdict(
        problems=[finding for finding in problems if finding.check not in accept],
        accepted=[finding for finding in problems if finding.check in accept],
        warnings=[finding for finding in ordered if finding.level == "warning"],
    )


def _with_one_limit(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings with the lowest limit of pods that any of them proposes: a higher one would undo it."""
    limits = [int(match[2]) for finding in findings for match in _LIMIT.finditer(finding.fix)]
    lowest = rf"\g<1>{min(limits, default=0)}"
    return [replace(finding, fix=_LIMIT.sub(lowest, finding.fix)) for finding in findings]


def unasked(unknown: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a warning for each part that could not be asked: pairs of a check's name and the reason."""
    for check, reason in unknown:
        yield Finding(
            check=check,
            level="warning",
            found=f"not known: {reason}",
            needed="an answer; what cannot be asked is not judged",
            fix=(
                "try again, or give whoever runs Pulumi the right to read it; in Azure (az account show: who):\n"
                "az role assignment create --role Reader --assignee IDENTITY --scope /subscriptions/SUBSCRIPTION"
            ),
        )


_HEAD = ("check", "found", "needed")
_WIDEST = 44
"""Most characters of a column but the last, whose commands are not broken, so that they can be copied."""
_GAP = "  "


def render(verdict: Verdict) -> str:
    """Return the table with a headline, or nothing where nothing was found."""
    return "\n".join([_headline(verdict), "", *_table(verdict.rows)]) if verdict.rows else ""


def records(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the findings as data, for a report: those of ``Finding`` as mappings, each with ``accepted``."""
    return [asdict(finding) | {"accepted": mark == "accepted"} for finding, mark in verdict.rows]


def _headline(verdict: Verdict) -> str:
    parts = [
        (len(verdict.problems), "problem"),
        (len(verdict.accepted), "accepted problem"),
        (len(verdict.warnings), "warning"),
    ]
    counts = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in parts if count)
    return f"pre-flight: {counts}"


def _table(rows: Sequence[tuple[Finding, str]]) -> Iterator[str]:
    cells = [
        (f"{finding.check} ({mark})" if mark else finding.check, finding.found, finding.needed)
        for finding, mark in rows
    ]
    wrapped = [[_wrap(cell) for cell in row] for row in [_HEAD, *cells]]
    widths = [max(len(line) for row in wrapped for line in row[column]) for column in range(len(_HEAD))]
    fixes = [["fix"], *_fixes([finding for finding, _ in rows])]
    for number, (row, fix) in enumerate(zip(wrapped, fixes, strict=True)):
        for *line_cells, command in zip_longest(*row, fix, fillvalue=""):
            padded = [text.ljust(width) for text, width in zip(line_cells, widths, strict=True)]
            yield _GAP.join([*padded, command]).rstrip()
        if number == 0:
            yield _GAP.join("-" * width for width in [*widths, len("fix")])


def _fixes(findings: Sequence[Finding]) -> Iterator[list[str]]:
    """Yield the lines of each fix; the commands of several rows are those of the first of them, and mend all."""
    seen: dict[tuple[str, str], None] = {}
    for finding in findings:
        key = (finding.check, finding.fix)
        yield [f"(the commands of the first row of {finding.check})"] if key in seen else finding.fix.splitlines()
        seen[key] = None


def _wrap(text: str) -> list[str]:
    # A name that is longer, as the console makes them, stays whole: people search for it.
    return textwrap.wrap(text, _WIDEST, break_on_hyphens=False, break_long_words=False) or [""]
