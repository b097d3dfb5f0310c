"""A KBS that runs in a pod, with its files and its clock as they are now."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rehearsal.api import Api, Object
from rehearsal.kubelet import mounts
from rehearsal.kubelet.kbs import Kbs, of_image
from rehearsal.kubelet.network import Served
from rehearsal.operators.faults import Faults


class RunningKbs:
    """One KBS; it reads files and clock through this object.

    Attributes:
        kbs: what runs.
    """

    def __init__(self, pod: Object, mounted: dict[str, str], api: Api, faults: Faults) -> None:
        """Start it with these files; raises StartError where it refuses its configuration."""
        container = pod["spec"]["containers"][0]
        command = container["command"]
        self._box = MountedNow(api, pod["metadata"]["namespace"], pod["spec"], container, mounted)
        self._faults = faults
        self._clock: datetime | None = None
        path = command[command.index("--config-file") + 1]
        self.kbs = kbs = Kbs.start(path, lambda: self.files, version=of_image(container["image"]), now=self._now)
        # Read once, as KBS does: a renewed certificate is shown after a restart.
        certificate = mounted.get(server_section(mounted[path]).get("certificate", "")) if kbs.https else None
        self._served = Served(kbs=kbs, https=kbs.https, certificate=certificate, unreachable=kbs.unreachable)

    async def served(self) -> Served:
        """Return it with files and clock as they are now; raises ValueError for a clock that is no time."""
        await self._box.refresh()
        self._clock = await self._faults.kbs_clock()
        return self._served

    @property
    def log(self) -> str:
        """What it has written of requests."""
        return self.kbs.log.text

    @property
    def files(self) -> Mapping[str, str]:
        """Its files by absolute path, as they were when it was last looked at."""
        return self._box.files

    def _now(self) -> datetime:
        return self._clock or datetime.now(UTC)


def server_section(config: str) -> Mapping[str, Any]:
    """Return ``[http_server]`` of a configuration in TOML; nothing of one that is none."""
    try:
        return dict(tomllib.loads(config).get("http_server", {}))
    except tomllib.TOMLDecodeError:
        return {}


class MountedNow:
    """A container's files as the kubelet refreshes them: all but what is mounted with a subPath."""

    def __init__(self, api: Api, namespace: str, spec: Object, container: Object, files: dict[str, str]) -> None:
        self.files = files
        self._api, self._namespace, self._spec = api, namespace, spec
        self._fresh = {
            **container,
            "volumeMounts": [each for each in container["volumeMounts"] if "subPath" not in each],
        }

    async def refresh(self) -> None:
        """Read the files again; what is gone meanwhile stays as it was."""
        try:
            fresh = await mounts.files(self._api, self._namespace, self._spec, self._fresh)
        except mounts.MissingError:
            return
        self.files = {**self.files, **fresh}
