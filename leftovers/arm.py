"""What is in a resource group, from Azure Resource Manager (REST, ``Resources - List By Resource Group``)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from leftovers import web

ENDPOINT = "https://management.azure.com"
_API_VERSION = "2021-04-01"
_MOST_PAGES = 1000


class ArmError(RuntimeError):
    """The group cannot be listed; the message says why and what to do."""


def resources(
    endpoint: str, subscription: str, group: str, token: str, get: Callable[[str, str], Any] = web.get
) -> list[dict[str, Any]]:
    """Return every resource of a group, each with ``id``, ``name``, ``type`` and ``createdTime``.

    A group that does not exist has none.

    Raises:
        ArmError: Azure refuses or does not answer.
    """
    place = f"/subscriptions/{quote(subscription)}/resourceGroups/{quote(group)}/resources"
    query = {"api-version": _API_VERSION, "$expand": "createdTime"}
    url: str | None = f"{endpoint.rstrip('/')}{place}?{urlencode(query)}"
    found: list[dict[str, Any]] = []
    for _ in range(_MOST_PAGES):
        if url is None:
            break
        try:
            page = get(url, token)
        except web.WebError as error:
            if error.code == "ResourceGroupNotFound":
                return []
            raise ArmError(_advice(subscription, group, error)) from error
        found += page["value"]
        url = _next(endpoint, page.get("nextLink"))
    return found


def _next(endpoint: str, link: str | None) -> str | None:
    """Return the next page's URL; the token goes to no other host than the one that was asked."""
    if not link:
        return None
    if urlsplit(link).netloc != urlsplit(endpoint).netloc:
        raise ArmError(
            f"Azure names the next page at {urlsplit(link).netloc}, which is not {urlsplit(endpoint).netloc}"
        )
    return link


def _advice(subscription: str, group: str, error: web.WebError) -> str:
    said = f"resource group {group} of subscription {subscription} cannot be listed: {error}"
    if error.status in (401, 403):
        return f"{said}. Needed is role Reader on the resource group: az role assignment create --role Reader ..."
    if error.code == "SubscriptionNotFound":
        return f"{said}. Name the right one with --subscription: az account show --query id"
    return said
