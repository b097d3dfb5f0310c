"""The main job: preview, ``up``, the attested secret, ``up`` again with no change, and what all of it did."""

import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import toolchain
from rehearsal import negative, reported, summary
from rehearsal.azure import description
from rehearsal.cluster import CHECKOUT, Cluster
from rehearsal.control_plane import TOOLS
from rehearsal.rest import ApiServer
from rehearsal.workplace import STACK, Prepared, Workplace
from toolchain.cache import Say


class FailedError(RuntimeError):
    """A step of the main job failed; what it printed stands above."""


def select_stack(prepared: Prepared) -> None:
    """Make the stack ``rehearsal`` where it is missing, and select it; raises FailedError."""
    _pulumi(prepared, ["stack", "select", "--create", STACK], quiet=True)


def main_job(place: Workplace, say: Say) -> None:
    """Carry out chapter 7 on a new cluster.

    Raises:
        ClusterError, ToolchainError: the rehearsal does not start.
        FailedError: a step failed.
    """
    began = time.monotonic()
    tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, say).items()}
    say("starting etcd, kube-apiserver, kube-controller-manager and the simulated operators")
    with Cluster.start(place.cluster, tools, fresh=True):
        for folder in (place.state, place.root / "pulumi"):
            shutil.rmtree(folder, ignore_errors=True)
        prepared = place.prepare(say)
        say(f"Kubernetes provider: {prepared.provider}; Azure: {description.chosen()}")
        select_stack(prepared)
        events, page = place.root / "events.json", place.root / "report.html"
        say("\n$ pulumi preview")
        _told(prepared, ["preview"], place.root / "preview.json", place.root / "preview.html", say)
        say("\n$ pulumi up")
        _told(prepared, ["up", "--yes", "--skip-preview"], events, page, say)
        outputs = json.loads(_pulumi(prepared, ["stack", "output", "--json"], quiet=True))
        if outputs.get("attested") is not True:
            raise FailedError(f"the stack says attested: {outputs.get('attested')!r}, expected true")
        say("\n$ pulumi up --expect-no-changes")
        _pulumi(prepared, ["up", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes"])
        say("\ntrying what must be denied")
        outcomes = negative.run(ApiServer(place.cluster / "kubeconfig"), outputs["workloadInitdata"].get("cart"))
        # Once more, with what was tried.
        report = reported.write(prepared, events, page, say, outcomes)
        took, provider = time.monotonic() - began, prepared.provider
        say(summary.render(summary.read(events), outputs, outcomes, provider=provider, seconds=took, report=report))
        if wrong := [each.name for each in outcomes if not each.as_expected]:
            raise FailedError(f"the trust chain did not hold: {', '.join(wrong)}; see the table above")


def _told(prepared: Prepared, arguments: Sequence[str], events: Path, page: Path, say: Say) -> None:
    """Run ``pulumi`` and leave its event log and a report, also where it fails."""
    events.unlink(missing_ok=True)
    try:
        _pulumi(prepared, [*arguments, "--non-interactive", "--suppress-progress", "--event-log", str(events)])
    except FailedError:
        reported.write(prepared, events, page, say)
        raise
    reported.write(prepared, events, page, say)


def _pulumi(prepared: Prepared, arguments: Sequence[str], *, quiet: bool = False) -> str:
    """Run ``pulumi`` in the checkout; its standard output, where it is not shown."""
    command = [str(prepared.pulumi), *arguments]
    # --event-log is one of the options that the CLI shows and takes only in this mode.
    environment = {**prepared.environment(), "PULUMI_DEBUG_COMMANDS": "true"}
    pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} if quiet else {}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, text=True, **pipe)
    try:
        out, err = process.communicate()
    except BaseException:
        # Ctrl-C has reached it as well: it cancels what it does and saves its state.
        process.wait(60)
        raise
    if process.returncode != 0:
        said = f":\n{(err or out or '').strip()}" if quiet else ", see above"
        raise FailedError(f"`pulumi {' '.join(arguments[:3])}` ended with code {process.returncode}{said}")
    return out or ""
