"""All checks, one after the other: what they say, in one order, and what of it ends a run.

A check is a module with ``problems(facts, wanted) -> Iterator[Finding]``. It says nothing of a part of the facts that
is None: nobody could ask it, and ``unknown`` says so.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from coco_azure.inventory.azure_facts import AzureFacts
from coco_azure.inventory.cluster_facts import ClusterFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight import (
    capacity,
    cloud,
    cluster,
    credentials,
    image,
    mirrors,
    network,
    nodes,
    nsg,
    own_subnet,
    quota,
    roles,
    sizes,
)
from coco_azure.preflight.model import CHECKS, Finding

_OF_AZURE: Sequence[Callable[[AzureFacts, Requirements], Iterator[Finding]]] = (
    sizes.problems,
    quota.problems,
    capacity.problems,
    image.problems,
    network.problems,
    nsg.problems,
    own_subnet.problems,
    roles.problems,
)
_OF_CLUSTER: Sequence[Callable[[ClusterFacts, Requirements], Iterator[Finding]]] = (
    cloud.problems,
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


def judge(
    azure: AzureFacts,
    openshift: ClusterFacts,
    wanted: Requirements,
    accept: Sequence[str],
    foreign: Sequence[Finding] = (),
) -> Verdict:
    """Return what all checks say; ``foreign`` is what ``coco_azure.preflight.foreign`` says of the stack's clusters."""
    findings = [finding for check in _OF_AZURE for finding in check(azure, wanted)]
    findings += [finding for check in _OF_CLUSTER for finding in check(openshift, wanted)]
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
