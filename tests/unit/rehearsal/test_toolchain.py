"""Where programs come from, and that nothing half-made is ever taken for one."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal.toolchain import ToolchainError, build, cache, download, ensure, tools, venv
from rehearsal.toolchain.pins import GO_MODULES, PINS, Archive, needed
from tests.unit.programs import SAYS, program

pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_fitting_program_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = program(tmp_path / "bin", "etcd", "3.6.1")
    monkeypatch.setenv("PATH", f"{result.parent}:{os.defpath}")

    tool = ensure(["etcd"], print)["etcd"]

    assert tool.path == result
    assert tool.source == "PATH (3.6.1)"


def test_a_program_on_path_of_another_version_is_passed_over_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = program(tmp_path / "bin", "etcd", "3.3.9")
    monkeypatch.setenv("PATH", f"{old.parent}:{os.defpath}")
    items: list[str] = []

    assert tools._on_path("etcd", PINS["etcd"], items.append) is None
    assert "3.3.9" in items[0]
    assert "3.5" in items[0]


def _archive(folder: Path) -> Archive:
    content = SAYS.format("etcd", "3.6.0").encode()
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "a.tar.gz", "w:gz") as tar:
        for path in ("inside/etcd", "elsewhere/other"):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    digest = hashlib.sha256((folder / "a.tar.gz").read_bytes()).hexdigest()
    return Archive(url=(folder / "a.tar.gz").as_uri(), checksum=f"sha256:{digest}", inside="inside")


def test_an_official_download_with_the_right_checksum_is_unpacked(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    download.unpack(_archive(tmp_path / "web"), target, print)

    assert os.access(target / "etcd", os.X_OK)
    assert not (target / "other").exists()


def test_a_download_with_another_checksum_is_not_used(tmp_path: Path) -> None:
    archive = replace(_archive(tmp_path / "web"), checksum=f"sha256:{'0' * 64}")

    with pytest.raises(download.NoDownloadError, match="expected 0000"):
        download.unpack(archive, tmp_path, print)


def test_an_archive_that_is_not_there_is_no_download(tmp_path: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/none.tar.gz"
        with pytest.raises(download.NoDownloadError, match=r"404|[Nn]ot [Ff]ound"):
            download.unpack(Archive(url=url, checksum="sha256:00", inside=""), tmp_path, print)
        server.shutdown()


def test_without_a_network_it_is_built_and_offline_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setenv("COCO_TOOLCHAIN_OFFLINE", "1")
    monkeypatch.setattr(download, "unpack", lambda *_: pytest.fail("asked for a download"))
    monkeypatch.setattr(build, "go_programs", lambda pins, part, _: [program(part, name, "3.6.16") for name in pins])

    tool = ensure(["etcd"], print)["etcd"]

    assert tool.source == "built from Go modules"
    assert tool.path.is_relative_to(tmp_path / "cache")


def test_what_is_in_the_cache_is_not_made_again(own_cache: Path) -> None:
    made: list[Path] = []

    first = cache.folder("x", made.append, print)
    second = cache.folder("x", made.append, print)

    assert first == second == own_cache / "x"
    assert len(made) == 1


def test_an_interrupted_run_leaves_nothing_half_made_and_the_next_one_makes_it(own_cache: Path) -> None:
    def interrupted(part: Path) -> None:
        (part / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.folder("x", interrupted, print)
    assert not (own_cache / "x").exists()
    # One that was killed could not tidy up.
    (own_cache / ".x.dead.part").mkdir()
    folder = cache.folder("x", lambda part: (part / "whole").touch(), print)

    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert list(own_cache.glob(".x.*.part")) == []


def test_two_runs_at_once_make_it_once(own_cache: Path) -> None:
    code = (
        "import time\nfrom rehearsal.toolchain import cache\n"
        "def make(part):\n time.sleep(0.5)\n (part / 'made').touch()\n print('made')\n"
        "cache.folder('x', make, lambda _: None)\n"
    )
    environment = {**os.environ, "COCO_AZURE_CACHE": str(own_cache)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    assert "".join(run.communicate()[0] for run in runs).split() == ["made"]


def test_a_cache_that_cannot_be_written_to_is_an_error_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        monkeypatch.setattr(Path, "mkdir", _refuse)
    else:
        tmp_path.chmod(0o500)
    with pytest.raises(ToolchainError, match="COCO_AZURE_CACHE"):
        cache.folder("x", lambda _: None, print)


def _refuse(*_: object, **__: object) -> None:
    raise PermissionError("no")


def test_without_go_a_build_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolchainError, match=r"Install Go 1\.21"):
        build.go_programs({"etcd": PINS["etcd"]}, tmp_path, print)


def test_a_go_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.18.2\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")

    with pytest.raises(ToolchainError, match=r"go1\.18\.2; needed is Go 1\.21"):
        build.go_programs({"etcd": PINS["etcd"]}, tmp_path, print)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("write /x: no space left on device", "disk is full"),
        ("dial tcp: lookup proxy: no such host", "GOPROXY"),
        ("signal: killed", "memory"),
    ],
)
def test_a_failed_build_says_what_would_help(line: str, advice: str) -> None:
    assert advice in build._failure("etcd", [line])


def test_requirements_that_cannot_be_installed_are_an_error_with_pips_words(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("no-such-package==1.0 --hash=sha256:00\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("python", "pip"):
        path = tmp_path / ".venv" / "bin" / name
        path.write_text("#!/bin/sh\necho no matching distribution >&2\nexit 1\n")
        path.chmod(0o755)

    with pytest.raises(ToolchainError, match="no matching distribution"):
        venv.ensure(tmp_path, "requirements.txt", print)


def test_a_rehearsal_does_not_wait_for_what_only_the_tests_need() -> None:
    assert "actionlint" not in needed("rehearsal")
    assert needed("dev") == list(PINS)


def test_actionlint_is_pinned_to_the_version_that_its_go_module_says() -> None:
    module = (GO_MODULES / "actionlint" / "go.mod").read_text()

    assert f"github.com/rhysd/actionlint v{PINS['actionlint'].version}" in module


def test_a_program_that_is_nowhere_is_not_found_and_not_made_either(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)

    assert tools.find("pulumi") is None
    program(own_cache / tools._build_title(PINS["pulumi"]), "pulumi", "3.259.0")
    result = tools.find("pulumi")

    assert result is not None
    assert result.source == "cache"


@pytest.mark.parametrize("source", ["main.go", "sdk/go/part.go", "sdk/go.mod"])
def test_a_program_of_this_project_is_built_anew_when_its_source_changes(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "GO_MODULES", tmp_path)
    for name in ("go.mod", "go.sum", "main.go", "sdk/go.mod", "sdk/go/part.go"):
        (tmp_path / "graphviz" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "graphviz" / name).write_text("one")
    before = tools._build_title(PINS["dot"])
    (tmp_path / "graphviz" / source).write_text("two")

    assert tools._build_title(PINS["dot"]) != before


def test_a_build_says_how_far_it_is(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("go: downloading example.com/m v1.0.0\nruntime\nfmt\n")

    assert build._progress(log, 10) == "2 of at most 10 packages"
    assert build._progress(log, 0) == "2 packages"


def test_what_is_imported_is_compiled_at_once_and_the_thousands_of_files_that_are_not_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    packages = tmp_path / "lib" / "python3" / "site-packages"
    for name in ("azure/mgmt/network/models.py", "pulumi_azure_native/__init__.py", "pulumi_azure_native/web/site.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("NAME = 1\n")
    (packages / "broken.py").write_text("this is no Python\n")

    venv._compile(sys.executable, tmp_path)

    assert sorted({path.parent.parent.name for path in packages.rglob("*.pyc")}) == ["network", "pulumi_azure_native"]


def test_what_takes_long_is_told_again_and_again_until_its_end_or_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "HEARTBEAT", 0.01)
    lines: list[str] = []
    twice = threading.Event()

    def say(text: str) -> None:
        lines.append(text)
        if len(lines) == 2:
            twice.set()

    def install() -> None:
        with cache.heartbeat(lambda: "still installing", say):
            raise ValueError(twice.wait(10))

    with pytest.raises(ValueError, match="True"):
        install()
    count, threads = len(lines), threading.active_count()

    assert all(line.startswith("  still installing, ") and line.endswith(" s") for line in lines)
    assert (len(lines), threading.active_count()) == (count, threads)


def test_what_is_quick_is_told_once_by_whoever_does_it() -> None:
    lines: list[str] = []
    with cache.heartbeat(lambda: "making .venv", lines.append):
        pass

    assert lines == []
