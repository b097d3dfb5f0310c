"""Stacks that contracts are held to, the objects that the program makes of them, and what a KBS finds mounted."""

import asyncio
from collections.abc import Mapping
from typing import Any

from coco_azure.formats.kbs import tdx
from rehearsal.api import Kind
from rehearsal.kinds import CONFIG_MAP, SECRET
from rehearsal.kubelet.kbs import pod
from rehearsal.operators import trustee_template
from rehearsal.operators.trustee import NAMESPACE
from tests.unit.memory_api import MemoryApi
from tests.unit.recording import Recorder, revealed, run_program

Objects = Mapping[str, dict[str, Any]]
"""Objects of the program by ``Kind namespace/name``, in plain text."""

KBS_CONFIG = f"KbsConfig {NAMESPACE}/kbsconfig"
PRODUCTION: Mapping[str, Any] = {
    "environment": "production",
    "clientSecrets": {"kbsres1": {"key1": "res1val1"}},
    "initdata": {"secrets": ["kbsres1"]},
    "trustee": {
        "referenceValues": {
            "expires": "2099-12-31",
            "initdata": True,
            "measurementsFile": "rehearsal/pod_vm_image/measurements.json",
            "measurementsSignatureFile": "rehearsal/pod_vm_image/measurements.sig",
            "measurementsPublicKeyFile": "rehearsal/pod_vm_image/signing-key.pub",
        },
        "imageSignature": {
            "publicKeyFile": "rehearsal/kubelet/registry-keys/cosign.pub",
            "images": ["registry.access.redhat.com/ubi9"],
        },
        "tls": {"termination": "passthrough"},
    },
}
TDX: Mapping[str, Any] = {
    "clientSecrets": {"kbsres1": {"key1": "res1val1"}},
    "trustee": {"tdx": {"pccsUrl": tdx.AZURE_CACHE}},
    "peerPods": {"tee": "tdx"},
}


def with_trustee(stack: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """Return a stack with other settings of Trustee."""
    return {**stack, "trustee": {**stack.get("trustee", {}), **values}}


def made(config: Mapping[str, Any], answers: Recorder | None = None) -> dict[str, dict[str, Any]]:
    """Return the objects that the program makes."""
    answers = answers or Recorder()
    answers.cluster.offer("mirrors", "mirror", trustee_operator="0.3.0")
    return {title: revealed(item) for title, item in run_program(config, answers).objects().items()}


def mounted(objects: Objects, version: str = "0.3.0") -> dict[str, str]:
    """Return the files of KBS as Trustee's operator of this version mounts them for these objects."""
    api, number = MemoryApi(), tuple(map(int, version.split(".")))
    for title, item in objects.items():
        kind = {"ConfigMap": CONFIG_MAP, "Secret": SECRET}.get(title.split()[0])
        if kind is not None and item["metadata"]["namespace"] == NAMESPACE:
            api.put(kind, item)

    async def find(kind: Kind, name: str) -> dict[str, Any] | None:
        return await api.get(kind, name, NAMESPACE)

    async def files() -> dict[str, str]:
        spec = (await trustee_template.template(objects[KBS_CONFIG]["spec"], number, find))["spec"]
        return await pod.files(api, NAMESPACE, spec, spec["containers"][0])

    return asyncio.run(files())
