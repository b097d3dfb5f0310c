"""A real program in a pod: its own root of files, its end, and what OLM makes of an operator that ends."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from rehearsal.api import Object
from rehearsal.kinds import CSV, DEPLOYMENT, POD
from rehearsal.operators.olm_catalog import OSC
from rehearsal.pki import ensure
from rehearsal.processes import free_port
from rehearsal.real import operator, own_root
from rehearsal.real.brought import KBS, OSC_OPERATOR, TRUSTEE_OPERATOR
from rehearsal.real.own_root import OwnRoot
from rehearsal.real.process import ENDED, EndedError, Ends, RealProcess
from rehearsal.timings import CSV_INSTALL
from tests.unit.rehearsal.test_rehearsal_olm import HOME, World

SHELL = Path("/bin/sh")
needs_root = pytest.mark.skipif(
    own_root.way() is None, reason="this machine lets nobody make a user namespace (`unshare --map-root-user true`)"
)


def _shell(root: OwnRoot, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(root.command(SHELL, "sh", ["-c", script]), capture_output=True, text=True, check=False)


def _pod(name: str) -> Object:
    return {"metadata": {"name": name, "namespace": "osc"}}


@needs_root
def test_the_end_of_one_pod_leaves_the_files_of_the_next_one(tmp_path: Path) -> None:
    ensure(tmp_path)
    (tmp_path / "ports.json").write_text('{"api": 6443}')
    program = tmp_path / "manager"
    serve = "import socket,sys,time; s=socket.create_server(('', int(sys.argv[1].split(':')[1]))); time.sleep(60)"
    program.write_text(f'#!/bin/sh\nexec /usr/bin/env python3 -c "{serve}" "$2"\n')
    program.chmod(0o755)

    async def work() -> None:
        last, following = [
            await operator.started(TRUSTEE_OPERATOR, program, tmp_path, _pod(name), {}) for name in ("m-1", "m-2")
        ]
        await last.stop()
        assert (tmp_path / "real" / "m-2" / "config").is_dir()
        assert await following.look()
        await following.stop()

    asyncio.run(work())


@needs_root
def test_a_program_finds_what_is_written_for_it_and_nothing_else_of_the_machines_own_folders(tmp_path: Path) -> None:
    root = OwnRoot(tmp_path / "root", own_proc=True)
    root.write("/proc/sys/crypto/fips_enabled", "0\n")
    root.write("/etc/kbs-config/kbs-config.toml", "config")

    result = _shell(root, f"cat /etc/kbs-config/kbs-config.toml /proc/sys/crypto/fips_enabled; ls {tmp_path}")

    assert result.stdout == "config0\n"
    assert "No such file" in result.stderr


@needs_root
def test_a_program_sees_what_changes_and_cannot_write_into_what_is_mounted(tmp_path: Path) -> None:
    root = OwnRoot(tmp_path / "root")
    root.make("/etc/auth-secret", read_only=True)
    root.make("/opt/free")
    root.write("/etc/auth-secret/key", "old")
    script = "while [ ! -e /opt/free/go ]; do sleep 0.05; done; cat /etc/auth-secret/key; touch /etc/auth-secret/own"
    process = subprocess.Popen(
        root.command(SHELL, "sh", ["-c", script]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    root.write("/etc/auth-secret/key", "new")
    root.write("/opt/free/go", "")
    output, errors = process.communicate(timeout=30)

    assert output == "new"
    assert "Read-only file system" in errors


@needs_root
def test_a_program_finds_the_libraries_that_the_user_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "lib" / "libkbs.so"
    library.parent.mkdir()
    library.touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    script = f'ls {library}; echo "$LD_LIBRARY_PATH"; exit 1'

    async def work() -> None:
        await RealProcess(KBS, SHELL, OwnRoot(tmp_path / "kbs"), ["-c", script], {}).answers_on(free_port())

    with pytest.raises(EndedError):
        asyncio.run(work())
    assert (tmp_path / "kbs.log").read_text().splitlines() == [str(library), str(library.parent)]


@needs_root
def test_the_end_of_a_program_is_told_with_its_last_words_and_kept(tmp_path: Path) -> None:
    async def work() -> None:
        process = RealProcess(KBS, SHELL, OwnRoot(tmp_path / "kbs"), ["-c", "echo invalid config; exit 3"], {})
        await process.answers_on(free_port())

    with pytest.raises(EndedError, match=r"the real KBS \(/bin/sh\) ended with code 3[^\n]*kbs\.log:\ninvalid config"):
        asyncio.run(work())
    (line,) = (tmp_path / ENDED).read_text().splitlines()
    assert "ended with code 3" in json.loads(line)


def test_each_end_is_told_once_while_the_rehearsal_runs(tmp_path: Path) -> None:
    file, messages = tmp_path / "real" / ENDED, list[str]()
    file.parent.mkdir()
    with Ends(tmp_path, messages.append):
        file.write_text('"KBS ended: a"\n"KBS ended: a"\n"KBS ended: b"\n')

    assert messages == ["warning: KBS ended: a", "warning: KBS ended: b"]


@pytest.mark.parametrize(("times", "hopeless"), [(4, None), (5, "KBS ended: a")])
def test_who_ends_again_and_again_with_the_same_words_is_given_up(
    tmp_path: Path, times: int, hopeless: str | None
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / ENDED).write_text('"KBS ended: a"\n' * times + '"KBS ended: b"\n' * 4)
    with Ends(tmp_path, lambda _: None) as ends:
        pass

    assert ends.hopeless == hopeless


@needs_root
def test_a_stopped_program_is_gone(tmp_path: Path) -> None:
    async def work() -> None:
        process = RealProcess(KBS, SHELL, OwnRoot(tmp_path / "kbs"), ["-c", "sleep 100"], {})
        assert await process.look() == 1.0
        await process.stop()
        assert not (tmp_path / "kbs").exists()
        with pytest.raises(EndedError, match="code -15"):
            await process.look()

    asyncio.run(work())


@needs_root
def test_an_operator_finds_its_account_its_configuration_and_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(tmp_path)
    (tmp_path / "ports.json").write_text('{"api": 6443}')
    port = free_port()
    monkeypatch.setattr(operator, "WEBHOOKS", port)
    program = tmp_path / "manager"
    program.write_text(
        "#!/bin/sh\nset -e\ncat /var/run/secrets/kubernetes.io/serviceaccount/namespace /proc/sys/crypto/fips_enabled\n"
        "ls /config/peerpods/podvm/osc-podvm-create-job.yaml /tmp/k8s-webhook-server/serving-certs\n"
        'echo "$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT $PEERPODS_NAMESPACE $1"; exit 5\n'
    )
    program.chmod(0o755)
    started = operator.started(OSC_OPERATOR, program, tmp_path, _pod("manager-1"), {"PEERPODS_NAMESPACE": "peer"})

    with pytest.raises(EndedError, match="code 5"):
        asyncio.run(started)
    log = (tmp_path / "real" / "manager-1.log").read_text()
    assert log.splitlines() == [
        "osc0",
        "/config/peerpods/podvm/osc-podvm-create-job.yaml",
        "",
        "/tmp/k8s-webhook-server/serving-certs:",  # noqa: S108 - in its own root
        "tls.crt",
        "tls.key",
        "127.0.0.1:6443 peer --metrics-bind-address=0",
    ]


def test_the_configuration_out_of_the_image_goes_before_the_rehearsals_own(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "manager"
    assert operator.config_of(program).parent.name == "real"

    (tmp_path / "config" / "peerpods").mkdir(parents=True)
    assert operator.config_of(program) == tmp_path / "config"


def test_a_taken_port_of_webhooks_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(operator, "taken", lambda _: True)
    monkeypatch.setattr(operator, "_LOOK_EVERY", 0)

    with pytest.raises(EndedError, match=r"port 9443 of this machine is taken.*ss -tlnp"):
        asyncio.run(operator.started(OSC_OPERATOR, SHELL, tmp_path, _pod("p"), {}))


@pytest.mark.parametrize(("restarts", "phase"), [(1, "Installing"), (3, "Failed")])
def test_a_csv_fails_where_its_operator_ends_again_and_again(restarts: int, phase: str) -> None:
    world = World(OSC)
    for _ in range(9):
        asyncio.run(world._catalog.reconcile("/*"))
    asyncio.run(world._csvs.reconcile(HOME))
    labels = world.one(DEPLOYMENT)["spec"]["template"]["metadata"]["labels"]
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "the real OSC operator ended with code 1"}}
    pod = {"metadata": {"name": "p", "namespace": HOME, "labels": labels}}
    world.create(POD, {**pod, "status": {"containerStatuses": [{"restartCount": restarts, "state": waiting}]}})

    wait = asyncio.run(world._csvs.reconcile(HOME))

    (csv,) = world.all(CSV)
    assert csv["status"]["phase"] == phase
    assert ("ended with code 1" in csv["status"]["message"]) is (phase == "Failed")
    assert wait is not None
    assert wait < CSV_INSTALL


def test_the_environment_of_an_operator_is_that_of_its_csv_and_its_subscription() -> None:
    world = World(OSC, config={"env": [{"name": "CLIENTID", "value": "c"}]}).run()

    container = world.one(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]
    values = {each["name"]: each["value"] for each in container["env"]}
    assert values["RELATED_IMAGE_CAA"] == "registry.example.com/cloud-api-adaptor:1.9.0"
    assert values["CLIENTID"] == "c"
