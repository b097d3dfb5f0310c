"""The provider of a cluster: what it may do to objects that exist, and which kubeconfig it takes."""

import os

import pytest

from tests.unit.recording import Run, run_program


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program({"trustee": {"cluster": {"context": "trusted"}, "operator": {"version": "0.3.0"}}})


@pytest.mark.parametrize("name", ["cluster", "trustee-cluster"])
def test_changed_data_of_config_maps_and_secrets_is_an_update_and_what_exists_is_taken_over(
    run: Run, name: str
) -> None:
    result = run.registrations[name].inputs

    # A replacement would take what KBS or CAA reads away from under it.
    assert result["enableConfigMapMutable"] in (True, "true")
    assert result["enableSecretMutable"] in (True, "true")
    assert result["upsertExistingObjects"] in (True, "true")


@pytest.mark.parametrize("listed", [True, False])
def test_a_list_in_kubeconfig_is_left_to_the_provider_which_reads_it_as_oc_does(
    monkeypatch: pytest.MonkeyPatch, *, listed: bool
) -> None:
    """The SDK would hand the variable over as a setting, and the provider take a list for the content of a file."""
    monkeypatch.setenv(
        "KUBECONFIG", os.pathsep.join(["/nope/other", "/some/kubeconfig"]) if listed else "/some/kubeconfig"
    )

    result = run_program({"cluster": {"context": "admin"}}).registrations

    assert result["cluster"].inputs.get("kubeconfig") == (None if listed else "/some/kubeconfig")
    assert result["cluster"].inputs["context"] == "admin"


def test_a_kubeconfig_of_the_settings_is_taken_whatever_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["/one", "/other"]))

    result = run_program({"cluster": {"kubeconfig": "mine"}}).registrations

    assert result["cluster"].inputs["kubeconfig"] == "mine"
