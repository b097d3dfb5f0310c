"""The cluster that a provider resource names, as all its operations share it."""

import asyncio
from dataclasses import dataclass, field

import aiohttp

from rehearsal.kubernetes_provider.client import Client
from rehearsal.kubernetes_provider.errors import ApiError, ProviderError
from rehearsal.kubernetes_provider.kubeconfig import KubeconfigError
from rehearsal.kubernetes_provider.normal import built_in
from rehearsal.kubernetes_provider.notes import EngineLog
from rehearsal.kubernetes_provider.objects import Gvk
from rehearsal.kubernetes_provider.settings import Settings

_CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)


@dataclass
class Cluster:
    """A cluster, or the reason why there is none.

    Attributes:
        log: the engine's log.
        stop: set when the user cancels.
        settings: what the provider resource says.
        client: client of the cluster, or None where it cannot be reached.
        namespace: namespace for objects that name none.
        trouble: why it cannot be reached.
    """

    log: EngineLog
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    settings: Settings = field(default_factory=Settings)
    client: Client | None = None
    namespace: str = ""
    trouble: str = "the provider has not been configured"

    async def configure(self, settings: Settings, user_agent: str) -> None:
        """Connect to the cluster; one that cannot be reached is a trouble only to what needs it."""
        self.settings = settings
        try:
            connection = settings.connection()
        except KubeconfigError as error:
            self.trouble = f"failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- {error}"
            return
        self.namespace = connection.namespace
        client = Client(connection, user_agent)
        try:
            await client.request("GET", "/version")
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            await client.close()
            self.trouble = (
                f"unable to load schema information from the API server: {str(error) or type(error).__name__}"
            )
            return
        self.client, self.trouble = client, ""

    def reached(self) -> Client:
        """Return the client.

        Raises:
            ProviderError: the cluster cannot be reached.
        """
        if self.client is None:
            raise ProviderError(f"configured Kubernetes cluster is unreachable: {self.trouble}")
        return self.client

    async def serves(self, gvk: Gvk) -> bool:
        """Return whether the cluster can be reached and serves the kind."""
        return self.client is not None and await self.client.serves(gvk)

    async def namespaced(self, gvk: Gvk) -> bool:
        """Return whether the kind has namespaces (``clients.go``, ``IsNamespacedKind``).

        A kind of its own that the cluster does not serve yet is taken to have them; the patch of such a kind, too,
        because only for built-in kinds the real provider knows what a patch patches.
        """
        if built_in(gvk.group_version):
            return gvk.kind.removesuffix("Patch") not in _CLUSTER_SCOPED
        return self.client is None or await self.client.namespaced(gvk)
