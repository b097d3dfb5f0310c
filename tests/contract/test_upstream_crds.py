"""A real API server with the upstream CRDs accepts every object that the program makes, under strict validation."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from rehearsal.rest import ApiError
from tests import reality
from tests.contract.api import Objects
from tests.contract.stacks import KBS_CONFIG, PRODUCTION, TDX, made
from tests.contract.upstream import plan, upstream
from tests.unit.components.test_program_objects import CONFIGURATIONS, VERSIONS
from tests.unit.recording import Recorder

STRICT = "dryRun=All&fieldValidation=Strict"
NEWER: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    **{name: (CONFIGURATIONS[name], trustee, osc) for name, (osc, trustee) in VERSIONS.items()},
    "defaults of 0.4 and 1.10": (CONFIGURATIONS["defaults"], "0.4.2", "1.10.3"),
    "defaults of 1.0 and 1.11": (CONFIGURATIONS["defaults"], "1.0.0", "1.11.0"),
    "defaults of 1.1 and 1.11": (CONFIGURATIONS["defaults"], "1.1.0", "1.11.1"),
    "defaults of 1.2 and 1.12": (CONFIGURATIONS["defaults"], "1.2.1", "1.12.1"),
    "production of 1.0 and 1.11": (PRODUCTION, "1.0.0", "1.11.0"),
    "production of 1.1 and 1.11": (PRODUCTION, "1.1.0", "1.11.1"),
    "production of 1.2 and 1.12": (PRODUCTION, "1.2.1", "1.12.1"),
    "TDX of 1.2 and 1.12": (TDX, "1.2.1", "1.12.1"),
}
"""Settings, version of Trustee, version of OSC."""

pytestmark = [
    pytest.mark.engine,
    reality.CRDS.needed,
]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    with upstream(tmp_path_factory.mktemp("upstream"), "trustee-0.3") as opened:
        yield opened


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    with upstream(tmp_path_factory.mktemp("newer"), "trustee-1.2") as opened:
        yield opened


def _refused(objects: Objects, values: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Return what the API server says to the objects that it does not take as they are."""
    for title, value in values.items():
        if title.startswith("Namespace "):
            objects.apply(value)
        if title.startswith("InstallPlan "):
            objects.apply(plan(value), manager="olm")
    refused = {}
    for title, value in values.items():
        try:
            if title.split()[0] in ("Namespace", "InstallPlan") or title.split()[0].endswith("Patch"):
                objects.apply(value, STRICT)
            else:
                objects.create(value, STRICT)
        except ApiError as error:
            refused[title] = str(error)
    return refused


@pytest.mark.parametrize("config", sorted(CONFIGURATIONS.keys() - VERSIONS.keys()))
def test_every_object_passes_strict_validation(objects: Objects, config: str) -> None:
    result = made(CONFIGURATIONS[config])

    assert _refused(objects, result) == {}
    assert len(result) > 15


def test_every_object_of_a_production_stack_with_passthrough_passes(objects: Objects) -> None:
    result = made(PRODUCTION)

    assert _refused(objects, result) == {}
    assert result[KBS_CONFIG]["spec"]["kbsHttpsKeySecretName"] == "kbs-https-key"


@pytest.mark.parametrize("what", NEWER)
def test_every_object_of_newer_versions_passes_with_their_crds(newer: Objects, what: str) -> None:
    config, trustee, osc = NEWER[what]
    result = made(config, Recorder(osc=osc, trustee=trustee))

    assert _refused(newer, result) == {}
    assert len(result) > 15


def test_the_collateral_services_config_map_of_0_3_would_be_noticed_by_1_2(objects: Objects, newer: Objects) -> None:
    kbs = {KBS_CONFIG: made(TDX)[KBS_CONFIG]}

    assert _refused(objects, kbs) == {}
    assert 'unknown field "spec.tdxConfigSpec"' in _refused(newer, kbs)[KBS_CONFIG]


def test_an_unknown_field_would_be_noticed(objects: Objects) -> None:
    kata = made(CONFIGURATIONS["defaults"])["KataConfig example-kataconfig"]
    kata["spec"]["enablePeerPod"] = True

    with pytest.raises(ApiError, match="unknown field"):
        objects.create(kata, STRICT)


def test_a_wrong_type_would_be_noticed(objects: Objects) -> None:
    kbs = made(CONFIGURATIONS["defaults"])[KBS_CONFIG]
    kbs["spec"]["kbsSecretResources"] = "kbsres1"

    with pytest.raises(ApiError, match="kbsSecretResources"):
        objects.create(kbs, STRICT)


def test_an_approval_of_a_wrong_type_would_be_noticed(objects: Objects) -> None:
    title, approval = next(
        each for each in made(CONFIGURATIONS["everything"]).items() if each[0].startswith("InstallPlan ")
    )
    approval["spec"]["approved"] = "true"

    assert "spec.approved" in _refused(objects, {title: approval})[title]
