"""Settings of the peer-pod runtime: the operator, peer-pods-cm and KataConfig."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rendering.peer_pods import INSTANCE_SIZES, Tee
from rollout.approval import PATTERN as TICKET
from rollout.plan import Existing
from settings.azure import ImageId
from settings.base import Duration, LabelKey, LabelValue, Model, matching
from settings.operators import OperatorSettings

InstanceSize = Annotated[
    str,
    matching(
        r"Standard_[A-Za-z0-9_-]+",
        "one Azure VM size without spaces, such as Standard_DC2as_v5; one size per list item",
    ),
]
_TagText = matching(r"[^\s,=]+", "text without spaces, commas and =, because CAA reads all tags as one list")
TagKey = Annotated[str, _TagText]
TagValue = Annotated[str, _TagText]


def _approval(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and re.fullmatch(TICKET, value)):
        return value
    raise ValueError("needed true, false, or the ticket that the preview prints, such as roll-0123456789")


Approval = Annotated[bool | str, BeforeValidator(_approval)]


class PoolSelector(Model):
    """Which nodes get the kata runtime."""

    match_labels: dict[LabelKey, LabelValue] = Field(min_length=1)
    """Node labels, all of which must match, for example ``cc: "true"``."""


class KataConfigSettings(Model):
    """KataConfig: the object whose creation, replacement and deletion reboot the selected nodes."""

    log_level: Literal["debug", "info", "warn", "error"] = "info"
    """Log level of the kata runtime; a change replaces KataConfig."""
    pool_selector: PoolSelector | None = None
    """Nodes to install on; default: every worker. A change replaces KataConfig."""
    allow_reboot: Approval = False
    """Whether KataConfig may be created, replaced or deleted, which reboots its nodes: false: no, and the preview of it
    prints a ticket; a ticket, such as roll-0123456789: this one roll-out, until it is completed; true: always."""
    existing: Existing = "fail"
    """What happens to a KataConfig that this stack did not make: ``fail``; ``adopt``: it is taken over where nothing
    has to reboot for that; ``recreate``: it is deleted and made anew, which needs approval."""
    timeout: Duration = "90m"
    """How long creation and deletion may each take; the nodes reboot one after the other."""


class PeerPodSettings(Model):
    """The peer-pod runtime."""

    enabled: bool = True
    """false: the stack has only Trustee, for peer pods of other clusters and stacks."""
    operator: OperatorSettings = OperatorSettings()
    """Installation of the OpenShift sandboxed containers operator."""
    confidential: bool = True
    """Feature gate ``confidential``: pod VMs are confidential VMs. A change replaces KataConfig."""
    tee: Tee = "snp"
    """Trusted execution environment of the pod VMs; decides the default sizes."""
    instance_size: InstanceSize | None = None
    """VM size of a pod that asks for none; default: the smallest of the chapter for the TEE."""
    instance_sizes: tuple[InstanceSize, ...] | None = Field(default=None, strict=False)
    """Every VM size that a pod may ask for; default: the chapter's for the TEE."""
    limit_per_node: int = Field(default=10, ge=1, le=500)
    """Most peer pods on one node."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict)
    """Azure tags of the pod VMs."""
    image_id: ImageId | None = None
    """Pod VM image of your own; default: the operator builds one and writes its id."""
    secure_boot: bool = True
    """Secure boot of the pod VMs."""
    proxy_timeout: Duration | None = None
    """How long CAA waits for the agent of a new pod VM; default: that of Red Hat's example for the version (5m; from
    OSC 1.13 on 8m)."""
    vxlan_port: int = Field(default=9000, ge=1, le=65535)
    """UDP port of the tunnel between worker and pod VM."""
    kata_config: KataConfigSettings = KataConfigSettings()
    """KataConfig."""

    @model_validator(mode="after")
    def _default_size_is_offered(self) -> "PeerPodSettings":
        if self.size not in self.sizes:
            raise ValueError(
                f"instanceSize {self.size} is not among instanceSizes {', '.join(self.sizes)}: "
                "CAA refuses every pod then. Add it to the list, or set instanceSize to one of the list"
            )
        return self

    @property
    def sizes(self) -> tuple[str, ...]:
        """Every VM size that a pod may ask for."""
        return self.instance_sizes or INSTANCE_SIZES[self.tee]

    @property
    def size(self) -> str:
        """VM size of a pod that asks for none."""
        return self.instance_size or self.sizes[0]
