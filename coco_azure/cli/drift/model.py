"""What a drift check finds."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from coco_azure.cli.drift.fields import Owner

Side = Literal["cluster", "azure"]
What = Literal["changed", "removed", "added", "missing", "moved"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference.

    Attributes:
        side: where it is.
        object: the object, such as ``ConfigMap trustee-operator-system/resource-policy``.
        resource: its name in the program.
        what: ``changed``; ``removed`` or ``added`` fields; ``missing`` objects; ``moved`` facts.
        field: path of the field; empty where it is about the whole object.
        stack: what the stack says, for people; secrets are hidden.
        actual: what the cluster or Azure has, likewise.
        owner: who owns the field now; None where it is not recorded.
        operation: what putting it back would do to the object; empty: nothing.
        reboots: whether that reboots nodes.
        effects: what else follows from it, or has to be done.
    """

    side: Side
    object: str
    resource: str
    what: What
    field: str = ""
    stack: str = ""
    actual: str = ""
    owner: Owner | None = None
    operation: str = ""
    reboots: bool = False
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """The result of a check.

    Attributes:
        stack: name of the stack.
        findings: the differences.
        plan: what ``PULUMI_K8S_ENABLE_PATCH_FORCE=true pulumi up --refresh`` would do as a whole, in words.
        reboots: whether that reboots nodes.
        ahead: changes of the program or of its settings that are not deployed yet: no drift.
        planned: whether the plan is complete; without it the program did not run to its end.
        notes: what is worth knowing and no drift.
        refusals: why ``pulumi up`` would stop, such as a reboot that is not approved.
        problems: why the check could not tell, or not all of it.
    """

    stack: str
    findings: tuple[Drift, ...] = ()
    plan: tuple[str, ...] = ()
    reboots: bool = False
    ahead: tuple[str, ...] = ()
    planned: bool = True
    notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """Exit code: 0 no drift, 2 drift, 1 cannot tell."""
        return 2 if self.findings else 1 if self.problems else 0


def to_dict(report: DriftReport) -> dict[str, Any]:
    """Return the report as JSON: the fields of ``DriftReport`` and ``Drift``, and ``code``."""
    return {"stack": report.stack, "code": report.code, "drift": bool(report.findings), **asdict(report)}
