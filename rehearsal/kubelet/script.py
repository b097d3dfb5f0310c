"""Runs the program's own verification script, and nothing else, as a simulated container would.

The script runs with bash in an empty environment; its ``curl`` is ``curl.py``, and its CDH a server on loopback that
asks the simulated pod VM.
"""

import asyncio
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from coco_azure.formats.attestation_check import SCRIPT
from rehearsal import loopback
from rehearsal.kubelet.guest import Guest
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.kbs import DeniedError

_LOOK = 0.2
"""Seconds of this machine between two looks at a script."""


@dataclass(frozen=True)
class Ended:
    """How a container ended.

    Attributes:
        code: exit code.
        output: the end of what it printed.
    """

    code: int
    output: str


def is_ours(container: Mapping[str, object]) -> bool:
    """Return whether the container's command is exactly the verification script."""
    return container.get("command") == ["/bin/bash", "-c", SCRIPT]


async def run(guest: Guest, environment: Mapping[str, str]) -> Ended:
    """Run the script in the pod VM with the container's environment."""
    async with loopback.serving(_hub(guest)) as port:
        return await _bash({**environment, "CDH_URL": f"http://{loopback.HOST}:{port}"})


def _hub(guest: Guest) -> web.Application:
    async def resource(request: web.Request) -> web.Response:
        try:
            return web.Response(body=await guest.resource(request.match_info["path"]))
        except (DeniedError, UnreachableError) as error:
            # As api-server-rest does: whatever goes wrong is a 500.
            return web.Response(status=500, text=f"rpc status: get resource failed: {error}")

    hub = web.Application()
    hub.router.add_get("/cdh/resource/{path:.+}", resource)
    return hub


async def _bash(environment: Mapping[str, str]) -> Ended:
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "curl"
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m rehearsal.kubelet.curl "$@"\n')
        shim.chmod(0o755)
        checkout = str(Path(__file__).resolve().parent.parent.parent)
        process = await asyncio.create_subprocess_exec(
            "/bin/bash",
            "-c",
            SCRIPT,
            env={**environment, "PATH": f"{folder}:{os.defpath}", "PYTHONPATH": checkout},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            raise
    return Ended(process.returncode or 0, output.decode(errors="replace")[-2000:])


class Script:
    """The program's verification script in a pod VM."""

    def __init__(self, guest: Guest, environment: dict[str, str]) -> None:
        self._task = asyncio.create_task(run(guest, environment))

    async def look(self) -> Ended | float:
        """Return how it ended."""
        done, _ = await asyncio.wait((self._task,), timeout=_LOOK)
        return self._task.result() if done else _LOOK

    async def stop(self) -> None:
        """End it."""
        self._task.cancel()
