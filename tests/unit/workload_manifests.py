"""Manifests of workloads for tests, and what a policy made from one says of requests."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.policy.policy_judge import judge_agent
from coco_azure.formats.workload.containers import Container, containers
from coco_azure.formats.workload.image_config import ImageConfig
from tests.unit.crio_mounts import Document
from tests.unit.crio_requests import Node

SHOP = (Path(__file__).parent / "workloads" / "shop.yaml").read_text()
DEPLOYMENT: Mapping[str, Any] = next(each for each in yaml.safe_load_all(SHOP) if each["kind"] == "Deployment")
HOME = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108 - a path in a container
SEALED = "sealed.fakejwsheader.ewogICJ2ZXJzaW9uIjogIjAuMS4wIn0.fakesignature"
NODE = Node(
    objects={
        "shop": {"LOG_LEVEL": "info", "banner": "hello"},
        "keys": {"password": SEALED},
        "other": {"coupon": "anything at all\n"},
    }
)


def pod(*names: str, spec: Mapping[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """Return a Pod of containers that differ in their name only."""
    each = {"image": "quay.io/my-org/app:1", "command": ["/bin/app"], **container}
    made = [{"name": name, **each} for name in names or ("app",)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app"},
        "spec": {"containers": made, **(spec or {})},
    }


def read(manifest: Mapping[str, Any] | str, images: Mapping[str, ImageConfig] | None = None) -> list[Container]:
    """Return the containers of a manifest."""
    return containers(manifest if isinstance(manifest, str) else yaml.safe_dump(dict(manifest)), images or {})


@cache
def _policy(text: str, images: tuple[tuple[str, ImageConfig], ...]) -> str:
    return agent_policy("production", workload=containers(text, dict(images)))


def policy(manifest: Mapping[str, Any] | str = SHOP, **images: ImageConfig) -> str:
    """Return the agent policy that is made from a manifest."""
    text = manifest if isinstance(manifest, str) else yaml.safe_dump(dict(manifest))
    return _policy(text, tuple(images.items()))


def allows(text: str, document: Document, *, v1: bool = False) -> bool:
    """Return whether a policy lets a container be created."""
    return judge_agent(text, "CreateContainerRequest", document, v1=v1)
