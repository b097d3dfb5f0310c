"""The simulated pod VM reaches KBS exactly where Route, TLS and Service lead to it; environment comes from Secrets."""

import asyncio
import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from rehearsal.api import Api, Kind, Object
from rehearsal.kinds import CONFIG_MAP, POD, ROUTE, SECRET, SERVICE
from rehearsal.kubelet import mounts
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.kbs import Releases
from rehearsal.kubelet.network import Network, Served
from rehearsal.operators.faults import Faults
from rehearsal.operators.router import claimed, tls_problem
from tests.unit import pki

HOST, PLACE = "kbs.example.com", "trustee-operator-system"


@dataclass
class Objects:
    """An API server that holds these objects, by kind and name."""

    held: dict[tuple[Kind, str], Object]

    async def get(self, kind: Kind, name: str, _namespace: str | None = None) -> Object | None:
        """Return the object of this kind and name."""
        return self.held.get((kind, name))

    async def list(self, kind: Kind, _namespace: str | None = None, _labels: str = "") -> list[Object]:
        """Return all objects of this kind."""
        return [item for (other, _), item in self.held.items() if other == kind]


KBS = cast("Releases", object())


def _served(*, https: bool = False, certificate: str | None = None, unreachable: str | None = None) -> Served:
    return Served(kbs=KBS, https=https, certificate=certificate, unreachable=unreachable)


NOW = datetime.now(UTC)
MADE, OTHER = (
    pki.make(HOST, names=(HOST,), authority=None, use=None, start=NOW - timedelta(days=1), end=NOW + timedelta(days=30))
    for _ in range(2)
)
CERTIFICATE, KEY = MADE.pem, MADE.key
EDGE = {"termination": "edge", "insecureEdgeTerminationPolicy": "None"}


def _reach(url: str, tls: Object | None, served: Served, *, trusted: str | None = None, ready: bool = True) -> Releases:
    admitted = {"ingress": [{"conditions": [{"type": "Admitted", "status": "True"}]}]}
    spec: Object = {"host": HOST, "to": {"name": "kbs-service"}} | ({} if tls is None else {"tls": tls})
    values = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    objects = Objects(
        {
            (ROUTE, "kbs"): {"metadata": {"namespace": PLACE}, "spec": spec, "status": admitted},
            (SERVICE, "kbs-service"): {"spec": {"selector": {"app": "kbs"}}},
            (POD, "kbs"): {"metadata": {"uid": "1"}, "status": values},
        }
    )

    async def serving(uid: str) -> Served | None:
        return served if uid == "1" else None

    return asyncio.run(Network(cast("Api", objects), serving).reach(url, trusted))


@pytest.mark.parametrize(
    ("tls", "kbs"),
    [
        (EDGE, _served()),
        ({"termination": "edge", "certificate": CERTIFICATE, "key": KEY}, _served()),
        ({"termination": "passthrough"}, _served(https=True, certificate=CERTIFICATE)),
        ({"termination": "reencrypt"}, _served(https=True, certificate="x")),
    ],
    ids=["edge", "edge with an own certificate", "passthrough", "reencrypt"],
)
def test_a_route_leads_to_a_kbs_that_speaks_as_it_expects(tls: Object, kbs: Served) -> None:
    assert _reach(f"https://{HOST}", tls, kbs, trusted=CERTIFICATE) is KBS


@pytest.mark.parametrize(
    ("tls", "kbs", "text"),
    [
        (EDGE, _served(https=True, certificate=CERTIFICATE), "502 Bad Gateway"),
        ({"termination": "reencrypt"}, _served(), "502 Bad Gateway"),
        ({"termination": "passthrough"}, _served(), "TLS handshake failed"),
        ({"termination": "passthrough"}, _served(https=True), "shows no certificate"),
        (EDGE, _served(unreachable="connection refused"), "connection refused"),
        (None, _served(), "the route has no TLS"),
    ],
    ids=["edge to https", "reencrypt to http", "passthrough to http", "no certificate", "refused", "no TLS"],
)
def test_a_route_and_a_kbs_that_do_not_fit_are_no_way(tls: Object | None, kbs: Served, text: str) -> None:
    with pytest.raises(UnreachableError, match=text):
        _reach(f"https://{HOST}", tls, kbs, trusted=CERTIFICATE)


@pytest.mark.parametrize(
    ("tls", "kbs"),
    [
        ({"termination": "edge", "certificate": CERTIFICATE, "key": KEY}, _served()),
        ({"termination": "passthrough"}, _served(https=True, certificate=CERTIFICATE)),
    ],
    ids=["edge", "passthrough"],
)
def test_a_certificate_that_initdata_does_not_name_is_not_trusted(tls: Object, kbs: Served) -> None:
    with pytest.raises(UnreachableError, match="certificate"):
        _reach(f"https://{HOST}", tls, kbs)
    with pytest.raises(UnreachableError, match="certificate"):
        _reach(f"https://{HOST}", tls, kbs, trusted=OTHER.pem)


def test_plain_http_needs_a_route_that_allows_it() -> None:
    assert _reach(f"http://{HOST}", None, _served())
    assert _reach(f"http://{HOST}", {"termination": "edge", "insecureEdgeTerminationPolicy": "Allow"}, _served())
    with pytest.raises(UnreachableError, match="https only"):
        _reach(f"http://{HOST}", EDGE, _served())


