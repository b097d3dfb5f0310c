"""Gates on what a single object says: its expressions, its readiness, its absence (``await/condition``)."""

from collections.abc import Sequence

from rehearsal.kubernetes_provider import expressions, kstatus
from rehearsal.kubernetes_provider.client import Client
from rehearsal.kubernetes_provider.errors import ApiError, WaitError
from rehearsal.kubernetes_provider.notes import Note
from rehearsal.kubernetes_provider.objects import Object, dig, integer, text
from rehearsal.kubernetes_provider.waits import CANCELLED, TIMED_OUT, Verdict


class ObjectGate:
    """Follows one object by its name."""

    def __init__(self, client: Client, live: Object) -> None:
        self.seen = live
        self._client = client
        self._generation = integer(live, "metadata", "generation") or 0

    async def refresh(self) -> None:
        """Get the object anew; one that is older than what we have written is left out of account."""
        found = await self._client.get_like(self.seen)
        if (integer(found, "metadata", "generation") or 0) >= self._generation:
            self.seen = found

    async def warnings(self) -> list[Note]:
        """Return what Events warn of (``await/watchers.go``, ``NewEventAggregator``)."""
        found = await self._client.warnings(self.seen)
        return [Note.warning(f"{text(event, 'reason')}: {text(event, 'message')}") for event in found]

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        return WaitError(TIMED_OUT, self.seen)

    async def cancelled(self) -> WaitError:
        """Return the error of a wait that the user has ended."""
        return WaitError(CANCELLED, self.seen)


class ExpressionGate(ObjectGate):
    """Opens once all expressions hold at the same time."""

    def __init__(self, client: Client, live: Object, wanted: Sequence[expressions.Expression]) -> None:
        super().__init__(client, live)
        self._wanted = wanted

    async def look(self) -> Verdict:
        """Look at the object; the first expression that does not hold is the one that is reported."""
        await self.refresh()
        notes: list[Note] = []
        for expression in self._wanted:
            try:
                outcome = expression.look(self.seen)
            except expressions.UnfitValueError:
                # The real provider goes on waiting, too, and tells only in the end.
                return Verdict(open=False, notes=[*notes, Note.info(f"Waiting for {expression}")])
            notes += outcome.notes
            if not outcome.met:
                return Verdict(open=False, notes=notes)
        return Verdict(open=True, notes=notes)

    async def timed_out(self) -> WaitError:
        """Return the error of a wait whose time is over."""
        for expression in self._wanted:
            try:
                expression.look(self.seen)
            except expressions.UnfitValueError as error:
                return WaitError(str(error), self.seen)
        return await super().timed_out()


class ReadyGate(ObjectGate):
    """Opens once the object is what kstatus calls current (``condition/ready.go``)."""

    async def look(self) -> Verdict:
        """Look at the object."""
        await self.refresh()
        status = kstatus.compute(self.seen)
        return Verdict(open=status.current, notes=[Note.info(status.message or "Waiting for readiness")])


class DeletedGate(ObjectGate):
    """Opens once the object is gone, or another one has its name (``condition/deleted.go``)."""

    _looked = False

    async def look(self) -> Verdict:
        """Look whether it is still there."""
        uid = dig(self.seen, "metadata", "uid")
        try:
            found = await self._client.get_like(self.seen)
        except ApiError as error:
            if error.not_found:
                return Verdict(open=True)
            raise
        if uid is not None and dig(found, "metadata", "uid") != uid:
            return Verdict(open=True)
        self.seen = found
        # Most objects are gone a moment later: that is nothing to tell.
        notes = [Note.info(kstatus.compute(found).message)] if self._looked else []
        self._looked = True
        return Verdict(open=False, notes=notes)
