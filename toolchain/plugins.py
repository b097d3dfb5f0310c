"""The provider plugins of a rehearsal, placed into a PULUMI_HOME of its own.

The Kubernetes provider is the real one where it can be had, and else this project's stand-in; the azure-native provider
is always a stand-in, because there is no Azure in a rehearsal.
"""

import hashlib
import lzma
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from toolchain import cache
from toolchain.cache import Say
from toolchain.errors import ToolchainError
from toolchain.pins import PROVIDER_VERSIONS

CHOICES = ("auto", "real", "stand-in")
_INSTALL_TIMEOUT = 600.0
_KUBERNETES = "pulumi-resource-kubernetes"


def install(checkout: Path, home: Path, pulumi: Path, say: Say) -> str:
    """Place both provider plugins into ``home`` and return in words which Kubernetes provider it is.

    COCO_KUBERNETES_PROVIDER chooses: ``auto`` (default), ``real`` or ``stand-in``.

    Raises:
        ToolchainError: another choice, or the real one was demanded and cannot be had.
    """
    choice = os.environ.get("COCO_KUBERNETES_PROVIDER", "auto")
    if choice not in CHOICES:
        raise ToolchainError(f"COCO_KUBERNETES_PROVIDER is {choice!r}; allowed are {', '.join(CHOICES)}")
    real = None if choice == "stand-in" else _real_kubernetes(checkout, pulumi, say)
    if real is None and choice == "real":
        raise ToolchainError(
            f"the real Kubernetes provider {PROVIDER_VERSIONS['kubernetes']} is not in ~/.pulumi/plugins, on PATH or "
            "in ../shared/engine, and `pulumi plugin install` did not get it. Check the network, or let "
            "COCO_KUBERNETES_PROVIDER=auto take the stand-in"
        )
    _place(home, "azure-native", _stand_in(checkout, "rehearsal.azure_provider"))
    if real is None:
        _place(home, "kubernetes", _stand_in(checkout, "rehearsal.kubernetes_provider"))
        return "this project's stand-in (the real one could not be had)" if choice == "auto" else "stand-in, as chosen"
    path, source = real
    _place(home, "kubernetes", f'#!/bin/sh\nexec {shlex.quote(str(path))} "$@"\n')
    return f"the real one, {PROVIDER_VERSIONS['kubernetes']}, from {source}"


def _place(home: Path, name: str, script: str) -> None:
    folder = home / "plugins" / f"resource-{name}-v{PROVIDER_VERSIONS[name]}"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"pulumi-resource-{name}"
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_text(script)
    part.chmod(0o755)
    part.replace(target)


def _stand_in(checkout: Path, module: str) -> str:
    python = shlex.quote(str(checkout / ".venv" / "bin" / "python"))
    # The engine starts it in the program's folder, and with a PYTHONPATH that is the user's business.
    place = f"PYTHONPATH={shlex.quote(str(checkout))}"
    return f'#!/bin/sh\n{place} exec {python} -m {module} "$@"\n'


def _real_kubernetes(checkout: Path, pulumi: Path, say: Say) -> tuple[Path, str] | None:
    title = f"resource-kubernetes-v{PROVIDER_VERSIONS['kubernetes']}"
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    for home in (users, Path.home() / ".pulumi"):
        installed = home / "plugins" / title / _KUBERNETES
        # A rehearsal's own PULUMI_HOME may be in the environment: what was placed there leads here, and would for ever.
        if installed.exists() and not _is_script(installed):
            return installed, "the plugin cache"
    if found := shutil.which(_KUBERNETES):
        return Path(found), "PATH"
    return _from_shared(checkout, say) or _from_installer(pulumi, title, say)


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _from_shared(checkout: Path, say: Say) -> tuple[Path, str] | None:
    folder = checkout.parent / "shared" / "engine"
    archives = sorted(folder.glob(f"{_KUBERNETES}-v{PROVIDER_VERSIONS['kubernetes']}-linux-amd64.xz"))
    if not archives or os.uname().machine != "x86_64":
        return None
    packed = archives[0].read_bytes()
    digest = hashlib.sha256(packed).hexdigest()
    if f"{digest}  {archives[0].name}" not in (folder / "SHA256SUMS").read_text().splitlines():
        raise ToolchainError(f"{archives[0].name} in ../shared/engine is not the file that SHA256SUMS names")

    def make(part: Path) -> None:
        say("unpacking the Kubernetes provider of ../shared/engine")
        (part / _KUBERNETES).write_bytes(lzma.decompress(packed))
        (part / _KUBERNETES).chmod(0o755)

    return cache.folder(f"provider/{digest[:16]}", make, say) / _KUBERNETES, "../shared/engine"


def _from_installer(pulumi: Path, title: str, say: Say) -> tuple[Path, str] | None:
    home = cache.root() / "pulumi"
    path = home / "plugins" / title / _KUBERNETES
    if not path.exists():
        if os.environ.get("COCO_TOOLCHAIN_OFFLINE"):
            return None
        say("asking `pulumi plugin install` for the Kubernetes provider; usually under a minute")
        command = [str(pulumi), "plugin", "install", "resource", "kubernetes", PROVIDER_VERSIONS["kubernetes"]]
        environment = {**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
        try:
            done = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_INSTALL_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            say(f"  no answer within {_INSTALL_TIMEOUT:.0f} s")
            return None
        if done.returncode != 0 or not path.exists():
            words = (done.stderr or done.stdout).strip().splitlines()
            say(f"  not to be had from here: {words[-1] if words else 'no reason given'}")
            return None
    return path, "`pulumi plugin install`"
