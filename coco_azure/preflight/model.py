"""What the pre-flight says: findings, each with what was found, what is needed, and how to fix it."""

from dataclasses import dataclass
from typing import Literal, get_args

from coco_azure.settings.preflight import Check

Level = Literal["problem", "warning"]
CHECKS: tuple[str, ...] = get_args(Check)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as pod VMs need it.

    Attributes:
        check: the check's name, a word that ``preflight.accept`` takes, such as ``sizes`` or ``quota``.
        level: ``problem``: the deployment fails or is not confidential; ``warning``: it may, or nobody could tell.
        found: what is there.
        needed: what has to be there.
        fix: the command or setting that mends it.
    """

    check: str
    level: Level
    found: str
    needed: str
    fix: str
