"""What catalogs offer of an operator's package, and the order of its CSVs.

Pure decisions on the status of OLM's objects. Formats (operator-lifecycle-manager at 992bb097): PackageManifest
``pkg/package-server/apis/operators/v1/packagemanifest_types.go``; Operator
``pkg/controller/operators/decorators/operator.go``. Which of it a stack takes: ``coco_azure.versions.choice``.

Pure decisions on the status of a Subscription (operator-lifecycle-manager at 992bb097,
``pkg/controller/operators/catalog/operator.go``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coco_azure import names
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions.profiles import PARTS

_VERSION = re.compile(r"(?P<numbers>\d+\.\d+\.\d+)(?P<rest>[-+].*)?$")
_LABEL_LENGTH = 63

Status = Mapping[str, Any]
"""``status`` of one of OLM's objects."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel of a package.

    Attributes:
        head: CSV that OLM installs where nothing else is said.
        versions: version of each of its CSVs by name, the oldest first; the head is one of them.
    """

    name: str
    head: str
    versions: Mapping[str, str]


def setting(package: str) -> str:
    """Return the key of the settings of a package's operator."""
    return f"coco-azure:{PARTS.get(package, package)}.operator"


def operator_object(package: str, namespace: str) -> str:
    """Return the name of OLM's Operator object.

    OLM makes it from the label that it puts on an operator's parts, and a label's name has at most 63 characters.
    """
    return f"{package}.{namespace}"[:_LABEL_LENGTH].rstrip("._-")


def channel(settings: OperatorSettings, package: str, manifests: Sequence[Status]) -> Channel | None:
    """Return the channel of the settings, or None where another catalog hides it and the settings have a pin.

    Args:
        manifests: ``status`` of its PackageManifests, one for each catalog that has the package.

    Raises:
        ValueError: there is no such catalog or channel; the message names those that there are.
    """
    where = setting(package)
    manifest = next((each for each in manifests if each.get("catalogSource") == settings.catalog), None)
    if manifest is None:
        if settings.version is not None and manifests:
            return None
        raise ValueError(_no_catalog(settings, package, manifests))
    channels = {str(each["name"]): each for each in manifest.get("channels") or ()}
    if (wanted := channels.get(settings.channel)) is None:
        raise ValueError(
            f"package {package} of catalog {settings.catalog!r} has no channel {settings.channel!r}; its channels: "
            f"{', '.join(sorted(channels)) or 'none'}. Choose one: "
            f"pulumi config set --path '{where}.channel' CHANNEL"
        )
    return _read(wanted)


def _read(channel: Mapping[str, Any]) -> Channel:
    head = str(channel["currentCSV"])
    versions = {str(each["name"]): str(each.get("version", "")) for each in channel.get("entries") or ()}
    versions.setdefault(head, version_of(head))
    return Channel(
        name=str(channel["name"]), head=head, versions={name: versions[name] for name in sorted(versions, key=age)}
    )


def _no_catalog(settings: OperatorSettings, package: str, manifests: Sequence[Status]) -> str:
    where = setting(package)
    others = sorted({str(each.get("catalogSource")) for each in manifests})
    if not others:
        return (
            f"no catalog in {settings.catalog_namespace} has package {package}; {where}.catalog says "
            f"{settings.catalog!r}. See whether it is there and READY (oc -n {settings.catalog_namespace} get "
            f"catalogsource {settings.catalog} -o yaml), or name another: "
            f"pulumi config set --path '{where}.catalog' CATALOG (and .catalogNamespace)"
        )
    return (
        f"package {package} comes from catalog {', '.join(map(repr, others))}, and {where}.catalog says "
        f"{settings.catalog!r}. Either use that one (pulumi config set --path '{where}.catalog' {others[0]}), or name "
        f"the version to install from {settings.catalog!r} (pulumi config set --path '{where}.version' VERSION)"
    )


def pinned(settings: OperatorSettings, package: str, offered: Channel | None) -> str:
    """Return the CSV that ``settings.version`` means; raises ValueError where the channel does not have it."""
    pin = str(settings.version)
    csv = csv_of(package, pin)
    if offered is None:
        return csv
    for name, version in offered.versions.items():
        if name == csv or version == pin:
            return name
    where = setting(package)
    raise ValueError(
        f"channel {offered.name!r} of package {package} has no version {pin!r}; it has {', '.join(offered.versions)}. "
        f"Pin one of them (pulumi config set --path '{where}.version' VERSION), leave it to the stack "
        f"(pulumi config rm --path '{where}.version'), or choose another channel ({where}.channel)"
    )


def csv_of(package: str, version: str) -> str:
    """Return the name of the CSV that a pin means; raises ValueError for a CSV of another package."""
    if ".v" not in version:
        return f"{package}.v{version}"
    if not version.startswith(f"{package}.v"):
        raise ValueError(
            f"{setting(package)}.version is {version}, a CSV of another package; needed one of {package}, or just the "
            f"version: {version_of(version)}"
        )
    return version


