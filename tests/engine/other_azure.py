"""Another Azure for a stack of the engine tests: the same cluster, and a subscription that is described otherwise."""

import asyncio
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from rehearsal.azure import description
from rehearsal.azure.arm_server import serving
from rehearsal.azure.subscription import Subscription
from tests.engine.harness import Stack

_PATIENCE = 30.0


@contextmanager
def described(stack: Stack, azure_file: str, folder: Path) -> Iterator[Stack]:
    """Let the stack's runs meet the Azure of this description for a while; what is deployed stays in the other one.

    Args:
        stack: the stack.
        azure_file: a name or path as COCO_REHEARSAL_AZURE takes it.
        folder: an empty folder for the server's notes.
    """
    ready, done = Event(), Event()
    source = description.load(description.path_of(azure_file))

    async def serve() -> None:
        async with serving(Subscription(source), folder):
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(_PATIENCE), f"the Azure of {azure_file} does not start"
    before = stack._prepared
    stack._prepared = dataclasses.replace(before, cluster=folder)
    try:
        yield stack
    finally:
        stack._prepared = before
        done.set()
        thread.join(_PATIENCE)
