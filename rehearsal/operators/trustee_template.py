"""The pod template that the Trustee operator makes of a KbsConfig, in each version.

Source: openshift/trustee-operator ``internal/controller/{kbsconfig_controller,common,volumes}.go`` at v0.3.0, v0.4.0,
v1.0.0, v1.1.0, v1.2.1. Only an AllInOneDeployment is made here. What the cluster-wide proxy adds to the environment is
left out: the rehearsal's cluster has none.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, SECRET

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

_ROOT = "/opt/confidential-containers"
_STORAGE = f"{_ROOT}/storage"
_CERTIFICATES = {FIRST_GPU: f"{_ROOT}/attestation-service/kds-store/vcek", FIRST_EAR: "/etc/kbs/certs"}
_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class UnresolvedError(Exception):
    """KbsConfig names an object that is not there, or lacks a name; the operator tries again later."""


class _Pod:
    """Volumes and mounts as they are put together."""

    def __init__(self, find: Find) -> None:
        self.volumes: list[Object] = []
        self.mounts: list[Object] = []
        self._find = find

    async def mount(self, volume: str, kind: Kind, name: str | None, path: str, key: str | None = None) -> None:
        """Mount a ConfigMap or Secret as a folder, or one key of it as a file; raises UnresolvedError."""
        await self.volume(volume, kind, name)
        place = {"mountPath": f"{path}/{key}", "subPath": key} if key else {"mountPath": path}
        self.mounts.append({"name": volume, **place})

    async def volume(self, volume: str, kind: Kind, name: str | None) -> None:
        """Add a volume that the container itself does not mount; raises UnresolvedError."""
        what = "ConfigMap" if kind is CONFIG_MAP else "Secret"
        if not name:
            raise UnresolvedError(f"{what} name hasn't been provided for volume {volume}")
        if await self._find(kind, name) is None:
            raise UnresolvedError(f"{kind.plural} {name!r} not found")
        source = {"secret": {"secretName": name}} if kind is SECRET else {"configMap": {"name": name}}
        self.volumes.append({"name": volume, **source})

    def folder(self, volume: str, path: str) -> None:
        """Mount an empty folder that KBS can write to."""
        self.volumes.append({"name": volume, "emptyDir": {"medium": "Memory"}})
        self.mounts.append({"name": volume, "mountPath": path})


async def template(spec: Mapping[str, Any], number: Number, find: Find) -> Object:
    """Return the pod template for a KbsConfig's spec; raises UnresolvedError."""
    if spec.get("kbsDeploymentType") != "AllInOneDeployment":  # the code's default, unlike the CRD's text
        raise UnresolvedError("as-config and rvps-config are needed for a MicroservicesDeployment")
    pod = _Pod(find)
    if number < FIRST_STORAGE:  # folders that Trustee can write to, below everything that is mounted
        pod.folder("confidential-containers", _ROOT)
        pod.folder("default", f"{_ROOT}/kbs/repository/default")
    await pod.mount("kbs-config", CONFIG_MAP, spec.get("kbsConfigMapName"), "/etc/kbs-config")
    await _policies(pod, spec, number)
    await _keys(pod, spec, number)
    secrets = await _resources(pod, spec, number)
    await _reference_values(pod, spec, number)
    inits = [_converter(pod.mounts + secrets, number)] if number >= FIRST_STORAGE else []
    said: Mapping[str, str] = spec.get("KbsEnvVars", {})
    names = sorted(said) if number >= FIRST_STORAGE else list(said)
    version = ".".join(map(str, number))
    container = {
        "name": "kbs",
        "image": f"registry.example.com/trustee:{version}",
        "command": ["/usr/local/bin/kbs", "--config-file", "/etc/kbs-config/kbs-config.toml"],
        "ports": [{"containerPort": 8080, "name": "kbs"}],
        "env": [{"name": name, "value": said[name]} for name in names],
        "securityContext": _SECURITY,
        "volumeMounts": pod.mounts,
    }
    metadata: Object = {"labels": LABELS}
    if number >= FIRST_STORAGE:
        metadata["annotations"] = {VERSIONS: await _versions(spec, find)}
    return {"metadata": metadata, "spec": {"initContainers": inits, "containers": [container], "volumes": pod.volumes}}


def replicas(spec: Mapping[str, Any], number: Number) -> int:
    """Return how many KBS are wanted."""
    said = spec.get("KbsDeploymentSpec", {}).get("replicas") if number >= _FIRST_REPLICAS else None
    return 1 if said is None else int(said)


