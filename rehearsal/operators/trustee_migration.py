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
        config_map = await api.get(CONFIG_MAP, spec[field], namespace) if spec.get(field) else None
        if config_map is not None and ANNOTATION not in config_map["metadata"].get("annotations", {}):
            await step(api, config_map)


async def _config(api: Api, config_map: Object) -> None:
    metadata = config_map["metadata"]
    backup = await api.get(CONFIG_MAP, f"{metadata['name']}{BACKUP}", metadata["namespace"])
    if backup is not None:  # the second time: somebody has made it anew
        await _merge(api, config_map, backup)
    elif _TOML not in config_map.get("data", {}):
        await _annotate(api, config_map)
    else:
        await _back_up(api, config_map)
        await api.delete(CONFIG_MAP, config_map)
        name = metadata["name"]
        message = f"Deleted KBS config ConfigMap {name} - will recreate in v1.2 format and merge plugins from backup "
        message += f"{name}{BACKUP}"
        await api.event(config_map, "ConfigMapDeleted", message)


async def _policy(api: Api, config_map: Object) -> None:
    await _back_up(api, config_map)
    await api.delete(CONFIG_MAP, config_map)
    name = config_map["metadata"]["name"]
    await api.event(config_map, "ConfigMapDeleted", f"Deleted ConfigMap {name} for migration (backup: {name}{BACKUP})")


async def _reference_values(api: Api, config_map: Object) -> None:
    old = config_map.get("data", {}).get("reference-values.json")
    if old is None:
        await _annotate(api, config_map)
        return
    notes = await _back_up(api, config_map)
    try:
        items = json.loads(old)
        named = [item for item in items if item is not None and isinstance(item.get("name"), str)]
        stored = {item["name"]: encoded(item) for item in named}
    except (ValueError, TypeError, AttributeError):
        return  # as upstream: a malformed file is left as it is, without the annotation
    data: Object = {"reference_value": _as_go(json.dumps(stored, indent=2, sort_keys=True, ensure_ascii=False))}
    data["reference-values.json"] = None
    # In upstream's code backup and original share their annotations where there are any.
    shared = notes if config_map["metadata"].get("annotations") else {}
    change = {"data": data, "metadata": {"annotations": {**shared, ANNOTATION: VERSION}}}
    await api.patch(CONFIG_MAP, config_map, change)
    await api.event(config_map, "ConfigMapMigrated", f"Migrated RVPS ConfigMap {config_map['metadata']['name']}")


async def _merge(api: Api, config_map: Object, backup: Object) -> None:
    """Put the plugins of the backup into the configuration that was made anew."""
    _, sections = split(backup.get("data", {}).get(_TOML, ""))
    if not sections:
        await api.delete(CONFIG_MAP, backup)
        await _annotate(api, config_map)
        return
    data = config_map.get("data", {})
    if _TOML not in data:
        raise LookupError(f"recreated ConfigMap has no {_TOML}")
    merged = "\n\n".join((split(data[_TOML])[0], *map(in_form_of_1_2, sections)))
    await api.patch(
        CONFIG_MAP, config_map, {"data": {_TOML: merged}, "metadata": {"annotations": {ANNOTATION: VERSION}}}
    )


async def _annotate(api: Api, config_map: Object) -> None:
    await api.patch(CONFIG_MAP, config_map, {"metadata": {"annotations": {ANNOTATION: VERSION}}})


async def _back_up(api: Api, config_map: Object) -> dict[str, str]:
    """Keep a copy beside it, and return the annotations that tell of the copy."""
    metadata = config_map["metadata"]
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
        **{key: config_map[key] for key in ("data", "binaryData") if key in config_map},
    }
    name = content["metadata"]["name"]
    if await api.create(CONFIG_MAP, content) is None:
        return {}  # the one of the first time is kept
    message = f"Created backup {name} of ConfigMap {metadata['name']} before migration (preserved for safety)"
    await api.event(config_map, "ConfigMapBackupCreated", message)
    return notes


def encoded(item: Mapping[str, Any]) -> str:
    """Return an entry as 1.2 stores it: base64 of compact JSON, as Go writes it, the name included."""
    text = _as_go(json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    return base64.b64encode(text.encode()).decode()


def _as_go(text: str) -> str:
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def split(toml: str) -> tuple[str, list[str]]:
    """Return a configuration without its ``[[plugins]]`` sections, and each of them as its text."""
    kept: list[str] = []
    sections: list[list[str]] = []
    into = kept
    for line in toml.split("\n"):
        mark = line.strip()
        if mark == _PLUGINS:
            into = []
            sections.append(into)
        elif mark.startswith("["):
            into = kept
        into.append(line)
    return "\n".join(kept), ["\n".join(section) for section in sections]


def in_form_of_1_2(section: str) -> str:
    """Return a plugin section of 1.1 with the names that 1.2 has."""
    if 'name = "resource"' not in section:
        return section
    if 'type = "LocalFs"' in section:
        section = section.replace('type = "LocalFs"', 'storage_backend_type = "kvstorage"')
        return "\n".join(line for line in section.split("\n") if "dir_path =" not in line)
    return section.replace('type = "Vault"', 'storage_backend_type = "Vault"')
