"""The provider as the engine sees it: itself here, resources in ``planning``, ``changes`` and ``reading``."""

from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from rehearsal.kubernetes_provider import changes, planning, reading
from rehearsal.kubernetes_provider.cluster import Cluster
from rehearsal.kubernetes_provider.notes import EngineLog
from rehearsal.kubernetes_provider.properties import plain
from rehearsal.kubernetes_provider.settings import Settings, changed


class KubernetesProvider(Provider):
    """One provider resource, and so one cluster."""

    def __init__(self, log: EngineLog, version: str) -> None:
        self._cluster = Cluster(log)
        self._user_agent = f"pulumi-kubernetes/{version} (stand-in)"

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """Take the arguments as they are."""
        return CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: DiffRequest) -> DiffResponse:
        """Return whether other arguments mean another cluster."""
        diffs, replaces = changed(plain(request.old_state), plain(request.new_inputs))
        return DiffResponse(changes=bool(diffs), diffs=diffs, replaces=replaces)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Connect to the cluster."""
        settings = Settings.of(request.variables, plain(request.args))
        await self._cluster.configure(settings, self._user_agent)
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def cancel(self) -> None:
        """End all waits; what they waited for is saved as not yet initialized."""
        self._cluster.stop.set()

    async def close(self) -> None:
        """Close the connections to the cluster."""
        if self._cluster.client is not None:
            await self._cluster.client.close()

    async def check(self, request: CheckRequest) -> CheckResponse:
        """See ``planning.check``."""
        return CheckResponse(
            inputs=await planning.check(self._cluster, request.type, request.old_inputs, request.new_inputs)
        )

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """See ``planning.diff``."""
        return await planning.diff(
            self._cluster, request.type, request.old_state, request.new_inputs, request.ignore_changes
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        """See ``changes.create``."""
        return await changes.create(self._cluster, request)

    async def read(self, request: ReadRequest) -> ReadResponse:
        """See ``reading.read``."""
        return await reading.read(self._cluster, request)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """See ``changes.update``."""
        return await changes.update(self._cluster, request)

    async def delete(self, request: DeleteRequest) -> None:
        """See ``changes.delete``."""
        await changes.delete(self._cluster, request)
