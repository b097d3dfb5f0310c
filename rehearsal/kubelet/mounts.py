"""What a pod's containers read of the cluster: environment and mounted files."""

import base64
from collections.abc import Mapping
from typing import Literal

from rehearsal.api import Api, Object
from rehearsal.kinds import CONFIG_MAP, SECRET
from rehearsal.kubelet.shim import Volume


class MissingError(Exception):
    """A ConfigMap or Secret that the pod names, or a key of it, is not there; the kubelet waits for it."""


async def environment(api: Api, namespace: str, container: Object) -> dict[str, str]:
    """Return the container's environment: ``envFrom`` in its order, then ``env``; raises MissingError."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if reference := source.get("configMapRef"):
            found |= await _config_map(api, namespace, reference)
        if reference := source.get("secretRef"):
            found |= await _secret(api, namespace, reference)
    for each in container.get("env", []):
        if "valueFrom" not in each:
            # An API server leaves an empty value out.
            found[each["name"]] = str(each.get("value", ""))
        elif (value := await _from(api, namespace, each["valueFrom"])) is not None:
            found[each["name"]] = value
    return found


async def files(api: Api, namespace: str, spec: Object, container: Object) -> dict[str, str]:
    """Return the content of every mounted file by its absolute path; raises MissingError."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    found: dict[str, str] = {}
    for mount in container.get("volumeMounts", []):
        content = await _volume(api, namespace, volumes[mount["name"]])
        if part := mount.get("subPath"):
            found |= {mount["mountPath"]: content[part]} if part in content else {}
        else:
            found |= {f"{mount['mountPath']}/{name}": text for name, text in content.items()}
    return found


async def volumes(api: Api, namespace: str, spec: Object, container: Object) -> list[Volume]:
    """Return what is mounted into a container of a pod VM, in CRI-O's order: around first; raises MissingError."""
    declared = {volume["name"]: volume for volume in spec.get("volumes", [])}
    found = []
    for mount in container.get("volumeMounts", []):
        empty = declared[mount["name"]].get("emptyDir")
        kind: Literal["disk", "memory", "files"] = "files"
        if empty is not None and "subPath" not in mount:
            kind = "memory" if empty.get("medium") == "Memory" else "disk"
        found.append(
            Volume(
                name=mount["name"],
                destination=mount["mountPath"],
                kind=kind,
                files=await _volume(api, namespace, declared[mount["name"]]),
                read_only=mount.get("readOnly", False),
            )
        )
    return sorted(found, key=lambda volume: volume.destination.rstrip("/").count("/"))


async def pull_secrets(api: Api, pod: Object) -> int:
    """Return the size of the pod's image pull secrets in bytes; those that do not exist are left out."""
    namespace, size = pod["metadata"]["namespace"], 0
    for reference in pod["spec"].get("imagePullSecrets", []):
        size += sum(len(value) for value in (await _secret(api, namespace, {**reference, "optional": True})).values())
    return size


async def _from(api: Api, namespace: str, source: Object) -> str | None:
    """Return the value of one variable that names a key of a ConfigMap or Secret; None for any other source."""
    for field, kind, read in (("configMapKeyRef", "configmap", _config_map), ("secretKeyRef", "secret", _secret)):
        if reference := source.get(field):
            value = (await read(api, namespace, reference)).get(reference["key"])
            if value is None and not reference.get("optional"):
                raise MissingError(f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}")
            return value
    return None


async def _volume(api: Api, namespace: str, volume: Object) -> Mapping[str, str]:
    if source := volume.get("configMap"):
        return await _config_map(api, namespace, source)
    if source := volume.get("secret"):
        return await _secret(api, namespace, {**source, "name": source["secretName"]})
    if source := volume.get("projected"):
        tokens = [each["serviceAccountToken"] for each in source["sources"] if "serviceAccountToken" in each]
        return {each["path"]: f"token for {each.get('audience', 'the API server')}" for each in tokens}
    return {}


async def _config_map(api: Api, namespace: str, reference: Object) -> dict[str, str]:
    found = await api.get(CONFIG_MAP, reference["name"], namespace)
    if found is None and not reference.get("optional"):
        raise MissingError(f'configmap "{reference["name"]}" not found')
    return dict((found or {}).get("data", {}))


async def _secret(api: Api, namespace: str, reference: Object) -> dict[str, str]:
    found = await api.get(SECRET, reference["name"], namespace)
    if found is None and not reference.get("optional"):
        raise MissingError(f'secret "{reference["name"]}" not found')
    data = (found or {}).get("data", {})
    return {name: base64.b64decode(value).decode("utf-8", "surrogateescape") for name, value in data.items()}
