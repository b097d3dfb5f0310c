"""What a pod's containers read of the cluster: environment and mounted files."""

import base64
from collections.abc import Mapping
from typing import Literal

from rehearsal.api import Api, Kind, Object
from rehearsal.kinds import CONFIG_MAP, SECRET
from rehearsal.kubelet.shim import Volume


class MissingError(Exception):
    """A ConfigMap or Secret that the pod names, or a key of it, is not there; the kubelet waits for it."""


async def environment(api: Api, namespace: str, container: Object) -> dict[str, str]:
    """Return the container's environment: ``envFrom`` in its order, then ``env``; raises MissingError."""
    variables: dict[str, str] = {}
    for source in container.get("envFrom", []):
        for field, kind in (("configMapRef", CONFIG_MAP), ("secretRef", SECRET)):
            if reference := source.get(field):
                variables |= await _data(api, namespace, kind, reference)
    for each in container.get("env", []):
        if "valueFrom" not in each:
            # An API server leaves an empty value out.
            variables[each["name"]] = str(each.get("value", ""))
        elif (value := await _from(api, namespace, each["valueFrom"])) is not None:
            variables[each["name"]] = value
    return variables


async def files(api: Api, namespace: str, spec: Object, container: Object) -> dict[str, str]:
    """Return the content of every mounted file by its absolute path; raises MissingError."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
    contents: dict[str, str] = {}
    for mount in container.get("volumeMounts", []):
        content = await _volume(api, namespace, volumes[mount["name"]])
        if part := mount.get("subPath"):
            contents |= {mount["mountPath"]: content[part]} if part in content else {}
        else:
            contents |= {f"{mount['mountPath']}/{name}": text for name, text in content.items()}
    return contents


async def volumes(api: Api, namespace: str, spec: Object, container: Object) -> list[Volume]:
    """Return what is mounted into a container of a pod VM, in CRI-O's order: around first; raises MissingError."""
    declared = {volume["name"]: volume for volume in spec.get("volumes", [])}
    named_volumes = []
    for mount in container.get("volumeMounts", []):
        empty = declared[mount["name"]].get("emptyDir")
        kind: Literal["disk", "memory", "files"] = "files"
        if empty is not None and "subPath" not in mount:
            kind = "memory" if empty.get("medium") == "Memory" else "disk"
        named_volumes.append(
            Volume(
                name=mount["name"],
                destination=mount["mountPath"],
                kind=kind,
                files=await _volume(api, namespace, declared[mount["name"]]),
                read_only=mount.get("readOnly", False),
            )
        )
    return sorted(named_volumes, key=lambda volume: volume.destination.rstrip("/").count("/"))


async def pull_secrets(api: Api, pod: Object) -> int:
    """Return the size of the pod's image pull secrets in bytes; those that do not exist are left out."""
    namespace, size = pod["metadata"]["namespace"], 0
    for reference in pod["spec"].get("imagePullSecrets", []):
        data = await _data(api, namespace, SECRET, {**reference, "optional": True})
        size += sum(map(len, data.values()))
    return size


async def _from(api: Api, namespace: str, source: Object) -> str | None:
    """Return the value of one variable that names a key of a ConfigMap or Secret; None for any other source."""
    for field, kind in (("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)):
        if reference := source.get(field):
            value = (await _data(api, namespace, kind, reference)).get(reference["key"])
            if value is None and not reference.get("optional"):
                place = f"{kind.name.lower()} {namespace}/{reference['name']}"
                raise MissingError(f"couldn't find key {reference['key']} in {place}")
            return value
    return None


async def _volume(api: Api, namespace: str, volume: Object) -> Mapping[str, str]:
    if source := volume.get("configMap"):
        return await _data(api, namespace, CONFIG_MAP, source)
    if source := volume.get("secret"):
        return await _data(api, namespace, SECRET, {**source, "name": source["secretName"]})
    if source := volume.get("projected"):
        tokens = [each["serviceAccountToken"] for each in source["sources"] if "serviceAccountToken" in each]
        return {each["path"]: f"token for {each.get('audience', 'the API server')}" for each in tokens}
    return {}


async def _data(api: Api, namespace: str, kind: Kind, reference: Object) -> dict[str, str]:
    """Return what a ConfigMap or Secret has; raises MissingError."""
    obj = await api.get(kind, reference["name"], namespace)
    if obj is None and not reference.get("optional"):
        raise MissingError(f'{kind.name.lower()} "{reference["name"]}" not found')
    data = (obj or {}).get("data", {})
    if kind is CONFIG_MAP:
        return dict(data)
    return {name: base64.b64decode(value).decode("utf-8", "surrogateescape") for name, value in data.items()}
