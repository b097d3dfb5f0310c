"""``python -m rehearsal up|down|clean|status|run``: what stands behind ``make rehearsal-...`` and ``make rehearse``."""

import argparse
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from rehearsal import run, supervisor
from rehearsal.azure import description
from rehearsal.cluster import CHECKOUT, check_settings
from rehearsal.control_plane import ClusterError
from rehearsal.operators import olm_catalog
from rehearsal.pki import write_private
from rehearsal.processes import ProcessId
from rehearsal.real import brought
from rehearsal.rest import ApiServer
from rehearsal.toolchain import ToolchainError
from rehearsal.workplace import STACK, Workplace


def main() -> int:
    """Carry out one command; errors that a user can mend are told without a traceback."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description="A rehearsal cluster.")
    commands = {"up": up, "down": down, "clean": clean, "status": status, "run": rehearse}
    parser.add_argument("command", choices=commands)
    chosen = parser.parse_args()
    # A plain kill shall end what was started, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return commands[chosen.command]()
    except (ClusterError, ToolchainError, run.FailedError, FileNotFoundError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: what this command started has been ended\n")
        return 130


def up() -> int:
    """Start a cluster and leave it running; one that runs already has its catalog moved to what is asked for."""
    check_settings()
    place, began = Workplace.by_hand(), time.monotonic()
    prepared = place.prepare(_say)
    _say(f"Kubernetes provider: {prepared.provider}; Azure: {description.chosen()}")
    _say("starting etcd, kube-apiserver, kube-controller-manager and the simulated operators")
    for words in brought.words():
        _say(words)
    supervisor.start(place.cluster)
    _offer(place)
    run.select_stack(prepared)
    write_private(place.root / "env", prepared.shell())
    _say(f"ready after {time.monotonic() - began:.0f} s. Now: . {_short(place.root / 'env')} && pulumi preview")
    return 0


def down() -> int:
    """End it; its data stay."""
    place = Workplace.by_hand()
    _say("ended" if supervisor.stop(place.cluster) else "nothing was running")
    return 0


def clean() -> int:
    """End it and remove its data, and those of ``make rehearse``."""
    place = Workplace.by_hand()
    down()
    for folder in (place.cluster, place.state, place.root / "pulumi", place.root / "bin", place.root / "rehearse"):
        shutil.rmtree(folder, ignore_errors=True)
    (place.root / "env").unlink(missing_ok=True)
    return 0


def status() -> int:
    """Say what runs; 3 where nothing does."""
    place = Workplace.by_hand()
    running = supervisor.state(place.cluster)
    if running is None or not supervisor.running(place.cluster):
        _say("no rehearsal cluster runs; `make rehearsal-up` starts one")
        return 3
    _say(f"{running['phase']}, supervisor {running['supervisor']['pid']}")
    for child in running["children"]:
        alive = ProcessId.from_json(child["process"]).alive()
        _say(f"  {child['name']:<24} {child['process']['pid']:>8}  {'runs' if alive else 'has ended'}")
    _say(f"kubeconfig {_short(place.cluster / 'kubeconfig')}, stack {STACK}, environment {_short(place.root / 'env')}")
    return 0


def rehearse() -> int:
    """Carry out chapter 7 on a new cluster, tell what happened, and take the cluster down again."""
    run.main_job(Workplace.of_rehearse(), _say)
    return 0


def _offer(place: Workplace) -> None:
    server = ApiServer(place.cluster / "kubeconfig")
    for package in olm_catalog.PACKAGES.values():
        # Only what is asked for: a cluster that was left running keeps the catalog that it has.
        if (version := package.asked(os.environ)) is not None:
            olm_catalog.move(server, package, version)
            _say(f"the catalog offers {package.title} {version}")


def _short(path: Path) -> str:
    return str(path.relative_to(CHECKOUT)) if path.is_relative_to(CHECKOUT) else str(path)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
