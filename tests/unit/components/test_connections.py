"""The provider of a cluster: what it may do to objects that exist, and which kubeconfig it takes."""

import os

import pytest

from tests.unit.recording import run_program


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
