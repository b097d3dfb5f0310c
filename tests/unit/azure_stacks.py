"""Stacks that make something in Azure, and what they register there."""

from collections.abc import Mapping
from typing import Any

from tests.unit.recording import Recorder, Registration, run_program
from tests.unit.trust_stacks import changed

UUID = "99999999-8888-7777-6666-555555555555"
CLIENT_SECRET = "correct~horse~battery"
GATEWAY = {"zone": "1", "publicIpZones": ["1", "2", "3"], "idleMinutes": 10}
OWN = {"addressRange": "10.1.64.0/24", "natGateway": GATEWAY, "tags": {"cost-centre": "4711"}}
PRINCIPAL = {"servicePrincipal": {"clientId": UUID, "clientSecret": CLIENT_SECRET}}
OFF: dict[str, Any] = {"preflight": {"mode": "off"}}
SUBNET: dict[str, Any] = {**OFF, "azure": {"ownSubnet": OWN}}
ROLES: dict[str, Any] = {**OFF, "azure": {"roles": "assign", "credentials": {**PRINCIPAL, "objectId": UUID}}}
BOTH: dict[str, Any] = changed(ROLES, azure__ownSubnet=OWN)


def azure_resources(config: Mapping[str, Any], answers: Recorder | None = None) -> dict[str, Registration]:
    """Return what the program registers in Azure, by name."""
    result = run_program(config, answers).registrations
    return {name: each for name, each in result.items() if each.request.type.startswith("azure-native:")}
