"""The verification pod's script, run by a real bash against a stand-in for curl."""

import os
import subprocess
from pathlib import Path

import pytest

from coco_azure.formats.attestation_check import SCRIPT, expected_digest

SECRET = b"res1val1\n\xff with odd bytes"
SALT = "kbs.example.com/default/kbsres1/key1:"


def _run(folder: Path, expected: str, *, curl: str) -> subprocess.CompletedProcess[str]:
    (folder / "secret").write_bytes(SECRET)
    shim = folder / "curl"
    shim.write_text(f"#!/bin/bash\n{curl}\n")
    shim.chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "SALT": SALT,
        "RESOURCE": "default/kbsres1/key1",
        "EXPECTED_SHA256": expected,
        "SECRET": str(folder / "secret"),
    }
    return subprocess.run(["/bin/bash", "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)


def test_the_expected_secret_passes_and_is_not_printed(tmp_path: Path) -> None:
    done = _run(tmp_path, expected_digest(SALT, SECRET), curl='cat "$SECRET"')

    assert done.returncode == 0, done.stderr
    assert "attested" in done.stdout
    assert "res1val1" not in done.stdout + done.stderr


def test_another_secret_fails_with_code_2(tmp_path: Path) -> None:
    done = _run(tmp_path, expected_digest(SALT, b"other"), curl='cat "$SECRET"')

    assert done.returncode == 2
    assert "another value" in done.stderr
    assert "res1val1" not in done.stdout + done.stderr


@pytest.mark.parametrize("partial", ["", 'head -c4 "$SECRET"; '])
def test_a_denied_secret_fails_with_code_1(tmp_path: Path, partial: str) -> None:
    done = _run(tmp_path, expected_digest(SALT, b""), curl=f"{partial}exit 22")

    assert done.returncode == 1
    assert "no attested secret" in done.stderr


def test_the_script_asks_the_confidential_data_hub_of_its_own_pod_vm(tmp_path: Path) -> None:
    done = _run(tmp_path, "", curl='echo "$@" >&2; exit 22')

    assert "http://127.0.0.1:8006/cdh/resource/default/kbsres1/key1" in done.stderr
