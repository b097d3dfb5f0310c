"""``./coco-azure support``: one file with what a maintainer needs, and no secret of the stack in it."""

import base64
import json
import string
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coco_azure.cli import main
from coco_azure.cli.support import cluster, command
from coco_azure.clients import kubernetes
from tests.unit.fake_cluster import FakeCluster
from tests.unit.programs import on_path

PASSWORD, MADE, TOKEN = "hunter2-of-ours", "made-by-the-program", f"sha256~{'x' * 43}"
OSC, TRUSTEE = "openshift-sandboxed-containers-operator", "trustee-operator-system"
KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----"

secrets = st.text(string.ascii_letters + string.digits + '!#$%&*+-./:;<=>?@^_~äß\n"\\', min_size=4, max_size=40).filter(
    lambda text: sum(each.isalnum() for each in text) >= 4 and text == text.strip()
)


@pytest.mark.parametrize("word", ["true", "12345", "null"])
def test_a_secret_that_looks_like_no_text_is_taken_out_too(word: str) -> None:
    assert command.redact([json.loads(word), 54321], [word]) == [command.TAKEN_OUT, 54321]


@given(st.lists(secrets, min_size=1, max_size=4, unique=True), st.data())
@settings(max_examples=200, deadline=None)
def test_no_known_secret_is_in_what_is_written_however_it_stood_there(known: list[str], data: st.DataObject) -> None:
    forms = [
        lambda text: text,
        lambda text: f"password={text};",
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: json.dumps({"password": text}),
        lambda text: f"https://user:{quote(text, safe='')}@host",
        lambda text: text.encode().hex(),
    ]
    texts = [data.draw(st.sampled_from(forms))(each) for each in known]
    content = {"logs": texts, known[0]: {"nested": [{"x": texts[0] + texts[-1]}]}, "number": 12345, "yes": True}

    written = json.dumps(command.redact(content, known), ensure_ascii=False)

    for secret in known:
        for each in (secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode().rstrip("=")):
            assert each not in written


def test_what_is_no_secret_stays() -> None:
    data = {"name": "worker-1", "ready": True, "count": 3, "none": None, "list": ["a", "b"]}

    assert command.redact(data, [PASSWORD, "abc"]) == data


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        TOKEN,
        "Authorization: Bearer abcdef0123456789",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0xxxx.abc",
        "abc8Q~" + "y" * 34,
    ],
)
def test_what_looks_like_a_secret_is_taken_out_though_nobody_knows_it(text: str) -> None:
    assert command.TAKEN_OUT in command.redact(f"before {text} after", [])
    assert text not in command.redact(f"before {text} after", [])


def test_a_line_of_a_key_is_taken_out_where_a_log_has_it_alone() -> None:
    assert KEY.splitlines()[1] not in command.redact([f"read {KEY.splitlines()[1]}"], [KEY])[0]


class _Cluster(FakeCluster):
    def log(self, path: str, lines: int, container: str | None = None) -> str:
        assert lines > 0
        if container == "broken":
            raise OSError("container is waiting to start")
        return f"{path} says {PASSWORD}\n[2027-01-01T00:00:00Z ERROR kbs::error] PolicyDeny {MADE}\n"


def _cluster() -> _Cluster:
    content = _Cluster()
    core = f"/api/v1/namespaces/{TRUSTEE}"
    content.put("/apis/config.openshift.io/v1/clusterversions", "version", {"desired": {"version": "4.18.3"}})
    content.put(
        "/apis/kataconfiguration.openshift.io/v1/kataconfigs", "example", {"conditions": [{"type": "InProgress"}]}
    )
    content.put(
        f"/apis/operators.coreos.com/v1alpha1/namespaces/{OSC}/clusterserviceversions",
        f"{OSC.removeprefix('openshift-')}.v1.12.1",
        {"phase": "Succeeded"},
    )
    containers = [{"name": "kbs"}, {"name": "broken"}]
    env = [{"name": "PASSWORD", "value": "in-the-manifest"}]
    content.lists[f"{core}/pods"] = [
        {
            "metadata": {"name": "trustee-1"},
            "spec": {"containers": [{**containers[0], "env": env}, containers[1]]},
            "status": {"phase": "Running"},
        }
    ]
    content.lists[f"{core}/secrets"] = [{"metadata": {"name": "kbs-auth"}, "data": {"key": "c2VjcmV0LWluLWEtU2VjcmV0"}}]
    content.lists[f"{core}/configmaps"] = [
        {"metadata": {"name": "kbs-config"}, "data": {"a": "content of a ConfigMap"}}
    ]
    content.lists[f"{core}/events"] = [
        {
            "metadata": {"name": "e"},
            "reason": "Failed",
            "message": f"token {TOKEN}",
            "involvedObject": {"kind": "Pod", "name": "trustee-1"},
        }
    ]
    return content


