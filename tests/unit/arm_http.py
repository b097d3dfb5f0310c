"""Azure Resource Manager on loopback for unit tests: answers by method and path, and who asked for what."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from components.azure.client import AzureClient

TOKEN = "token-of-the-provider"


@dataclass
class Arm:
    """What is answered, and what was asked.

    Attributes:
        answers: status and body by ``METHOD path`` in lower case, without the query.
        asked: method, path with query, and body of each request.
        tokens: Authorization headers.
        url: where it listens.
    """

    answers: Mapping[str, tuple[int, Any]]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    def client(self, subscription: str) -> AzureClient:
        """Return clients that ask here."""
        return AzureClient(self.url, subscription, lambda: TOKEN)


def refused(status: int, code: str, message: str) -> tuple[int, Any]:
    """Return an error as ARM writes it."""
    return status, {"error": {"code": code, "message": message}}


@contextmanager
def serving(answers: Mapping[str, tuple[int, Any]]) -> Iterator[Arm]:
    """Serve these answers for a while; whatever else is asked for is not found."""
    arm = Arm({key.lower(): value for key, value in answers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            arm.asked.append((self.command, self.path, body))
            arm.tokens.add(self.headers.get("Authorization", ""))
            key = f"{self.command} {urlsplit(self.path).path}".lower()
            status, answer = arm.answers.get(key, refused(404, "ResourceNotFound", f"{key} was not found."))
            data = json.dumps(answer).replace("{endpoint}", arm.url).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - names of http.server

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    arm.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield arm
    finally:
        server.shutdown()
        server.server_close()
