"""The connections to one cluster, each made when it is first used."""

import os
from functools import cached_property
from typing import cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

from coco_azure import names
from coco_azure.clients import cluster_access
from coco_azure.clients import kubernetes as cluster_client
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.inventory.cluster_reader import ClusterReader
from coco_azure.settings.cluster import ClusterSettings
from components.cluster.ownership import Ownership

_REQUESTS = kubernetes.KubeClientSettingsArgs(qps=1000, burst=5000)
"""Requests to the API server: per second, and at once before that holds; so many that they hold nothing up.

With the provider's own limits (50 and 120) a stack of a few hundred objects waits for nothing: the engine carries out
16 steps at a time, and the API server sees to fairness (kubernetes.io, "API Priority and Fairness").
"""


class Connections:
    """The ways to one cluster: a provider, a client, and a reader of what a run has to know before it begins."""

    def __init__(self, name: str, settings: ClusterSettings) -> None:
        """Remember the cluster; nothing is registered or asked yet.

        Args:
            name: name of the provider, which is unique in a program.
        """
        self._name = name
        self._settings = settings

    @cached_property
    def provider(self) -> kubernetes.Provider:
        """The provider of everything on the cluster.

        It applies onto an object that exists. So a run takes over what a killed one has left, KataConfig in the middle
        of its creation too; the preview of a replacement tries the new KataConfig onto the old one, where the
        operator's webhook would refuse a creation; and InstallPlans, which OLM makes, can be approved. That an object
        is the stack's own is seen to by ``components.cluster.ownership``.
        """
        settings, default = self._settings, pulumi.get_stack()
        if self._name != "cluster":
            default = f"{default}-{self._name}"
        return kubernetes.Provider(
            self._name,
            kubeconfig=settings.kubeconfig or _left_to_the_provider(),
            context=settings.context,
            # What may change in a kubeconfig, such as a token, must not look like another cluster: that would replace
            # everything.
            cluster_identifier=settings.identifier or default,
            kube_client_settings=_REQUESTS,
            # A replacement would take what KBS or CAA reads away from under it.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            upsert_existing_objects=True,
        )

    @cached_property
    def client(self) -> ClusterClient:
        """For lists, watches and deletions, which no provider offers."""
        return cluster_client.connect(self._settings)

    @cached_property
    def reader(self) -> ClusterReader:
        """For what a run has to know before it registers anything; each thing is asked once."""
        return ClusterReader(self.client)

    @cached_property
    def options(self) -> ResourceOptions:
        """Options of a component whose resources are on this cluster: they get the stack's mark."""
        return ResourceOptions(providers=[self.provider], transformations=[self.ownership.transformation])

    @cached_property
    def ownership(self) -> Ownership:
        """Marks the stack's objects, and refuses to take over others'."""
        return Ownership(self._name, lambda: self.client)

    def reach(self) -> None:
        """Ask the cluster for something that everybody may see.

        Raises:
            pulumi.RunError: it cannot be asked at all; what it refuses is told by whoever needs it.
        """
        setting = "cluster" if self._name == "cluster" else "trustee.cluster"
        try:
            self.reader.get(names.INFRASTRUCTURE)
        except Exception as error:
            if reason := cluster_access.why_not(error, self._settings, setting):
                raise pulumi.RunError(reason) from error


def _left_to_the_provider() -> Output[str] | None:
    """Return what keeps the SDK from handing over KUBECONFIG where that is a list of files, as ``oc`` takes it.

    The SDK passes the variable on as if it were a setting, and the provider takes a setting that names no file for the
    content of one. Without it, the provider reads the variable as ``oc`` does (client-go's loading rules).
    """
    return Output.from_input(cast("str", None)) if os.pathsep in os.environ.get("KUBECONFIG", "") else None
