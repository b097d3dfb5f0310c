"""What the pre-flight asks of Azure: everything at the same time, and nothing that changes anything.

Whatever Azure does not answer becomes a pair of ``AzureFacts.unknown`` and is not judged; no answer ends a run.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import quote

from components.azure.client import AzureClient
from components.azure.place import Place, group_of, name_of, same, subscription_of
from preflight import azure_read, capacity, image
from preflight.azure_read import Json
from preflight.facts import AzureFacts, Grant, Image, NatGateway, Nsg, RouteTable, Size, Subnet, Usage, Vnet
from preflight.wanted import Wanted

T = TypeVar("T")
_AT_ONCE = 10
_NOT_FOUND = 404
_LONGEST = 200
_MOST_SCORES = 5
"""Sizes that one request for placement scores may name."""
_ID = re.compile(r"/subscriptions/[^\s'\"]*/([^/\s'\"]+)", re.IGNORECASE)
_SKUS = "/subscriptions/{subscription}/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter={filter}"
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


def gather(client: AzureClient, place: Place, wanted: Wanted, principal: str = "") -> AzureFacts:
    """Return what Azure says of a place.

    Args:
        client: clients of the subscription of the pod VMs.
        place: where pod VMs go.
        wanted: what the stack wants; decides what is asked.
        principal: object id of the operators' identity, whose roles are asked for; empty: they are not.
    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asking = _Asking(pool)
        # Each client is made here: Python's imports of modules that import each other fail in threads ("deadlock
        # detected by _ModuleLock"). The network's, which takes longest, is imported while questions are under way.
        _load(client)
        sizes = asking("sizes", "VM sizes", lambda: _sizes(client, place.region))
        usages = asking("quota", "quotas", lambda: _usages(client, place.region))
        scores = pool.submit(_scores, client, place.region, wanted)
        picture = asking("image", "the image", lambda: _image(client, wanted.image_id)) if wanted.image_id else None
        network = _Network(_in(client, place.network_subscription), asking) if place.vnet_id else None
        grants = None
        if principal:
            authorization = client.authorization
            grants = asking("roles", "role assignments", lambda: _grants(authorization, place, wanted, principal))
        return AzureFacts(
            subscription=place.subscription,
            region=place.region,
            resource_group=place.resource_group,
            pod_nsg_id=place.nsg_id,
            principal=principal,
            **(network.facts(place) if network else {}),
            sizes=sizes.result(),
            usages=usages.result(),
            capacity=scores.result(),
            image=picture.result() if picture else None,
            grants=grants.result() if grants else None,
            # Last: by now everything has been answered.
            unknown=tuple(asking.unknown),
        )


class _Network:
    """What is asked of the network: the VNet first, and then at once whatever it names."""

    def __init__(self, client: AzureClient, asking: _Asking) -> None:
        self._client = client
        self._network = client.network
        self._asking = asking

    def facts(self, place: Place) -> Mapping[str, Any]:
        """Return the fields of ``AzureFacts`` that are of the network."""
        vnet = self._asking("subnet", f"VNet {place.vnet}", lambda: self._vnet(place.vnet_id)).result()
        if vnet is None:
            return {}
        subnet, workers = _of(vnet, place.subnet_id), _of(vnet, place.workers_id)
        ids = {place.nsg_id, *(each.nsg_id for each in (subnet, workers) if each)} - {""}
        nsgs = {each.lower(): self._asking("nsg-rules", f"NSG {name_of(each)}", self._nsg(each)) for each in ids}
        nat = self._of_subnet("NAT gateway", subnet.nat_gateway_id if subnet else "", self._nat)
        routes = self._of_subnet("route table", subnet.route_table_id if subnet else "", self._routes)
        return {
            "vnet": vnet,
            "subnet": subnet,
            "workers": workers,
            "nsgs": {key: found for key, asked in nsgs.items() if (found := asked.result()) is not None},
            "nat": nat.result() if nat else None,
            "routes": routes.result() if routes else None,
        }

    def _of_subnet(self, what: str, arm_id: str, question: Callable[[str], T]) -> "Future[T | None] | None":
        return self._asking("outbound", f"{what} {name_of(arm_id)}", lambda: question(arm_id)) if arm_id else None

    def _vnet(self, arm_id: str) -> Vnet:
        found = self._network.virtual_networks.get(group_of(arm_id), name_of(arm_id))
        return azure_read.vnet(found.as_dict())

    def _nsg(self, arm_id: str) -> Callable[[], Nsg]:
        groups = self._of(arm_id).network_security_groups
        return lambda: azure_read.nsg(groups.get(group_of(arm_id), name_of(arm_id)).as_dict())

    def _nat(self, arm_id: str) -> NatGateway:
        found = self._of(arm_id).nat_gateways.get(group_of(arm_id), name_of(arm_id))
        return azure_read.nat_gateway(found.as_dict())

    def _routes(self, arm_id: str) -> RouteTable:
        found = self._of(arm_id).route_tables.get(group_of(arm_id), name_of(arm_id))
        return azure_read.route_table(found.as_dict())

    def _of(self, arm_id: str) -> Any:
        """Return the client of the subscription that a resource is in."""
        return _in(self._client, subscription_of(arm_id)).network


