"""What an operator wrote, in order: ``python -m rehearsal.real.transcript`` keeps it after a rehearsal of a real one.

A line for each object that it created or deleted, and each of somebody else's that it changed, the first time.
Contents, resource versions and repetitions are left out, as they differ from run to run. The simulated operators are
held to these files (``rehearsal/real/transcripts``).
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rehearsal.operators import olm_catalog
from rehearsal.operators.trustee import NAMESPACE as TRUSTEE
from rehearsal.real.brought import OSC_OPERATOR, TRUSTEE_OPERATOR, Program
from rehearsal.workplace import Workplace

FOLDER = Path(__file__).with_name("transcripts")
_VERBS = {"create": "create", "update": "update", "patch": "update", "delete": "delete"}
_REAL = "manager/"  # client-go names the program, which has this name in both images
_PASSING = ("leases", "events")
_OPERATORS = (OSC_OPERATOR, TRUSTEE_OPERATOR)


def of(audit_log: Path, program: Program, *, real: bool) -> list[str]:
    """Return the transcript of an operator.

    Args:
        audit_log: of the cluster (JSON lines of audit.k8s.io/v1 Event).
        program: the operator.
        real: whether the real one ran, or the simulated one.
    """
    wrote: Callable[[str], bool] = (
        (lambda agent: agent.startswith(_REAL)) if real else (lambda agent: agent == program.replaces)
    )
    lines: dict[str, None] = {}
    own = set[str]()
    for text in audit_log.read_text(encoding="utf-8").splitlines():
        event = json.loads(text)
        verb, target = _verb(event), _target(event)
        if verb and wrote(event.get("userAgent", "")) and (TRUSTEE in target) == (program is TRUSTEE_OPERATOR):
            if verb == "create":
                own.add(target)
            if verb != "update" or target not in own:
                lines.setdefault(f"{verb} {target}")
    return list(lines)


def _verb(event: dict[str, Any]) -> str | None:
    """Return what was done, where it had an effect that is told."""
    target = event["objectRef"]
    failed = event.get("responseStatus", {}).get("code", 0) >= HTTPStatus.BAD_REQUEST
    passing = target["resource"] in _PASSING or not target.get("name") or target.get("subresource")
    return None if failed or passing else _VERBS.get(event["verb"])


def _target(event: dict[str, Any]) -> str:
    target = event["objectRef"]
    # A cluster's own object may come with a namespace, which counts for nothing.
    namespace = target.get("namespace") if "/namespaces/" in event["requestURI"] else None
    place = [each for each in (namespace, target.get("name")) if each]
    return f"{target['resource']} {'/'.join(dict.fromkeys(place))}"


def files(environment: Mapping[str, str]) -> dict[Program, Path]:
    """Return where the transcript of each operator is kept, in the versions that the environment asks for."""
    versions = olm_catalog.chosen(environment)
    return {each: FOLDER / f"{each.package}-{versions[each.package]}.txt" for each in _OPERATORS}


def kept(environment: Mapping[str, str]) -> dict[Program, list[str]]:
    """Return the transcripts that there are, of the versions that the environment asks for."""
    return {each: file.read_text("utf-8").splitlines() for each, file in files(environment).items() if file.exists()}


def main() -> int:
    """Keep the transcript of each real operator of the last ``make rehearse``."""
    audit_log = Workplace.of_rehearse().cluster / "audit.log"
    for program, file in files(os.environ).items():
        if program.path() is not None:
            FOLDER.mkdir(exist_ok=True)
            file.write_text("".join(f"{line}\n" for line in of(audit_log, program, real=True)), encoding="utf-8")
            print(f"kept {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
