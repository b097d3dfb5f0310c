"""cloud-api-adaptor 0.12 on Azure: what it reads at start, and how it makes a pod VM or refuses to.

It keeps what it read at start: a changed ``peer-pods-cm`` does nothing until CAA is restarted. Sources:
confidential-containers/cloud-api-adaptor v0.12.0 ``entrypoint.sh``, ``pkg/adaptor/cloud/cloud.go``,
``src/cloud-providers/azure``.
"""

import base64
import binascii
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.azure.subscription import Subscription
from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import Evidence
from rendering.initdata import ALGORITHMS, ANNOTATION

_REQUIRED = (
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_RESOURCE_GROUP",
    "AZURE_SUBNET_ID",
    "AZURE_IMAGE_ID",
)
_MACHINE_TYPE = "io.katacontainers.config.hypervisor.machine_type"
_IMAGE = "io.katacontainers.config.hypervisor.image"
_MOST_USER_DATA = 64 * 1024


class CaaStartError(Exception):
    """CAA ends at start with this message."""


class SandboxError(Exception):
    """The pod sandbox cannot be created; the kubelet tries again."""


@dataclass(frozen=True)
class PodVm:
    """A pod VM that has started.

    Attributes:
        size: Azure VM size.
        files: what it took from its initdata (``aa.toml``, ``cdh.toml``, ``policy.rego``).
        evidence: what it can prove, or None where it is no confidential VM.
    """

    size: str
    files: Mapping[str, str]
    evidence: Evidence | None


class Caa:
    """CAA on one node, since its start."""

    def __init__(self, environment: Mapping[str, str], azure: Subscription) -> None:
        """Start.

        Raises:
            CaaStartError: a variable is missing.
        """
        if missing := [name for name in _REQUIRED if not environment.get(name)]:
            raise CaaStartError(f"required environment variables are not set: {', '.join(missing)}")
        self._said = environment
        self._azure = azure

    def create(self, annotations: Mapping[str, str]) -> PodVm:
        """Return a new pod VM for a pod with these annotations.

        Raises:
            SandboxError: as CAA, Azure or the pod VM refuses.
        """
        said = self._said
        size = annotations.get(_MACHINE_TYPE) or said.get("AZURE_INSTANCE_SIZE", "")
        # A list with spaces is cut at the first one (entrypoint.sh expands it unquoted).
        sizes = said.get("AZURE_INSTANCE_SIZES", "").partition(" ")[0].strip(",").split(",")
        if size not in sizes:
            raise SandboxError(f'requested instance type ("{size}") is not part of supported instance types list')
        document, text = _decoded(annotations.get(ANNOTATION) or said.get("INITDATA", ""))
        if len(base64.b64encode(text.encode())) > _MOST_USER_DATA:
            raise SandboxError("base64 encoded userData is greater than 64KB")
        self._ask_azure(size, annotations.get(_IMAGE) or said["AZURE_IMAGE_ID"])
        confidential = said.get("DISABLECVM") != "true"
        return PodVm(size, *_booted(document, text, size if confidential else ""))

    def _ask_azure(self, size: str, image: str) -> None:
        said = self._said
        group, location = said["AZURE_RESOURCE_GROUP"], said.get("AZURE_REGION", "")
        if group.lower() not in [each.lower() for each in self._azure.resource_groups()]:
            raise SandboxError(f"ResourceGroupNotFound: Resource group '{group}' could not be found.")
        if location != self._azure.location:
            raise SandboxError(f"InvalidResourceLocation: no virtual network in location '{location}'")
        for name, known in (("AZURE_SUBNET_ID", self._azure.subnet_ids()), ("AZURE_NSG_ID", self._azure.nsg_ids())):
            if said.get(name) and said[name].lower() not in [each.lower() for each in known]:
                raise SandboxError(f"InvalidResourceReference: Resource {said[name]} was not found ({name})")
        if size not in self._azure.vm_sizes:
            raise SandboxError(f"SkuNotAvailable: The requested VM size '{size}' is not available in {location}")
        if not image.startswith("/"):
            raise SandboxError(f"InvalidParameter: image id {image!r} is not an ARM id")


def _decoded(encoded: str) -> tuple[dict[str, Any], str]:
    """Return initdata as a document and as its exact text; empty where there is none (cloud.go:334-356)."""
    if not encoded:
        return {}, ""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SandboxError(f"error base64 decode initdata: {error}") from error
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        raise SandboxError(f"error unmarshalling initdata: {error}") from error


def _booted(document: Mapping[str, Any], text: str, size: str) -> tuple[Mapping[str, str], Evidence | None]:
    """Return the files and the evidence of a VM that took this initdata (process-user-data, pkg/userdata)."""
    digest = None
    if document:
        algorithm = str(document.get("algorithm"))
        if algorithm not in ALGORITHMS:
            raise SandboxError(
                "context deadline exceeded: the agent in the pod VM does not answer (in the VM: Error creating "
                f"initdata hash, the Algorithm {algorithm} not supported)"
            )
        digest = hashlib.new(algorithm, text.encode()).hexdigest()
    allowed = ("aa.toml", "cdh.toml", "policy.rego")
    files = {name: str(found) for name, found in document.get("data", {}).items() if name in allowed}
    return files, evidence.of(size, digest)
