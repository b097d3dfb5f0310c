"""Create, update, delete and read on the cluster, with their retries and waits (``await/await.go``)."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.kubernetes_provider import awaiting
from rehearsal.kubernetes_provider.client import APPLY_PATCH, JSON_PATCH, Client, Place
from rehearsal.kubernetes_provider.errors import ApiError, NoMatchError, ProviderError, WaitError
from rehearsal.kubernetes_provider.notes import Note, Progress
from rehearsal.kubernetes_provider.objects import (
    PATCH_FORCE,
    PROPAGATION,
    SKIP_AWAIT,
    Gvk,
    Object,
    annotation,
    dig,
    name,
    namespace,
)
from rehearsal.kubernetes_provider.ownership import CREATOR, created_by_us, takeover, without_foreign
from rehearsal.kubernetes_provider.waits import hold, pause, timeout_of

_RETRY_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses before another try of a create whose kind or namespace is not there yet (``retry/retry.go``)."""

_SKIPPED = Note.info("Skipping await logic")
_EXISTS = """{}

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use `pulumi import`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""
_CONFLICT = """server-side apply field conflict detected, see {link} for troubleshooting help
The resource managed by field manager "{manager}" had an apply conflict: {error}"""
_CONFLICT_LINK = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources"
)


class NamespaceMissingError(Exception):
    """A preview cannot go on, because the namespace is created by the same run."""


class ExistsError(ProviderError):
    """A create has met an object of that name."""


class ConflictError(ProviderError):
    """A field belongs to another manager; the message names it."""


@dataclass(frozen=True)
class Operation:
    """One operation on one object.

    Attributes:
        client: client of the cluster.
        progress: where to tell how it goes.
        stop: set when the user cancels.
        patch: whether the resource patches an object that others own.
        manager: our field manager for this object.
        force: whether the provider takes fields over from others.
        upsert: whether a create applies to an object that exists already.
        preview: whether the server should only try.
        timeout: seconds to wait, or 0 for the default.
        ignored: paths of ``ignore_changes``.
    """

    client: Client
    progress: Progress
    stop: asyncio.Event
    patch: bool
    manager: str
    force: bool = False
    upsert: bool = False
    preview: bool = False
    timeout: float = 0.0
    ignored: Sequence[str] = field(default=())

    async def create(self, inputs: Object) -> Object:
        """Create the object, or patch it, and wait for it.

        Raises:
            WaitError: the object is there and has not become what it should.
            NamespaceMissingError: at a preview, its namespace is not there.
            NoMatchError: the kind is not served, even after retries.
            ExistsError: there is an object of that name.
            ConflictError: a patched field belongs to another manager.
            ApiError: the server refuses.
        """
        live = await self._create_patiently(inputs)
        await self.progress.clear()
        return live if self.preview else await self._wait(inputs, live)

    async def update(self, inputs: Object, before: Mapping[str, Any]) -> Object:
        """Apply the inputs and wait for the object; errors as in ``create``.

        Args:
            inputs: new inputs.
            before: the object as the state knows it.
        """
        place = await self._place(inputs)
        live = dict(await self.client.request("GET", place.of(name(before))))
        if not (self.patch or self.preview):
            live = await self._take_over(place, live)
        wanted = without_foreign(inputs, live, self.manager, self.ignored)
        force = self.force or annotation(inputs, PATCH_FORCE) == "true"
        force = force or (self.preview and created_by_us(live)) or not dig(live, "metadata", "managedFields")
        live = await self._apply(place, wanted, force=force)
        return live if self.preview else await self._wait(inputs, live)

    async def delete(self, inputs: Mapping[str, Any], live: Object, title: str) -> None:
        """Delete the object and wait until it is gone; a patch only gives its fields up.

        Raises:
            WaitError: the object is still there.
            NoMatchError: the kind is not served.
            ApiError: the server refuses.
        """
        place = await self._place(live)
        if self.patch:
            await self.relinquish(live, self.manager)
            return
        policy = {"orphan": "Orphan", "background": "Background"}.get(annotation(inputs, PROPAGATION).lower())
        try:
            await self.client.request("DELETE", place.of(title), body={"propagationPolicy": policy or "Foreground"})
        except ApiError as error:
            if error.not_found:
                return
            raise
        gate = awaiting.after_delete(self.client, inputs, live)
        if gate is None:
            return
        try:
            await hold(gate, timeout_of(self.timeout, inputs), self.stop, self.progress)
        except WaitError as error:
            finalizers = ", ".join(dig(error.seen, "metadata", "finalizers") or [])
            await self.progress.keep(Note.warning(f"finalizers might be preventing deletion ({finalizers})"))
            raise
        await self.progress.clear()

    async def relinquish(self, live: Mapping[str, Any], manager: str) -> None:
        """Give up every field that ``manager`` has set (``ssa/actions.go``).

        Raises:
            ApiError: the server refuses, for example because a required field would be left without a value.
        """
        place = await self._place(live)
        identity = {"name": name(live), **({"namespace": namespace(live)} if namespace(live) else {})}
        least = {"apiVersion": live.get("apiVersion"), "kind": live.get("kind"), "metadata": identity}
        await self.client.request(
            "PATCH", place.of(name(live)), query={"fieldManager": manager}, body=least, kind=APPLY_PATCH
        )

    async def _create_patiently(self, inputs: Object) -> Object:
        for attempt, seconds in enumerate((*_RETRY_PAUSES, None)):
            try:
                return await self._create_once(inputs)
            except (ApiError, NoMatchError, ConflictError) as error:
                if isinstance(error, ApiError) and self.preview and error.namespace_not_found:
                    raise NamespaceMissingError(f'namespace does not exist for "{name(inputs)}"') from error
                await self.progress.status(Note.info(f"Retry #{attempt}; creation failed: {error}"))
                if isinstance(error, ApiError) and error.already_exists:
                    raise ExistsError(_EXISTS.format(error)) from error
                missing = isinstance(error, NoMatchError) or (isinstance(error, ApiError) and error.not_found)
                if not missing or seconds is None or await pause(seconds, self.stop):
                    raise
        raise AssertionError("the last try returns or raises")

    async def _create_once(self, inputs: Object) -> Object:
        place = await self._place(inputs)
        if self.patch or self.upsert:
            force = self.force or self.preview or annotation(inputs, PATCH_FORCE) == "true"
            try:
                return await self._apply(place, inputs, force=force, validate=True)
            except ApiError as error:
                if not self.preview or not error.immutable:
                    raise
                return await self._apply(place, await self._under_another_name(inputs), force=force, validate=True)
        query = {"fieldManager": CREATOR, **self._dry_run()}
        return dict(await self.client.request("POST", place.path, query=query, body=inputs))

    async def _under_another_name(self, inputs: Object) -> Object:
        """Return what is to replace an object that cannot be changed, under a name that a dry run can create."""
        title = f"{name(inputs)}{secrets.token_hex(3)[:5]}"
        said = f'Preview creation failed due to immutable fields; retrying with name "{title}"'
        await self.progress.keep(Note.info(said))
        return {**inputs, "metadata": {**inputs["metadata"], "name": title}}

    async def _apply(self, place: Place, inputs: Object, *, force: bool, validate: bool = False) -> Object:
        query = {"fieldManager": self.manager, "force": str(force).lower(), **self._dry_run()}
        if validate:
            query["fieldValidation"] = "Warn"
        try:
            found = await self.client.request(
                "PATCH", place.of(name(inputs)), query=query, body=inputs, kind=APPLY_PATCH
            )
        except ApiError as error:
            if error.conflict:
                said = _CONFLICT.format(link=_CONFLICT_LINK, manager=self.manager, error=error)
                raise ConflictError(said) from error
            raise
        return dict(found)

    async def _take_over(self, place: Place, live: Object) -> Object:
        patch = takeover(live, self.manager)
        if patch is None:
            return live
        return dict(await self.client.request("PATCH", place.of(name(live)), body=patch, kind=JSON_PATCH))

    async def _wait(self, inputs: Mapping[str, Any], live: Object) -> Object:
        gate = awaiting.after_change(self.client, inputs, live)
        if annotation(inputs, SKIP_AWAIT) == "true":
            await self.progress.status(_SKIPPED)
        if gate is not None:
            live = await hold(gate, timeout_of(self.timeout, inputs), self.stop, self.progress)
        await self.progress.clear()
        return live

    async def _place(self, content: Mapping[str, Any]) -> Place:
        return await self.client.place(Gvk.of(content), namespace(content))

    def _dry_run(self) -> dict[str, str]:
        return {"dryRun": "All"} if self.preview else {}
