"""Which pods have a real program as their content: those of an operator and of KBS, where it was brought."""

import os
from collections.abc import Mapping
from pathlib import Path

from rehearsal.api import Object
from rehearsal.kubelet.running_kbs import RunningKbs
from rehearsal.real import operator as real_operator
from rehearsal.real.brought import KBS, PROGRAMS
from rehearsal.real.kbs import RealKbs
from rehearsal.real.process import RealProcess


async def operator(pod: Object, environment: Mapping[str, str]) -> RealProcess | None:
    """Start the operator of a pod that OLM made, or return None for any other pod; raises EndedError."""
    container = pod["spec"]["containers"][0]
    for program in PROGRAMS:
        package = container["image"].rpartition("/")[2].rpartition(":")[0]
        path = program.path()
        if path is not None and program.replaces == package and container["name"] == "manager":
            return await real_operator.started(program, path, _cluster(), pod, environment)
    return None


async def kbs(
    pod: Object, files: Mapping[str, str], simulated: RunningKbs | str, environment: Mapping[str, str]
) -> RealKbs | None:
    """Start the real KBS of a pod, or return None where none was brought; raises EndedError."""
    if KBS.path() is None:
        return None
    started = RealKbs(pod, files, simulated, environment, _cluster())
    try:
        await started.ready()
    except BaseException:
        await started.stop()
        raise
    return started


def _cluster() -> Path:
    return Path(os.environ["COCO_REHEARSAL_DIRECTORY"])
