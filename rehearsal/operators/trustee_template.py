"""The pod template that the Trustee operator makes of a KbsConfig, in each version.

Source: openshift/trustee-operator ``internal/controller/{kbsconfig_controller,common,volumes}.go`` at v0.3.0, v0.4.0,
v1.0.0, v1.1.0, v1.2.1. Only an AllInOneDeployment is made here. What the cluster-wide proxy adds to the environment is
left out: the rehearsal's cluster has none.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, SECRET
from rehearsal.kubelet.kbs import versions

Number = tuple[int, ...]
Find = Callable[[Kind, str], Awaitable[Object | None]]
"""Gives an object of the operator's namespace, or None."""

LABELS = {"app": "kbs"}
VERSIONS = "kbs.confidentialcontainers.org/configmap-versions"
FIRST_EAR, FIRST_GPU, FIRST_STORAGE = (1, 0, 0), (1, 1, 0), (1, 2, 0)
_FIRST_REPLICAS = (0, 4, 0)
CONFIG_MAPS = (
    "kbsConfigMapName",
    "kbsRvpsRefValuesConfigMapName",
    "kbsAttestationPolicyConfigMapName",
    "kbsGpuAttestationPolicyConfigMapName",
    "kbsResourcePolicyConfigMapName",
)
"""Fields whose ConfigMaps 1.2 rolls out by itself, in the order of its annotation."""

_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class UnresolvedError(Exception):
    """KbsConfig names an object that is not there, or lacks a name; the operator tries again later."""


class _Pod:
    """Volumes and mounts as they are put together for the spec of a KbsConfig."""

    def __init__(self, spec: Mapping[str, Any], find: Find) -> None:
        self.volumes: list[Object] = []
        self.mounts: list[Object] = []
        self.secrets: list[Object] = []
        """Mounts of the init container that copies secrets into the storage."""
        self._spec, self._find = spec, find

    async def add(self, entry: Mapping[str, Any]) -> None:
        """Add what an entry of ``trustee_template.yaml`` says; raises UnresolvedError."""
        if volume := entry.get("folder"):
            self.volumes.append({"name": volume, "emptyDir": {"medium": "Memory"}})
            self.mounts.append({"name": volume, "mountPath": entry["path"]})
        elif field := entry.get("each"):
            for each in _at(self._spec, field) or ():
                await self._each(each, entry.get("path"))
        else:
            await self._named(entry)

    async def _each(self, each: Any, path: str | None) -> None:
        name = each if isinstance(each, str) else each["secretName"]
        await self._volume(name, SECRET, name)
        if path is None:
            self.secrets.append({"name": name, "mountPath": f"/tmp/kbs-secrets/{name}"})  # noqa: S108 - in the pod
        else:
            place = f"{path}/{name}" if isinstance(each, str) else each.get("mountPath") or path
            self.mounts.append({"name": name, "mountPath": place})

    async def _named(self, entry: Mapping[str, Any]) -> None:
        kind = CONFIG_MAP if "config_map" in entry else SECRET
        name = _at(self._spec, entry.get("config_map") or entry["secret"])
        if entry.get("optional") and not (name and _at(self._spec, entry.get("both", "")) is not None):
            return
        await self._volume(entry["volume"], kind, name)
        key = entry.get("key")
        place = {"mountPath": f"{entry['path']}/{key}", "subPath": key} if key else {"mountPath": entry["path"]}
        self.mounts.append({"name": entry["volume"], **place})

    async def _volume(self, volume: str, kind: Kind, name: str | None) -> None:
        if not name:
            raise UnresolvedError(f"{kind.name} name hasn't been provided for volume {volume}")
        if await self._find(kind, name) is None:
            raise UnresolvedError(f"{kind.plural} {name!r} not found")
        source = {"secret": {"secretName": name}} if kind is SECRET else {"configMap": {"name": name}}
        self.volumes.append({"name": volume, **source})


@cache
def _mounts() -> list[Mapping[str, Any]]:
    return list(yaml.safe_load(Path(__file__).with_name("trustee_template.yaml").read_text(encoding="utf-8")))


def _at(spec: Mapping[str, Any], path: str) -> Any:
    """Return the field of a spec at a path such as ``tdxConfigSpec.kbsTdxConfigMapName``; None where it is empty."""
    value: Any = spec
    for name in path.split(".") if path else ():
        value = value.get(name) or {}
    return value or None


async def template(spec: Mapping[str, Any], number: Number, find: Find) -> Object:
    """Return the pod template for a KbsConfig's spec; raises UnresolvedError."""
    if spec.get("kbsDeploymentType") != "AllInOneDeployment":  # the code's default, unlike the CRD's text
        raise UnresolvedError("as-config and rvps-config are needed for a MicroservicesDeployment")
    pod = _Pod(spec, find)
    for entry in _mounts():
        if versions.fits(entry, number):
            await pod.add(entry)
    inits = [_converter(pod.mounts + pod.secrets, number)] if number >= FIRST_STORAGE else []
    variables: Mapping[str, str] = spec.get("KbsEnvVars", {})
    names = sorted(variables) if number >= FIRST_STORAGE else list(variables)
    version = ".".join(map(str, number))
    container = {
        "name": "kbs",
        "image": f"registry.example.com/trustee:{version}",
        "command": ["/usr/local/bin/kbs", "--config-file", "/etc/kbs-config/kbs-config.toml"],
        "ports": [{"containerPort": 8080, "name": "kbs"}],
        "env": [{"name": name, "value": variables[name]} for name in names],
        "securityContext": _SECURITY,
        "volumeMounts": pod.mounts,
    }
    metadata: Object = {"labels": LABELS}
    if number >= FIRST_STORAGE:
        metadata["annotations"] = {VERSIONS: await _versions(spec, find)}
    return {"metadata": metadata, "spec": {"initContainers": inits, "containers": [container], "volumes": pod.volumes}}


def replicas(spec: Mapping[str, Any], number: Number) -> int:
    """Return how many KBS are wanted."""
    count = spec.get("KbsDeploymentSpec", {}).get("replicas") if number >= _FIRST_REPLICAS else None
    return 1 if count is None else int(count)


def _converter(mounts: list[Object], number: Number) -> Object:
    return {
        "name": "secret-converter",
        "image": f"registry.example.com/trustee-operator:{'.'.join(map(str, number))}",
        "command": ["/secret-converter"],
        "volumeMounts": mounts,
        "securityContext": {**_SECURITY, "runAsNonRoot": True},
    }


async def _versions(spec: Mapping[str, Any], find: Find) -> str:
    names = [spec[field] for field in CONFIG_MAPS if spec.get(field)]
    config_maps = [(name, await find(CONFIG_MAP, name)) for name in names]
    return ",".join(f"{name}:{each['metadata']['resourceVersion']}" for name, each in config_maps if each is not None)
