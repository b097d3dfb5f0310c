"""CustomResourceDefinitions (apiextensions.k8s.io/v1) from the short form in ``crds.yaml``."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rehearsal.real.brought import definitions

_ANY: Mapping[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_SHORT: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "object": _ANY,
    "strings": {"type": "array", "items": {"type": "string"}},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
}


def of(owner: str, version: str | None = None) -> list[dict[str, Any]]:
    """Return the CRDs that ``owner`` brings.

    Args:
        owner: ``cluster`` or a package of the catalog.
        version: version of the package; a key such as ``trustee-operator-1.0`` holds from that version on.

    A CRD that the user has brought takes the place of the rehearsal's own.
    """
    shorts = yaml.safe_load(Path(__file__).with_name("crds.yaml").read_text(encoding="utf-8"))
    since = {key.removeprefix(f"{owner}-"): short for key, short in shorts.items() if _since(owner, key) is not None}
    fitting = [each for each in since if version is not None and _numbers(each) <= _numbers(version)]
    chosen = since[max(fitting, key=_numbers)] if fitting else shorts[owner]
    brought = definitions()
    made = {crd["metadata"]["name"]: crd for crd in map(_crd, chosen)}
    if owner == "cluster":  # and what the rehearsal does not know
        known = {_crd(short)["metadata"]["name"] for each in shorts.values() for short in each}
        made |= {name: crd for name, crd in brought.items() if name not in known}
    return [brought.get(name, crd) for name, crd in made.items()]


def _since(owner: str, key: str) -> str | None:
    match = re.fullmatch(rf"{re.escape(owner)}-(\d+(\.\d+)*)", key)
    return match[1] if match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _crd(short: Mapping[str, Any]) -> dict[str, Any]:
    names = {"kind": short["kind"], "listKind": f"{short['kind']}List", "plural": short["plural"]}
    version = {
        "name": short["version"],
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": _schema(short)},
        "selectableFields": [{"jsonPath": path} for path in short.get("selectable", ())],
    }
    return {
        "metadata": {"name": f"{short['plural']}.{short['group']}"},
        "spec": {
            "group": short["group"],
            "scope": short["scope"],
            "names": {**names, "singular": short["kind"].lower()},
            "versions": [version],
        },
    }


def _schema(short: Mapping[str, Any]) -> dict[str, Any]:
    if short.get("any"):
        return dict(_ANY)
    fields = {name: _SHORT[field] if isinstance(field, str) else field for name, field in short["spec"].items()}
    spec: dict[str, Any] = {"type": "object", "properties": fields}
    if "required" in short:
        spec["required"] = short["required"]
    return {"type": "object", "properties": {"spec": spec, "status": dict(_ANY)}}
