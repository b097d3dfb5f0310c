"""Where a rehearsal keeps its things, and the environment in which ``pulumi`` finds them.

``.rehearsal/`` in the checkout is the one that people use by hand; ``.rehearsal/rehearse/`` that of ``make rehearse``.
In each: ``cluster/``, ``state/`` (Pulumi's backend), ``pulumi/`` (PULUMI_HOME), ``bin/``, ``env``.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coco_azure.clients.pulumi_cli import Engine
from rehearsal import toolchain
from rehearsal.azure.arm_server import Access
from rehearsal.cluster import CHECKOUT, SETTINGS
from rehearsal.toolchain import plugins
from rehearsal.toolchain.cache import Say

STACK = "rehearsal"
PYTHON = CHECKOUT / ".venv" / "bin" / "python"
PASSPHRASE = "rehearsal"  # noqa: S105 - of a stack that is thrown away; its secrets protect nothing


@dataclass(frozen=True)
class Workplace:
    """One rehearsal's folder."""

    root: Path

    @classmethod
    def by_hand(cls) -> "Workplace":
        """Return that of ``make rehearsal-up``: COCO_REHEARSAL_DIRECTORY, or ``.rehearsal``."""
        folder = os.environ.get("COCO_REHEARSAL_DIRECTORY")
        return cls(Path(folder).absolute() if folder else CHECKOUT / ".rehearsal")

    @classmethod
    def of_rehearse(cls) -> "Workplace":
        """Return that of ``make rehearse``."""
        return cls(cls.by_hand().root / "rehearse")

    @property
    def cluster(self) -> Path:
        """Folder of the cluster."""
        return self.root / "cluster"

    @property
    def state(self) -> Path:
        """Folder of Pulumi's backend."""
        return self.root / "state"

    def prepare(self, say: Say, python: Path | None = None) -> "Prepared":
        """Place the engine and its plugins, which ``python``, else ``PYTHON``, runs; return what ``pulumi`` needs.

        Raises:
            ToolchainError: a part cannot be had.
        """
        python = python or PYTHON
        for folder in (self.state, self.root / "pulumi"):
            folder.mkdir(parents=True, exist_ok=True)
        pulumi = toolchain.ensure(["pulumi"], say)["pulumi"]
        provider = plugins.install(CHECKOUT, python, self.root / "pulumi", pulumi.path, say)
        folders = plugins.path_folders(python, self.root / "bin", pulumi)
        variables = {
            "KUBECONFIG": str(self.cluster / "kubeconfig"),
            "PULUMI_HOME": str(self.root / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **{name: os.environ[name] for name in SETTINGS if name in os.environ},
        }
        return Prepared(folders[0] / pulumi.path.name, provider, folders, variables, self.cluster)


@dataclass(frozen=True)
class Prepared:
    """What ``pulumi`` needs in a rehearsal.

    Attributes:
        pulumi: path of the program.
        provider: which Kubernetes provider it is, in words.
        folders: what goes in front of PATH.
        variables: environment variables, but for those of the simulated Azure, which are known once it runs.
        cluster: folder of the cluster.
    """

    pulumi: Path
    provider: str
    folders: list[Path]
    variables: Mapping[str, str]
    cluster: Path

    def engine(self, stack: str | None = None, folder: Path = CHECKOUT) -> Engine:
        """Return ``pulumi`` for a stack, by default the selected one of this project."""
        return Engine(folder=folder, stack=stack, environment=self.environment(), program=str(self.pulumi))

    def environment(self) -> dict[str, str]:
        """Return the whole environment for a child process."""
        path = os.pathsep.join([*map(str, self.folders), os.environ.get("PATH", os.defpath)])
        return {**os.environ, **self.variables, **self._azure(), "PATH": path}

    def shell(self) -> str:
        """Return it as lines that a POSIX shell can read."""
        variables = {**self.variables, **self._azure()}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        # What was in front already, after reading the file twice, may stand there twice: that changes nothing.
        ahead = os.pathsep.join(shlex.quote(str(folder)) for folder in self.folders)
        return "\n".join([*lines, f'export PATH={ahead}:"$PATH"', "unset PULUMI_ACCESS_TOKEN", ""])

    def _azure(self) -> dict[str, str]:
        access = Access.read(self.cluster)
        return access.variables() if access is not None else {}
