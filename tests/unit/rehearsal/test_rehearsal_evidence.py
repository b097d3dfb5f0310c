"""The simulated evidence has the shape that the real verifiers give it."""

import json
from typing import Any

import pytest

from rehearsal.kubelet import evidence
from tests import reality


def _shape(value: Any) -> Any:
    return {key: _shape(part) for key, part in value.items()} if isinstance(value, dict) else type(value)


@reality.CLAIMS.needed
def test_the_claims_of_snp_have_the_shape_of_real_ones() -> None:
    real = json.loads(reality.CLAIMS.path.read_text())
    result = evidence.of("Standard_DC2as_v5", None)

    assert result is not None
    assert _shape(dict(result.claims)) == _shape(real)
    assert len(result.claims["measurement"]) == len(real["measurement"])


@pytest.mark.parametrize(
    ("size", "tee"),
    [
        ("Standard_DC2as_v5", "az-snp-vtpm"),
        ("Standard_EC4as_v5", "az-snp-vtpm"),
        ("Standard_EC4eds_v5", "az-tdx-vtpm"),
        ("Standard_DC2es_v5", "az-tdx-vtpm"),
        ("Standard_D2s_v5", None),
        ("", None),
    ],
)
def test_the_vm_size_decides_the_tee(size: str, tee: str | None) -> None:
    assert evidence.tee_of(size) == tee


def test_pcr_8_is_the_measured_initdata() -> None:
    measured, nothing = (evidence.of("Standard_DC2as_v5", digest) for digest in ("52af3178dd7a" + "00" * 42, None))
    assert measured is not None
    assert nothing is not None

    assert measured.claims["init_data"] == measured.claims["tpm"]["pcr08"] != "00" * 32
    assert nothing.claims["tpm"]["pcr08"] == "00" * 32


def test_the_measurements_of_the_image_are_those_that_its_machines_prove() -> None:
    result = evidence.of("Standard_DC2es_v5", None)
    assert result is not None
    measurements = evidence.measurements()

    assert set(measurements) == {3, 4, 7, 9, 11, 12}
    assert len({*measurements.values(), "00" * 32}) == 7
    assert all(result.claims["tpm"][f"pcr{number:02}"] == value for number, value in measurements.items())


def test_debugging_shows_in_the_claims_of_both_tees_and_nothing_else_does() -> None:
    for size, path in (("Standard_DC2as_v5", "policy_debug_allowed"), ("Standard_DC2es_v5", "td_attributes")):
        genuine = evidence.of(size, None)
        assert genuine is not None
        debugged = evidence.changed(genuine, "debug")
        assert debugged.claims[path] != genuine.claims[path]
        assert debugged.claims["tpm"] == genuine.claims["tpm"]
        assert evidence.changed(genuine, "sample").tee == "sample"
        with pytest.raises(ValueError, match="sample, debug"):
            evidence.changed(genuine, "honest")
