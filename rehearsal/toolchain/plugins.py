"""What ``pulumi`` needs beside it: a language host on PATH, and provider plugins in a PULUMI_HOME of its own.

The Kubernetes provider is the official plugin where it can be had, and else built from its Go module; the azure-native
provider is a stand-in, because there is no Azure in a rehearsal.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from rehearsal.toolchain import cache, tools
from rehearsal.toolchain.cache import Say
from rehearsal.toolchain.pins import KUBERNETES_PROVIDER, PROVIDER_VERSIONS
from rehearsal.toolchain.tools import Tool

_HOST = "pulumi-language-python"
_INSTALL_TIMEOUT = 600.0
_ANSWER = 20.0
_KUBERNETES = "pulumi-resource-kubernetes"
_TITLE = f"resource-kubernetes-v{PROVIDER_VERSIONS['kubernetes']}"


def kubernetes(pulumi: Path, say: Say) -> Tool:
    """Return the Kubernetes provider: from the plugin cache, PATH, ``pulumi plugin install`` or a build.

    Raises:
        ToolchainError: it cannot be built here either.
    """
    return (
        _in_plugin_cache()
        or _on_path()
        or _from_installer(pulumi, say)
        or tools.built(_KUBERNETES, KUBERNETES_PROVIDER, say)
    )


def install(checkout: Path, python: Path, home: Path, pulumi: Path, say: Say) -> str:
    """Place both provider plugins into ``home`` and return in words which Kubernetes provider it is.

    Raises:
        ToolchainError: the Kubernetes provider cannot be had.
    """
    provider = kubernetes(pulumi, say)
    # The engine starts it in the program's folder, and with a PYTHONPATH that is the user's business.
    stand_in = f"PYTHONPATH={shlex.quote(str(checkout))} exec {shlex.quote(str(python))} -m rehearsal.azure_provider"
    for name, command in (("azure-native", stand_in), ("kubernetes", f"exec {shlex.quote(str(provider.path))}")):
        folder = home / "plugins" / f"resource-{name}-v{PROVIDER_VERSIONS[name]}"
        folder.mkdir(parents=True, exist_ok=True)
        script(folder / f"pulumi-resource-{name}", command)
    return f"{_in_words(version(provider.path))}, {provider.source}"


def _in_words(reported: str) -> str:
    """Return a version for people: a build reports the one that it takes the place of, and behind it what it is."""
    asked, _, revision = reported.partition("+built-from.")
    return f"{revision} in place of {asked}" if revision else reported


def version(plugin: Path) -> str:
    """Return the version that a provider gives for its own; ``of an unknown version`` where it does not start."""
    # Only what runs in .venv asks for it, and this module is read before there is one.
    import grpc  # noqa: PLC0415
    from google.protobuf.empty_pb2 import Empty  # noqa: PLC0415
    from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub  # noqa: PLC0415

    with subprocess.Popen(
        [str(plugin), "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            port = (process.stdout.readline() if process.stdout else "").strip()
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                answer = ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=_ANSWER)
            return str(answer.version)
        except grpc.RpcError:
            return "of an unknown version"
        finally:
            process.kill()


def _in_plugin_cache() -> Tool | None:
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    for home in (users, Path.home() / ".pulumi"):
        installed = home / "plugins" / _TITLE / _KUBERNETES
        # A rehearsal's own PULUMI_HOME may be in the environment: what was placed there leads here, and would for ever.
        if installed.exists() and not _is_script(installed):
            return Tool(installed, "from the plugin cache")
    return None


def _on_path() -> Tool | None:
    path = shutil.which(_KUBERNETES)
    return Tool(Path(path), "from PATH") if path else None


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _from_installer(pulumi: Path, say: Say) -> Tool | None:
    home = cache.root() / "pulumi"
    path = home / "plugins" / _TITLE / _KUBERNETES
    if not path.exists():
        # A build that is there already is as good, and needs no network.
        if os.environ.get("COCO_TOOLCHAIN_OFFLINE") or tools.is_built(_KUBERNETES, KUBERNETES_PROVIDER):
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
    return Tool(path, "from `pulumi plugin install`")


def path_folders(python: Path, folder: Path, pulumi: Tool) -> list[Path]:
    """Return the folders to put in front of PATH for this ``pulumi``.

    A CLI without a language host for Python, as a build from Go modules is, gets this project's in ``folder``, and
    stands there itself: it warns of a host that it finds anywhere but beside itself. ``python`` runs the host.
    """
    beside = pulumi.path.parent
    if (beside / _HOST).exists() or (pulumi.source.startswith("PATH") and shutil.which(_HOST)):
        return [beside]
    folder.mkdir(parents=True, exist_ok=True)
    command = shlex.quote(str(python))
    script(folder / _HOST, f"exec {command} -u {shlex.quote(str(Path(__file__).with_name('language_host.py')))}")
    script(folder / "pulumi-resource-pulumi-python", f"exec {command} -u -m pulumi.dynamic")
    _link(pulumi.path, folder / pulumi.path.name)
    return [folder]


def script(path: Path, command: str) -> None:
    """Place a program that runs a command with its arguments, all of it or nothing."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(f'#!/bin/sh\n{command} "$@"\n')
    part.chmod(0o755)
    part.replace(path)


def _link(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(source)
    except OSError:  # the cache is on another file system
        shutil.copy2(source, part)
    part.replace(target)
