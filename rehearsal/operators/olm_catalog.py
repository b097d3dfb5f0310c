"""The catalog of a rehearsal: which versions of the two operators it has, and OLM's way from one to the next.

PackageManifests are as operator-lifecycle-manager ``pkg/package-server/apis/operators/v1/packagemanifest_types.go``
has them, entries included. Trustee's CSVs say ``replaces``, so an upgrade takes every step (openshift/trustee-operator
``config/manifests/bases``); those of OpenShift sandboxed containers (OSC) say ``olm.skipRange: '>=1.1.0 <...'``, so it
goes to the newest at once (openshift/sandboxed-containers-operator, the same folder).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rehearsal.api import MERGE_PATCH, Object
from rehearsal.kinds import PACKAGE_MANIFEST
from rehearsal.kubelet import osc_release
from rehearsal.kubelet.kbs import versions as kbs_versions
from rehearsal.rest import ApiServer

CHANNEL, CATALOG, CATALOG_NAMESPACE = "stable", "redhat-operators", "openshift-marketplace"
_LABEL_PREFIX = "operators.coreos.com/"
_LABEL_LENGTH = 63


@dataclass(frozen=True, kw_only=True)
class Package:
    """What the catalog has of one operator.

    Attributes:
        name: name of the package.
        title: what people call it.
        versions: versions in its channel, the oldest first; the first is that of the chapter.
        skips: whether the newest replaces every older one directly.
        variable: environment variable that says up to which version the channel goes.
        protocol: gives the version of the RCAR protocol that a version of it speaks.
        unheard: versions that there are not in the world, to try what becomes of one that nobody knows; the channel has
            one only where it is asked for.
    """

    name: str
    title: str
    versions: tuple[str, ...]
    skips: bool
    variable: str
    protocol: Callable[[str], str]
    unheard: tuple[str, ...] = ()

    def asked(self, environment: Mapping[str, str]) -> str | None:
        """Return the version that the environment asks for, if any; raises ValueError for one that there is not."""
        wanted = environment.get(self.variable)
        if wanted is None:
            return None
        for version in (*self.versions, *self.unheard):
            if wanted in (version, _minor(version)):
                return version
        raise ValueError(
            f"{self.variable} is {wanted!r}; versions of {self.title} in a rehearsal: "
            f"{', '.join(map(_minor, (*self.versions, *self.unheard)))}"
        )

    def speaking(self, protocol: str) -> str:
        """Return the newest version that speaks this version of the RCAR protocol."""
        return next(version for version in reversed(self.versions) if self.protocol(version) == protocol)


OSC = Package(
    name="sandboxed-containers-operator",
    title="OpenShift sandboxed containers",
    versions=("1.9.0", "1.10.1", "1.11.0", "1.12.1", "1.13.1"),
    skips=True,
    variable="COCO_REHEARSAL_OSC",
    protocol=lambda version: osc_release.of(version).protocol,
    unheard=("1.14.0",),
)
TRUSTEE = Package(
    name="trustee-operator",
    title="Trustee",
    versions=("0.3.0", "0.4.2", "1.0.0", "1.1.0", "1.2.1"),
    skips=False,
    variable="COCO_REHEARSAL_TRUSTEE",
    protocol=lambda version: kbs_versions.of(version).protocol,
)
PACKAGES: Mapping[str, Package] = {package.name: package for package in (OSC, TRUSTEE)}
SETTINGS = tuple(package.variable for package in PACKAGES.values())
"""Environment variables that decide what the catalog offers."""


def chosen(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the newest version that each channel is to offer, by package.

    Without any wish those of the chapter; beside a wish for one of the two, the newest other one that speaks with it.

    Raises:
        ValueError: the environment asks for a version that there is not.
    """
    osc, trustee = OSC.asked(environment), TRUSTEE.asked(environment)
    if osc is None:
        osc = OSC.versions[0] if trustee is None else OSC.speaking(TRUSTEE.protocol(trustee))
    if trustee is None:
        trustee = TRUSTEE.speaking(OSC.protocol(osc))
    return {OSC.name: osc, TRUSTEE.name: trustee}


