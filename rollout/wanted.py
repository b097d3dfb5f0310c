"""What a stack wants of KataConfig, and how it writes that on the object: annotation ``coco-azure/applied``.

The spec of a live KataConfig has defaults, may have been edited, and says nothing of the feature gate that its image
was built under. The annotation says what the stack asked for, and so whether it asks for something else now.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

APPLIED = "coco-azure/applied"
"""Annotation of KataConfig: what the stack wanted when it made it, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the settings say of the object.

    Attributes:
        confidential: feature gate ``confidential``.
        log_level: log level of the runtime.
        pool_selector: labels of the nodes; None for every worker.
        own_image: whether the pod VM image is the user's own (``peerPods.imageId``).
    """

    confidential: bool
    log_level: str = "info"
    pool_selector: Mapping[str, str] | None = None
    own_image: bool = False

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of KataConfig."""
        found: dict[str, Any] = {"enablePeerPods": True, "logLevel": self.log_level}
        if self.pool_selector is not None:
            found["kataConfigPoolSelector"] = {"matchLabels": dict(self.pool_selector)}
        return found


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was asked for when a KataConfig was made.

    Attributes:
        confidential: feature gate ``confidential``.
        log_level: log level of the runtime.
        pool_selector: labels of the nodes; None for every worker.
        after: uid of the KataConfig that it followed; empty for the first one of a stack.
    """

    confidential: bool
    log_level: str
    pool_selector: Mapping[str, str] | None
    after: str = ""

    @property
    def text(self) -> str:
        """The value of the annotation."""
        said = {"confidential": self.confidential, "logLevel": self.log_level, "poolSelector": self.pool_selector}
        return json.dumps(said | ({"after": self.after} if self.after else {}), sort_keys=True)

    @property
    def trigger(self) -> str:
        """A text that differs for each KataConfig that has to be a new one, beside those whose spec differs."""
        gate = str(self.confidential).lower()
        return f"{gate} after {self.after}" if self.after else gate

    def differences(self, wanted: Wanted) -> list[str]:
        """Return what is wanted now and was not then, each as ``what: then -> now``."""
        pairs = [
            ("feature gate confidential", str(self.confidential).lower(), str(wanted.confidential).lower()),
            ("logLevel", self.log_level, wanted.log_level),
            ("pool selector", selector_text(self.pool_selector), selector_text(wanted.pool_selector)),
        ]
        return [f"{what}: {then} -> {now}" for what, then, now in pairs if then != now]


def of(wanted: Wanted, after: str) -> Applied:
    """Return what a KataConfig made now has in its annotation."""
    return Applied(
        confidential=wanted.confidential,
        log_level=wanted.log_level,
        pool_selector=wanted.pool_selector,
        after=after,
    )


def read_applied(text: str | None) -> Applied | None:
    """Return what the annotation says; None where it is missing or nobody can read it."""
    try:
        said = json.loads(text or "")
        selector = said["poolSelector"]
        return Applied(
            confidential=bool(said["confidential"]),
            log_level=str(said["logLevel"]),
            pool_selector=None if selector is None else dict(selector),
            after=str(said.get("after", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def misfits(spec: Mapping[str, Any], wanted: Wanted) -> list[str]:
    """Return how a live spec differs from what is wanted, each as ``what: there -> wanted``."""
    selector = spec.get("kataConfigPoolSelector") or {}
    labels = selector.get("matchLabels") or None
    there = selector_text(labels)
    if expressions := selector.get("matchExpressions"):
        there = f"{there if labels else ''} {json.dumps(expressions)}".strip()
    if spec.get("checkNodeEligibility"):
        there += ", nodes that are eligible (checkNodeEligibility)"
    pairs = [
        ("enablePeerPods", str(bool(spec.get("enablePeerPods"))).lower(), "true"),
        ("logLevel", str(spec.get("logLevel") or "info"), wanted.log_level),
        ("pool selector", there, selector_text(wanted.pool_selector)),
    ]
    return [f"{what}: {there} -> {now}" for what, there, now in pairs if there != now]


def selector_text(labels: Mapping[str, str] | None) -> str:
    """Return labels as ``oc get nodes -l`` takes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) if labels else "every worker"
