"""The reference values of a run: which pod VM images Trustee accepts; during a change the old and the new one.

An upgrade of the operator builds no new image. So where the image follows the operator's version, pods have that of the
version by which it was last built, and it is accepted until the run after the one that builds a new one. Where the
settings name the image by tag or digest, it is accepted until the run after the one that names another.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from coco_azure.formats import one_line
from coco_azure.formats.images import measured_image
from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.formats.kbs.reference_values import expired, expiring, merge, of_measurements
from coco_azure.settings import Settings
from coco_azure.versions import profiles
from coco_azure.versions.profiles import OscProfile, TrusteeProfile

Fetch = Callable[[str, str], MeasuredImage]
"""Returns the measurements of an image (reference, PEM of the key); raises ValueError."""


@dataclass(frozen=True, kw_only=True)
class AcceptedImages:
    """What a run accepts, and what the next one has to know of it.

    Attributes:
        images: the images; that of pods which run first, then the one that the settings mean.
        current: reference of the image that new pods have when the run has come to its end.
        build: which build of the operator's that is.
    """

    images: tuple[MeasuredImage, ...]
    current: str
    build: str

    def output(self) -> str:
        """Return it as the stack's output."""
        data = {"build": self.build, "current": self.current, "images": [image.data() for image in self.images]}
        accepted = ", ".join(f"{image.reference} ({image.digest})" for image in self.images)
        return one_line.write(f"pod VMs of {accepted}", data)


def choose(
    stack: Settings, csv: str, build: str, last: Mapping[str, Any] | None, fetch: Fetch
) -> AcceptedImages | None:
    """Return the images that a run accepts; None where the settings name none.

    Args:
        csv: CSV of OpenShift sandboxed containers that the stack will have; empty where there is none.
        build: which of the operator's builds the pod VM image is when the run has come to its end: another text for
            each new image.
        last: the output of the last finished run; None where there was none.
        fetch: gets what the last run did not keep.

    Raises:
        ValueError: the image cannot be had or lacks a PCR, and why.
    """
    settings = stack.trustee.reference_values
    if settings.image is None or settings.public_key is None or not stack.deploys_trustee:
        return None
    reference = settings.image
    if settings.follows_operator:
        if not csv:
            return None  # the version has a problem, which ends the run
        minor, patch = profiles.release(csv)
        reference = f"{reference}:{minor}.{patch}"
    state = last or {}
    kept = _kept(state, settings.public_key)
    wanted = kept.get(reference) or fetch(reference, settings.public_key)
    before = kept.get(str(state.get("current")), wanted)
    images = (before, wanted) if before.reference != wanted.reference else (wanted,)
    for image in images:
        _check_pcrs(image, settings.pcrs)
    stays = settings.follows_operator and state.get("build") == build
    return AcceptedImages(images=images, current=before.reference if stays else wanted.reference, build=build)


def warnings(accepted: AcceptedImages | None) -> list[str]:
    """Return what a person has to know while two images are accepted."""
    if accepted is None or len(accepted.images) == 1:
        return []
    old, new = accepted.images
    message = (
        f"the pod VM image {old.reference} is still accepted, for pods that run with it; the next `pulumi up` drops "
        f"it, and shows that as a change. Restart these pods before, so that they get {new.reference}"
    )
    if accepted.current == old.reference:
        message = (
            f"pods still get the pod VM image of {old.reference}, and the operator's version has {new.reference}: both "
            "are accepted. Have the new one built with another text in peerPods.rebuildImage"
        )
    return [message]


def _kept(state: Mapping[str, Any], key: str) -> dict[str, MeasuredImage]:
    """Return what the last run kept, by reference; nothing that another key vouches for."""
    images = [measured_image.read(each) for each in state.get("images") or ()]
    return {image.reference: image for image in images if image is not None and image.key == key}


def _check_pcrs(image: MeasuredImage, wanted: tuple[int, ...]) -> None:
    if missing := [str(pcr) for pcr in wanted if pcr not in image.pcrs]:
        numbers = ", ".join(map(str, sorted(image.pcrs)))
        raise ValueError(
            f"trustee.referenceValues.image {image.reference} has no PCR {', '.join(missing)} (it has {numbers}); set "
            "trustee.referenceValues.pcrs to those that it has, and name the others, as you measured them, in "
            "trustee.referenceValuesFile"
        )


