"""An HTTP server on loopback for unit tests: it answers as a test says, and keeps what it is asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked: HTTP's method, the path without its query, the query, the headers, the JSON of the body."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: Any


@dataclass(frozen=True)
class Answer:
    """An answer: its body is a text, or JSON."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Served:
    """A server: its address, and what it was asked."""

    url: str
    asked: list[Request] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[Served]:
    """Serve for a while."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length, where = int(self.headers.get("Content-Length") or 0), urlsplit(self.path)
            request = Request(
                method=self.command,
                path=where.path,
                query=parse_qs(where.query),
                headers=self.headers,
                body=json.loads(self.rfile.read(length)) if length else None,
            )
            served.asked.append(request)
            reply = answer(request)
            content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_DELETE = do_PATCH = do_POST = do_GET  # noqa: N815 - names of http.server

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Served(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield served
        finally:
            server.shutdown()
