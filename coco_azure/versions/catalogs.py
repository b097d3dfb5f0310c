"""What catalogs offer of the two operators: from a cluster's PackageManifests, or from a rendered file-based catalog.

Formats: PackageManifest as ``coco_azure.versions.channels``; a file-based catalog is a stream of JSON or YAML
documents, of which ``olm.channel`` names the entries of a channel (operator-framework/operator-registry
``alpha/declcfg/declcfg.go``), as `opm render` prints them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.versions import profiles
from coco_azure.versions.channels import age, version_of
from coco_azure.versions.profiles import PARTS


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A version that a catalog offers.

    Attributes:
        source: the catalog, or the file that it was read from.
    """

    package: str
    csv: str
    channel: str
    source: str


def unknown(offers: Iterable[Offer]) -> list[Offer]:
    """Return the offers without a profile that are newer than the oldest version with one, in order of version."""
    unknown_offers = [
        each
        for each in set(offers)
        if not profiles.known(each.package, each.csv) and age(each.csv)[:2] > _oldest(each.package)
    ]
    return sorted(unknown_offers, key=lambda each: (each.package, age(each.csv), each.source, each.channel))


def to_text(unknown_offers: Sequence[Offer], known: int) -> str:
    """Return what people read.

    Args:
        unknown_offers: offers without a profile.
        known: number of offers that were looked at.
    """
    if not unknown_offers:
        return f"every version has a profile or is older than all that have one ({known} offers)\n"
    lines = [
        f"{each.package} {version_of(each.csv)} has no profile: channel {each.channel} of {each.source}; the newest "
        f"that has one is {profiles.newest(each.package)}"
        for each in unknown_offers
    ]
    return "\n".join([*lines, "What stacks do meanwhile: docs/versions.md"]) + "\n"


def to_dict(unknown_offers: Sequence[Offer]) -> dict[str, Any]:
    """Return the same as JSON-compatible data."""
    return {"unknown": [{**asdict(each), "version": version_of(each.csv)} for each in unknown_offers]}


def _oldest(package: str) -> tuple[int, ...]:
    return age(f"{package}.v{profiles.oldest(package)}.0")[:2]


class UnreadableError(ValueError):
    """A text is no rendered catalog, or has none of the packages."""


def cluster(client: ClusterClient, namespace: str) -> list[Offer]:
    """Return what the catalogs of a cluster offer.

    Args:
        client: the cluster; what its requests raise is passed on.

    Raises:
        UnreadableError: no catalog has any of the packages.
    """
    path = names.path(names.PACKAGE_MANIFESTS, namespace=namespace)
    offers = []
    for package in PARTS:
        for manifest in client.items(path, fields=f"metadata.name={package}"):
            status = manifest.get("status") or {}
            for channel in status.get("channels") or ():
                entries = [str(each["name"]) for each in channel.get("entries") or ()]
                offers += [
                    Offer(package=package, csv=csv, channel=str(channel["name"]), source=str(status["catalogSource"]))
                    for csv in dict.fromkeys([*entries, str(channel["currentCSV"])])
                ]
    if not offers:
        raise UnreadableError(
            f"no catalog in {namespace} has {' or '.join(PARTS)}: oc -n {namespace} get catalogsource, or name another "
            "namespace with --namespace"
        )
    return offers


def catalog(text: str, source: str) -> list[Offer]:
    """Return what a rendered catalog offers.

    Args:
        text: JSON or YAML documents one after the other.
        source: what it is called.

    Raises:
        UnreadableError: it is none, or none of the packages is in it.
    """
    offers = [
        Offer(package=str(document["package"]), csv=str(entry["name"]), channel=str(document["name"]), source=source)
        for document in _documents(text, source)
        if document.get("schema") == "olm.channel" and document.get("package") in PARTS
        for entry in document.get("entries") or ()
    ]
    if not offers:
        raise UnreadableError(
            f"{source} has no channel (schema olm.channel) of {' or '.join(PARTS)}; needed what `opm render` prints of "
            "a catalog"
        )
    return offers


def _documents(text: str, source: str) -> Iterator[Mapping[str, Any]]:
    try:
        documents = list(_json(text) if text.lstrip().startswith("{") else yaml.safe_load_all(text))
    except (ValueError, yaml.YAMLError) as error:
        raise UnreadableError(f"{source} is neither a stream of JSON nor of YAML documents: {error}") from None
    yield from (document for document in documents if isinstance(document, Mapping))


def _json(text: str) -> Iterator[Any]:
    decoder, position = json.JSONDecoder(), 0
    while (begin := text[position : position + 1]) != "":
        if begin.isspace():
            position += 1
            continue
        document, position = decoder.raw_decode(text, position)
        yield document