def test_the_cluster_is_told_by_conditions_events_and_logs_and_of_secrets_only_the_names() -> None:
    collected = cluster.collect(_cluster(), [OSC, TRUSTEE])  # type: ignore[arg-type] # same methods
    text = json.dumps(collected)
    trustee = collected["namespaces"][TRUSTEE]

    assert collected["openshift"]["version"] == "4.18.3"
    assert collected["kataConfigs"][0]["status"]["conditions"] == [{"type": "InProgress"}]
    assert collected["namespaces"][OSC]["clusterServiceVersions"][0]["phase"] == "Succeeded"
    assert trustee["secrets (names)"] == ["kbs-auth"]
    assert trustee["events"][0]["about"] == "Pod trustee-1"
    assert trustee["logs"]["trustee-1/broken"] == {"notKnown": "container is waiting to start"}
    assert trustee["lastErrorOfKbs"]["trustee-1/kbs"].startswith("PolicyDeny")
    for hidden in ("c2VjcmV0LWluLWEtU2VjcmV0", "content of a ConfigMap", "in-the-manifest"):
        assert hidden not in text


def test_what_a_cluster_does_not_tell_is_said_and_the_rest_is_there() -> None:
    content = _cluster()
    content.items = mock.Mock(side_effect=OSError("no such host"))  # type: ignore[method-assign]

    collected = cluster.collect(content, [OSC])  # type: ignore[arg-type] # same methods

    assert collected["kataConfigs"] == {"notKnown": "no such host"}
    assert collected["namespaces"][OSC]["pods"] == {"notKnown": "no such host"}
    assert collected["openshift"]["version"] == "4.18.3"


_PULUMI = """\
#!/bin/sh
case "$*" in
  *"--show-name"*) echo prod ;;
  *export*) cat "$FOLDER/state" ;;
  *config*--show-secrets*) cat "$FOLDER/shown" ;;
  *config*) cat "$FOLDER/config" ;;
  *output*) echo '{"attested": true, "sealingKey": "[secret]"}' ;;
  *history*) echo '[]' ;;
  *) exit 1 ;;
esac
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ``pulumi`` that answers for a stack with secrets, and a cluster."""
    values = json.dumps({"db": {"password": PASSWORD}})
    entry: dict[str, Any] = {
        "coco-azure:clientSecrets": {"secret": True},
        "coco-azure:environment": {"value": "production", "secret": False},
    }
    (tmp_path / "config").write_text(json.dumps(entry))
    entry["coco-azure:clientSecrets"]["value"] = values
    (tmp_path / "shown").write_text(json.dumps(entry))
    kept = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "plaintext": json.dumps({"key": MADE}),
    }
    (tmp_path / "state").write_text(json.dumps({"deployment": {"resources": [{"outputs": {"value": kept}}]}}))
    on_path(monkeypatch, tmp_path, "pulumi", _PULUMI)
    monkeypatch.setenv("FOLDER", str(tmp_path))
    monkeypatch.setattr(kubernetes, "connect", lambda _: _cluster())
    return tmp_path


def test_the_file_has_what_a_maintainer_needs_and_no_secret_of_the_stack(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stack / "out.json"

    assert main(["support", "--no-preview", "--out", str(path)]) == 0

    text, collected = path.read_text(), json.loads(path.read_text())
    assert not [secret for secret in (PASSWORD, MADE, TOKEN) if secret in text]
    assert collected["stack"]["settings"]["coco-azure:environment"] == "production"
    assert collected["versions"]["pulumi"]
    assert collected["clusters"]["cluster"]["namespaces"][TRUSTEE]["pods"][0]["phase"] == "Running"
    assert path.stat().st_mode & 0o077 == 0
    printed = capsys.readouterr().out
    assert "osc-must-gather-rhel9:1.12.1" in printed
    assert "Read it before you hand it on" in printed


def test_where_the_secrets_are_not_known_nothing_is_written(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stack / "state").unlink()
    path = stack / "out.json"

    assert main(["support", "--no-preview", "--out", str(path)]) == 1
    assert not path.exists()
    assert "nothing was written" in capsys.readouterr().err


def test_without_a_preview_that_works_the_file_says_why(stack: Path) -> None:
    path = stack / "out.json"

    assert main(["support", "--out", str(path)]) == 0
    assert "notKnown" in json.loads(path.read_text())["plan"]
