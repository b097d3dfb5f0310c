"""ARM ids of settings: in any case and with a slash at the end; what they are made of gets the usual spelling."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.settings import SettingsError, schema
from coco_azure.settings.azure import AzureSettings, ImageId, NsgId, RouteTableId, SubnetId
from tests.unit.trust_stacks import stack

_GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/My-rg/providers"
IDS = {
    "subnetId": f"{_GROUP}/Microsoft.Network/virtualNetworks/Demo-vnet/subnets/worker",
    "nsgId": f"{_GROUP}/Microsoft.Network/networkSecurityGroups/Demo-nsg",
}
_NAMES = ("11111111-2222-3333-4444-555555555555", "My-rg", "Demo-vnet", "Demo-nsg", "worker")
KINDS = {
    SubnetId: ["Microsoft.Network/virtualNetworks/v/subnets/s"],
    NsgId: ["Microsoft.Network/networkSecurityGroups/n"],
    RouteTableId: ["Microsoft.Network/routeTables/r"],
    ImageId: ["Microsoft.Compute/images/i", "Microsoft.Compute/galleries/g/images/i/versions/1.0.0"],
}


def _otherwise(arm_id: str, seed: int) -> str:
    """Return an id with letters of its fixed parts in another case."""
    chance = random.Random(seed)  # noqa: S311 - a test's choice
    parts = [
        part if part in _NAMES else "".join(chance.choice((each.lower(), each.upper())) for each in part)
        for part in arm_id.split("/")
    ]
    return "/".join(parts)


@given(st.sampled_from(sorted(IDS)), st.integers(), st.integers(0, 3))
def test_an_id_in_any_case_and_with_slashes_at_its_end_is_the_one_of_the_documentation(
    name: str, seed: int, slashes: int
) -> None:
    written = _otherwise(IDS[name], seed) + "/" * slashes

    result = AzureSettings.model_validate({name: written}).model_dump(by_alias=True)[name]

    assert result == IDS[name]


@pytest.mark.parametrize("kind", KINDS, ids=["subnet", "nsg", "route table", "image"])
def test_every_kind_of_id_takes_its_own_types_and_no_other(kind: object) -> None:
    (validator,) = kind.__metadata__  # type: ignore[attr-defined]
    for other, types in KINDS.items():
        for each in types:
            if other is kind:
                assert validator.spelled(f"{_GROUP}/{each}".lower()).lower() == f"{_GROUP}/{each}".lower()
            else:
                with pytest.raises(ValueError, match=r"^needed "):
                    validator.spelled(f"{_GROUP}/{each}")


@pytest.mark.parametrize(
    "wrong",
    ["", "/", "worker", IDS["nsgId"], IDS["subnetId"].removeprefix("/"), f"{IDS['subnetId']} {IDS['subnetId']}"],
)
def test_what_is_no_id_of_a_subnet_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="exactly one ARM id of a subnet"):
        stack({"azure": {"subnetId": wrong}})


@given(st.integers(), st.integers(0, 2))
def test_the_schema_for_editors_takes_what_the_program_takes(seed: int, slashes: int) -> None:
    pattern = schema.document()["$defs"]["AzureSettings"]["properties"]["subnetId"]["pattern"]

    assert re.search(pattern, _otherwise(IDS["subnetId"], seed) + "/" * slashes)
    assert not re.search(pattern, IDS["nsgId"])
