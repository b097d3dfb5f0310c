"""The providers of a cluster: what each of them may do to objects that exist."""

import pytest

from tests.unit.recording import Run, run_program


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program({"trustee": {"cluster": {"context": "trusted"}, "operator": {"version": "0.3.0"}}})


@pytest.mark.parametrize("name", ["cluster", "trustee-cluster"])
def test_changed_data_of_config_maps_and_secrets_is_an_update_and_what_exists_is_taken_over(
    run: Run, name: str
) -> None:
    said = run.registrations[name].inputs

    # A replacement would take what KBS or CAA reads away from under it.
    assert said["enableConfigMapMutable"] in (True, "true")
    assert said["enableSecretMutable"] in (True, "true")
    assert said["upsertExistingObjects"] in (True, "true")


@pytest.mark.parametrize("name", ["cluster-without-dry-run", "trustee-cluster-upserting"])
def test_other_providers_only_apply_onto_what_exists(run: Run, name: str) -> None:
    said = run.registrations[name].inputs

    assert said["upsertExistingObjects"] in (True, "true")
    assert not {"enableConfigMapMutable", "enableSecretMutable"} & said.keys()
