"""What catalogs offer of the two operators: from a cluster's PackageManifests, or from a rendered file-based catalog.

Formats: PackageManifest as ``coco_azure.versions.channels``; a file-based catalog is a stream of JSON or YAML
documents, of which ``olm.channel`` names the entries of a channel (operator-framework/operator-registry
``alpha/declcfg/declcfg.go``), as `opm render` prints them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.versions.offers import Offer
from coco_azure.versions.profiles import PARTS


class UnreadableError(ValueError):
    """A text is no rendered catalog, or has none of the packages."""


def cluster(client: ClusterClient, namespace: str) -> list[Offer]:
    """Return what the catalogs of a cluster offer.

    Args:
        client: the cluster; what its requests raise is passed on.
        namespace: where the CatalogSources are.

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
