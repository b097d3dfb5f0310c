"""Which CSV an operator will have, from what OLM says of its catalogs and of what is installed.

Pure decisions on the status of OLM's objects. Formats (operator-lifecycle-manager at 992bb097): PackageManifest
``pkg/package-server/apis/operators/v1/packagemanifest_types.go``; Operator
``pkg/controller/operators/decorators/operator.go``; Subscription ``pkg/controller/operators/catalog/operator.go``.
Does not say what a version means: that is ``rendering.profiles``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rendering.profiles import OSC_PACKAGE, TRUSTEE_PACKAGE
from settings.operators import OperatorSettings

_PARTS = {TRUSTEE_PACKAGE: "trustee", OSC_PACKAGE: "peerPods"}
_VERSION = re.compile(r"(?P<numbers>\d+\.\d+\.\d+)(?P<rest>[-+].*)?$")
_LABEL_LENGTH = 63

Status = Mapping[str, Any]
"""``status`` of one of OLM's objects."""


def operator_object(package: str, namespace: str) -> str:
    """Return the name of OLM's Operator object.

    OLM makes it from the label that it puts on an operator's parts, and a label's name has at most 63 characters.
    """
    return f"{package}.{namespace}"[:_LABEL_LENGTH].rstrip("._-")


def chosen_csv(settings: OperatorSettings, package: str, manifest: Status) -> str:
    """Return the CSV that will be installed: the pinned one, or the newest of the channel.

    Args:
        settings: channel, catalog and pin.
        package: name of the package.
        manifest: ``status`` of its PackageManifest.

    Raises:
        ValueError: the catalog does not offer that; the message names what it offers and the settings that help.
    """
    where = f"coco-azure:{_part(package)}.operator"
    found = manifest.get("catalogSource")
    if found != settings.catalog:
        if settings.version is not None:
            # Several catalogs may have the package, and the API shows only one of them: the pin must do.
            return _csv(package, settings.version)
        raise ValueError(
            f"package {package} comes from catalog {found!r}, and {where}.catalog says {settings.catalog!r}. Where "
            "several catalogs have a package, the cluster tells of one of them only. Either use that one "
            f"(pulumi config set --path '{where}.catalog' {found}), or name the version to install from "
            f"{settings.catalog!r} (pulumi config set --path '{where}.version' VERSION)"
        )
    channels = {str(each["name"]): each for each in manifest.get("channels") or ()}
    if (channel := channels.get(settings.channel)) is None:
        raise ValueError(
            f"package {package} of catalog {found!r} has no channel {settings.channel!r}; its channels: "
            f"{', '.join(sorted(channels)) or 'none'}. Choose one: "
            f"pulumi config set --path '{where}.channel' CHANNEL"
        )
    if settings.version is None:
        return str(channel["currentCSV"])
    return _entry(settings, package, channel, where)


def installed_csv(settings: OperatorSettings, package: str, namespace: str, operator: Status) -> str:
    """Return the CSV that is installed, for an operator that the stack does not install itself.

    Args:
        settings: where it has a pin, the installed CSV has to be that one.
        package: name of the package.
        namespace: where it is installed.
        operator: ``status`` of its Operator object.

    Raises:
        ValueError: no CSV has succeeded, or another one than the pin.
    """
    where = f"coco-azure:{_part(package)}.operator"
    phases = _phases(operator)
    succeeded = [name for name, phase in phases.items() if phase == "Succeeded"]
    if not succeeded:
        found = ", ".join(f"{name} in phase {phase}" for name, phase in phases.items()) or "none at all"
        raise ValueError(
            f"{where}.install is false, and namespace {namespace} has no CSV of {package} that has succeeded (found: "
            f"{found}). Wait for it (oc -n {namespace} get csv), or have the stack install the operator: "
            f"pulumi config set --path '{where}.install' true"
        )
    newest = max(succeeded, key=_age)
    if settings.version is not None and _csv(package, settings.version) != newest:
        raise ValueError(
            f"{where}.version asks for {_csv(package, settings.version)}, and {newest} is installed; {where}.install "
            "is false, so the stack does not change it. Take what is installed: "
            f"pulumi config rm --path '{where}.version'"
        )
    return newest


def check_offer(package: str, namespace: str, csv: str, subscription: Status, *, name: str) -> None:
    """See to it that OLM can get from what is installed to the pinned CSV.

    Args:
        package: name of the package.
        namespace: namespace of the Subscription.
        csv: the pinned CSV.
        subscription: ``status`` of the Subscription; an empty one is a new Subscription.
        name: name of the Subscription.

    Raises:
        ValueError: a newer version is installed, or OLM's next step is another one.
    """
    where = f"coco-azure:{_part(package)}.operator"
    installed, offered = str(subscription.get("installedCSV") or ""), str(subscription.get("currentCSV") or "")
    if not installed or csv == installed:
        return
    if _age(installed) > _age(csv):
        raise ValueError(
            f"{where}.version asks for {csv}, and {installed} is installed already: OLM never goes back to an older "
            f"version. Pin what is installed (pulumi config set --path '{where}.version' {_version(installed)}), or "
            f"{_way_back(package, namespace, name, installed)}"
        )
    if pending(subscription) and offered != csv:
        raise ValueError(
            f"{where}.version asks for {csv}, and OLM's next step from {installed} is {offered}: an upgrade takes the "
            f"steps of its channel. Take that one first (pulumi config set --path '{where}.version' "
            f"{_version(offered)}, pulumi up), and see which steps there are: oc -n {namespace} get installplan"
        )


