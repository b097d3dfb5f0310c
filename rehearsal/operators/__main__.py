"""``python -m rehearsal.operators``: run the simulated operators and nodes against the API server of KUBECONFIG.

Environment: KUBECONFIG; COCO_REHEARSAL_SPEED, by which documented durations are divided; COCO_REHEARSAL_DIRECTORY, the
cluster's folder, in which the file ``operators.ready`` appears once everything is watched.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from rehearsal.operators.app import run
from rehearsal.timings import DEFAULT_SPEED


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stdout)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    kubeconfig = Path(os.environ["KUBECONFIG"])
    directory = Path(os.environ.get("COCO_REHEARSAL_DIRECTORY", kubeconfig.parent))
    speed = float(os.environ.get("COCO_REHEARSAL_SPEED", DEFAULT_SPEED))
    asyncio.run(_run_until_stopped(kubeconfig, speed, directory / "operators.ready"))
    return 0


async def _run_until_stopped(kubeconfig: Path, speed: float, ready: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(kubeconfig, speed, ready, stop)


if __name__ == "__main__":
    sys.exit(main())