_INITDATA_PCR = 8
_PCR = re.compile(r"pcr(\d{2})$")
NOBODY = hashlib.sha256(b"coco-azure: no initdata is accepted yet").hexdigest()
"""Stands where no PCR 8 is accepted: no initdata has this one, and a reference value without any would be ignored."""


def registers_initdata(stack: Settings, osc: OscProfile | None) -> bool:
    """Return whether PCR 8 of initdata becomes a reference value; without peer pods, whether other stacks' does."""
    settings = stack.trustee.reference_values
    if settings.expires is None:
        return False
    if settings.initdata is not None:
        return settings.initdata
    if osc is None:
        return bool(settings.others) or stack.environment == "production"
    return osc.initdata_measured


def reference_values(
    stack: Settings,
    osc: OscProfile | None,
    trustee: TrusteeProfile,
    pcr8: Mapping[str, str],
    previous: Iterable[str],
    *,
    images: Iterable[MeasuredImage] = (),
) -> list[ReferenceValue]:
    """Return every reference value of the stack.

    Args:
        osc: version of OpenShift sandboxed containers, or None where the stack has no peer pods.
        trustee: version of Trustee; it decides the names.
        pcr8: PCR 8 of the stack's documents, by their names.
        previous: PCR 8 of the documents of the last run that came to its end. Pods that were started then still run
            with them, so they stay accepted until the run after the one that changes them.
        images: pod VM images whose measurements are accepted.
    """
    settings, tee = stack.trustee.reference_values, stack.peer_pods.tee
    values = list(stack.trustee.reference_values_file)
    if settings.expires is None:
        return values
    for pcrs in filter(None, [settings.values, *(image.pcrs for image in images)]):
        values += of_measurements(pcrs, tee, trustee, settings.expires, wanted=settings.pcrs)
    if registers_initdata(stack, osc):
        accepted = tuple(dict.fromkeys([*pcr8.values(), *previous, *settings.others])) or (NOBODY,)
        values.append(
            ReferenceValue(name=trustee.reference_name(tee, _INITDATA_PCR), values=accepted, expires=settings.expires)
        )
    return merge(values)


def demanded_pcrs(values: Iterable[ReferenceValue]) -> tuple[int, ...]:
    """Return the PCRs that reference values name, which are those that a production policy demands."""
    matches = (_PCR.search(value.name) for value in values)
    return tuple(sorted({int(match[1]) for match in matches if match}))


def as_data(values: Iterable[ReferenceValue], now: datetime) -> dict[str, list[str]]:
    """Return what RVPS gives a policy at that time: values by name, without those that have expired."""
    values = list(values)
    gone = {value.name for value in expired(values, now)}
    return {value.name: list(value.values) for value in values if value.name not in gone}


def accepts_nobody(values: Iterable[ReferenceValue]) -> bool:
    """Return whether no initdata is accepted, as in a Trustee whose pods are still to come."""
    return any(NOBODY in value.values for value in values)


def date_warnings(stack: Settings, values: Sequence[ReferenceValue], now: datetime) -> list[str]:
    """Return a warning for each date that is near; what has passed is a problem, see ``date_problems``."""
    soon = expiring(values, now, timedelta(days=stack.trustee.reference_values.warn_days))
    return [
        f"reference value {value.name} expires on {value.expires:%Y-%m-%d %H:%M} UTC and then denies every pod; "
        "set a later date: pulumi config set --path coco-azure:trustee.referenceValues.expires YYYY-MM-DD"
        for value in soon
    ]


def date_problems(values: Sequence[ReferenceValue], now: datetime) -> list[str]:
    """Return a problem for each reference value that has expired."""
    return [
        f"reference value {value.name} expired on {value.expires:%Y-%m-%d %H:%M} UTC: a production policy denies "
        "every pod then, and a development one may accept any; needed a date to come: "
        "pulumi config set --path coco-azure:trustee.referenceValues.expires YYYY-MM-DD "
        "(in a file of your own: its expiration)"
        for value in expired(values, now)
    ]
