"""A real program as the content of a simulated pod."""

import asyncio
import json
import os
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rehearsal.background import BackgroundThread
from rehearsal.kubelet.script import Ended
from rehearsal.processes import Child, listens
from rehearsal.real.brought import Program
from rehearsal.real.own_root import LIBRARIES, OwnRoot

_LOOK, _LOOK_AT_START = 1.0, 0.05  # seconds of this machine
_START_TIMEOUT = 90.0
_GRACE = 5.0
_HOPELESS = 5  # ends of one program with the same words
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


ENDED = "ended.jsonl"
"""The file beside the logs that keeps the end of every program that ended by itself, a JSON text on each line."""


class EndedError(Exception):
    """The program has ended although nobody stopped it; the message has its last words."""


class RealProcess:
    """One run of a program; as a workload of a pod it goes on until it is stopped."""

    def __init__(
        self, program: Program, path: Path, root: OwnRoot, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        """Start it by the name that it has in its image; its output goes to a log beside its root."""
        self._folder = root.folder
        self._title = f"{program.title} ({path})"
        log = root.folder.with_name(f"{root.folder.name}.log")
        log.write_bytes(b"")
        libraries = {name: os.environ[name] for name in (LIBRARIES,) if name in os.environ}
        variables = {"PATH": _PATH, "HOME": "/", "LANG": "C.UTF-8", **libraries, **environment}
        self._child = Child(
            root.folder.name, root.command(path, Path(program.in_image).name, arguments), log, variables
        )

    @property
    def log(self) -> str:
        """What it has written to its output."""
        return self._child.log.read_text(encoding="utf-8", errors="replace")

    async def answers_on(self, port: int) -> None:
        """Return once it takes connections on a port of loopback; raises EndedError."""
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
        while not listens(port):
            self._check()
            if asyncio.get_running_loop().time() > deadline:
                raise EndedError(f"the real {self._title} does not listen on port {port}; see {self._child.log}")
            await asyncio.sleep(_LOOK_AT_START)

    async def look(self) -> Ended | float:
        """Return when to look again; raises EndedError."""
        self._check()
        return _LOOK

    async def stop(self) -> None:
        """End it, and remove its files: secrets may be among them."""
        await asyncio.to_thread(self._child.stop, _GRACE)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _check(self) -> None:
        if (code := self._child.exit_code()) is not None:
            last = self._child.last_words(5) or "(it wrote nothing)"
            message = f"the real {self._title} ended with code {code}; the end of {self._child.log}:\n{last}"
            with (self._child.log.parent / ENDED).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(message)}\n")
            raise EndedError(message)


class Ends(BackgroundThread):
    """Tells the end of programs of a cluster that ended by themselves, each text once, while a block runs.

    Attributes:
        hopeless: what a program said that has ended again and again, so that waiting for it is in vain; else None.
    """

    def __init__(self, cluster: Path, say: Callable[[str], None]) -> None:
        super().__init__()
        self._file, self._say = cluster / "real" / ENDED, say
        self.hopeless: str | None = None

    def work(self) -> None:
        """Look until the block is over, and once more then."""
        shown: set[str] = set()
        last = False
        while not last:
            last = self.over.wait(_LOOK)
            lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
            for line in dict.fromkeys(each for each in lines if each not in shown):
                self._say(f"warning: {json.loads(line)}")
            shown.update(lines)
            often = [line for line, times in Counter(lines).items() if times >= _HOPELESS]
            self.hopeless = json.loads(often[0]) if often else None


def taken(port: int) -> bool:
    """Return whether a port of this machine is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False
