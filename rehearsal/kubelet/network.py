"""The way from a pod VM to KBS: host, Route, TLS, Service, a pod that is ready.

What the router does with each termination: OpenShift's documentation of ``route.openshift.io/v1`` Route, ``spec.tls``.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from rehearsal.api import Api, Object
from rehearsal.kinds import POD, ROUTE, SERVICE
from rehearsal.kubelet import tls
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.kbs import Releases
from rehearsal.operators.context import is_true


@dataclass(frozen=True, kw_only=True)
class Served:
    """A KBS as it shows on its port.

    Attributes:
        kbs: the KBS, with its files as they are now.
        https: whether it speaks https.
        certificate: PEM that it shows then.
        unreachable: why it does not answer although it runs, or None.
    """

    kbs: Releases
    https: bool = False
    certificate: str | None = None
    unreachable: str | None = None


Serving = Callable[[str], Awaitable[Served | None]]
"""Returns the KBS that runs in the pod of this uid; None where none does."""


@dataclass(frozen=True, kw_only=True)
class _Way:
    """How a host leads to a Service.

    Attributes:
        service, namespace: where it leads.
        termination: ``edge``, ``reencrypt`` or ``passthrough``; empty without TLS of the router.
        certificate: PEM that the router shows; None for its default one.
    """

    service: str
    namespace: str
    termination: str = ""
    certificate: str | None = None


class Network:
    """The network as pod VMs see it."""

    def __init__(self, api: Api, serving: Serving) -> None:
        self._api = api
        self._serving = serving

    async def reach(self, url: str, trusted: str | None) -> Releases:
        """Return the KBS behind a URL, for a client that trusts ``trusted`` (PEM) besides public authorities.

        Raises:
            UnreachableError: nobody answers there, or not in a way that the client accepts.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        way = await self._way(parts.scheme, host)
        served = await self._served(url, way)
        if served.unreachable:
            raise UnreachableError(f"{url}: {served.unreachable}")
        certificate = _server_certificate(url, way, served)
        if parts.scheme == "https":
            try:
                tls.check(host, certificate, trusted)
            except tls.TlsError as error:
                raise UnreachableError(f"{url}: {error}") from error
        return served.kbs

    async def _served(self, url: str, way: _Way) -> Served:
        service, namespace = way.service, way.namespace
        service_object = await self._api.get(SERVICE, service, namespace)
        if service_object is None:
            raise UnreachableError(f"{url}: the route's service {namespace}/{service} does not exist")
        labels = ",".join(f"{key}%3D{value}" for key, value in service_object["spec"].get("selector", {}).items())
        for pod in await self._api.list(POD, namespace, labels):
            if "deletionTimestamp" in pod["metadata"] or not is_true(pod, "Ready"):
                continue
            if (served := await self._serving(pod["metadata"]["uid"])) is not None:
                return served
        raise UnreachableError(f"{url}: 503, service {namespace}/{service} has no ready pod")

    async def _way(self, scheme: str, host: str) -> _Way:
        for route in await self._api.list(ROUTE):
            if route["spec"].get("host") == host and _admitted(route):
                return _through(route, scheme)
        name, _, rest = host.partition(".")
        namespace, _, domain = rest.partition(".")
        if domain.partition(".")[0] == "svc" or (namespace and not domain):
            # No router: KBS itself answers, as it does behind a passthrough Route.
            return _Way(service=name, namespace=namespace, termination="passthrough" if scheme == "https" else "")
        raise UnreachableError(f"{scheme}://{host}: no such host; no admitted route of this cluster has it")


def _through(route: Object, scheme: str) -> _Way:
    spec, host = route["spec"], route["spec"]["host"]
    tls_spec = spec.get("tls", {})
    if scheme == "https" and not tls_spec:
        raise UnreachableError(f"https://{host}: the route has no TLS; set its tls.termination or use http")
    if scheme == "http" and tls_spec and tls_spec.get("insecureEdgeTerminationPolicy") != "Allow":
        raise UnreachableError(f"http://{host}: 503, the route takes https only")
    chain = "\n".join(part for part in (tls_spec.get("certificate"), tls_spec.get("caCertificate")) if part)
    return _Way(
        service=spec["to"]["name"],
        namespace=route["metadata"]["namespace"],
        # Plain http through a Route that allows it ends at the router, whatever TLS would do.
        termination=tls_spec.get("termination", "") if scheme == "https" else "",
        certificate=chain or None,
    )


def _server_certificate(url: str, way: _Way, served: Served) -> str | None:
    """Return the PEM that a client sees; raises UnreachableError where router and KBS do not speak the same."""
    speaks = "https" if served.https else "plain http"
    if way.termination == "passthrough":
        if not served.https:
            raise UnreachableError(f"{url}: TLS handshake failed: KBS serves {speaks}, and nothing else ends TLS")
        if served.certificate is None:
            raise UnreachableError(f"{url}: TLS handshake failed: KBS shows no certificate")
        return served.certificate
    if served.https != (way.termination == "reencrypt"):
        raise UnreachableError(f"{url}: 502 Bad Gateway, KBS serves {speaks} behind {way.termination or 'plain http'}")
    return way.certificate


def _admitted(route: Object) -> bool:
    return any(is_true({"status": each}, "Admitted") for each in route.get("status", {}).get("ingress", []))
