"""What the pre-flight asks of Azure: everything at the same time, and nothing that changes anything.

Whatever Azure does not answer becomes a pair of ``AzureFacts.unknown`` and is not judged; no answer ends a run.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from coco_azure.clients.arm_ids import group_of, is_managed_image, name_of, same, subscription_of
from coco_azure.clients.azure import ROLE_ASSIGNMENTS, AzureClient
from coco_azure.formats.shown import beginning
from coco_azure.inventory import arm_answers as azure_read
from coco_azure.inventory.arm_answers import Json
from coco_azure.inventory.azure_facts import AzureFacts, AzureImage, Grant, Size, Subnet, Usage, Vnet
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.inventory.requirements import Requirements

T = TypeVar("T")
_AT_ONCE = 10
_NOT_FOUND = 404
_LONGEST = 200
_MOST_SCORES = 5
"""Sizes that one request for placement scores may name."""
_ID = re.compile(r"/subscriptions/[^\s'\"]*/([^/\s'\"]+)", re.IGNORECASE)
_SKUS = "/subscriptions/{subscription}/providers/Microsoft.Compute/skus?api-version=2021-07-01"
_SCORES = (
    "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{region}/placementScores/spot/generate"
    "?api-version=2025-06-05"
)


class _Asking:
    """Questions that are under way, each in a thread, and what could not be asked."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self.unknown: list[tuple[str, str]] = []

    def __call__(self, check: str, what: str, question: Callable[[], T]) -> "Future[T | None]":
        """Ask; a failure comes to None, and is noted under the check's name."""

        def answer() -> T | None:
            try:
                return question()
            except Exception as error:  # noqa: BLE001 - clients raise of every kind, and none may end the run
                self.unknown.append((check, f"{what}: {reason(error)}"))
                return None

        return self._pool.submit(answer)


