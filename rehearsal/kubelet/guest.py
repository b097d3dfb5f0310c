"""Inside a pod VM: the Kata agent with its policy, and the Confidential Data Hub (CDH) with its resources.

Sources: kata-containers 3.12 ``src/agent/policy`` (requests are allowed by name), guest-components v0.12.0
``confidential-data-hub`` and ``image-rs`` (image policy, resource URIs). Signatures of images are not verified: there
is no registry in a rehearsal. That a key for them can be fetched is.
"""

import base64
import json
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rehearsal.kubelet import policy
from rehearsal.kubelet.caa import PodVm
from rehearsal.kubelet.kbs import DeniedError, Kbs

Reach = Callable[[str], Awaitable[Kbs]]
"""Finds the KBS behind a URL; raises UnreachableError."""

_POLICY_ANNOTATION = "io.katacontainers.config.agent.policy"
_TO_START = ("CreateSandboxRequest", "CreateContainerRequest", "StartContainerRequest")
_REPOSITORY_LEVELS = 5


class UnreachableError(Exception):
    """There is no KBS at a URL; the message says why."""


class GuestError(Exception):
    """The pod VM does not start the container."""


class Guest:
    """One pod VM."""

    def __init__(self, machine: PodVm, reach: Reach) -> None:
        self._machine = machine
        self._reach = reach
        try:
            self._cdh: Mapping[str, Any] = tomllib.loads(machine.files.get("cdh.toml", ""))
        except tomllib.TOMLDecodeError as error:
            raise GuestError(f"CDH does not start: cdh.toml: {error}") from error

    async def start(self, annotations: Mapping[str, str], images: list[str]) -> None:
        """Start the pod's containers.

        Raises:
            GuestError: the agent's policy or the image policy says no.
        """
        agent_policy = self._agent_policy(annotations)
        if agent_policy is not None:
            for request in _TO_START:
                if not _agent_allows(agent_policy, request):
                    raise GuestError(f'"{request} is blocked by policy": permission denied')
        uri = self._cdh.get("image", {}).get("image_security_policy_uri")
        if uri:
            for image in images:
                await self._pull(image, str(uri))

    async def resource(self, path: str) -> bytes:
        """Return what ``/cdh/resource/<path>`` of the CDH gives.

        Raises:
            DeniedError: KBS says no.
            UnreachableError: no KBS answers.
        """
        url = self._cdh.get("kbc", {}).get("url")
        if not url:
            raise UnreachableError("no KBS is configured: this pod has no initdata with a cdh.toml that names one")
        kbs = await self._reach(str(url))
        if self._machine.evidence is None:
            raise DeniedError(401, f"no attester: {self._machine.size or 'this VM'} is not a confidential VM")
        return kbs.release(path, self._machine.evidence)

    def _agent_policy(self, annotations: Mapping[str, str]) -> str | None:
        """Return the policy in force: that of initdata, else the annotation's, else None for the image's own."""
        if (said := self._machine.files.get("policy.rego")) is not None:
            return said
        encoded = annotations.get(_POLICY_ANNOTATION)
        return base64.b64decode(encoded).decode() if encoded else None

    async def _pull(self, image: str, uri: str) -> None:
        try:
            image_policy = json.loads(await self._by_uri(uri))
            for requirement in _requirements(image_policy, image):
                await self._meet(requirement, image)
        except (DeniedError, UnreachableError) as error:
            raise GuestError(f"failed to pull image {image}: image policy {uri}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise GuestError(f"failed to pull image {image}: image policy {uri} is malformed: {error!r}") from error

    async def _meet(self, requirement: Mapping[str, Any], image: str) -> None:
        kind = requirement["type"]
        if kind == "reject":
            raise GuestError(f"failed to pull image {image}: the image policy rejects it")
        if kind in ("sigstoreSigned", "signedBy"):
            await self._by_uri(requirement["keyPath"])
        elif kind != "insecureAcceptAnything":
            raise ValueError(f"unknown requirement {kind}")

    async def _by_uri(self, uri: str) -> bytes:
        scheme, _, path = uri.partition(":///")
        if scheme != "kbs":
            raise ValueError(f"{uri}: this rehearsal's image has no such file; needed is kbs:///REPOSITORY/TYPE/TAG")
        return await self.resource(path)


def _requirements(image_policy: Mapping[str, Any], image: str) -> list[Mapping[str, Any]]:
    """Return what containers-policy.json(5) demands of an image: of its longest prefix, else the default."""
    scopes = image_policy.get("transports", {}).get("docker", {})
    name = image.partition("@")[0]
    head, _, tag = name.rpartition(":")
    candidates = [name, head if head and "/" not in tag else name]
    for _ in range(_REPOSITORY_LEVELS):
        candidates.append(candidates[-1].rpartition("/")[0])
    for candidate in (*candidates, ""):
        if candidate in scopes:
            return list(scopes[candidate])
    return list(image_policy["default"])


def _agent_allows(text: str, request: str) -> bool:
    try:
        return policy.holds(text, f"data.agent_policy.{request}", {})
    except policy.PolicyError as error:
        raise GuestError(f"the agent refuses its policy: {error}") from error
