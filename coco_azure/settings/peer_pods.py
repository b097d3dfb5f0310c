"""Settings of the peer-pod runtime: the operator, peer-pods-cm and KataConfig."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from coco_azure.formats.peer_pods_cm import INSTANCE_SIZES, OWNERS, Tee
from coco_azure.settings.arm_ids import PodVmTags
from coco_azure.settings.azure import ImageId
from coco_azure.settings.base import Duration, LabelKey, LabelValue, Model, matching
from coco_azure.settings.operators import OperatorSettings

TICKET = r"roll-[0-9a-f]{10}"
"""The form of a ticket (``coco_azure.rollout.plan``); of digits alone Pulumi would make a number."""
Existing = Literal["fail", "adopt", "recreate"]
Change = Literal["inPlace", "recreate"]
DeploymentMode = Literal["MachineConfig", "DaemonSet"]

InstanceSize = Annotated[
    str,
    matching(
        r"Standard_[A-Za-z0-9_-]+",
        "one Azure VM size without spaces, such as Standard_DC2as_v5; one size per list item",
    ),
]


def _approval(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and re.fullmatch(TICKET, value)):
        return value
    raise ValueError("needed true, false, or the ticket that the preview prints, such as roll-0123456789")


Approval = Annotated[bool | str, BeforeValidator(_approval)]


def _free_key(key: str) -> str:
    if key in OWNERS:
        raise ValueError(f"{key} is decided by {OWNERS[key]}; set that, and remove the key")
    return key


_CaaKey = Annotated[
    str, matching(r"[A-Z][A-Z0-9_]*|https?_proxy|no_proxy", "a variable such as HTTPS_PROXY"), AfterValidator(_free_key)
]
_CaaValue = Annotated[
    str,
    matching(
        r"(?!\S*://\S*@|[^\s/@]+:[^\s/@]*@)\S+",
        "a value without spaces, at which older CAAs end their options, and without a password: many can read it",
    ),
]


class PoolSelector(Model):
    """Which nodes get the kata runtime."""

    match_labels: dict[LabelKey, LabelValue] = Field(min_length=1)
    """Node labels, all of which must match, for example ``cc: "true"``."""


class KataConfigSettings(Model):
    """KataConfig: the object whose creation, replacement and deletion reboot the selected nodes."""

    log_level: Literal["debug", "info", "warn", "error"] = "info"
    """Log level of the kata runtime; a change reboots each node that has it once."""
    pool_selector: PoolSelector | None = None
    """Nodes to install on; default: every worker. A change reboots those that join and those that leave, once."""
    allow_reboot: Approval = False
    """Whether nodes may reboot, as KataConfig is created, changed, replaced or deleted: false: no, and the preview
    prints a ticket; a ticket, such as roll-0123456789: this one roll-out, until it is completed; true: always."""
    guard: bool = True
    """Whether the cluster itself refuses, to everybody, to delete KataConfig or to change its spec without approval."""
    change: Change = "inPlace"
    """How another gate, log level or selector comes about: ``inPlace``: the operator changes what differs;
    ``recreate``: KataConfig is deleted and made anew, and each of its nodes reboots twice."""
    deployment_mode: DeploymentMode = "MachineConfig"
    """How kata gets onto nodes: ``MachineConfig``: each reboots once; ``DaemonSet``: none reboots, where the operator's
    version installs it so; for every other version it is an error."""
    existing: Existing = "fail"
    """What happens to a KataConfig that this stack did not make: ``fail``; ``adopt``: it is taken over, and changed in
    place where it differs; ``recreate``: it is deleted and made anew. What reboots nodes needs approval."""
    timeout: Duration = "90m"
    """How long creation and deletion may each take; the nodes reboot one after the other."""

    @property
    def pool_labels(self) -> Mapping[str, str] | None:
        """Labels of the nodes to install on; None: every worker."""
        return None if self.pool_selector is None else self.pool_selector.match_labels


class PeerPodSettings(Model):
    """The peer-pod runtime."""

    enabled: bool = True
    """false: the stack has only Trustee, for peer pods of other clusters and stacks."""
    operator: OperatorSettings = OperatorSettings()
    """Installation of the OpenShift sandboxed containers operator."""
    confidential: bool = True
    """Feature gate ``confidential``: pod VMs are confidential VMs. A change reboots no node; the operator
    builds a new pod VM image where the one that is there does not fit."""
    tee: Tee = "snp"
    """Trusted execution environment of the pod VMs; decides the default sizes."""
    instance_size: InstanceSize | None = None
    """VM size of a pod that asks for none; default: the smallest of the chapter for the TEE."""
    instance_sizes: tuple[InstanceSize, ...] | None = Field(default=None, strict=False)
    """Every VM size that a pod may ask for; default: the chapter's for the TEE."""
    limit_per_node: int = Field(default=10, ge=1, le=500)
    """Most peer pods on one node."""
    tags: PodVmTags = Field(default_factory=dict)
    """Azure tags of the pod VMs."""
    image_id: ImageId | None = None
    """Pod VM image of your own; default: the operator builds one and writes its id."""
    rebuild_image: str | None = Field(default=None, min_length=1, max_length=63)
    """Any text, such as a date: another one than last time has the operator build a new image; no node reboots."""
    secure_boot: bool = True
    """Secure boot of the pod VMs."""
    proxy_timeout: Duration | None = None
    """How long CAA waits for the agent of a new pod VM; default: that of Red Hat's example for the version (5m; from
    OSC 1.13 on 8m)."""
    root_volume_size: int | None = Field(default=None, ge=1, le=4095)
    """Size of a pod VM's root disk in GB, at least that of the image; default: that of the image. From OSC 1.11 on."""
    caa_environment: dict[_CaaKey, _CaaValue] = Field(default_factory=dict)
    """Further keys of peer-pods-cm, which CAA has as its environment, such as HTTPS_PROXY and NO_PROXY; no secrets. A
    change restarts CAA. Those that another setting decides are an error."""
    vxlan_port: int = Field(default=9000, ge=1, le=65535)
    """UDP port of the tunnel between worker and pod VM."""
    caa_restart: Literal["wait", "evict", "now"] = "wait"
    """What becomes of a node's peer pods when CAA has to restart there: ``wait``: the run waits until they are gone;
    ``evict``: they are evicted, as by a drain; both node by node; ``now``: they are lost."""
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

    @model_validator(mode="after")
    def _builder_builds_what_is_asked_for(self) -> "PeerPodSettings":
        if self.rebuild_image and self.image_id:
            raise ValueError(
                "rebuildImage is for an image that the operator builds, and imageId names one of your own: remove one "
                "of them, such as pulumi config rm --path 'coco-azure:peerPods.rebuildImage'"
            )
        return self

    @property
    def own_image(self) -> bool:
        """Whether the pod VM image is one of your own; else the operator builds it."""
        return self.image_id is not None

    @property
    def sizes(self) -> tuple[str, ...]:
        """Every VM size that a pod may ask for."""
        return self.instance_sizes or INSTANCE_SIZES[self.tee]

    @property
    def size(self) -> str:
        """VM size of a pod that asks for none."""
        return self.instance_size or self.sizes[0]
