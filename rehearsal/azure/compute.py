"""Sizes, quota and capacity of a description.

``Resource SKUs - List`` (2021-07-01), ``Usage - List`` (2024-07-01), ``Spot Placement Scores`` (2025-06-05).
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.azure.description import Content

_ZONES = ("1", "2", "3")
_MEMORY_PER_CPU = 4
_LIMIT = 100  # of a family that the description is silent about: Azure's usual one for a new subscription is lower or 0


@cache
def families() -> Mapping[str, tuple[str, int, str]]:
    """Return family, vCPUs and TEE of every size that there is anywhere."""
    table = yaml.safe_load(Path(__file__).with_name("sizes.yaml").read_text(encoding="utf-8"))
    return {
        entry["pattern"].format(cpus): (family, cpus, entry.get("tee", ""))
        for family, entry in table.items()
        for cpus in entry["vCPUs"]
    }


def skus(content: Content) -> Iterator[dict[str, Any]]:
    """Yield every size of the region, and a disk, as Azure's list mixes them.

    Raises:
        ValueError: the description has a size that ``sizes.yaml`` does not have.
    """
    known, location = families(), str(content["location"])
    for name, spec in content.get("vmSizes", {}).items():
        if name not in known:
            raise ValueError(
                f"the described subscription offers {name}, which rehearsal/azure/sizes.yaml does not have"
            )
        yield _size(name, spec or {}, location, known[name])
    yield {"resourceType": "disks", "name": "Premium_LRS", "tier": "Premium", "size": "P10", "locations": [location]}


def _size(name: str, spec: Content, location: str, known: tuple[str, int, str]) -> dict[str, Any]:
    family, cpus, tee = known
    zones = [str(each) for each in spec.get("zones", _ZONES)]
    values = {
        "vCPUs": str(cpus),
        "MemoryGB": str(cpus * _MEMORY_PER_CPU),
        "HyperVGenerations": "V2" if tee else "V1,V2",
        "CpuArchitectureType": "x64",
        "PremiumIO": "True",
        **({"ConfidentialComputingType": tee} if tee else {}),
    }
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "tier": "Standard",
        "size": name.removeprefix("Standard_"),
        "family": family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones, "zoneDetails": []}],
        "capabilities": [{"name": key, "value": value} for key, value in values.items()],
        "restrictions": [_restriction(each, location) for each in spec.get("restrictions", ())],
    }


def _restriction(spec: Content, location: str) -> dict[str, Any]:
    zones = [str(each) for each in spec.get("zones", ())]
    return {
        "type": "Zone" if zones else "Location",
        "values": [location],
        "restrictionInfo": {"locations": [location], **({"zones": zones} if zones else {})},
        "reasonCode": spec["reason"],
    }


def usages(content: Content) -> list[dict[str, Any]]:
    """Return quota of the region and of each family of its sizes."""
    quotas: Mapping[str, Any] = content.get("quotas", {})
    known = families()
    of_sizes = [known[name][0] for name in content.get("vmSizes", {}) if name in known]
    wanted = dict.fromkeys(["cores", *quotas, *of_sizes])
    return [_usage(name, quotas.get(name, {})) for name in wanted]


def _usage(name: str, spec: Content) -> dict[str, Any]:
    words = "Total Regional vCPUs" if name == "cores" else f"{name} vCPUs"
    return {
        "unit": "Count",
        "currentValue": int(spec.get("used", 0)),
        "limit": int(spec.get("limit", _LIMIT)),
        "name": {"value": name, "localizedValue": words},
    }


def placement_scores(content: Content, body: Any) -> dict[str, Any]:
    """Return the answer to a request for placement scores: ``High`` where nothing else is described."""
    scores_by_size, sizes = content.get("placementScores", {}), content.get("vmSizes", {})
    wanted = body if isinstance(body, Mapping) else {}
    names = [each["sku"] for each in wanted.get("desiredSizes", ())]
    region = str(content["location"])
    scores = [
        {
            "sku": name,
            "region": region,
            "score": scores_by_size.get(name, "High") if name in sizes else "RestrictedSkuNotAvailable",
            "isQuotaAvailable": True,
        }
        for name in names
    ]
    return {**wanted, "placementScores": scores}
