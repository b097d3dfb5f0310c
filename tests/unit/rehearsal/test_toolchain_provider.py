"""Where the Kubernetes provider comes from, and which one a rehearsal says that it is."""

import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rehearsal.toolchain import build, plugins, tools
from rehearsal.toolchain.pins import GO_MODULES, KUBERNETES_PROVIDER, PROVIDER_VERSIONS, Build
from tests.unit.programs import program

pytestmark = pytest.mark.usefixtures("own_cache")

_PLUGIN = """
from concurrent.futures import ThreadPoolExecutor
import grpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc

class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="4.99.0")

server = grpc.server(ThreadPoolExecutor(1))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no provider, and a ``pulumi`` that gets none; returns that program."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.delenv("COCO_TOOLCHAIN_OFFLINE", raising=False)
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(build, "go_programs", _builds)
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text(f"#!/bin/sh\necho $* >>{tmp_path}/asked\necho no network >&2\nexit 1\n")
    pulumi.chmod(0o755)
    return pulumi


def _builds(programs: Mapping[str, Build], part: Path, say: Callable[[str], None]) -> None:
    for name, wanted in programs.items():
        say(f"building {name}")
        program(part, name, wanted.version)


def _asked(pulumi: Path) -> list[str]:
    record = pulumi.parent.parent / "asked"
    return record.read_text().splitlines() if record.exists() else []


def test_a_kubernetes_provider_that_cannot_be_had_is_built_once(alone: Path, own_cache: Path) -> None:
    messages: list[str] = []

    first = plugins.kubernetes(alone, messages.append)
    second = plugins.kubernetes(alone, messages.append)

    assert first == second
    assert first.source == "built from Go modules"
    assert first.path.is_relative_to(own_cache / "build")
    assert messages.count("building pulumi-resource-kubernetes") == 1
    assert "  not to be had from here: no network" in messages
    # Once there is a build, the network is not asked again.
    assert _asked(alone) == ["plugin install resource kubernetes 4.34.2"]


def test_offline_a_kubernetes_provider_is_built_and_nobody_is_asked(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCO_TOOLCHAIN_OFFLINE", "1")

    assert plugins.kubernetes(alone, print).source == "built from Go modules"
    assert _asked(alone) == []


@pytest.mark.parametrize("folder", [".pulumi", "elsewhere"])
def test_the_official_plugin_of_the_plugin_cache_is_taken_first(
    folder: str, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "elsewhere"))
    title = tmp_path / folder / "plugins" / "resource-kubernetes-v4.34.2"
    title.mkdir(parents=True)
    (title / "pulumi-resource-kubernetes").write_bytes(b"\x7fELF")
    monkeypatch.setenv("PATH", str(program(tmp_path / "path", "pulumi-resource-kubernetes", "1").parent))

    provider = plugins.kubernetes(alone, print)

    assert (provider.path, provider.source) == (title / "pulumi-resource-kubernetes", "from the plugin cache")


def test_a_provider_on_path_is_taken_before_anybody_is_asked(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = program(tmp_path / "path", "pulumi-resource-kubernetes", "1")
    monkeypatch.setenv("PATH", str(result.parent))

    assert plugins.kubernetes(alone, print) == tools.Tool(result, "from PATH")
    assert _asked(alone) == []


def test_what_pulumi_installs_is_taken_and_kept(alone: Path, own_cache: Path) -> None:
    title = own_cache / "pulumi/plugins/resource-kubernetes-v4.34.2"
    alone.write_text(f"#!/bin/sh\nmkdir -p {title} && touch {title}/pulumi-resource-kubernetes\n")

    first = plugins.kubernetes(alone, print)
    alone.write_text("#!/bin/sh\nexit 1\n")

    assert first == plugins.kubernetes(alone, print)
    assert first.source == "from `pulumi plugin install`"


def test_what_a_rehearsal_has_placed_is_not_taken_for_the_official_plugin(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("PULUMI_HOME", str(home))
    monkeypatch.setattr(plugins, "version", lambda path: f"that of {path.name}")

    words = [plugins.install(tmp_path / "checkout", Path(sys.executable), home, alone, print) for _ in range(2)]

    placed = home / "plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes"
    assert words == ["that of pulumi-resource-kubernetes, built from Go modules"] * 2
    assert placed.read_text().startswith("#!/bin/sh\nexec ")
    assert (home / "plugins/resource-azure-native-v3.29.0/pulumi-resource-azure-native").exists()


def test_a_provider_is_asked_for_its_version(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!{sys.executable}\n{_PLUGIN}")
    plugin.chmod(0o755)

    assert plugins.version(plugin) == "4.99.0"


@pytest.mark.parametrize(
    ("reported", "words"),
    [
        ("4.34.2+built-from.4.25.0-alpha.f47bc2d6f199", "4.25.0-alpha.f47bc2d6f199 in place of 4.34.2"),
        ("4.34.2", "4.34.2"),
        ("4.34.2+dirty", "4.34.2+dirty"),
    ],
)
def test_a_build_is_never_told_as_the_version_that_it_takes_the_place_of(reported: str, words: str) -> None:
    assert plugins._in_words(reported) == words


def test_the_build_reports_what_the_engine_asks_for_and_what_it_is() -> None:
    source = (GO_MODULES / "kubernetes-provider" / "main.go").read_text()
    revision = re.search(
        r"provider/v4 v4\.0\.0-\d+-(\w{12})$", (GO_MODULES / "kubernetes-provider/go.mod").read_text(), re.MULTILINE
    )
    assert revision is not None

    wanted = f"{PROVIDER_VERSIONS['kubernetes']}+built-from.{KUBERNETES_PROVIDER.version}.{revision[1]}"
    assert f'const version = "{wanted}"' in source


def test_a_provider_that_does_not_start_has_no_version(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\nexit 1\n")
    plugin.chmod(0o755)

    assert plugins.version(plugin) == "of an unknown version"
