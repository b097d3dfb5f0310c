"""Stacks and their chains for tests of the trust chain: good ones, and what is changed about them."""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names
from coco_azure.settings import Settings, SettingsError, parse
from coco_azure.trust.chain import Chain, Versions, build
from coco_azure.trust.documents import KbsEndpoint
from coco_azure.trust.secret_bindings import Earlier
from coco_azure.versions import profiles
from tests.unit.recording import ROOT

NOW = datetime(2027, 1, 1, tzinfo=UTC)
EXPIRES = "2099-12-31"
HOST = "kbs.example.com"
PLACE = KbsEndpoint(kbs_url=f"https://{HOST}")
KEYS = "tests/unit/keys"
IMAGE = "rehearsal/pod_vm_image"
CHECK_IMAGE = {"publicKeyFile": f"{KEYS}/cosign.pub", "images": ["registry.access.redhat.com/ubi9"]}
MEASURED: Mapping[str, Any] = {
    "expires": EXPIRES,
    "measurementsFile": f"{IMAGE}/measurements.json",
    "measurementsSignatureFile": f"{IMAGE}/measurements.sig",
    "measurementsPublicKeyFile": f"{IMAGE}/signing-key.pub",
}
PRODUCTION: Mapping[str, Any] = {
    "environment": "production",
    "trustee": {"referenceValues": MEASURED, "imageSignature": CHECK_IMAGE},
}


def changed(base: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return settings with others in their place; ``trustee__tls`` is ``trustee.tls``, None takes one away."""
    made = copy.deepcopy(dict(base))
    for path, value in changes.items():
        *way, last = path.split("__")
        at = made
        for step in way:
            at = at.setdefault(step, {})
        if value is None:
            at.pop(last, None)
        else:
            at[last] = value
    return made


def stack(config: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings, with files relative to the repository."""
    return parse(dict(config or {}), ROOT)


def refused(config: Mapping[str, Any]) -> str:
    """Return what is said of settings that are refused."""
    with pytest.raises(SettingsError) as error:
        stack(config)
    return str(error.value)


def versions(osc: str | None = "1.12", trustee: str | None = "1.2") -> Versions:
    """Return versions by their profiles; None for a side that the stack does not have."""
    values = {names.OSC_PACKAGE: osc, names.TRUSTEE_PACKAGE: trustee}
    return Versions(
        osc=profiles.OSC[osc] if osc else None,
        trustee=profiles.TRUSTEE[trustee] if trustee else None,
        csv={package: f"{package}.v{minor}.0" for package, minor in values.items() if minor},
    )


def chain(
    config: Mapping[str, Any] | None = None,
    osc: str | None = "1.12",
    trustee: str | None = "1.2",
    place: KbsEndpoint = PLACE,
    earlier: Earlier | None = None,
) -> Chain:
    """Return the chain of a stack with these settings and versions."""
    return build(stack(config), versions(osc, trustee), place, earlier or Earlier())


def file(folder: Path, name: str, content: object) -> str:
    """Write a file, JSON unless it is text, and return its path."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def entry(name: str, *values: str, expiration: str = f"{EXPIRES}T23:59:59Z") -> dict[str, Any]:
    """Return an entry of a user's file of reference values."""
    return {"name": name, "expiration": expiration, "value": list(values or ("ab" * 32,))}