def gather(client: AzureClient, target: PodVmTarget, requirements: Requirements, principal: str = "") -> AzureFacts:
    """Return what Azure says of a place.

    Args:
        client: clients of the subscription of the pod VMs.
        requirements: what the stack wants; decides what is asked.
        principal: object id of the operators' identity, whose roles are asked for; empty: they are not.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asking = _Asking(pool)
        sizes = asking("sizes", "VM sizes", lambda: _sizes(client, target.region))
        usages = asking("quota", "quotas", lambda: _usages(client, target.region))
        scores = pool.submit(_scores, client, target.region, requirements)
        picture = (
            asking("image", "the image", lambda: _image(client, requirements.image_id))
            if requirements.image_id
            else None
        )
        grants = None
        if principal:
            grants = asking("roles", "role assignments", lambda: _grants(client, target, requirements, principal))
        return AzureFacts(
            subscription=target.subscription,
            region=target.region,
            resource_group=target.resource_group,
            pod_nsg_id=target.nsg_id,
            principal=principal,
            **(_network(client, asking, target) if target.vnet_id else {}),
            sizes=sizes.result(),
            usages=usages.result(),
            capacity=scores.result(),
            image=picture.result() if picture else None,
            grants=grants.result() if grants else None,
            # Last: by now everything has been answered.
            unknown=tuple(asking.unknown),
        )


def _network(client: AzureClient, asking: _Asking, target: PodVmTarget) -> Mapping[str, Any]:
    """Return the fields of ``AzureFacts`` that are of the network: the VNet first, then at once whatever it names."""

    def read(check: str, what: str, arm_id: str, fact: Callable[[Json], T]) -> "Future[T | None]":
        return asking(check, f"{what} {name_of(arm_id)}", lambda: fact(client.get(arm_id)))

    vnet = read("subnet", "VNet", target.vnet_id, azure_read.vnet).result()
    if vnet is None:
        return {}
    subnet, workers = _of(vnet, target.subnet_id), _of(vnet, target.workers_id)
    ids = {target.nsg_id, *(each.nsg_id for each in (subnet, workers) if each)} - {""}
    nsgs = {each.lower(): read("nsg-rules", "NSG", each, azure_read.nsg) for each in ids}
    nat_id, routes_id = (subnet.nat_gateway_id, subnet.route_table_id) if subnet else ("", "")
    nat = read("outbound", "NAT gateway", nat_id, azure_read.nat_gateway) if nat_id else None
    routes = read("outbound", "route table", routes_id, azure_read.route_table) if routes_id else None
    return {
        "vnet": vnet,
        "subnet": subnet,
        "workers": workers,
        "nsgs": {key: answer for key, asked in nsgs.items() if (answer := asked.result()) is not None},
        "nat": nat.result() if nat else None,
        "routes": routes.result() if routes else None,
    }


def _of(vnet: Vnet, subnet_id: str) -> Subnet | None:
    return next((each for each in vnet.subnets if subnet_id and same(each.id, subnet_id)), None)


def _sizes(client: AzureClient, region: str) -> Mapping[str, Size]:
    path = _SKUS.format(subscription=client.subscription)
    return azure_read.sizes(client.pages(path, filter=f"location eq '{region}'"), region)


def _usages(client: AzureClient, region: str) -> Mapping[str, Usage]:
    path = f"/subscriptions/{client.subscription}/providers/Microsoft.Compute/locations/{region}/usages"
    return azure_read.usages(client.pages(path))


def _scores(client: AzureClient, region: str, requirements: Requirements) -> Mapping[str, str] | None:
    """Ask for placement scores; who may not ask, or asks too often, hears nothing, and that is no finding."""
    path = _SCORES.format(subscription=client.subscription, region=region)
    body = {
        "desiredLocations": [region],
        "desiredSizes": [{"sku": name} for name in requirements.peer_pods.sizes[:_MOST_SCORES]],
        "desiredCount": max(1, len(requirements.nodes)),
        "availabilityZones": False,
    }
    try:
        return azure_read.scores(client.send("POST", path, body))
    except Exception:  # noqa: BLE001 - see above
        return None


def _image(client: AzureClient, image_id: str) -> AzureImage:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - see above

    try:
        if is_managed_image(image_id):
            return azure_read.managed_image(image_id, client.get(image_id))
        definition, version = client.get(image_id.rpartition("/versions/")[0]), client.get(image_id)
    except HttpResponseError as error:
        if error.status_code != _NOT_FOUND:
            raise
        return AzureImage(id=image_id, exists=False)
    return azure_read.gallery_image(image_id, definition, version)


def _grants(client: AzureClient, target: PodVmTarget, requirements: Requirements, principal: str) -> list[Grant]:
    """Return the roles of an identity, and of the groups that it is in, wherever pod VMs touch something.

    A list has the assignments at a scope, above it and below it. One with ``assignedTo`` includes groups
    (learn.microsoft.com, "List Azure role assignments using the REST API").
    """
    touched = [target.vnet_id, target.nsg_id, requirements.peer_pods.image_id or ""]
    # Of resource groups, because what is in them may not exist yet, or no more.
    scopes = {f"/subscriptions/{subscription_of(each)}/resourceGroups/{group_of(each)}" for each in touched if each}
    scopes.add(f"/subscriptions/{target.subscription}/resourceGroups/{target.resource_group}")
    assignments = {}
    for scope in sorted({each.lower() for each in scopes}):
        for each in client.pages(f"{scope}{ROLE_ASSIGNMENTS}", filter=f"assignedTo('{principal}')"):
            assignments[str(each["id"]).lower()] = each["properties"]
    return [grant for each in assignments.values() for grant in _granted(client, each)]


def _granted(client: AzureClient, assignment: Json) -> Iterator[Grant]:
    """Yield what an assignment grants; a role's parts are one grant each, as the exceptions of each are its own."""
    role = client.get(str(assignment["roleDefinitionId"]))["properties"]
    for part in role.get("permissions") or ():
        yield Grant(
            role=str(role["roleName"]),
            scope=str(assignment["scope"]),
            actions=tuple(part.get("actions") or ()),
            not_actions=tuple(part.get("notActions") or ()),
        )


def reason(error: Exception) -> str:
    """Return in one line why Azure did not answer: ARM's code and the beginning of its message, with short ids."""
    detail = getattr(error, "error", None)
    code = getattr(detail, "code", None) or getattr(error, "status_code", None)
    text = _ID.sub(r"\1", " ".join(str(getattr(detail, "message", None) or error).split()))
    message = text if code is None or str(code) in text else f"{code}: {text}"
    return beginning(message, _LONGEST)