def version_of(csv: str) -> str:
    """Return the version in the name of a CSV."""
    return csv.partition(".v")[2]


def age(csv: str) -> tuple[int, ...]:
    """Return numbers that order CSVs by version; one without a version is the oldest."""
    match = _VERSION.search(csv)
    return tuple(int(number) for number in match["numbers"].split(".")) if match else ()


def pending(subscription: Status) -> bool:
    """Return whether the Subscription has an InstallPlan that has not been carried out."""
    return subscription.get("state") == "UpgradePending" and bool(subscription.get("installPlanRef"))


def next_step(subscription: Status) -> str | None:
    """Return the CSV that OLM installs next, once its plan is approved; None where it has no plan for another one."""
    offered = str(subscription.get("currentCSV") or "")
    return offered if pending(subscription) and offered and offered != subscription.get("installedCSV") else None


def check_offer(
    settings: OperatorSettings, package: str, namespace: str, csv: str, subscription: Status, *, name: str
) -> None:
    """See to it that OLM can get from what is installed to the CSV that the stack wants.

    Args:
        subscription: ``status`` of the Subscription; an empty one is a new Subscription.

    Raises:
        ValueError: a newer version is installed, or OLM's next step is another one.
    """
    where, installed, step = setting(package), str(subscription.get("installedCSV") or ""), next_step(subscription)
    wanted = f"{where}.version asks for {csv}" if settings.version is not None else f"this run is to install {csv}"
    if csv == installed:
        return
    if not installed and step not in (None, csv):
        raise ValueError(
            f"{wanted}, and OLM has made a plan for {step} before, which it waits to see approved. Have it plan anew: "
            f"oc -n {namespace} delete subscriptions.operators.coreos.com/{name}, and then: pulumi up --refresh"
        )
    if installed and age(installed) > age(csv):
        raise ValueError(
            f"{wanted}, and {installed} is installed already: OLM never goes back to an older version. Pin what is "
            f"installed (pulumi config set --path '{where}.version' {version_of(installed)}), or "
            f"{way_back(package, namespace, name, installed)}"
        )
    if installed and step not in (None, csv):
        raise ValueError(
            f"{wanted}, and OLM's next step from {installed} is {step}: an upgrade takes the steps of its channel. "
            f"Take that one first (pulumi config set --path '{where}.version' {version_of(str(step))}, pulumi up), and "
            f"see which steps there are: oc -n {namespace} get installplan"
        )


def way_back(package: str, namespace: str, name: str, installed: str) -> str:
    """Return how an older version is had all the same."""
    if package != names.TRUSTEE_PACKAGE:
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
        csv: the CSV that was waited for.
        subscription: last known ``status`` of the Subscription, or of another object where that failed.
    """
    if not settings.automatic:
        # What was offered when the stack last looked has been approved since, or the run would not have ended there.
        before = max((str(subscription.get(key) or "") for key in ("installedCSV", "currentCSV")), key=age)
        try:
            check_offer(settings, package, namespace, csv, {**subscription, "installedCSV": before}, name=name)
        except ValueError as error:
            return str(error)
    return (
        f"{csv} has not succeeded within {settings.install_timeout}. Nothing that depends on it has been changed. "
        f"What OLM says: oc -n {namespace} get subscription,installplan,csv -o yaml. Give it longer with "
        f"pulumi config set --path '{setting(package)}.installTimeout' 20m, and run pulumi up again: it goes on from "
        "here"
    )


def stuck(namespace: str, subscription: Status) -> str | None:
    """Return what to do about a plan that waits for an approval that will not come from OLM, or None.

    OLM never approves a plan that it made while the Subscription said Manual, whatever the Subscription says later.
    """
    offered = next_step(subscription)
    if offered is None or not subscription.get("installedCSV"):
        return None
    plan = subscription["installPlanRef"]["name"]
    return (
        f"InstallPlan {plan} for {offered} was made while approval was Manual, and OLM does not approve it by "
        f'itself now: oc -n {namespace} patch installplan {plan} --type merge -p \'{{"spec":{{"approved":true}}}}\''
    )


def approval(csv: str, subscription: Status) -> tuple[str, bool]:
    """Return an InstallPlan for the wanted CSV, and whether it is to be approved.

    A plan for another CSV is never approved. Where the wanted CSV is installed and its own plan is gone, the plan is
    OLM's next offer, which is left as it is; where there is no plan at all, the name is one that tells so.
    """
    plan = (subscription.get("installPlanRef") or {}).get("name")
    if plan and subscription.get("currentCSV") == csv:
        return str(plan), True
    if plan and subscription.get("installedCSV") == csv:
        return str(plan), False
    return f"no-plan-for-{csv}", True
