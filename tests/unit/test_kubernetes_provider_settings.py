"""The stand-in of the Kubernetes provider: its own arguments, and the kubeconfig that they name."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal import pki
from rehearsal.kubernetes_provider.kubeconfig import KubeconfigError, active_cluster, ambient, connect, load
from rehearsal.kubernetes_provider.objects import UNKNOWN
from rehearsal.kubernetes_provider.settings import Settings, changed


def config(server: str = "https://one:6443", **user: Any) -> dict[str, Any]:
    """Return a kubeconfig with two clusters and one user."""
    return {
        "clusters": [
            {"name": "c1", "cluster": {"server": server}},
            {"name": "c2", "cluster": {"server": "https://two:6443"}},
        ],
        "contexts": [
            {"name": "one", "context": {"cluster": "c1", "user": "u"}},
            {"name": "two", "context": {"cluster": "c2", "user": "u", "namespace": "n"}},
        ],
        "users": [{"name": "u", "user": user or {"token": "t0ken"}}],
        "current-context": "one",
    }


def _text(server: str = "https://one:6443", **user: Any) -> str:
    return yaml.safe_dump(config(server, **user))


def test_a_kubeconfig_is_a_path_or_its_content(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(_text(), encoding="utf-8")

    assert load(str(path)) == load(_text()) == config()


def test_paths_in_a_kubeconfig_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    path = tmp_path / "kubeconfig"
    path.write_text(_text(tokenFile="token"), encoding="utf-8")

    assert connect(load(str(path))).headers == {"Authorization": "Bearer from-file"}


def test_a_broken_kubeconfig_is_not_quoted() -> None:
    with pytest.raises(KubeconfigError) as error:
        load("users:\n- token: hunter2\n  }: [")

    assert "hunter2" not in str(error.value)
    assert str(error.value).startswith("yaml: line 3: ")


def test_a_text_that_is_no_kubeconfig_is_refused_in_words_that_the_engine_knows() -> None:
    with pytest.raises(KubeconfigError, match="json: cannot unmarshal string into Go value of type struct"):
        load("/no/such/file")


def test_the_context_decides_cluster_and_namespace() -> None:
    assert connect(config()).server == "https://one:6443"
    assert connect(config()).namespace == "default"
    assert connect(config(), "two").server == "https://two:6443"
    assert connect(config(), "two").namespace == "n"
    assert connect(config(), "two", namespace="mine").namespace == "mine"
    assert connect(config(), cluster="c2").server == "https://two:6443"


def test_an_unknown_context_is_named() -> None:
    with pytest.raises(KubeconfigError, match='context "nope" does not exist'):
        connect(config(), "nope")


def test_a_password_is_sent_as_basic_authentication() -> None:
    expected = base64.b64encode(b"me:pw").decode()

    assert connect(config(username="me", password="pw")).headers == {"Authorization": f"Basic {expected}"}


def test_a_client_certificate_is_used_as_data_and_as_a_file(tmp_path: Path) -> None:
    pki.ensure(tmp_path)
    certificate, key = tmp_path / "pki" / "server.crt", tmp_path / "pki" / "server.key"
    as_files = {"client-certificate": str(certificate), "client-key": str(key)}
    as_data = {f"{name}-data": base64.b64encode(Path(path).read_bytes()).decode() for name, path in as_files.items()}

    assert connect(config(**as_files)).headers == {}
    assert connect(config(**as_data)).headers == {}
    with pytest.raises(KubeconfigError, match="a certificate or key in it cannot be used"):
        connect(config(**{**as_data, "client-key-data": base64.b64encode(b"none").decode()}))
    with pytest.raises(KubeconfigError, match="unable to read client-certificate"):
        connect(config(**{**as_files, "client-certificate": "/no/such/file"}))


def test_programs_that_fetch_credentials_are_not_run() -> None:
    with pytest.raises(KubeconfigError, match='does not run "exec"'):
        connect(config(exec={"command": "touch"}))


def test_a_connection_does_not_show_its_token() -> None:
    assert "t0ken" not in repr(connect(config()))


def test_the_first_file_of_several_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(yaml.safe_dump({"current-context": "two", "clusters": config()["clusters"][:1]}), "utf-8")
    second.write_text(_text("https://other:6443"), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}")

    assert active_cluster(ambient(), "one") == {"server": "https://one:6443"}
    assert connect(ambient()).server == "https://two:6443"


def test_switches_are_taken_as_text_and_as_truth_values() -> None:
    as_text = Settings.of({"kubernetes:config:enableConfigMapMutable": "true"}, {})
    as_truth = Settings.of({}, {"enableConfigMapMutable": True})

    assert as_text == as_truth == Settings(mutable_config_maps=True)


def test_a_switch_of_the_provider_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")

    assert Settings.of({}, {}).patch_force
    assert not Settings.of({"kubernetes:config:enablePatchForce": "false"}, {}).patch_force


def test_upserting_is_switched_on_by_the_provider_or_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Settings.of({}, {}).upsert_existing
    assert Settings.of({"kubernetes:config:upsertExistingObjects": "true"}, {}).upsert_existing

    monkeypatch.setenv("PULUMI_K8S_UPSERT_EXISTING_OBJECTS", "true")
    assert Settings.of({}, {}).upsert_existing


def test_nothing_has_changed_in_the_same_arguments() -> None:
    arguments = {"kubeconfig": _text(), "clusterIdentifier": "a"}

    assert changed(arguments, dict(arguments)) == ([], [])


def test_another_identifier_means_another_cluster() -> None:
    assert changed({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}) == (
        ["clusterIdentifier"],
        ["clusterIdentifier"],
    )


def test_setting_an_identifier_for_the_first_time_replaces_nothing() -> None:
    assert changed({}, {"clusterIdentifier": "a"}) == (["clusterIdentifier"], [])


def test_another_server_means_another_cluster_unless_the_identifier_says_no() -> None:
    old, new = {"kubeconfig": _text()}, {"kubeconfig": _text("https://moved:6443")}
    same = {"clusterIdentifier": "a"}

    assert changed(old, new) == (["kubeconfig"], ["kubeconfig"])
    assert changed({**old, **same}, {**new, **same}) == (["kubeconfig"], [])


def test_another_token_replaces_nothing() -> None:
    assert changed({"kubeconfig": _text()}, {"kubeconfig": _text(token="new")}) == (["kubeconfig"], [])


def test_another_context_is_another_cluster_where_it_names_one() -> None:
    config = {"kubeconfig": _text()}

    assert changed({**config, "context": "one"}, {**config, "context": "two"}) == (["context"], ["context"])


def test_an_unknown_kubeconfig_may_be_another_cluster() -> None:
    assert changed({"kubeconfig": _text()}, {"kubeconfig": UNKNOWN}) == (["kubeconfig"], ["kubeconfig"])
