"""Whether Azure lets the operators do something with the credentials that they have."""

from collections.abc import Iterable, Mapping

from rehearsal.azure import roles
from rehearsal.azure.subscription import Subscription

MAKES_VM = ("Microsoft.Compute/virtualMachines/write", "Microsoft.Network/networkInterfaces/write")
MAKES_IMAGE = ("Microsoft.Compute/galleries/write", "Microsoft.Compute/galleries/images/versions/write")
JOINS_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
JOINS_NSG = "Microsoft.Network/networkSecurityGroups/join/action"


def refusal(azure: Subscription, environment: Mapping[str, str], asked: Iterable[tuple[str, str]]) -> str | None:
    """Return Azure's answer to who may not sign in, or may not do one of these things; None: nothing is in the way.

    Of a client that the description does not know, nothing is known: it may do everything.

    Args:
        azure: the subscription.
        environment: ``AZURE_CLIENT_ID`` and ``AZURE_CLIENT_SECRET``, or ``AZURE_FEDERATED_TOKEN_FILE``.
        asked: actions, each with its scope.
    """
    client = environment.get("AZURE_CLIENT_ID", "")
    principal = roles.principals(azure.content).get(client)
    if principal is None:
        return None
    secret, known = environment.get("AZURE_CLIENT_SECRET"), azure.secrets_of(client)
    if not environment.get("AZURE_FEDERATED_TOKEN_FILE") and known and secret not in known:
        return f"AADSTS7000215: Invalid client secret provided for app '{client}'."
    every = azure.resources().values()
    for action, scope in asked:
        if not roles.allows(roles.granted(azure.content, every, principal, scope), action):
            return (
                f"AuthorizationFailed: The client '{client}' with object id '{principal}' does not have authorization "
                f"to perform action '{action}' over scope '{scope}' or the scope is invalid."
            )
    return None
