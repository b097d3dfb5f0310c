"""The resources of Azure have the inputs that azure-native's own classes have."""

import re
from pathlib import Path

import pulumi_azure_native
import pytest

from tests.unit.azure_stacks import BOTH, azure_resources
from tests.unit.recording import Registration

MODULES = {
    "azure-native:network:Subnet": "network/subnet.py",
    "azure-native:network:NatGateway": "network/nat_gateway.py",
    "azure-native:network:PublicIPAddress": "network/public_ip_address.py",
    "azure-native:authorization:RoleAssignment": "authorization/role_assignment.py",
}


def _inputs(module: str) -> set[str]:
    """Return the inputs of a resource, read from its module's text: importing it takes four seconds."""
    text = (Path(pulumi_azure_native.__file__).parent / module).read_text(encoding="utf-8")
    arguments = text[: text.index("pulumi.CustomResource)")]
    result = re.findall(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n    def (\w+)\(', arguments)
    return {name or attribute for name, attribute in result}


@pytest.fixture(scope="module")
def made() -> list[Registration]:
    return list(azure_resources(BOTH).values())


@pytest.mark.parametrize("token", MODULES)
def test_each_input_is_one_of_azure_natives(token: str, made: list[Registration]) -> None:
    items = [resource for resource in made if resource.request.type == token]

    assert items
    for resource in items:
        assert resource.inputs.keys() <= _inputs(MODULES[token])
