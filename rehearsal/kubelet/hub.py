"""The Confidential Data Hub (CDH) of a pod VM: resources of KBS, images, sealed secrets.

Source: guest-components v0.12.0 ``confidential-data-hub/hub/src/config.rs`` (``cdh.toml``), ``kms/src/plugins/kbs``.
What becomes of images and sealed secrets is the business of the modules that are called.
"""

import tomllib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rehearsal.kubelet import evidence, images, sealed
from rehearsal.kubelet.agent import GuestError
from rehearsal.kubelet.caa import PodVm
from rehearsal.kubelet.kbs import DeniedError, Releases

Reach = Callable[[str, str | None], Awaitable[Releases]]
"""Finds the KBS behind a URL, for a client that trusts this PEM (None: public authorities); raises UnreachableError."""


class UnreachableError(Exception):
    """There is no KBS at a URL, or no trust in it; the message says why."""


class SealedError(Exception):
    """A sealed secret stays sealed; the message says why and shows nothing of it."""


class Hub:
    """The CDH of one pod VM."""

    def __init__(self, machine: PodVm, reach: Reach) -> None:
        """Start with the machine's ``cdh.toml``; raises GuestError where it cannot be read."""
        self._machine = machine
        self._reach = reach
        text = machine.files.get("cdh.toml")
        try:
            self._config: Mapping[str, Any] = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            raise GuestError(f"CDH does not start: cdh.toml: {error}") from error
        if text is not None and "name" not in self._config.get("kbc", {}):
            raise GuestError("CDH does not start: invalid config: missing field `name` of [kbc] in cdh.toml")

    async def resource(self, path: str) -> bytes:
        """Return ``<repository>/<type>/<tag>`` of KBS.

        Raises:
            DeniedError: KBS says no.
            UnreachableError: no KBS answers that this CDH trusts.
        """
        kbc = self._config.get("kbc", {})
        if not kbc.get("url"):
            raise UnreachableError("no KBS is configured: this pod has no initdata with a cdh.toml that names one")
        if kbc["name"] != "cc_kbc":
            raise UnreachableError(f"[kbc] of cdh.toml names {kbc['name']!r}, which asks no KBS; needed is cc_kbc")
        kbs = await self._reach(str(kbc["url"]), kbc.get("kbs_cert"))
        # Without a TEE the attestation agent uses the sample attester.
        return kbs.release(path, self._machine.evidence or evidence.sample(), self._machine.protocol)

    async def pull(self, image: str) -> None:
        """Pull an image as the image policy and the registry's credentials allow; raises GuestError."""
        try:
            policy = await self._text("image_security_policy_uri")
            credentials = await self._text("authenticated_registry_credentials_uri")
            store, mirrors = await self._text("sigstore_config_uri"), await self._text("registry_configuration_uri")
            release = self._machine.guest_components
            await images.pull(
                image, policy, self._by_uri, credentials, sigstore_config=store, mirrors=mirrors, release=release
            )
        except images.ImageError as error:
            raise GuestError(str(error)) from error
        except (DeniedError, UnreachableError, ValueError) as error:
            raise GuestError(f"failed to pull image {image}: {error}") from error

    async def unseal(self, text: str) -> str:
        """Return the value that a sealed secret stands for; raises SealedError."""
        try:
            return (await sealed.unseal(text, self._by_uri, self._machine.guest_components)).decode()
        except (DeniedError, UnreachableError, ValueError) as error:
            raise SealedError(str(error)) from error

    async def _text(self, setting: str) -> str | None:
        """Return the file that a setting of ``[image]`` names, or None where it names none."""
        uri = self._config.get("image", {}).get(setting)
        return (await self._by_uri(str(uri))).decode() if uri else None

    async def _by_uri(self, uri: str) -> bytes:
        scheme, _, path = uri.partition(":///")
        if scheme != "kbs":
            raise ValueError(f"{uri}: this rehearsal's image has no such file; needed is kbs:///REPOSITORY/TYPE/TAG")
        return await self.resource(path)
