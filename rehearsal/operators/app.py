"""Puts the simulated components together: kopf watches, queues reconcile."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import kopf

from rehearsal.api import Api, Kind, Object
from rehearsal.kubelet.kubelet import Kubelets
from rehearsal.operators import world
from rehearsal.operators.context import Component, Context, KeyOf
from rehearsal.operators.faults import Faults
from rehearsal.operators.machine_config import MachineConfigs
from rehearsal.operators.olm import Catalog, Operators
from rehearsal.operators.olm_csv import Csvs
from rehearsal.operators.osc import KataConfigs
from rehearsal.operators.router import Routes
from rehearsal.operators.trustee import KbsConfigs
from rehearsal.queue import Queue
from rehearsal.timings import Clock

_COMPONENTS: Sequence[Callable[[Context], Component]] = (
    Catalog,
    Csvs,
    Operators,
    MachineConfigs,
    KataConfigs,
    KbsConfigs,
    Routes,
    Kubelets,
)
_LOG = logging.getLogger("rehearsal")


async def run(kubeconfig: Path, speed: float, ready: Path, stop: asyncio.Event) -> None:
    """Make the world, then run every component until ``stop`` is set; ``ready`` appears once all is watched."""
    ready.unlink(missing_ok=True)
    async with Api(kubeconfig, "rehearsal") as api:
        await world.make(api)
        context = Context(api, Clock(speed), Faults(api))
        components = [make(context.named(_name(make))) for make in _COMPONENTS]
        queues = [Queue(component.name, component.reconcile) for component in components]
        registry = kopf.OperatorRegistry()
        for component, queue in zip(components, queues, strict=True):
            for kind, key in component.watches.items():
                _watch(registry, kind, key, queue)
        _settings(registry)
        watching, ended = asyncio.Event(), asyncio.Event()
        kopf_task = asyncio.create_task(
            kopf.operator(registry=registry, clusterwide=True, standalone=True, ready_flag=watching, stop_flag=ended)
        )
        try:
            await _first_of(watching.wait(), kopf_task)
            ready.write_text("ready\n")
            _LOG.info("simulating at %g times the documented speed", speed)
            await _first_of(stop.wait(), kopf_task)
        finally:
            ready.unlink(missing_ok=True)
            ended.set()
            await asyncio.gather(*(queue.stop() for queue in queues))
            with contextlib.suppress(asyncio.CancelledError):
                await kopf_task


def _name(make: Any) -> str:
    return str(make.name)


async def _first_of(waiting: Any, task: "asyncio.Task[None]") -> None:
    """Wait for the first of the two; an error of the task is raised."""
    waiter = asyncio.ensure_future(waiting)
    await asyncio.wait((waiter, task), return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        task.result()


def _watch(registry: kopf.OperatorRegistry, kind: Kind, key: KeyOf, queue: Queue) -> None:
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
        # A kind that an operator's installation brings is served a moment after its CRD appears.
        settings.networking.error_backoffs = [0.1, 0.2, 0.5, 1, 2, 5]
        settings.queueing.idle_timeout = 60
        settings.scanning.disabled = False

    @kopf.on.login(registry=registry)
    def login(**options: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_kubeconfig(**options)