def test_a_service_is_reached_without_a_router() -> None:
    assert _reach(f"http://kbs-service.{PLACE}.svc:8080", None, _served())
    with pytest.raises(UnreachableError, match="TLS handshake failed"):
        _reach(f"https://kbs-service.{PLACE}.svc:8080", None, _served())


def test_nobody_answers_for_an_unknown_host_or_where_no_pod_is_ready() -> None:
    with pytest.raises(UnreachableError, match="no such host"):
        _reach("https://other.example.com", EDGE, _served())
    with pytest.raises(UnreachableError, match="no ready pod"):
        _reach(f"https://{HOST}", EDGE, _served(), ready=False)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"termination": "edge"}, None),
        ({"termination": "edge", "certificate": CERTIFICATE, "key": KEY, "caCertificate": CERTIFICATE}, None),
        ({"termination": "edge", "certificate": CERTIFICATE}, "go together"),
        ({"termination": "edge", "certificate": "x", "key": KEY}, "cannot be read"),
        ({"termination": "edge", "certificate": CERTIFICATE, "key": OTHER.key}, "does not match"),
        ({"termination": "passthrough", "certificate": CERTIFICATE, "key": KEY}, "passthrough"),
    ],
)
def test_the_router_refuses_a_certificate_that_it_cannot_serve(values: dict[str, str], problem: str | None) -> None:
    result = tls_problem(values)

    assert result is None if problem is None else problem in (result or "")


def _claim(namespace: str, name: str, created: str, **spec: Any) -> Object:
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": created, "uid": name}
    return {"metadata": metadata, "spec": {"host": HOST, **spec}}


@pytest.mark.parametrize(
    ("older", "text"),
    [
        ([], None),
        ([_claim("shop", "old-kbs", "1")], f"a route in another namespace holds {HOST} and is older than kbs-service"),
        ([_claim(PLACE, "other", "1", tls=EDGE)], f"route other already exposes {HOST} and is older"),
        ([_claim(PLACE, "other", "1", path="/x", tls=EDGE)], None),
        ([_claim(PLACE, "other", "1", path="/x", tls={"termination": "passthrough"})], "already exposes"),
        ([_claim("shop", "old-kbs", "1", path="/x")], "in another namespace"),
        ([_claim(PLACE, "first", "1", path="/x"), _claim("shop", "second", "2")], None),
    ],
)
def test_the_router_gives_a_host_to_the_namespace_of_its_oldest_route(older: list[Object], text: str | None) -> None:
    result = claimed(_claim(PLACE, "kbs-service", "9", tls=EDGE), HOST, older)

    assert result is None if text is None else text in (result or "")


def _secret(**data: str) -> Object:
    return {"data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()}}


OBJECTS = {(SECRET, "sealed"): _secret(password="sealed.x"), (CONFIG_MAP, "plain"): {"data": {"a": "1"}}}


def _environment(*env: Any) -> dict[str, str]:
    return asyncio.run(mounts.environment(cast("Api", Objects(OBJECTS)), "default", {"env": list(env)}))


def _from(kind: str, name: str, key: str, **more: Any) -> Object:
    return {"name": "X", "valueFrom": {kind: {"name": name, "key": key, **more}}}


def test_an_environment_is_read_from_secrets_and_config_maps() -> None:
    assert _environment(_from("secretKeyRef", "sealed", "password")) == {"X": "sealed.x"}
    assert _environment(_from("configMapKeyRef", "plain", "a"), {"name": "Y", "value": "2"}) == {"X": "1", "Y": "2"}
    assert _environment(_from("secretKeyRef", "none", "password", optional=True)) == {}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (_from("secretKeyRef", "none", "password"), 'secret "none" not found'),
        (_from("secretKeyRef", "sealed", "other"), "couldn't find key other in secret default/sealed"),
        (_from("configMapKeyRef", "plain", "b"), "couldn't find key b in configmap default/plain"),
    ],
)
def test_a_container_waits_for_what_its_environment_names(source: Object, text: str) -> None:
    with pytest.raises(mounts.MissingError, match=text):
        _environment(source)


def test_pull_secrets_are_counted_and_missing_ones_left_out() -> None:
    pod = {
        "metadata": {"namespace": "default"},
        "spec": {"imagePullSecrets": [{"name": "sealed"}, {"name": "none"}]},
    }

    assert asyncio.run(mounts.pull_secrets(cast("Api", Objects(OBJECTS)), pod)) == len("sealed.x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2999-01-01T00:00:00Z", datetime(2999, 1, 1, tzinfo=UTC)),
        ("2999-01-01T00:00:00", datetime(2999, 1, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_the_clock_of_kbs_can_be_set(value: str | None, expected: datetime | None) -> None:
    held = {} if value is None else {(CONFIG_MAP, "faults"): {"data": {"kbs-clock": value}}}

    assert asyncio.run(Faults(cast("Api", Objects(held))).kbs_clock()) == expected


def test_a_clock_that_is_no_time_is_an_error() -> None:
    held = {(CONFIG_MAP, "faults"): {"data": {"kbs-clock": "tomorrow"}}}
    with pytest.raises(ValueError, match=r"'tomorrow'.*2999-01-01T00:00:00Z"):
        asyncio.run(Faults(cast("Api", Objects(held))).kbs_clock())
