"""Puts the simulated components together: each kind is watched once, and queues reconcile.

The queues are level-triggered, as operators have them: an event names what to look at, not what to do.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import aiohttp

from rehearsal.api import Api, Kind
from rehearsal.azure import subscription
from rehearsal.azure.arm_server import serving
from rehearsal.azure.subscription import Subscription
from rehearsal.kubelet import node_server
from rehearsal.kubelet.kubelet import Kubelets
from rehearsal.operators import world
from rehearsal.operators.cco import CloudCredentials
from rehearsal.operators.context import Component, Context
from rehearsal.operators.external_secrets import ExternalSecrets
from rehearsal.operators.faults import Faults
from rehearsal.operators.machine_config import MachineConfigs
from rehearsal.operators.olm import Catalog, Operators
from rehearsal.operators.olm_csv import Csvs
from rehearsal.operators.osc import KataConfigs
from rehearsal.operators.router import Routes
from rehearsal.operators.trustee import KbsConfigs
from rehearsal.real import brought
from rehearsal.real.older_caa import OlderCaa
from rehearsal.real.webhooks import Webhooks
from rehearsal.rest import ApiError
from rehearsal.timings import Clock

Reconcile = Callable[[str], Awaitable[float | None]]
"""Looks at the thing of this key and brings it one step further; seconds until the next look, or None."""
_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0
_LOG = logging.getLogger("rehearsal")
_COMPONENTS: Sequence[Callable[[Context], Component]] = (
    CloudCredentials,
    Catalog,
    Csvs,
    Operators,
    MachineConfigs,
    KataConfigs,
    KbsConfigs,
    Routes,
    ExternalSecrets,
    Kubelets,
)
_LOOK_EVERY = 0.1


class Queue:
    """Runs one reconcile at a time for each key; a key that is added meanwhile is looked at once more."""

    def __init__(self, name: str, reconcile: Reconcile) -> None:
        self.name = name
        self._reconcile = reconcile
        self._wake: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, key: str) -> None:
        """Have the key looked at soon."""
        if key not in self._tasks:
            self._wake[key] = asyncio.Event()
            self._tasks[key] = asyncio.create_task(self._serve(key), name=f"{self.name} {key}")
        self._wake[key].set()

    async def stop(self) -> None:
        """End the work on all keys."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _serve(self, key: str) -> None:
        wake, retry, delay = self._wake[key], _FIRST_RETRY, None
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), delay)
            wake.clear()
            try:
                delay = await self._reconcile(key)
                retry = _FIRST_RETRY
            except Exception as error:  # noqa: BLE001 - an operator survives whatever one object does to it
                _LOG.warning("%s %s: %s: %s (next try in %.1f s)", self.name, key, type(error).__name__, error, retry)
                delay, retry = retry, min(retry * 2, _LONGEST_RETRY)


async def run(kubeconfig: Path, speed: float, ready: Path, stop: asyncio.Event) -> None:
    """Make the world, then run every component until ``stop`` is set; ``ready`` appears once all is watched."""
    ready.unlink(missing_ok=True)
    subscription.copy_into(ready.parent)
    azure = serving(Subscription.described(), ready.parent)
    async with azure, Api(kubeconfig, "rehearsal") as api:
        await world.make(api)
        context = Context(api, Clock(speed), Faults(api))
        components = [make(context.named(_name(make))) for make in components_to_run()]
        queues = {component.name: Queue(component.name, component.reconcile) for component in components}
        listed = {kind: asyncio.Event() for component in components for kind in component.watches}
        tasks = [asyncio.create_task(_follow(api, kind, components, queues, listed[kind])) for kind in listed]
        try:
            await _first_of(asyncio.gather(*(event.wait() for event in listed.values())), tasks)
            kubelets = next((each for each in components if isinstance(each, Kubelets)), None)
            async with node_server.serving(kubelets, api, ready.parent) if kubelets else nullcontext():
                ready.write_text("ready\n")
                _LOG.info("simulating at %g times the documented speed", speed)
                await _first_of(stop.wait(), tasks)
        finally:
            ready.unlink(missing_ok=True)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *(queue.stop() for queue in queues.values()), return_exceptions=True)


def components_to_run() -> list[Callable[[Context], Component]]:
    """Return the components that are not left out, and what real programs need beside them."""
    absent = brought.left_out()
    own = (Webhooks, OlderCaa) if brought.OSC_OPERATOR.path() else ()
    return [each for each in (*_COMPONENTS, *own) if _name(each) not in absent]


def _name(make: Any) -> str:
    return str(make.name)


async def _follow(
    api: Api, kind: Kind, components: Sequence[Component], queues: Mapping[str, Queue], listed: asyncio.Event
) -> None:
    """Have components look at each object of a kind that comes, changes or goes, until this is cancelled.

    A kind that is not served, before its operator is installed or after its CRD was deleted, is asked for again and
    again, and so is an API server that is away for a while.

    Args:
        api: a client of the API server.
        kind: what is watched.
        components: the components; only those that watch the kind have a part in this.
        queues: the queue of each component, by its name.
        listed: set once the kind was listed, or could not be.
    """
    targets = [(each.watches[kind], queues[each.name]) for each in components if kind in each.watches]
    reason = ""
    while True:
        try:
            async for objects in api.watch(kind):
                for obj in objects:
                    for key, queue in targets:
                        if (name := key(obj)) is not None:
                            queue.add(name)
                listed.set()
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            if repr(error) != reason:
                reason = repr(error)
                _LOG.info("%s is not watched for now: %s", kind.name, reason)
        listed.set()
        await asyncio.sleep(_LOOK_EVERY)


async def _first_of(waiting: Any, tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Wait for the first to come; an error of a task is raised."""
    waiter = asyncio.ensure_future(waiting)
    await asyncio.wait((waiter, *tasks), return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for task in tasks:
        if task.done():
            task.result()
