"""``./coco-azure backup``: what brings Trustee back, where it is, and whether it can be read."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from coco_azure.cli import CommandContext, main
from coco_azure.clients import kubernetes
from tests.unit.fake_cluster import FakeCluster

PASSWORD, VAULT = "hunter2-of-ours", "/api/v1/namespaces/trustee-operator-system/secrets"
SETTINGS: Mapping[str, Any] = {
    "clientSecrets": {
        "db": {"password": PASSWORD, "certificateFile": PASSWORD, "ca": {"file": "ca.pem"}},
        "vault": {"existing": {"keys": ["token"]}},
        "many": {"glob": "many/*.txt"},
    },
    "initdata": {"agentPolicyFile": "policy.rego", "workloads": {"cart": {"agentPolicyFile": "cart.rego"}}},
}
_PULUMI = """\
#!/bin/sh
case "$*" in
  *"--show-name"*) echo prod ;;
  *export*--show-secrets*)
    [ -e "$FOLDER/locked" ] && { echo "error: incorrect passphrase" >&2; exit 1; }
    cat "$FOLDER/state" ;;
  *export*) cat "$FOLDER/state" ;;
  *config*) cat "$FOLDER/config" ;;
  *output*) echo '{"trusteeUrl": "https://kbs-service.apps.one.example.com"}' ;;
  *) exit 1 ;;
esac
"""
Backup = Callable[..., tuple[int, str]]


@pytest.fixture
def backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Backup:
    """Runs the command in a folder that has what the settings name; returns exit code and what it printed."""
    for name in ("ca.pem", "policy.rego", "cart.rego", "Pulumi.prod.yaml"):
        (tmp_path / name).write_text("text\n")
    (tmp_path / "many").mkdir()
    (tmp_path / "many/one.txt").write_text("one")
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    urn = "urn:pulumi:prod::coco-azure::coco-azure:index:TrusteeStack$pulumi:index:Stash::"
    stashes = [
        {"type": "pulumi:index:Stash", "urn": f"{urn}trustee-content-sealing-key", "outputs": {"output": secret}},
        {"type": "pulumi:index:Stash", "urn": f"{urn}peer-pods-rolled-out", "outputs": {"output": "in plain text"}},
    ]
    state = {"deployment": {"secrets_providers": {"type": "passphrase"}, "resources": stashes}}
    (tmp_path / "state").write_text(json.dumps(state))
    program = tmp_path / "pulumi"
    program.write_text(_PULUMI)
    program.chmod(0o755)
    cluster = FakeCluster()
    cluster.lists[VAULT] = [{"metadata": {"name": "vault"}, "data": {"token": "eA=="}}]
    monkeypatch.setattr(kubernetes, "connect", lambda _: cluster)
    variables = {**os.environ, "FOLDER": str(tmp_path), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    monkeypatch.setenv("PATH", variables["PATH"])

    def run(*options: str, **changes: Any) -> tuple[int, str]:
        values = {**SETTINGS, **changes}
        config = {f"coco-azure:{name}": {"value": json.dumps(value)} for name, value in values.items()}
        (tmp_path / "config").write_text(json.dumps(config))
        code = main(["backup", *options], CommandContext(project=tmp_path, environment=variables))
        return code, "".join(capsys.readouterr())

    return run


def test_it_lists_what_is_where_and_no_value_of_a_secret(backup: Backup) -> None:
    code, text = backup("--json")
    answer = json.loads(text)

    assert code == 0, text
    listed = {(each["place"], each["name"], each["what"]) for each in answer["parts"]}
    assert listed == {
        ("state", "trustee-content-sealing-key", "made once by the program"),
        ("file", "Pulumi.prod.yaml", "the settings; secret ones are encrypted"),
        ("file", "ca.pem", "clientSecrets.db.ca"),
        ("file", "many/*.txt", "clientSecrets.many"),
        ("file", "policy.rego", "initdata.agentPolicyFile"),
        ("file", "cart.rego", "initdata.workloads.cart.agentPolicyFile"),
        ("secret of others", "vault", "keys token of clientSecrets.vault"),
        ("name", "https://kbs-service.apps.one.example.com", "KBS, as initdata of the pods names it"),
    }
    assert answer["openedBy"] == "passphrase"
    assert PASSWORD not in text


def test_for_people_it_ends_with_what_to_keep_and_how(backup: Backup) -> None:
    _, text = backup()

    assert "pulumi stack export --stack prod --file FILE" in text
    assert "what opens it: passphrase (nothing here knows it)" in text
    assert PASSWORD not in text


def test_a_host_of_the_clusters_own_domain_is_told_and_one_of_the_users_is_not(backup: Backup) -> None:
    way = "pulumi config set --path coco-azure:trustee.host HOST"

    assert way in backup()[1]
    assert way not in backup(trustee={"host": "kbs.example.com"})[1]


def test_a_file_that_is_gone_is_told_with_its_setting(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "policy.rego").unlink()
    code, text = backup()

    assert code == 2
    assert "cannot be read: " in text
    assert "initdata.agentPolicyFile" in text.partition("cannot be read: ")[2]


@pytest.mark.parametrize("secrets", [PASSWORD, [PASSWORD], {"db": PASSWORD}, {"db": None}])
def test_secrets_that_are_none_are_told_beside_the_rest(secrets: object, backup: Backup) -> None:
    code, text = backup(clientSecrets=secrets)

    assert code == 2
    assert "clientSecrets" in text.partition("cannot be read: ")[2]
    assert "cart.rego: initdata.workloads.cart.agentPolicyFile" in text
    assert PASSWORD not in text


def test_a_secret_of_others_that_is_not_there_is_told(backup: Backup) -> None:
    code, text = backup(clientSecrets={"other": {"existing": {"keys": ["token"]}}})

    assert code == 2
    assert "there is no Secret other" in text


def test_a_cluster_that_cannot_be_asked_leaves_the_rest(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(kubernetes, "connect", lost)
    code, text = backup()

    assert code == 2
    assert "trustee-content-sealing-key" in text
    assert "Secrets vault could not be looked at: " in text


def test_a_state_that_cannot_be_decrypted_is_no_backup(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "locked").touch()
    code, text = backup()

    assert code == 1
    assert "incorrect passphrase" in text


def test_a_stack_whose_trustee_is_anothers_names_that_one(backup: Backup) -> None:
    code, text = backup(trustee={"stack": "organization/coco-azure/hub"}, clientSecrets={}, initdata={})

    assert code == 1
    assert "coco-azure backup --stack organization/coco-azure/hub" in text
