"""What the pre-flight says: findings, each with what was found, what is needed, and how to fix it."""

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["problem", "warning"]
Check = Literal[
    "sizes",
    "zones",
    "quota",
    "capacity",
    "image",
    "secure-boot",
    "subnet",
    "outbound",
    "nsg-rules",
    "own-subnet",
    "credentials",
    "roles",
    "cluster-version",
    "pools",
    "catalog",
    "operators",
    "kata-config",
]
"""Names of checks, in the order in which the table tells them; each is a word that ``preflight.accept`` takes."""
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
