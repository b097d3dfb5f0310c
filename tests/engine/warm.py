"""A Python that has imported what every run imports: each run of the program is a fork of it.

The engine tests start a thousand programs and plugins, and importing the SDKs would be half of what they cost. A client
(``warm_client``) is started wherever a Python interpreter would be, hands its arguments, environment and descriptors
over, and stands for the process until that ends. What runs is the same; only where its modules come from differs.
"""

import atexit
import gc
import importlib
import io
import json
import os
import runpy
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

CHECKOUT = Path(__file__).resolve().parents[2]
_MODULES = (
    "azure.identity",
    "azure.core.pipeline.transport",
    "components.outputs",
    "components.preflight_run",
    "components.trustee.stack",
    "components.peer_pods.runtime",
    "rehearsal.azure_provider.provider",
    "pulumi.automation._server",
)
_READY = b"ready"
_REQUEST = 1 << 20
_DESCRIPTORS = 64
_CLEAR = 512
_STREAMS = ((0, "r", -1), (1, "w", -1), (2, "w", 1))
_READ_THE_ENVIRONMENT = ("kubernetes.config.kube_config",)
"""Modules that do so when they are imported."""


@contextmanager
def warm_python(folder: Path) -> Iterator[Path]:
    """Yield the path of a command that is used like a Python interpreter; ``folder`` is for its files."""
    place, command = folder / "warm", folder / "python"
    client = Path(__file__).with_name("warm_client.py")
    words = [sys.executable, "-I", "-S", str(client), str(place)]
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    command.chmod(0o755)
    arguments = [sys.executable, "-m", "tests.engine.warm", str(place), str(command)]
    with subprocess.Popen(arguments, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline().strip() == _READY
        try:
            yield command
        finally:
            server.kill()


def serve(path: str, command: str) -> NoReturn:
    """Fork for every client until standard input ends."""
    for name in _MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    os.write(1, _READY + b"\n")
    while True:
        readable = select.select([listener.fileno(), 0], [], [])[0]
        if 0 in readable:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _watch(connection, command)
        connection.close()


def _watch(connection: socket.socket, command: str) -> NoReturn:
    """Run what a client asks for in a fork, pass signals on, and answer with the exit code."""
    data, descriptors, _, _ = socket.recv_fds(connection, _REQUEST, _DESCRIPTORS)
    request = json.loads(data)
    worker = os.fork()
    if worker == 0:
        connection.close()
        _work(request, descriptors, command)
    for number in {0, 1, *descriptors}:
        os.close(number)
    ended = os.pidfd_open(worker)
    while True:
        readable = select.select([connection.fileno(), ended], [], [])[0]
        if ended in readable:
            _, status = os.waitpid(worker, 0)
            connection.send(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        caught = connection.recv(1)
        os.kill(worker, caught[0] if caught else signal.SIGKILL)
        if not caught:
            os._exit(0)


def _work(request: Mapping[str, Any], descriptors: list[int], command: str) -> NoReturn:
    """Become what the client is, and run its arguments."""
    _take_over(descriptors, request["numbers"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.executable = command
    unbuffered = request["arguments"][0] == "-u"
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering, closefd=False) for number, mode, buffering in _STREAMS
    )
    if unbuffered:  # the bytes below the text are so, too
        sys.stdout = io.TextIOWrapper(cast("BinaryIO", io.FileIO(1, "w", closefd=False)), write_through=True)
    code = 1
    try:
        _run(request["arguments"][unbuffered:])
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as an interpreter does
        sys.excepthook(*sys.exc_info())
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(code)


def _take_over(descriptors: list[int], numbers: list[int]) -> None:
    """Give the descriptors the numbers that they have in the client, and close them under those that they came with."""
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, _CLEAR + place)  # clear of all numbers that anything has
    for descriptor in {*descriptors} - {*numbers}:
        os.close(descriptor)
    for place, number in enumerate(numbers):
        os.dup2(_CLEAR + place, number)
    os.closerange(_CLEAR, _CLEAR + len(descriptors))


def _run(arguments: list[str]) -> None:
    for name in _READ_THE_ENVIRONMENT:
        importlib.reload(sys.modules[name])
    ours = [name for name, module in sys.modules.items() if _is_ours(getattr(module, "__file__", None))]
    if Path.cwd() != CHECKOUT:  # another program's folder has modules of the same names
        for name in ours:
            del sys.modules[name]
    installed = [path for path in sys.path if path.startswith((sys.prefix, sys.base_prefix))]
    added = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if arguments[0] == "-m":
        sys.path[:] = [str(Path.cwd()), *added, *installed]
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[:] = [str(Path(arguments[0]).parent), *added, *installed]
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def _is_ours(file: str | None) -> bool:
    return file is not None and file.startswith(f"{CHECKOUT}{os.sep}") and f"{os.sep}site-packages{os.sep}" not in file


if __name__ == "__main__":
    serve(*sys.argv[1:])
