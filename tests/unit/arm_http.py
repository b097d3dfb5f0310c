"""Azure Resource Manager on loopback for unit tests: answers by method and path, and who asked for what."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from coco_azure.clients.azure import AzureClient
from tests.unit import http_server
from tests.unit.http_server import Answer, Request, Served

TOKEN = "token-of-the-provider"
Answers = Mapping[str, Any]
"""JSON by ``METHOD path``, without the query, or an ``Answer``; ``{endpoint}`` in a ``nextLink`` is the address."""


def client(arm: Served, subscription: str) -> AzureClient:
    """Return a client of a subscription that asks there."""
    return AzureClient(arm.url, subscription, lambda: TOKEN)


def refused(status: int, code: str, message: str) -> Answer:
    """Return an error as ARM writes it."""
    return Answer({"error": {"code": code, "message": message}}, status)


@contextmanager
def serving(answers: Answers) -> Iterator[Served]:
    """Serve these answers for a while; whatever else is asked for is not found."""
    by_key = {key.lower(): value for key, value in answers.items()}

    def answer(request: Request) -> Answer:
        key = f"{request.method} {request.path}".lower()
        reply = by_key.get(key, refused(404, "ResourceNotFound", f"{key} was not found."))
        if isinstance(reply, dict) and "nextLink" in reply:
            reply = {**reply, "nextLink": reply["nextLink"].format(endpoint=arm.url)}
        return reply if isinstance(reply, Answer) else Answer(reply)

    with http_server.serving(answer) as arm:
        yield arm
