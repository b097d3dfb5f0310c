"""The reference values of a stack: the user's own, those of the pod VM image, and PCR 8 of its initdata."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.formats.kbs import measurements
from coco_azure.formats.kbs.reference_values import ReferenceValue, expired, expiring, merge
from coco_azure.settings import Settings
from coco_azure.versions.profiles import OscProfile, TrusteeProfile

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
        stack: the settings.
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
        values += measurements.reference_values(pcrs, tee, trustee, settings.expires, wanted=settings.pcrs)
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
