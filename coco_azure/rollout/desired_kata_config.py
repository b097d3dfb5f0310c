"""What a stack wants of KataConfig, and how it writes that on the object: annotation ``coco-azure/applied``.

The spec of a live KataConfig has defaults, may have been edited, and says nothing of the feature gate that its image
was built under. The annotation says what the stack asked for, and so whether it asks for something else now.

The image job takes an image definition as it is when it exists, and Azure changes no definition's features: one that
was made without the gate can never start confidential VMs. It skips a version that exists, too, and publisher, offer
and SKU of two definitions of a gallery differ (openshift/sandboxed-containers-operator
``config/peerpods/podvm/azure-podvm-image-handler.sh`` at 0d14cc8c; Azure Compute Gallery). So each image that is asked
for has a definition, a SKU and a version of its own; the job reads them from ``azure-podvm-image-cm``, where they are
the user's to set.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coco_azure import names
from coco_azure.formats import fingerprint
from coco_azure.settings.peer_pods import PeerPodSettings

GATE, LOG_LEVEL, SELECTOR = "feature gate confidential", "logLevel", "pool selector"
"""What a difference of each of them begins with."""
LINUX: Mapping[str, str] = {names.NODE_OS: "linux"}
"""Label that a selector has more, where Windows workers would match it too."""


@dataclass(frozen=True, kw_only=True)
class DesiredKataConfig:
    """What a stack wants of the object.

    Attributes:
        settings: the settings of peer pods, with those of the object.
        one_image: whether the operator's image is the same with and without the gate (``OscProfile.one_image``).
    """

    settings: PeerPodSettings
    one_image: bool = False

    @property
    def recreate(self) -> bool:
        """Whether a change deletes KataConfig and makes it anew, instead of changing it in place."""
        return self.settings.kata_config.change == "recreate"

    @property
    def daemon_set(self) -> bool:
        """Whether kata is installed without machine configs (``deploymentMode: DaemonSet``) and reboots."""
        return self.settings.kata_config.deployment_mode == "DaemonSet"

    def fits(self, built: bool) -> bool:  # noqa: FBT001 - a gate
        """Return whether an image that was built under this gate starts what is wanted.

        The same image starts both kinds of VM from OSC 1.13 on, but its definition in the gallery is for confidential
        ones only where the job made it under the gate (``create_image_definition``).
        """
        return built == self.settings.confidential or (self.one_image and built)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was asked for when a KataConfig was made.

    Attributes:
        pool_selector: labels of the nodes; None for every worker.
        after: uid of the KataConfig that it followed; empty for the first one of a stack.
        linux_only: whether its selector leaves Windows workers out, beside what was asked for.
        made_confidential: the gate that it was made under; None: the same.
        rebuild: text that the last new image was asked for with.
        image: which image was asked for since it was made; empty: the first one.
        before: configuration of the nodes' pool when its log level was last changed in place; empty: never.
    """

    confidential: bool
    log_level: str
    pool_selector: Mapping[str, str] | None
    after: str = ""
    linux_only: bool = False
    made_confidential: bool | None = None
    rebuild: str = ""
    image: str = ""
    before: str = ""

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of KataConfig."""
        spec: dict[str, Any] = {"enablePeerPods": True, "logLevel": self.log_level}
        labels = selected_labels(self.pool_selector, linux_only=self.linux_only)
        return spec | ({"kataConfigPoolSelector": {"matchLabels": labels}} if labels else {})

    @property
    def text(self) -> str:
        """The value of the annotation."""
        content = {"confidential": self.confidential, "logLevel": self.log_level, "poolSelector": self.pool_selector}
        more = {"after": self.after, "linuxOnly": self.linux_only, "rebuild": self.rebuild, "image": self.image}
        more |= {"before": self.before}
        made = {} if self.made_confidential is None else {"madeConfidential": self.made_confidential}
        return json.dumps(content | made | {key: value for key, value in more.items() if value}, sort_keys=True)

    @property
    def trigger(self) -> str:
        """A text that differs for each KataConfig that has to be a new one, beside those whose spec differs."""
        gate = str(self.confidential if self.made_confidential is None else self.made_confidential).lower()
        return f"{gate} after {self.after}" if self.after else gate

    @property
    def build(self) -> str:
        """Which pod VM image of the operator's that is: another text for each that it builds."""
        return "/".join(filter(None, (self.after, self.image))) or "first"

    def differences(self, desired: DesiredKataConfig) -> list[str]:
        """Return what is wanted now and was not then, each as ``what: then -> now``."""
        then, now = (
            selector_text(selected_labels(labels, linux_only=self.linux_only))
            for labels in (self.pool_selector, desired.settings.kata_config.pool_labels)
        )
        pairs = [
            (GATE, str(self.confidential).lower(), str(desired.settings.confidential).lower()),
            (LOG_LEVEL, self.log_level, desired.settings.kata_config.log_level),
            (SELECTOR, then, now),
        ]
        rebuild = desired.settings.rebuild_image
        if rebuild and not desired.settings.own_image:
            pairs.append(("pod VM image", self.rebuild or "the first one", rebuild))
        return [f"{what}: {then} -> {now}" for what, then, now in pairs if then != now]