def _load(client: AzureClient) -> None:
    import azure.core.rest  # noqa: F401, PLC0415 - slow to import, and not always needed

    _ = client.compute


def _in(client: AzureClient, subscription: str) -> AzureClient:
    return client if same(subscription, client.subscription) else client.within(subscription)


def _of(vnet: Vnet, subnet_id: str) -> Subnet | None:
    return next((each for each in vnet.subnets if subnet_id and same(each.id, subnet_id)), None)


def _sizes(client: AzureClient, region: str) -> Mapping[str, Size]:
    """Ask for sizes as plain JSON: as models, the thousand entries of a region take most of a second."""
    said = quote(f"location eq '{region}'")
    found: list[Json] = []
    url: str | None = client.endpoint + _SKUS.format(subscription=client.subscription, filter=said)
    while url:
        page = _send(client, "GET", url)
        found += page.get("value") or ()
        url = page.get("nextLink")
    return azure_read.sizes(found, region)


def _usages(client: AzureClient, region: str) -> Mapping[str, Usage]:
    return azure_read.usages(_plain(client.compute.usage.list(region)))


def _plain(models: Iterable[Any]) -> Iterable[Json]:
    return (each.as_dict() for each in models)


def _scores(client: AzureClient, region: str, wanted: Wanted) -> Mapping[str, str] | None:
    """Ask for placement scores; who may not ask, or asks too often, hears nothing, and that is no finding."""
    url = client.endpoint + _SCORES.format(subscription=client.subscription, region=region)
    body = {
        "desiredLocations": [region],
        "desiredSizes": [{"sku": name} for name in wanted.sizes[:_MOST_SCORES]],
        "desiredCount": max(1, len(wanted.nodes)),
        "availabilityZones": False,
    }
    try:
        return azure_read.scores(_send(client, "POST", url, body), capacity.SAID)
    except Exception:  # noqa: BLE001 - see above
        return None


def _send(client: AzureClient, method: str, url: str, body: Json | None = None) -> Json:
    from azure.core.rest import HttpRequest  # noqa: PLC0415 - slow to import, and only for this

    answer = client.compute.send_request(HttpRequest(method, url, json=body))
    answer.raise_for_status()
    return dict(answer.json())


def _image(client: AzureClient, image_id: str) -> Image:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - see above

    compute, group = _in(client, subscription_of(image_id)).compute, group_of(image_id)
    names = image_id.split("/")[8::2]
    try:
        if image.is_managed(image_id):
            return azure_read.managed_image(image_id, compute.images.get(group, names[0]).as_dict())
        definition = compute.gallery_images.get(group, *names[:2]).as_dict()
        version = compute.gallery_image_versions.get(group, *names).as_dict()
    except HttpResponseError as error:
        if error.status_code != _NOT_FOUND:
            raise
        return Image(id=image_id, exists=False)
    return azure_read.gallery_image(image_id, definition, version)


def _grants(authorization: Any, place: Place, wanted: Wanted, principal: str) -> list[Grant]:
    """Return the roles of an identity, and of the groups that it is in, wherever pod VMs touch something.

    A list has the assignments at a scope, above it and below it. One with ``assignedTo`` includes groups
    (learn.microsoft.com, "List Azure role assignments using the REST API").
    """
    touched = [place.vnet_id, place.nsg_id, wanted.image_id if wanted.own_image else ""]
    # Of resource groups, because what is in them may not exist yet, or no more.
    scopes = {f"/subscriptions/{subscription_of(each)}/resourceGroups/{group_of(each)}" for each in touched if each}
    scopes.add(f"/subscriptions/{place.subscription}/resourceGroups/{place.resource_group}")
    found = {}
    for scope in sorted({each.lower() for each in scopes}):
        for each in authorization.role_assignments.list_for_scope(scope, filter=f"assignedTo('{principal}')"):
            found[str(each.id).lower()] = each
    return [grant for each in found.values() for grant in _granted(authorization, each)]


def _granted(authorization: Any, assignment: Any) -> Iterator[Grant]:
    """Yield what an assignment grants; a role's parts are one grant each, as the exceptions of each are its own."""
    role = authorization.role_definitions.get_by_id(assignment.role_definition_id)
    for part in role.permissions or ():
        yield Grant(
            role=str(role.role_name),
            scope=str(assignment.scope),
            actions=tuple(part.actions or ()),
            not_actions=tuple(part.not_actions or ()),
        )


def reason(error: Exception) -> str:
    """Return in one line why Azure did not answer: ARM's code and the beginning of its message, with short ids."""
    told = getattr(error, "error", None)
    code = getattr(told, "code", None) or getattr(error, "status_code", None)
    text = _ID.sub(r"\1", " ".join(str(getattr(told, "message", None) or error).split()))
    said = text if code is None or str(code) in text else f"{code}: {text}"
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
