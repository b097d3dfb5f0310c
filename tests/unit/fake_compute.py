"""Sizes, quota and images of the unit tests' Azure: healthy ones, as its REST API has them."""

from typing import Any

Json = dict[str, Any]
_SNP, _TDX, _PLAIN = "standardDCASv5Family", "standardECEDSv5Family", "standardDASv5Family"
_SIZES = {
    **{f"Standard_DC{cpus}as_v5": (_SNP, cpus, "SNP") for cpus in (2, 4, 8, 16)},
    **{f"Standard_EC{cpus}as_v5": ("standardECASv5Family", cpus, "SNP") for cpus in (2, 4, 8)},
    **{f"Standard_EC{cpus}eds_v5": (_TDX, cpus, "TDX") for cpus in (2, 4, 8, 16)},
    **{f"Standard_D{cpus}as_v5": (_PLAIN, cpus, "") for cpus in (2, 4, 8)},
}
_PLENTY = 10_000


def answers(subscription: str, region: str = "eastus") -> dict[str, list[Json]]:
    """Return the lists of sizes and quotas by path in lower case."""
    compute = f"/subscriptions/{subscription}/providers/microsoft.compute"
    names = sorted({family for family, _, _ in _SIZES.values()} | {"cores"})
    return {
        f"{compute}/skus": [_sku(name, region) for name in _SIZES],
        f"{compute}/locations/{region}/usages": [
            {"name": {"value": name}, "currentValue": 0, "limit": _PLENTY, "unit": "Count"} for name in names
        ],
    }


def _sku(name: str, region: str) -> Json:
    family, cpus, tee = _SIZES[name]
    values = {"vCPUs": str(cpus), **({"ConfidentialComputingType": tee} if tee else {})}
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "family": family,
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"]}],
        "capabilities": [{"name": key, "value": value} for key, value in values.items()],
        "restrictions": [],
    }


def image(path: str, region: str = "eastus") -> Json | None:
    """Return a gallery's definition or version, or a managed image, all of them fit; None for any other path."""
    key = path.lower()
    if "/microsoft.compute/galleries/" not in key and "/microsoft.compute/images/" not in key:
        return None
    return {
        "id": path,
        "location": region,
        "properties": {
            "hyperVGeneration": "V2",
            "provisioningState": "Succeeded",
            "features": [{"name": "SecurityType", "value": "ConfidentialVmSupported"}],
            "publishingProfile": {"targetRegions": [{"name": region}]},
        },
    }
