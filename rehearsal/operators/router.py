"""OpenShift's router: it admits Routes, of a host those of the oldest one's namespace, and gives a host to one without.

It refuses a Route whose certificate it cannot serve, as the real one does (openshift/router ``ExtendedValidator``). Who
has a host: openshift/router at 4b401a86 ``pkg/router/controller/hostindex/activation.go`` (SameNamespace) and
``unique_host.go``; a Route that goes, or takes another host, makes room for those that waited.
"""

from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rehearsal.api import Kind, Object
from rehearsal.kinds import INGRESS, ROUTE
from rehearsal.operators.context import Context, KeyOf, condition, key_of
from rehearsal.timings import ROUTE_ADMISSION


class Routes:
    """The default ingress controller."""

    name = "router"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {ROUTE: key_of}
        self._hosts: dict[str, str] = {}

    async def reconcile(self, key: str) -> float | None:
        """Admit one Route, or say why not, and look again at those with a host that it has or had."""
        namespace, _, name = key.partition("/")
        route = await self._api.get(ROUTE, name, namespace)
        before = self._hosts.pop(key, None)
        if route is None or "deletionTimestamp" in route["metadata"]:
            await self._others(key, before)
            return None
        if host := route["spec"].get("host"):
            self._hosts[key] = host
        wait = await self._admit(route)
        for each in {before, host} - {None}:
            await self._others(key, each)
        return wait

    async def _others(self, key: str, host: str | None) -> None:
        for other in await self._api.list(ROUTE) if host else ():
            if other["spec"].get("host") == host and key_of(other) != key:
                await self._admit(other)

    async def _admit(self, route: Object) -> float | None:
        namespace, name = route["metadata"]["namespace"], route["metadata"]["name"]
        if wait := self._context.clock.left(f"route {route['metadata']['uid']}", ROUTE_ADMISSION):
            return wait
        ingress = await self._api.get(INGRESS, "cluster")
        domain = ingress["spec"]["domain"] if ingress else "example.com"
        host = route["spec"].get("host")
        if not host:
            host = f"{name}-{namespace}.{domain}"
            route = await self._api.patch(ROUTE, route, {"spec": {"host": host}})
        verdict = await self._verdict(route, host)
        ingresses = [{"host": host, "routerName": "default", "wildcardPolicy": "None", "conditions": [verdict]}]
        await self._api.set_status(ROUTE, route, {"ingress": ingresses})
        return None

    async def _verdict(self, route: Object, host: str) -> Object:
        older = [
            each
            for each in await self._api.list(ROUTE)
            if each["spec"].get("host") == host
            and _age(each) < _age(route)
            and "deletionTimestamp" not in each["metadata"]
        ]
        if problem := claimed(route, host, sorted(older, key=_age)):
            return condition("Admitted", "False", "HostAlreadyClaimed", problem)
        if problem := tls_problem(route["spec"].get("tls", {})):
            return condition("Admitted", "False", "ExtendedValidationFailed", problem)
        return condition("Admitted", "True")


def claimed(route: Object, host: str, older: Sequence[Object]) -> str | None:
    """Return why a Route does not get its host, or None; ``older``: the older Routes of that host, the oldest first."""
    if not older:
        return None
    if older[0]["metadata"]["namespace"] != route["metadata"]["namespace"]:
        return f"a route in another namespace holds {host} and is older than {route['metadata']['name']}"
    for each in older:
        passthrough = "passthrough" in {one["spec"].get("tls", {}).get("termination") for one in (each, route)}
        same = each["spec"].get("path", "") == route["spec"].get("path", "")
        inside = each["metadata"]["namespace"] == route["metadata"]["namespace"]
        if inside and (same or (passthrough and "tls" in each["spec"] and "tls" in route["spec"])):
            return f"route {each['metadata']['name']} already exposes {host} and is older"
    return None


def _age(route: Object) -> tuple[str, str]:
    return str(route["metadata"]["creationTimestamp"]), str(route["metadata"]["uid"])


def tls_problem(tls: Mapping[str, str]) -> str | None:
    """Return what keeps the router from serving ``spec.tls`` of a Route, or None."""
    certificate, key = tls.get("certificate"), tls.get("key")
    if tls.get("termination") == "passthrough":
        return "spec.tls: passthrough termination does not support certificates" if certificate or key else None
    if bool(certificate) != bool(key):
        return "spec.tls: certificate and key go together"
    try:
        leaf = x509.load_pem_x509_certificates(certificate.encode())[0] if certificate else None
        if authority := tls.get("caCertificate"):
            x509.load_pem_x509_certificates(authority.encode())
        own = load_pem_private_key(key.encode(), password=None) if key else None
    except (ValueError, TypeError) as error:
        return f"spec.tls: certificate or key cannot be read: {error}"
    if leaf is not None and own is not None and leaf.public_key() != own.public_key():
        return "spec.tls.key: tls: private key does not match public key"
    return None
