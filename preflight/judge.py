"""All checks, one after the other: what they say, in one order, and what of it ends a run.

A check is a module with ``problems(facts, wanted) -> Iterator[Finding]``. It says nothing of a part of the facts that
is None: nobody could ask it, and ``unknown`` says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from preflight import (
    capacity,
    cluster,
    credentials,
    image,
    network,
    nsg,
    own_subnet,
    quota,
    roles,
    sizes,
)
from preflight.cluster_facts import ClusterFacts
from preflight.facts import AzureFacts
from preflight.model import CHECKS, Finding
from preflight.wanted import Wanted

_OF_AZURE: Sequence[Callable[[AzureFacts, Wanted], Iterator[Finding]]] = (
    sizes.problems,
    quota.problems,
    capacity.problems,
    image.problems,
    network.problems,
    nsg.problems,
    own_subnet.problems,
    roles.problems,
)
_OF_CLUSTER: Sequence[Callable[[ClusterFacts, Wanted], Iterator[Finding]]] = (
    credentials.problems,
    cluster.problems,
)


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


def judge(azure: AzureFacts, openshift: ClusterFacts, wanted: Wanted, accept: Sequence[str]) -> Verdict:
    """Return what all checks say."""
    found = [finding for check in _OF_AZURE for finding in check(azure, wanted)]
    found += [finding for check in _OF_CLUSTER for finding in check(openshift, wanted)]
    found += unasked([*azure.unknown, *openshift.unknown])
    found.sort(key=lambda finding: CHECKS.index(finding.check))
    problems = [finding for finding in found if finding.level == "problem"]
    return Verdict(
        problems=[finding for finding in problems if finding.check not in accept],
        accepted=[finding for finding in problems if finding.check in accept],
        warnings=[finding for finding in found if finding.level == "warning"],
    )


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
