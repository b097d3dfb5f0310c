"""How long a roll-out cannot but take: the documented durations of the simulated parts along its critical path.

The longest chain of things that need each other, from ``rehearsal.timings``; what goes on beside it does not count.
Seconds of the real world; a rehearsal divides them by its speed.
"""

from rehearsal.timings import CATALOG_RESOLUTION, CSV_INSTALL, IMAGE_JOB, IMAGE_PULL, NODE_REBOOT, POD_VM_START

_OPERATOR = CATALOG_RESOLUTION + CSV_INSTALL


def fresh(nodes: int) -> float:
    """Return it for a cluster without any of it: operator, nodes, image job, CAA, the check's pod VM."""
    return _OPERATOR + nodes * NODE_REBOOT + IMAGE_JOB + IMAGE_PULL + POD_VM_START


def recreate(nodes: int) -> float:
    """Return it for a cluster with a KataConfig that has to go first.

    Its nodes reboot out of kata, the image's deletion job (as long as a pod VM's start) runs, and then all is as on a
    fresh one, but that the operator is there already.
    """
    return nodes * NODE_REBOOT + POD_VM_START + fresh(nodes) - _OPERATOR


def adopt() -> float:
    """Return it for a cluster whose KataConfig is kept: Trustee's operator, KBS, and the check's pod VM."""
    return _OPERATOR + IMAGE_PULL + POD_VM_START
