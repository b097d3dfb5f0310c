"""OpenShift's router: it admits Routes, the first one of a host, and gives a host to a Route without one.

It refuses a Route whose certificate it cannot serve, as the real one does (openshift/router ``ExtendedValidator``).
"""

from collections.abc import Mapping

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

    async def reconcile(self, key: str) -> float | None:
        """Admit one Route, or say why not."""
        namespace, _, name = key.partition("/")
        found = await self._api.get(ROUTE, name, namespace)
        if found is None or "deletionTimestamp" in found["metadata"]:
            return None
        if wait := self._context.clock.left(f"route {found['metadata']['uid']}", ROUTE_ADMISSION):
            return wait
        ingress = await self._api.get(INGRESS, "cluster")
        domain = ingress["spec"]["domain"] if ingress else "example.com"
        host = found["spec"].get("host")
        if not host:
            host = f"{name}-{namespace}.{domain}"
            found = await self._api.patch(ROUTE, found, {"spec": {"host": host}})
        said = await self._verdict(found, host)
        ingresses = [{"host": host, "routerName": "default", "wildcardPolicy": "None", "conditions": [said]}]
        await self._api.set_status(ROUTE, found, {"ingress": ingresses})
        return None

    async def _verdict(self, found: Object, host: str) -> Object:
        for other in await self._api.list(ROUTE):
            older = other["metadata"]["creationTimestamp"] < found["metadata"]["creationTimestamp"]
            if older and other["spec"].get("host") == host and key_of(other) != key_of(found):
                return condition("Admitted", "False", "HostAlreadyClaimed", f"{key_of(other)} has the host already")
        if problem := tls_problem(found["spec"].get("tls", {})):
            return condition("Admitted", "False", "ExtendedValidationFailed", problem)
        return condition("Admitted", "True")


def tls_problem(said: Mapping[str, str]) -> str | None:
    """Return what keeps the router from serving ``spec.tls`` of a Route, or None."""
    certificate, key = said.get("certificate"), said.get("key")
    if said.get("termination") == "passthrough":
        return "spec.tls: passthrough termination does not support certificates" if certificate or key else None
    if bool(certificate) != bool(key):
        return "spec.tls: certificate and key go together"
    try:
        leaf = x509.load_pem_x509_certificates(certificate.encode())[0] if certificate else None
        if authority := said.get("caCertificate"):
            x509.load_pem_x509_certificates(authority.encode())
        own = load_pem_private_key(key.encode(), password=None) if key else None
    except (ValueError, TypeError) as error:
        return f"spec.tls: certificate or key cannot be read: {error}"
    if leaf is not None and own is not None and leaf.public_key() != own.public_key():
        return "spec.tls.key: tls: private key does not match public key"
    return None
