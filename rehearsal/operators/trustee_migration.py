"""What Trustee operator 1.2 does to the ConfigMaps of 1.1: backs up, deletes, rewrites.

Source: openshift/trustee-operator v1.2.1 ``internal/controller/migration.go``. A ConfigMap that bears the annotation is
left alone. What is deleted comes back only where a TrusteeConfig makes it; the rehearsal has no TrusteeConfig.
"""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rehearsal.api import Api, Object
from rehearsal.kinds import CONFIG_MAP

ANNOTATION = "kbs.confidentialcontainers.org/migrated-from-v1.1.0"
VERSION = "v1.2.0"
BACKUP = ".v1.1"
_TOML = "kbs-config.toml"
_PLUGINS = "[[plugins]]"
_POLICIES = (
    "kbsResourcePolicyConfigMapName",
    "kbsAttestationPolicyConfigMapName",
    "kbsGpuAttestationPolicyConfigMapName",
)


async def migrate(api: Api, namespace: str, spec: Mapping[str, Any]) -> None:
    """Migrate the ConfigMaps that a KbsConfig names."""
    steps: list[tuple[str, Callable[[Api, Object], Any]]] = [("kbsConfigMapName", _config)]
    steps.append(("kbsRvpsRefValuesConfigMapName", _reference_values))
    steps += [(field, _policy) for field in _POLICIES]
    for field, step in steps:
        found = await api.get(CONFIG_MAP, spec[field], namespace) if spec.get(field) else None
        if found is not None and ANNOTATION not in found["metadata"].get("annotations", {}):
            await step(api, found)


async def _config(api: Api, found: Object) -> None:
    metadata = found["metadata"]
    backup = await api.get(CONFIG_MAP, f"{metadata['name']}{BACKUP}", metadata["namespace"])
    if backup is not None:  # the second time: somebody has made it anew
        await _merge(api, found, backup)
    elif _TOML not in found.get("data", {}):
        await _annotate(api, found)
    else:
        await _back_up(api, found)
        await api.delete(CONFIG_MAP, found)
        name = metadata["name"]
        said = f"Deleted KBS config ConfigMap {name} - will recreate in v1.2 format and merge plugins from backup "
        said += f"{name}{BACKUP}"
        await api.event(found, "ConfigMapDeleted", said)


async def _policy(api: Api, found: Object) -> None:
    await _back_up(api, found)
    await api.delete(CONFIG_MAP, found)
    name = found["metadata"]["name"]
    await api.event(found, "ConfigMapDeleted", f"Deleted ConfigMap {name} for migration (backup: {name}{BACKUP})")


async def _reference_values(api: Api, found: Object) -> None:
    old = found.get("data", {}).get("reference-values.json")
    if old is None:
        await _annotate(api, found)
        return
    notes = await _back_up(api, found)
    try:
        items = json.loads(old)
        named = [item for item in items if item is not None and isinstance(item.get("name"), str)]
        stored = {item["name"]: encoded(item) for item in named}
    except (ValueError, TypeError, AttributeError):
        return  # as upstream: a malformed file is left as it is, without the annotation
    data: Object = {"reference_value": _as_go(json.dumps(stored, indent=2, sort_keys=True, ensure_ascii=False))}
    data["reference-values.json"] = None
    # In upstream's code backup and original share their annotations where there are any.
    shared = notes if found["metadata"].get("annotations") else {}
    change = {"data": data, "metadata": {"annotations": {**shared, ANNOTATION: VERSION}}}
    await api.patch(CONFIG_MAP, found, change)
    await api.event(found, "ConfigMapMigrated", f"Migrated RVPS ConfigMap {found['metadata']['name']}")


async def _merge(api: Api, found: Object, backup: Object) -> None:
    """Put the plugins of the backup into the configuration that was made anew."""
    sections = plugins(backup.get("data", {}).get(_TOML, ""))
    if not sections:
        await api.delete(CONFIG_MAP, backup)
        await _annotate(api, found)
        return
    data = found.get("data", {})
    if _TOML not in data:
        raise LookupError(f"recreated ConfigMap has no {_TOML}")
    merged = "\n\n".join((without_plugins(data[_TOML]), *map(in_form_of_1_2, sections)))
    await api.patch(CONFIG_MAP, found, {"data": {_TOML: merged}, "metadata": {"annotations": {ANNOTATION: VERSION}}})


async def _annotate(api: Api, found: Object) -> None:
    await api.patch(CONFIG_MAP, found, {"metadata": {"annotations": {ANNOTATION: VERSION}}})


async def _back_up(api: Api, found: Object) -> dict[str, str]:
    """Keep a copy beside it, and return the annotations that tell of the copy."""
    metadata = found["metadata"]
    created = datetime.fromisoformat(metadata["creationTimestamp"]).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
    notes = {
        "kbs.confidentialcontainers.org/backup-of": metadata["name"],
        "kbs.confidentialcontainers.org/backup-timestamp": created,
    }
    kept = {key: metadata[key] for key in ("labels", "ownerReferences", "finalizers") if key in metadata}
    content: Object = {
        "metadata": {
            **kept,
            "name": f"{metadata['name']}{BACKUP}",
            "namespace": metadata["namespace"],
            "annotations": {**metadata.get("annotations", {}), **notes},
        },
        **{key: found[key] for key in ("data", "binaryData") if key in found},
    }
    name = content["metadata"]["name"]
    if await api.create(CONFIG_MAP, content) is None:
        return {}  # the one of the first time is kept
    said = f"Created backup {name} of ConfigMap {metadata['name']} before migration (preserved for safety)"
    await api.event(found, "ConfigMapBackupCreated", said)
    return notes


def encoded(item: Mapping[str, Any]) -> str:
    """Return an entry as 1.2 stores it: base64 of compact JSON, as Go writes it, the name included."""
    text = _as_go(json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    return base64.b64encode(text.encode()).decode()


def _as_go(text: str) -> str:
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def plugins(toml: str) -> list[str]:
    """Return the ``[[plugins]]`` sections of a configuration, each as its text."""
    sections: list[list[str]] = []
    inside = False
    for line in toml.split("\n"):
        mark = line.strip()
        if mark == _PLUGINS:
            sections.append([line])
            inside = True
        elif mark.startswith("["):
            inside = False
        elif inside:
            sections[-1].append(line)
    return ["\n".join(section) for section in sections]


def without_plugins(toml: str) -> str:
    """Return a configuration without its ``[[plugins]]`` sections."""
    kept: list[str] = []
    inside = False
    for line in toml.split("\n"):
        mark = line.strip()
        inside = mark == _PLUGINS or (inside and not mark.startswith("["))
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def in_form_of_1_2(section: str) -> str:
    """Return a plugin section of 1.1 with the names that 1.2 has."""
    if 'name = "resource"' not in section:
        return section
    if 'type = "LocalFs"' in section:
        section = section.replace('type = "LocalFs"', 'storage_backend_type = "kvstorage"')
        return "\n".join(line for line in section.split("\n") if "dir_path =" not in line)
    return section.replace('type = "Vault"', 'storage_backend_type = "Vault"')