def manifests(environment: Mapping[str, str]) -> list[Object]:
    """Return the PackageManifests that the environment asks for; raises ValueError as ``chosen``."""
    return [manifest(PACKAGES[name], version) for name, version in chosen(environment).items()]


def manifest(package: Package, newest: str) -> Object:
    """Return the PackageManifest whose channel goes up to the version."""
    metadata = {"name": package.name, "namespace": CATALOG_NAMESPACE, "labels": {"catalog": CATALOG}}
    return {"metadata": metadata, "status": manifest_status(package, newest)}


def manifest_status(package: Package, newest: str) -> Object:
    """Return the status of a PackageManifest whose channel goes up to the version."""
    versions = (*package.versions, *package.unheard)
    offered = versions[: versions.index(newest) + 1]
    channel = {
        "name": CHANNEL,
        "currentCSV": csv_name(package.name, newest),
        "currentCSVDesc": {"displayName": package.title, "version": newest},
        "entries": [{"name": csv_name(package.name, each), "version": each} for each in reversed(offered)],
    }
    return {
        "catalogSource": CATALOG,
        "catalogSourceDisplayName": "Red Hat Operators",
        "catalogSourceNamespace": CATALOG_NAMESPACE,
        "catalogSourcePublisher": "Red Hat",
        "channels": [channel],
        "defaultChannel": CHANNEL,
        "packageName": package.name,
        "provider": {"name": "Red Hat"},
    }


def move(server: ApiServer, package: Package, newest: str) -> None:
    """Have a running cluster's catalog offer the version from now on; raises ApiError or OSError."""
    path = PACKAGE_MANIFEST.path(CATALOG_NAMESPACE, package.name)
    server.request("PATCH", f"{path}/status", {"status": manifest_status(package, newest)}, MERGE_PATCH)


def next_step(package: str, channel: Object, installed: str | None, starting: str | None) -> str | None:
    """Return the CSV that OLM installs next, or None where there is none.

    Args:
        package: name of the package.
        channel: the channel in the PackageManifest.
        installed: CSV that is installed.
        starting: ``startingCSV``; it counts only while nothing is installed.
    """
    newest = str(channel["currentCSV"])
    names = sorted((str(entry["name"]) for entry in channel.get("entries") or [{"name": newest}]), key=_age)
    if installed is None:
        wanted = starting or newest
        return wanted if wanted in names else None
    if installed not in names or _age(installed) >= _age(newest):
        return None
    known = PACKAGES.get(package)
    return newest if known and known.skips else names[names.index(installed) + 1]


def csv_name(package: str, version: str) -> str:
    """Return the name of the CSV of a version."""
    return f"{package}.v{version}"


def version_of(csv: str) -> str:
    """Return the version in the name of a CSV."""
    return csv.partition(".v")[2]


def operator_name(package: str, namespace: str) -> str:
    """Return the name of OLM's Operator object (``decorators/operator.go``, ComponentLabelKey; cut as a label is)."""
    return f"{package}.{namespace}"[:_LABEL_LENGTH].rstrip("._-")


def operator_label(name: str) -> str:
    """Return the label that OLM puts on every part of the Operator of this name."""
    return f"{_LABEL_PREFIX}{name}"


def package_label(package: str, namespace: str) -> str:
    """Return the label that OLM puts on every part of an operator."""
    return operator_label(operator_name(package, namespace))


def operator_of(obj: Object) -> str | None:
    """Return the name of the Operator that an object is a part of, by its label."""
    for label in obj["metadata"].get("labels") or {}:
        if label.startswith(_LABEL_PREFIX):
            return str(label.removeprefix(_LABEL_PREFIX))
    return None


def _minor(version: str) -> str:
    return version.rpartition(".")[0]


def _age(csv: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version_of(csv).split("."))
