"""What catalogs offer of an operator's package, and the order of its CSVs.

Pure decisions on the status of OLM's objects. Formats (operator-lifecycle-manager at 992bb097): PackageManifest
``pkg/package-server/apis/operators/v1/packagemanifest_types.go``; Operator
``pkg/controller/operators/decorators/operator.go``. Which of it a stack takes: ``coco_azure.versions.choice``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