def _way_back(package: str, namespace: str, name: str, installed: str) -> str:
    """Return how an older version is had all the same."""
    if package != TRUSTEE_PACKAGE:
        return "remove the operator with what it manages (pulumi destroy) and install the older version anew"
    return (
        "have the older operator installed anew. What it manages stays meanwhile, and KBS goes on: "
        f"oc -n {namespace} delete subscriptions.operators.coreos.com/{name} "
        f"clusterserviceversions.operators.coreos.com/{installed}, and then: pulumi up --refresh"
    )


def advice(
    settings: OperatorSettings, package: str, namespace: str, csv: str, subscription: Status, *, name: str
) -> str:
    """Return what to do when OLM has not brought the CSV about in time.

    Args:
        settings: what the stack says of the operator.
        package: name of the package.
        namespace: namespace of the operator.
        csv: the CSV that was waited for.
        subscription: last known ``status`` of the Subscription, or of another object where that failed.
        name: name of the Subscription.
    """
    if settings.version is not None:
        # What was offered when the stack last looked has been approved since, or the run would not have ended there.
        before = max((str(subscription.get(key) or "") for key in ("installedCSV", "currentCSV")), key=_age)
        try:
            check_offer(package, namespace, csv, {**subscription, "installedCSV": before}, name=name)
        except ValueError as error:
            return str(error)
    return (
        f"{csv} has not succeeded within {settings.install_timeout}. Nothing that depends on it has been changed. "
        f"What OLM says: oc -n {namespace} get subscription,installplan,csv -o yaml. Give it longer with "
        f"pulumi config set --path 'coco-azure:{_part(package)}.operator.installTimeout' 20m, and run pulumi up again: "
        "it goes on from here"
    )


def pending(subscription: Status) -> bool:
    """Return whether the Subscription has an InstallPlan that has not been carried out."""
    return subscription.get("state") == "UpgradePending" and bool(subscription.get("installPlanRef"))


def stuck(namespace: str, subscription: Status) -> str | None:
    """Return what to do about a plan that waits for an approval that will not come from OLM, or None.

    OLM never approves a plan that it made while the Subscription said Manual, whatever the Subscription says later.
    """
    installed, offered = subscription.get("installedCSV"), subscription.get("currentCSV")
    if not pending(subscription) or not installed or installed == offered:
        return None
    plan = subscription["installPlanRef"]["name"]
    return (
        f"InstallPlan {plan} for {offered} was made while the version was pinned, and OLM does not approve it by "
        f'itself now: oc -n {namespace} patch installplan {plan} --type merge -p \'{{"spec":{{"approved":true}}}}\''
    )


def approval(csv: str, subscription: Status) -> tuple[str, bool]:
    """Return an InstallPlan for the pinned CSV, and whether it is to be approved.

    A plan for another CSV is never approved. Where the pinned CSV is installed and its own plan is gone, the plan is
    OLM's next offer, which is left as it is; where there is no plan at all, the name is one that tells so.
    """
    plan = (subscription.get("installPlanRef") or {}).get("name")
    if plan and subscription.get("currentCSV") == csv:
        return str(plan), True
    if plan and subscription.get("installedCSV") == csv:
        return str(plan), False
    return f"no-plan-for-{csv}", True


def _part(package: str) -> str:
    return _PARTS.get(package, package)


def _csv(package: str, version: str) -> str:
    """Return the name of the CSV that a pin means; raises ValueError for a CSV of another package."""
    if ".v" not in version:
        return f"{package}.v{version}"
    if not version.startswith(f"{package}.v"):
        raise ValueError(
            f"coco-azure:{_part(package)}.operator.version is {version}, a CSV of another package; needed one of "
            f"{package}, or just the version: {_version(version)}"
        )
    return version


def _entry(settings: OperatorSettings, package: str, channel: Mapping[str, Any], where: str) -> str:
    """Return the pinned entry of the channel."""
    pin = str(settings.version)
    entries: Sequence[Mapping[str, str]] = channel.get("entries") or [{"name": str(channel["currentCSV"])}]
    for entry in entries:
        if entry["name"] == _csv(package, pin) or entry.get("version") == pin:
            return str(entry["name"])
    offered = ", ".join(sorted((str(entry["name"]) for entry in entries), key=_age))
    raise ValueError(
        f"channel {settings.channel!r} of package {package} has no version {pin!r}; it has {offered}. Pin one of them "
        f"(pulumi config set --path '{where}.version' VERSION), take the newest "
        f"(pulumi config rm --path '{where}.version'), or choose another channel ({where}.channel)"
    )


def _phases(operator: Status) -> dict[str, str]:
    """Return the phase of every CSV; OLM gives it as the type of the only condition."""
    refs = (operator.get("components") or {}).get("refs") or ()
    return {
        str(ref["name"]): next((str(each["type"]) for each in ref.get("conditions") or ()), "none")
        for ref in refs
        if ref.get("kind") == "ClusterServiceVersion"
    }


def _version(csv: str) -> str:
    return csv.partition(".v")[2]


def _age(csv: str) -> tuple[int, ...]:
    """Return numbers that order CSVs by version; one without a version is the oldest."""
    found = _VERSION.search(csv)
    return tuple(int(number) for number in found["numbers"].split(".")) if found else ()
