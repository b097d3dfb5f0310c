"""The main job: preview, ``up``, the attested secret, ``up`` again with no change, and what all of it did."""

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from coco_azure.clients import event_log
from coco_azure.clients.pulumi_cli import EngineError
from rehearsal import negative, summary, toolchain
from rehearsal.azure import description
from rehearsal.cluster import Cluster
from rehearsal.control_plane import TOOLS
from rehearsal.real import brought
from rehearsal.real.process import Ends
from rehearsal.toolchain.cache import Say
from rehearsal.workplace import STACK, Prepared, Workplace


class FailedError(RuntimeError):
    """A step of the main job failed; what it printed stands above."""


_LOOK, _ENGINE_WAITS = 0.2, 600.0  # seconds


def select_stack(prepared: Prepared) -> None:
    """Make the stack ``rehearsal`` where it is missing, and select it; raises FailedError."""
    try:
        prepared.engine().ask("stack", "select", "--create", STACK)
    except EngineError as error:
        raise FailedError(f"the stack cannot be made: {error}") from error


def main_job(place: Workplace, say: Say) -> None:
    """Carry out chapter 7 on a new cluster.

    Raises:
        ClusterError, ToolchainError: the rehearsal does not start.
        FailedError: a step failed.
    """
    began = time.monotonic()
    tools = {name: tool.path for name, tool in toolchain.ensure(TOOLS, say).items()}
    say("starting etcd, kube-apiserver, kube-controller-manager and the simulated operators")
    for words in brought.words():
        say(words)
    with Cluster.start(place.cluster, tools, fresh=True), Ends(place.cluster, say) as ends:
        for folder in (place.state, place.root / "pulumi"):
            shutil.rmtree(folder, ignore_errors=True)
        prepared = place.prepare(say)
        say(f"Kubernetes provider: {prepared.provider}; Azure: {description.chosen()}")
        select_stack(prepared)
        events, page = place.root / "events.json", place.root / "report.html"
        say("\n$ pulumi preview")
        _run_with_report(prepared, ["preview"], (place.root / "preview.json", place.root / "preview.html"), say, ends)
        say("\n$ pulumi up")
        _run_with_report(prepared, ["up", "--yes", "--skip-preview"], (events, page), say, ends)
        outputs = prepared.engine(STACK).outputs()
        if outputs.get("attested") is not True:
            raise FailedError(f"the stack says attested: {outputs.get('attested')!r}, expected true")
        say("\n$ pulumi up --expect-no-changes")
        _pulumi(prepared, ["up", "--yes", "--skip-preview", "--expect-no-changes"], ends)
        say("\ntrying what must be denied")
        outcomes = negative.run(place.cluster / "kubeconfig", outputs["workloadInitdata"].get("cart"))
        # Once more, with what was tried.
        report = summary.write_report(prepared, events, page, say, outcomes)
        took, provider = time.monotonic() - began, prepared.provider
        say(
            summary.render(
                event_log.read_file(events), outputs, outcomes, provider=provider, seconds=took, report=report
            )
        )
        if wrong := [each.name for each in outcomes if not each.as_expected]:
            raise FailedError(f"the trust chain did not hold: {', '.join(wrong)}; see the table above")


def _run_with_report(
    prepared: Prepared, arguments: Sequence[str], files: tuple[Path, Path], say: Say, ends: Ends
) -> None:
    """Run ``pulumi`` and leave its event log and a report in these files, also where it fails."""
    events, page = files
    events.unlink(missing_ok=True)
    try:
        _pulumi(prepared, [*arguments, "--suppress-progress"], ends, events)
    except FailedError:
        summary.write_report(prepared, events, page, say)
        raise
    summary.write_report(prepared, events, page, say)


def _pulumi(prepared: Prepared, arguments: Sequence[str], ends: Ends, log: Path | None = None) -> None:
    """Run ``pulumi`` in the checkout, which prints; raises FailedError where it fails, or would wait in vain."""
    process = prepared.engine(STACK).start(*arguments, "--non-interactive", log=log, stdin=subprocess.DEVNULL)
    try:
        while (code := process.poll()) is None:
            if ends.hopeless is not None:
                process.kill()  # it would wait for what is under way; the cluster goes anyway
                process.wait()
                raise FailedError(f"given up: {ends.hopeless}")
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        # Ctrl-C has reached it as well: it cancels what it does.
        code = process.wait(_ENGINE_WAITS) or signal.SIGINT
    if code != 0:
        raise FailedError(f"`pulumi {' '.join(arguments[:3])}` ended with code {code}, see above")
