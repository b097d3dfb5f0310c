"""Settings of the pre-flight: what is judged of Azure and the cluster first, and which risks are accepted."""

from typing import Literal

from pydantic import Field

from coco_azure.risks import Risk
from coco_azure.settings.base import Model

Check = Literal[
    "cloud",
    "sizes",
    "zones",
    "quota",
    "capacity",
    "image",
    "secure-boot",
    "subnet",
    "outbound",
    "nsg-rules",
    "own-subnet",
    "credentials",
    "roles",
    "cluster-version",
    "machine-config",
    "pools",
    "nodes",
    "catalog",
    "operators",
    "mirrors",
    "foreign",
    "kata-config",
]
"""Names of checks, in the order in which the table tells them; each is a word that ``preflight.accept`` takes."""


class PreflightSettings(Model):
    """The pre-flight: whether Azure and the cluster have what pod VMs need, asked before anything is changed."""

    mode: Literal["off", "warn", "enforce"] = "enforce"
    """``off``: nothing is asked; ``warn``: problems are told; ``enforce``: problems end the run before it begins."""
    accept: tuple[Check, ...] = Field(default=(), strict=False)
    """Checks whose problems are told and do not end a run, such as ``quota``; docs/preflight.md has their names."""


class AcceptedRisks(Model):
    """What a run does not warn about, because it is meant so; the proof report has it in any case."""

    any_reboot: bool = False
    """``peerPods.kataConfig.allowReboot`` stays true in a production stack."""
    same_cluster: bool = False
    """Trustee runs on the cluster of the pods that it judges."""
    any_command: bool = False
    """Pods without a workload's own policy run any command, with any environment and files of the host's."""
    shared_secrets: bool = False
    """Whoever may create pods gets the secrets of an initdata document that allows any image."""

    def advice(self, warning: str) -> str:
        """Return what a run says for a warning: empty for a risk that is meant."""
        if not isinstance(warning, Risk):
            return warning
        return "" if getattr(self, warning.name) else warning.advice
