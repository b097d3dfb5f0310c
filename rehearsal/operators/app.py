"""Puts the simulated components together: kopf watches, queues reconcile."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import kopf

from rehearsal.api import Api, Kind, Object
from rehearsal.azure import subscription
from rehearsal.azure.arm_server import serving
from rehearsal.azure.subscription import Subscription
from rehearsal.kinds import KATA_CONFIG, KBS_CONFIG
from rehearsal.kubelet.kubelet import Kubelets
from rehearsal.operators import world
from rehearsal.operators.cco import CloudCredentials
from rehearsal.operators.context import Component, Context, KeyOf
from rehearsal.operators.faults import Faults
from rehearsal.operators.machine_config import MachineConfigs
from rehearsal.operators.olm import Catalog, Operators
from rehearsal.operators.olm_csv import Csvs
from rehearsal.operators.osc import KataConfigs
from rehearsal.operators.router import Routes
from rehearsal.operators.trustee import KbsConfigs
from rehearsal.queue import Queue
from rehearsal.rest import ApiError
from rehearsal.timings import Clock

_COMPONENTS: Sequence[Callable[[Context], Component]] = (
    CloudCredentials,
    Catalog,
    Csvs,
    Operators,
    MachineConfigs,
    KataConfigs,
    KbsConfigs,
    Routes,
    Kubelets,
)
_LATER = (KATA_CONFIG, KBS_CONFIG)
"""Kinds that are not served before their operator is installed."""
_LOOK_EVERY = 0.1
_LOG = logging.getLogger("rehearsal")


async def run(kubeconfig: Path, speed: float, ready: Path, stop: asyncio.Event) -> None:
    """Make the world, then run every component until ``stop`` is set; ``ready`` appears once all is watched."""
    ready.unlink(missing_ok=True)
    subscription.copy_into(ready.parent)
    azure = serving(Subscription.described(), ready.parent)
    async with azure, Api(kubeconfig, "rehearsal") as api:
        await world.make(api)
        context = Context(api, Clock(speed), Faults(api))
        components = [make(context.named(_name(make))) for make in _COMPONENTS]
        queues = {component.name: Queue(component.name, component.reconcile) for component in components}
        ended, watching = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(_watch(components, queues, _served_from_the_start, watching, ended))]
        tasks += [asyncio.create_task(_watch_later(api, kind, components, queues, ended)) for kind in _LATER]
        try:
            await _first_of(watching.wait(), tasks)
            ready.write_text("ready\n")
            _LOG.info("simulating at %g times the documented speed", speed)
            await _first_of(stop.wait(), tasks)
        finally:
            ready.unlink(missing_ok=True)
            ended.set()
            await asyncio.gather(*(queue.stop() for queue in queues.values()))
            await asyncio.gather(*tasks, return_exceptions=True)


def _name(make: Any) -> str:
    return str(make.name)


def _served_from_the_start(kind: Kind) -> bool:
    return kind not in _LATER


async def _watch_later(
    api: Api, kind: Kind, components: Sequence[Component], queues: Mapping[str, Queue], ended: asyncio.Event
) -> None:
    """Watch a kind that comes with an operator once it is served, as that operator does."""
    while not ended.is_set():
        if await _served(api, kind):
            await _watch(components, queues, lambda other: other == kind, asyncio.Event(), ended)
        else:
            await asyncio.sleep(_LOOK_EVERY)


async def _served(api: Api, kind: Kind) -> bool:
    """Return whether a kind is served and listed. kopf looks at the lists only once, and they come a moment later."""
    group, _, _ = kind.api_version.partition("/")
    try:
        await api.request("GET", f"{kind.path()}?limit=1")
        groups = await api.request("GET", "/apis")
        listed = await api.request("GET", f"/apis/{kind.api_version}")
    except ApiError:
        return False
    named = any(each["name"] == group for each in groups["groups"])
    return named and any(each["name"] == kind.plural for each in listed["resources"])


async def _watch(
    components: Sequence[Component],
    queues: Mapping[str, Queue],
    wanted: Callable[[Kind], bool],
    watching: asyncio.Event,
    ended: asyncio.Event,
) -> None:
    registry = kopf.OperatorRegistry()
    _settings(registry)
    for component in components:
        for kind, key in component.watches.items():
            if wanted(kind):
                _feed(registry, kind, key, queues[component.name])
    await kopf.operator(registry=registry, clusterwide=True, standalone=True, ready_flag=watching, stop_flag=ended)


async def _first_of(waiting: Any, tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Wait for the first to come; an error of a task is raised."""
    waiter = asyncio.ensure_future(waiting)
    await asyncio.wait((waiter, *tasks), return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    for task in tasks:
        if task.done():
            task.result()


def _feed(registry: kopf.OperatorRegistry, kind: Kind, key: KeyOf, queue: Queue) -> None:
    group, _, version = kind.api_version.rpartition("/")

    # A handler's name must be its own: kopf would take two of one name for the same.
    @kopf.on.event(
        group=group, version=version, plural=kind.plural, id=f"{queue.name}-{kind.plural}", registry=registry
    )
    async def seen(body: kopf.Body, **_: Any) -> None:
        found: Object = {"apiVersion": kind.api_version, "kind": kind.name, **body}
        if (name := key(found)) is not None:
            queue.add(name)


def _settings(registry: kopf.OperatorRegistry) -> None:
    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.watching.server_timeout = 600
        # A new kind's storage may still be getting ready when it is served already.
        settings.networking.error_backoffs = [0.1, 0.2, 0.5, 1, 2, 5]
        settings.scanning.disabled = True

    @kopf.on.login(registry=registry)
    def login(**options: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_kubeconfig(**options)
