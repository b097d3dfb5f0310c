"""Which ports the Trustee operator may close to KBS, and what a stack is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure import names
from coco_azure.formats.kbs import tdx
from coco_azure.trust.chain import Chain, Versions, build
from coco_azure.trust.early import warnings
from coco_azure.versions import profiles
from coco_azure.versions.profiles import TRUSTEE
from tests.unit.trust_stacks import PLACE, stack

_PATH = "/sgx/certification/v4/"
_PCCS = f"https://pccs.example.com:8081{_PATH}"
_minor = st.tuples(st.integers(0, 3), st.integers(0, 9))


def _csv(version: str) -> str:
    return f"{names.TRUSTEE_PACKAGE}.v{version}"


def _chain(version: str, tdx_settings: dict[str, str]) -> Chain:
    minor = version.rpartition(".")[0]
    profile = TRUSTEE.get(minor, TRUSTEE["1.2"])
    versions = Versions(osc=None, trustee=profile, csv={names.TRUSTEE_PACKAGE: _csv(version)})
    return build(stack({"trustee": {"tdx": tdx_settings}}), versions, PLACE)


def _messages(version: str, **tdx_settings: str) -> list[str]:
    return list(warnings(stack({"trustee": {"tdx": tdx_settings}}), _chain(version, tdx_settings)))


@given(_minor, st.integers(0, 9), st.sampled_from(["", "-1755000000", "+0.1"]))
def test_releases_that_were_read_close_nothing_and_later_ones_may(
    minor: tuple[int, int], patch: int, suffix: str
) -> None:
    later = (*minor, patch) > (1, 2, 1)

    assert tdx.may_close(_csv(f"{minor[0]}.{minor[1]}.{patch}{suffix}")) is later


@given(st.integers(1, 65535))
def test_the_port_of_an_address_is_the_one_it_names_or_that_of_https(port: int) -> None:
    assert tdx.port_of(f"https://pccs.example.com:{port}{_PATH}") == port
    assert tdx.port_of(f"https://pccs.example.com{_PATH}") == tdx.PORT
    assert tdx.port_of("https://pccs.example.com:99999/") == 0


@pytest.mark.parametrize("version", ["0.3.0", "1.1.0", "1.2.1"])
def test_a_pccs_at_its_usual_port_is_not_warned_about_where_the_operator_lets_kbs_out(version: str) -> None:
    assert _messages(version, pccsUrl=_PCCS) == []


@pytest.mark.parametrize("version", ["1.2.2", "1.3.0", "2.0.0"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("pccsUrl", {"pccsUrl": _PCCS}),
        ("collateralService", {"pccsUrl": tdx.AZURE_CACHE, "collateralService": _PCCS}),
    ],
)
def test_what_kbs_asks_at_another_port_is_warned_about_where_the_operator_may_close_it(
    version: str, name: str, settings: dict[str, str]
) -> None:
    (warning,) = _messages(version, **settings)

    assert warning.startswith(f"trustee.tdx.{name} is {_PCCS}, and {_csv(version)} may keep KBS from it")
    assert warning.endswith(f"pulumi config set --path coco-azure:trustee.tdx.{name} {tdx.AZURE_CACHE}")


@pytest.mark.parametrize("version", ["1.2.2", "1.3.0"])
def test_port_443_is_never_warned_about(version: str) -> None:
    assert _messages(version, pccsUrl=tdx.AZURE_CACHE) == []
    # KBS does not ask the PCCS where another service stands in its place.
    assert _messages(version, pccsUrl=_PCCS, collateralService=tdx.AZURE_CACHE) == []


def test_a_stack_without_tdx_is_told_nothing() -> None:
    versions = Versions(osc=None, trustee=TRUSTEE["1.2"], csv={names.TRUSTEE_PACKAGE: _csv("1.3.0")})

    assert list(warnings(stack(), build(stack(), versions, PLACE))) == []


@given(_minor, st.integers(0, 99))
def test_a_release_is_read_from_the_name_of_its_csv(minor: tuple[int, int], patch: int) -> None:
    number = ".".join(map(str, minor))

    assert profiles.release(_csv(f"{number}.{patch}")) == (number, patch)
    assert profiles.minor_version(_csv(f"{number}.{patch}-1")) == number
