"""A Secret that somebody else makes: its presence is judged, and nothing of its value is kept."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names, settings
from coco_azure.settings import Settings, SettingsError
from coco_azure.trust import secret_bindings
from tests.unit.fake_cluster import FakeCluster
from tests.unit.recording import ROOT, Recorder, run_program

VALUE = "correct horse battery staple"
ADMIN = (ROOT / "tests/unit/keys/admin.key").read_text()
SECRETS = names.path(names.SECRETS, namespace=names.TRUSTEE_NAMESPACE)


def _settings(**existing: Any) -> Settings:
    described = {"keys": ["password"], **existing}
    return settings.parse({"clientSecrets": {"db": {"existing": described}}}, Path())


def _cluster(**data: str) -> FakeCluster:
    cluster = FakeCluster()
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    cluster.lists[SECRETS] = [{"metadata": {"name": "db", "namespace": names.TRUSTEE_NAMESPACE}, "data": encoded}]
    return cluster


def test_a_secret_that_is_there_with_its_keys_is_no_problem() -> None:
    stack = _settings()
    secrets = secret_bindings.read_existing(_cluster(password=VALUE), stack)

    assert secret_bindings.existing_problems(stack, secrets) == []
    assert VALUE not in str(secrets)


def test_a_secret_that_is_missing_is_a_problem_with_its_way_out() -> None:
    stack = _settings()

    (problem,) = secret_bindings.existing_problems(stack, secret_bindings.read_existing(FakeCluster(), stack))

    assert "there is no Secret db in namespace trustee-operator-system" in problem
    assert "createNamespace false" in problem


@pytest.mark.parametrize("data", [{"user": "x"}, {"user": "x", "password": ""}])
def test_a_key_without_a_value_is_a_problem(data: dict[str, str]) -> None:
    stack = _settings()

    (problem,) = secret_bindings.existing_problems(stack, secret_bindings.read_existing(_cluster(**data), stack))

    assert "names password, which Secret db has no value for (it has: user)" in problem


def test_another_value_is_another_digest_where_it_is_to_roll_kbs_out() -> None:
    def rolling(value: str, **existing: Any) -> dict[str, str]:
        stack = _settings(**existing)
        return secret_bindings.rolling(stack, secret_bindings.read_existing(_cluster(password=value), stack))

    assert rolling("one") == rolling("one") != rolling("two")
    assert rolling("one", rollOut=False) == {}


@pytest.mark.parametrize(
    ("existing", "words"),
    [
        ({"keys": []}, "existing.keys is"),
        ({"keys": "password"}, "existing.keys is"),
        ({"keys": [1]}, "existing.keys is"),
        ({"keys": ["password"], "rollOut": "no"}, "existing.rollOut is"),
        ({"keys": ["password"], "namespace": "x"}, "existing has namespace"),
        ({"keys": [".password"]}, "a secret key"),
    ],
)
def test_a_wrong_description_is_an_error(existing: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings.parse({"clientSecrets": {"db": {"existing": existing}}}, Path())


def test_a_key_may_still_be_called_existing() -> None:
    stack = settings.parse(
        {"clientSecrets": {"db": {"existing": "value"}, "web": {"existing": {"generate": True}}}}, Path()
    )

    assert not any(each.existing for keys in stack.client_secrets.values() for each in keys.values())


def test_the_check_does_not_prove_itself_with_it() -> None:
    config = {
        "clientSecrets": {"db": {"existing": {"keys": ["password"]}}},
        "attestationCheck": {"resource": "default/db/password"},
    }
    with pytest.raises(SettingsError, match="whose Secret somebody else makes"):
        settings.parse(config, Path())


def _run(value: str, **existing: Any) -> Any:
    described = {"keys": ["password"], **existing}
    config = {
        "trustee": {"adminPrivateKey": ADMIN, "signTokens": False},
        "clientSecrets": {"db": {"existing": described}, "kbsres1": {"key1": "one", "key2": "two"}},
    }
    return run_program(config, Recorder(cluster=_cluster(password=value)))


def test_kbs_serves_it_and_the_stack_makes_no_secret_of_it_and_keeps_no_value() -> None:
    run = _run(VALUE)

    assert "db" in run.objects()["KbsConfig trustee-operator-system/kbsconfig"]["spec"]["kbsSecretResources"]
    assert "Secret trustee-operator-system/db" not in run.objects()
    everything = json.dumps([run.exports, [each.inputs for each in run.registrations.values()]], default=str)
    assert VALUE not in everything
    assert base64.b64encode(VALUE.encode()).decode() not in everything
    assert run.exports["attestationChecks"]["default/db/password"] == {}


def test_its_change_rolls_kbs_out_or_not_as_the_setting_says() -> None:
    serves = {value: _run(value).exports["trusteeContent"] for value in ("one", "two")}
    still = {value: _run(value, rollOut=False).exports["trusteeContent"] for value in ("one", "two")}

    assert serves["one"] != serves["two"]
    assert still["one"] == still["two"]


def test_without_it_nothing_is_registered() -> None:
    with pytest.raises(Exception, match="there is no Secret db"):
        run_program({"clientSecrets": {"db": {"existing": {"keys": ["password"]}}}})
