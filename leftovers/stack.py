"""What the selected stack's settings say of places: the cluster, the Azure subscription, the resource group, the image.

Asked of ``pulumi config``, which knows it also after ``pulumi destroy``; secrets stay hidden.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from settings.azure import AzureSettings
from settings.cluster import ClusterSettings

_PREFIX = "coco-azure:"
_TIMEOUT = 120


class StackError(RuntimeError):
    """The settings cannot be read; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to look.

    Attributes:
        cluster: the cluster of the peer pods.
        azure: settings of the Azure side.
        image_id: the user's own pod VM image (``peerPods.imageId``), or None.
    """

    cluster: ClusterSettings
    azure: AzureSettings
    image_id: str | None = None


def place(root: Path, stack: str | None, environment: Mapping[str, str]) -> Place:
    """Return the places of a stack of the project in ``root``, by default the selected one.

    Raises:
        StackError: ``pulumi config`` fails, or a setting is wrong.
    """
    command = ["pulumi", "config", "--json", *(["--stack", stack] if stack else [])]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=False, timeout=_TIMEOUT, env=dict(environment)
        )
    except FileNotFoundError as error:
        raise StackError("there is no `pulumi` on PATH to ask for the stack's settings") from error
    if done.returncode != 0:
        said = done.stderr.strip() or "no reason given"
        raise StackError(f"`{' '.join(command)}` failed: {said}. Select a stack (`pulumi stack select`) or use --stack")
    return parse(json.loads(done.stdout or "{}"))


def parse(config: Mapping[str, Any]) -> Place:
    """Return the places that the answer of ``pulumi config --json`` names; raises StackError."""
    said = {key.removeprefix(_PREFIX): _value(entry) for key, entry in config.items() if key.startswith(_PREFIX)}
    try:
        return Place(
            cluster=ClusterSettings.model_validate(said.get("cluster", {})),
            azure=AzureSettings.model_validate(said.get("azure", {})),
            image_id=said.get("peerPods", {}).get("imageId"),
        )
    except ValueError as error:
        raise StackError(f"the stack's settings cannot be read: {error}") from error


def _value(entry: Mapping[str, Any]) -> Any:
    if "objectValue" in entry:
        return entry["objectValue"]
    try:
        found = json.loads(entry.get("value", ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
