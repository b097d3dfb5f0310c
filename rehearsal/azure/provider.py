"""A stand-in for pulumi-azure-native: ``python -m rehearsal.azure.provider``.

It answers exactly the functions that the program asks for (tokens ``azure-native:network:get...``, properties in
camelCase as in azure-native 3.29.0) from a described subscription, and knows no resources.
"""

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    InvokeResponse,
    Provider,
)
from pulumi.provider.experimental.server import main

from rehearsal.azure.subscription import Subscription

_Answer = Callable[[Subscription, Mapping[str, str]], dict[str, Any]]

FUNCTIONS: Mapping[str, _Answer] = {
    "azure-native:network:getVirtualNetwork": lambda found, asked: found.virtual_network(
        asked["resourceGroupName"], asked["virtualNetworkName"]
    ),
    "azure-native:network:getSubnet": lambda found, asked: found.subnet(
        asked["resourceGroupName"], asked["virtualNetworkName"], asked["subnetName"]
    ),
    "azure-native:network:getNetworkSecurityGroup": lambda found, asked: found.network_security_group(
        asked["resourceGroupName"], asked["networkSecurityGroupName"]
    ),
}
"""Every function that is answered, by its token."""


class AzureNative(Provider):
    """Look-ups in one described subscription."""

    def __init__(self) -> None:
        self._subscription = Subscription.described()

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """Take the provider's inputs as they are."""
        return CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: DiffRequest) -> DiffResponse:  # noqa: ARG002
        """Never replace the provider."""
        return DiffResponse(changes=False)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Refuse another subscription than the described one, as Azure would.

        Raises:
            ValueError: with Azure's message.
        """
        said = request.args.get("subscriptionId")
        asked = said.value if said is not None else None
        if isinstance(asked, str) and asked != self._subscription.id:
            raise ValueError(f'Code="SubscriptionNotFound" Message="The subscription \'{asked}\' could not be found."')
        return ConfigureResponse(accept_secrets=True, supports_preview=True, accept_outputs=True)

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        """Answer one look-up.

        Raises:
            NotImplementedError: a function that this stand-in does not have.
            NotThereError: Azure has no such resource.
        """
        function = FUNCTIONS.get(request.tok)
        if function is None:
            raise NotImplementedError(
                f"{request.tok} is not among the functions of this rehearsal's Azure: {', '.join(FUNCTIONS)}"
            )
        asked = {name: str(value.value) for name, value in request.args.items()}
        answer = function(self._subscription, asked)
        return InvokeResponse(return_value={name: PropertyValue(value) for name, value in _wrapped(answer).items()})


def _wrapped(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in answer.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: PropertyValue(_value(part)) for name, part in value.items()}
    if isinstance(value, list):
        return [PropertyValue(_value(part)) for part in value]
    return value


if __name__ == "__main__":
    main(sys.argv[1:], version("pulumi-azure-native"), AzureNative())
