"""What a stack's settings say of where to look: the cluster, the Azure subscription, the resource group, the image."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.settings import stack_config
from coco_azure.settings.azure import AzureSettings
from coco_azure.settings.cluster import ClusterSettings


class StackError(RuntimeError):
    """The settings cannot be read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where to look.

    Attributes:
        cluster: the cluster of the peer pods.
        azure: settings of the Azure side.
        image_id: the user's own pod VM image (``peerPods.imageId``), or None.
    """

    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    azure: AzureSettings = field(default_factory=AzureSettings)
    image_id: str | None = None


def scope(engine: Engine) -> Scope:
    """Return what the settings of a stack say, also after ``pulumi destroy``.

    Raises:
        StackError: ``pulumi config`` fails, or a setting is wrong.
    """
    try:
        values = stack_config.decode_entries(engine.config())
    except EngineError as error:
        raise StackError(f"{error}. Select a stack (`pulumi stack select`) or use --stack") from error
    peer_pods = values.get("peerPods")
    try:
        return Scope(
            cluster=ClusterSettings.model_validate(values.get("cluster", {})),
            azure=AzureSettings.model_validate(values.get("azure", {})),
            image_id=peer_pods.get("imageId") if isinstance(peer_pods, Mapping) else None,
        )
    except ValueError as error:
        raise StackError(f"the stack's settings cannot be read: {error}") from error