def make_applied(desired: DesiredKataConfig, after: str, *, linux_only: bool = False) -> Applied:
    """Return what a KataConfig made now has in its annotation."""
    return Applied(
        confidential=desired.settings.confidential,
        log_level=desired.settings.kata_config.log_level,
        pool_selector=desired.settings.kata_config.pool_labels,
        after=after,
        linux_only=linux_only,
        rebuild=(desired.settings.rebuild_image or ""),
    )


def read_applied(text: str | None) -> Applied | None:
    """Return what the annotation says; None where it is missing or nobody can read it."""
    try:
        content = json.loads(text or "")
        selector = content["poolSelector"]
        return Applied(
            confidential=bool(content["confidential"]),
            log_level=str(content["logLevel"]),
            pool_selector=None if selector is None else dict(selector),
            after=str(content.get("after", "")),
            linux_only=bool(content.get("linuxOnly", False)),
            made_confidential=None if (made := content.get("madeConfidential")) is None else bool(made),
            rebuild=str(content.get("rebuild", "")),
            image=str(content.get("image", "")),
            before=str(content.get("before", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def selected_labels(desired: Mapping[str, str] | None, *, linux_only: bool) -> dict[str, str]:
    """Return the labels of the nodes that KataConfig selects; none: every worker."""
    return {**(LINUX if linux_only else {}), **(desired or {})}


def is_linux_only(spec: Mapping[str, Any], desired: DesiredKataConfig) -> bool:
    """Return whether a live spec leaves Windows workers out although nobody asked for it."""
    labels = (spec.get("kataConfigPoolSelector") or {}).get("matchLabels") or {}
    return (
        LINUX.items() <= labels.items() and not LINUX.keys() & (desired.settings.kata_config.pool_labels or {}).keys()
    )


def misfits(
    spec: Mapping[str, Any], log_level: str, pool_labels: Mapping[str, str] | None, *, linux_only: bool = False
) -> list[str]:
    """Return how a live spec differs from what is wanted, each as ``what: there -> wanted``."""
    labels_wanted = selected_labels(pool_labels, linux_only=linux_only)
    selector = spec.get("kataConfigPoolSelector") or {}
    labels = selector.get("matchLabels") or None
    current = selector_text(labels)
    if expressions := selector.get("matchExpressions"):
        current = f"{current if labels else ''} {json.dumps(expressions)}".strip()
    if spec.get("checkNodeEligibility"):
        current += ", nodes that are eligible (checkNodeEligibility)"
    pairs = [
        ("enablePeerPods", str(bool(spec.get("enablePeerPods"))).lower(), "true"),
        (LOG_LEVEL, str(spec.get("logLevel") or "info"), log_level),
        (SELECTOR, current, selector_text(labels_wanted)),
    ]
    return [f"{what}: {current} -> {now}" for what, current, now in pairs if current != now]


def exact(spec: Mapping[str, Any], applied: Applied) -> dict[str, Any]:
    """Return the merge patch (RFC 7386) that makes a live spec what is applied; empty: it is that already.

    Whoever applies fields leaves those of others as they are: a label that somebody else selected by would stay.
    """
    present = (spec.get("kataConfigPoolSelector") or {}).get("matchLabels") or {}
    labels = selected_labels(applied.pool_selector, linux_only=applied.linux_only)
    if not misfits(spec, applied.log_level, applied.pool_selector, linux_only=applied.linux_only):
        return {}
    selector = {"matchLabels": dict.fromkeys(present) | labels, "matchExpressions": None} if labels else None
    return applied.spec | {"checkNodeEligibility": False, "kataConfigPoolSelector": selector}


def selector_text(labels: Mapping[str, str] | None) -> str:
    """Return labels as ``oc get nodes -l`` takes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) if labels else "every worker"


_SHOWN = 8
_DEFINITION = "podvm-image"
_SKU = "OSC-PodVM"
# The version's digits name a storage account, which is unique in the world (upload_vhd_image): no small number.
_PART, _LEAST = 9000, 1000


def new_image(uid: str, last: str, *, confidential: bool, rebuild: str) -> str:
    """Return what a new image is known by, the same for the same request.

    Args:
        uid: uid of the KataConfig.
        last: what the image before was known by; empty: it was the first one.
        rebuild: text of the settings that asks for it.
    """
    request = {"uid": uid, "last": last, "confidential": confidential, "rebuild": rebuild}
    return fingerprint.fingerprint_of(request)[:_SHOWN]


def definition(image: str) -> str:
    """Return the name of the image's definition."""
    return f"{_DEFINITION}-{image}"


def variables(image: str) -> Mapping[str, str]:
    """Return what ``azure-podvm-image-cm`` says for this image."""
    number = int(image, 16)
    return {
        "IMAGE_DEFINITION_NAME": definition(image),
        "IMAGE_DEFINITION_SKU": f"{_SKU}-{image}",
        "IMAGE_VERSION": f"1.{_LEAST + number % _PART}.{_LEAST + number // _PART % _PART}",
    }


def is_of(image: str, arm_id: str) -> bool:
    """Return whether an image version's ARM id is that of the image."""
    return f"/images/{definition(image)}/versions/".lower() in arm_id.lower()
