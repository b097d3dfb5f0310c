"""Settings of the pre-flight: what is judged of Azure and the cluster before anything is changed."""

from typing import Literal

from pydantic import Field

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
