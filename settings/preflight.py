"""Settings of the pre-flight: what is judged of Azure and the cluster before anything is changed."""

from typing import Literal

from pydantic import Field

from preflight.model import Check
from settings.base import Model


class PreflightSettings(Model):
    """The pre-flight: whether Azure and the cluster have what pod VMs need, asked before anything is changed."""

    mode: Literal["off", "warn", "enforce"] = "enforce"
    """``off``: nothing is asked; ``warn``: problems are told; ``enforce``: problems end the run before it begins."""
    accept: tuple[Check, ...] = Field(default=(), strict=False)
    """Checks whose problems are told and do not end a run, such as ``quota``; docs/preflight.md has their names."""
