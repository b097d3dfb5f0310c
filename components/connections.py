"""The providers of one cluster: one for each way in which the program writes to it, made when it is first used."""

from functools import cached_property
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from settings.cluster import ClusterSettings


class Connections:
    """Providers of the same cluster; their names begin with ``name``."""

    def __init__(self, name: str, settings: ClusterSettings) -> None:
        self._name = name
        self._settings = settings

    @cached_property
    def cluster(self) -> kubernetes.Provider:
        """For everything that has no reason for another provider."""
        return self._provider(self._name, enable_config_map_mutable=True, enable_secret_mutable=True)

    @cached_property
    def without_dry_run(self) -> kubernetes.Provider:
        """With server-side apply off, for KataConfig: see ``PeerPodRuntimeArgs``."""
        return self._provider(f"{self._name}-without-dry-run", enable_server_side_apply=False)

    @cached_property
    def upserting(self) -> kubernetes.Provider:
        """Applies onto objects that exist already, for the approval of InstallPlans: see ``OlmOperatorArgs``."""
        return self._provider(f"{self._name}-upserting", upsert_existing_objects=True)

    @cached_property
    def options(self) -> ResourceOptions:
        """Options of a component whose resources are on this cluster."""
        return ResourceOptions(providers=[self.cluster])

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
            **arguments,
        )
