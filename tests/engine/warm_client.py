"""The client of ``tests.engine.warm``: stands for the process that runs elsewhere, with its descriptors and signals.

Started as ``python -I -S warm_client.py SOCKET [-u] FILE|-m MODULE ...``; needs nothing but the standard library, and
little of it.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys

_LOOK = 1000
_LOST = 70
_MOST = 256


def _descriptors() -> list[int]:
    result = []
    for number in range(_MOST):
        with contextlib.suppress(OSError):
            os.fstat(number)
            result.append(number)
    return result


def main(path: str, arguments: list[str]) -> int:
    """Have ``arguments`` run by the server at ``path`` and return the exit code."""
    parent, numbers = os.getppid(), _descriptors()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _: connection.send(bytes([caught])))
    connection.connect(path)
    request = {
        "arguments": arguments,
        "folder": os.path.realpath("."),
        "environment": dict(os.environ),
        "numbers": numbers,
    }
    socket.send_fds(connection, [json.dumps(request).encode()], numbers)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while not poll.poll(_LOOK):
        if os.getppid() != parent:
            return _LOST  # nobody is left to run for: the server ends what it runs once this connection is gone
    answer = connection.recv(16)
    return int(answer) if answer else _LOST


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2:])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
