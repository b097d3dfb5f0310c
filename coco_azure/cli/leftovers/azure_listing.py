"""What is in a resource group (ARM's ``Resources - List By Resource Group``)."""

from typing import Any
from urllib.parse import quote

from coco_azure.clients.azure import AzureClient


class ListingError(RuntimeError):
    """The group cannot be listed; the message says why and what to do."""


def resources(client: AzureClient, group: str) -> list[dict[str, Any]]:
    """Return every resource of a group, each with ``id``, ``name``, ``type`` and ``createdTime``.

    A group that does not exist has none.

    Raises:
        ListingError: Azure refuses or does not answer.
    """
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - slow to import

    scope = f"/subscriptions/{quote(client.subscription)}/resourceGroups/{quote(group)}"
    try:
        return list(client.pages(f"{scope}/resources", expand="createdTime"))
    except (AzureError, ValueError) as error:
        code = str(getattr(getattr(error, "error", None), "code", None) or "")
        if code == "ResourceGroupNotFound":
            return []
        raise ListingError(_advice(client.subscription, group, code, error)) from error


def _advice(subscription: str, group: str, code: str, error: Exception) -> str:
    message = " ".join(str(error).split())
    problem = f"resource group {group} of subscription {subscription} cannot be listed: {message}"
    if getattr(error, "status_code", None) in (401, 403):
        return f"{problem}. Needed is role Reader on the resource group: az role assignment create --role Reader ..."
    if code == "SubscriptionNotFound":
        return f"{problem}. Name the right one with --subscription: az account show --query id"
    return problem