async def _policies(pod: _Pod, spec: Mapping[str, Any], number: Number) -> None:
    resource, attestation = spec.get("kbsResourcePolicyConfigMapName"), spec.get("kbsAttestationPolicyConfigMapName")
    folder = f"{_ROOT}/attestation-service/policies/opa"
    if number >= FIRST_STORAGE:
        pod.folder("base-storage-dir", _STORAGE)
        folder = f"{_STORAGE}/attestation_service_policy"
    if number < FIRST_EAR:
        if attestation:
            await pod.mount("attestation-policy", CONFIG_MAP, attestation, folder)
    else:
        pod.folder("attestation-policy-dir", folder)
        if attestation:
            await pod.mount("attestation-policy", CONFIG_MAP, attestation, folder, "default_cpu.rego")
        if number >= FIRST_GPU and (gpu := spec.get("kbsGpuAttestationPolicyConfigMapName")):
            await pod.mount("attestation-policy-gpu", CONFIG_MAP, gpu, folder, "default_gpu.rego")
    if number >= FIRST_STORAGE:
        pod.folder("resource-policy-dir", f"{_STORAGE}/kbs")
        if resource:
            await pod.mount("resource-policy", CONFIG_MAP, resource, f"{_STORAGE}/kbs", "resource-policy.rego")
    elif resource:
        await pod.mount("opa", CONFIG_MAP, resource, f"{_ROOT}/opa")


async def _keys(pod: _Pod, spec: Mapping[str, Any], number: Number) -> None:
    if number < FIRST_STORAGE and (name := spec.get("tdxConfigSpec", {}).get("kbsTdxConfigMapName")):
        await pod.mount("tdx-config", CONFIG_MAP, name, "/etc", "sgx_default_qcnl.conf")
    await pod.mount("auth-secret", SECRET, spec.get("kbsAuthSecretName"), "/etc/auth-secret")
    cache = spec.get("kbsLocalCertCacheSpec", {})
    if number >= FIRST_EAR:
        default = next(path for first, path in _CERTIFICATES.items() if number >= first)
        for entry in cache.get("secrets", []):
            name = entry["secretName"]
            await pod.mount(name, SECRET, name, entry.get("mountPath") or default)
    elif name := cache.get("secretName"):
        await pod.mount(name, SECRET, name, cache.get("mountPath", ""))
    # A pair is mounted only when both of it are named.
    pairs = [("https", "kbsHttpsKeySecretName", "kbsHttpsCertSecretName")]
    if number >= FIRST_EAR:
        pairs.append(("attestation", "kbsAttestationKeySecretName", "kbsAttestationCertSecretName"))
    for volume, key, certificate in pairs:
        if spec.get(key) and spec.get(certificate):
            await pod.mount(f"{volume}-key", SECRET, spec[key], f"/etc/{volume}-key")
            await pod.mount(f"{volume}-cert", SECRET, spec[certificate], f"/etc/{volume}-cert")


async def _reference_values(pod: _Pod, spec: Mapping[str, Any], number: Number) -> None:
    name = spec.get("kbsRvpsRefValuesConfigMapName")
    if number < FIRST_STORAGE:
        await pod.mount("reference-values", CONFIG_MAP, name, f"{_ROOT}/rvps/reference-values")
        return
    pod.folder("rvps-dir", f"{_STORAGE}/local_json")
    if name:
        await pod.mount("reference-values", CONFIG_MAP, name, f"{_STORAGE}/local_json", "reference_value")


async def _resources(pod: _Pod, spec: Mapping[str, Any], number: Number) -> list[Object]:
    """Mount the secrets; from 1.2 return mounts for the init container that copies them into the storage instead."""
    names = spec.get("kbsSecretResources", [])
    if number < FIRST_STORAGE:
        for name in names:
            await pod.mount(name, SECRET, name, f"{_ROOT}/kbs/repository/default/{name}")
        return []
    pod.folder("repository-dir", f"{_STORAGE}/repository")
    for name in names:
        await pod.volume(name, SECRET, name)
    return [{"name": name, "mountPath": f"/tmp/kbs-secrets/{name}"} for name in names]  # noqa: S108 - in the pod


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
    found = [(name, await find(CONFIG_MAP, name)) for name in names]
    return ",".join(f"{name}:{each['metadata']['resourceVersion']}" for name, each in found if each is not None)
