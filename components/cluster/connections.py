"""The providers of one cluster: one for each way in which the program writes to it, made when it is first used."""

from functools import cached_property
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.cluster import client as cluster_client
from components.cluster.client import ClusterClient
from components.cluster.ownership import Ownership
from settings.cluster import ClusterSettings

_REQUESTS = kubernetes.KubeClientSettingsArgs(qps=1000, burst=5000)
"""Requests to the API server: per second, and at once before that holds; so many that they hold nothing up.

With the provider's own limits (50 and 120) a stack of a few hundred objects waits for nothing: the engine carries out
16 steps at a time, and the API server sees to fairness (kubernetes.io, "API Priority and Fairness").
"""


class Connections:
    """Providers of the same cluster; their names begin with ``name``."""

    def __init__(self, name: str, settings: ClusterSettings) -> None:
        self._name = name
        self._settings = settings

    @cached_property
    def cluster(self) -> kubernetes.Provider:
        """For everything that has no reason for another provider.

        It applies onto an object that exists, so that a run takes over what a killed one has left. That it is the
        stack's own is seen to by ``components.cluster.ownership``.
        """
        return self._provider(
            self._name, enable_config_map_mutable=True, enable_secret_mutable=True, upsert_existing_objects=True
        )

    @cached_property
    def kata_config(self) -> kubernetes.Provider:
        """Applies onto objects that exist already, for KataConfig.

        A run that was killed while KataConfig was being created finds its own one and waits on. And the preview of a
        replacement tries the new object onto the old one, where a creation would be refused by the operator's webhook.
        """
        # The name is from when it had server-side apply off; with another one, every KataConfig would be replaced.
        return self._provider(f"{self._name}-without-dry-run", upsert_existing_objects=True)

    @cached_property
    def upserting(self) -> kubernetes.Provider:
        """Applies onto objects that exist already, for the approval of InstallPlans: see ``OlmOperatorArgs``."""
        return self._provider(f"{self._name}-upserting", upsert_existing_objects=True)

    @cached_property
    def client(self) -> ClusterClient:
        """For lists, watches and deletions, which no provider offers."""
        return cluster_client.connect(self._settings)

    @cached_property
    def options(self) -> ResourceOptions:
        """Options of a component whose resources are on this cluster: they get the stack's mark."""
        ownership = Ownership(self._name, lambda: self.client)
        return ResourceOptions(providers=[self.cluster], transformations=[ownership.transformation])

    def _provider(self, name: str, **arguments: Any) -> kubernetes.Provider:
        said, default = self._settings, pulumi.get_stack()
        if self._name != "cluster":
            default = f"{default}-{self._name}"
        return kubernetes.Provider(
            name,
            kubeconfig=said.kubeconfig,
            context=said.context,
            # What may change in a kubeconfig, such as a token, must not look like another cluster: that would replace
            # everything.
            cluster_identifier=said.identifier or default,
            kube_client_settings=_REQUESTS,
            **arguments,
        )
