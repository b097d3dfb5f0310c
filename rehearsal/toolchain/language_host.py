"""Pulumi's language host for Python, for a CLI that was built from Go modules.

The official CLI brings its own ``pulumi-language-python``; the Go modules do not. The engine starts this one, reads its
port from the first line of standard output, and asks it to run programs and policy packs (LanguageRuntime, pulumi
``proto/pulumi/language.proto``). A program runs in a process of its own, so nothing stays from a preview to the update
that follows it.
"""

import asyncio
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from pulumi import RunError, log
from pulumi.automation._server import LanguageServer
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

VERSION = "3.259.0"
_RUN = "--run"
_MARK = b"response:"
_WORKERS = 8
_SHOWN = 32
"""Exit code of a program whose error has been shown."""
_LOOK = 1.0
_NO_LIMIT = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


class LanguageHost(LanguageServer):
    """Runs Python programs for one engine."""

    def __init__(self, engine: str) -> None:
        super().__init__(lambda: None)
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - names of the protocol
        """Name a version: the engine insists on one."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Take the engine's address, where it comes this way."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Run the program in a process of its own; the request goes in by its standard input, and no argument."""
        request.args.insert(0, self._engine)
        answers, answer = os.pipe()
        child = self._start([str(Path(__file__).resolve()), _RUN, str(answer)], request.pwd, pass_fds=[answer])
        os.close(answer)
        with child, os.fdopen(answers, "rb") as pipe:
            self._children.add(child)
            assert child.stdin is not None  # noqa: S101 - opened as a pipe
            child.stdin.write(request.SerializeToString())
            child.stdin.close()
            output = pipe.read()
        self._children.discard(child)
        if output.startswith(_MARK):  # a response without an error has no bytes of its own
            return language_pb2.RunResponse.FromString(output.removeprefix(_MARK))
        return language_pb2.RunResponse(error=f"the program ended with code {child.returncode} and without a word")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802, ARG002
        """Run a policy pack or a provider that is written in Python, and pass its output on."""
        directory = request.info.program_directory
        module = ["-m", "pulumi.policy"] if request.kind == "analyzer" else []
        entry = [directory] if module or not request.info.entry_point else [request.info.entry_point]
        arguments = ["-u", *module, *request.args, *entry] if module else ["-u", *entry, *request.args]
        environment = {**os.environ, **dict(pair.split("=", 1) for pair in request.env)}
        child = self._start(arguments, directory, stdout=subprocess.PIPE, env=environment)
        with child:
            self._children.add(child)
            assert child.stdout is not None  # noqa: S101 - opened as a pipe
            for line in child.stdout:
                yield language_pb2.RunPluginResponse(stdout=line)
        self._children.discard(child)
        yield language_pb2.RunPluginResponse(exitcode=child.returncode)

    def stop(self) -> None:
        """End what still runs."""
        for child in list(self._children):
            child.terminate()

    def _start(self, arguments: list[str], directory: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, cwd=directory or None, stdin=subprocess.PIPE, **options)


def run_program(answer: int) -> None:
    """Run the program of the request on standard input, and write the response to the descriptor ``answer``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides what an interrupt means
    request = language_pb2.RunRequest.FromString(sys.stdin.buffer.read())
    folder = Path(request.info.program_directory or request.pwd)
    sys.path.insert(0, str(folder))
    entry = folder / (request.info.entry_point or ".")
    sys.argv = [str(entry), *request.args[1:]]

    def program() -> None:
        runpy.run_path(str(entry / "__main__.py" if entry.is_dir() else entry), run_name="__main__")

    response = _ended(program, request)
    sys.stdout.flush()
    with os.fdopen(answer, "wb") as pipe:
        pipe.write(_MARK + response.SerializeToString())


def _ended(program: Callable[[], None], request: Any) -> language_pb2.RunResponse:
    """Run the program and say how it ended, as the official language host and its executor do.

    Of one that ends with code 32 the engine says nothing more (sdk/python/cmd/pulumi-language-python-exec at 3.259).
    """
    reset_options(
        project=request.project,
        stack=request.stack,
        monitor_address=request.monitor_address,
        engine_address=request.args[0],
        parallel=request.parallel,
        preview=request.dryRun,
        organization=request.organization or "organization",
    )
    set_all_config(request.config, request.configSecretKeys)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(4 * max(request.parallel, 1)))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    code: object = 1
    try:
        loop.run_until_complete(run_in_stack(program))
    except RunError as error:
        log.error(str(error))
    except SystemExit as end:
        code = end.code
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            return language_pb2.RunResponse()  # the engine is ending, and knows why
        log.error(f"RPC error: {error.details()}")
        code = _SHOWN
    except Exception:  # noqa: BLE001 - whatever it is, it is shown
        log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
        code = _SHOWN
    else:
        return language_pb2.RunResponse()
    if code == _SHOWN:
        return language_pb2.RunResponse(bail=True)
    return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")


def serve(engine: str) -> None:
    """Serve until the engine ends this process, or has ended itself."""
    parent = os.getppid()
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=_NO_LIMIT)
    host = LanguageHost(engine)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    while not ended.wait(_LOOK) and os.getppid() == parent:
        pass  # an engine that was killed ends nothing, and its program would wait for it for ever
    host.stop()
    server.stop(grace=1.0)


if __name__ == "__main__":
    if sys.argv[1:2] == [_RUN]:
        run_program(int(sys.argv[2]))
    else:
        serve(sys.argv[-1])
