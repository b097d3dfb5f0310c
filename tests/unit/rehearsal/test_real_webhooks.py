"""The way from the API server to the webhooks of a real OSC operator."""

import asyncio
import base64
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rehearsal.api import Object
from rehearsal.kinds import CONFIG_MAP, CSV, DAEMON_SET, MUTATING_WEBHOOKS, SECRET, SERVICE, VALIDATING_WEBHOOKS
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.operators.olm_catalog import package_label
from rehearsal.operators.osc_peer_pods import NAMESPACE, PACKAGE
from rehearsal.pki import ensure
from rehearsal.real.older_caa import OlderCaa
from rehearsal.real.webhooks import Webhooks, mutations
from rehearsal.timings import Clock
from tests.unit.memory_api import MemoryApi

PEER_POD: Object = {
    "spec": {
        "runtimeClassName": "kata-remote",
        "containers": [{"name": "a", "resources": {"limits": {"cpu": "1"}}}, {"name": "b"}],
        "initContainers": [{"name": "i"}],
    }
}


@pytest.fixture
def webhooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryApi, Webhooks, Path]:
    ensure(tmp_path)
    monkeypatch.setenv("COCO_REHEARSAL_DIRECTORY", str(tmp_path))
    api = MemoryApi()
    return api, Webhooks(Context(api, Clock(1e9), Faults(api))), tmp_path / "pki" / "ca.crt"


def _configuration(service: str, path: str) -> Object:
    client = {"service": {"name": service, "namespace": NAMESPACE, "path": path}}
    return {"metadata": {"name": "m"}, "webhooks": [{"name": "w", "clientConfig": client, "failurePolicy": "Fail"}]}


async def _client(api: MemoryApi) -> Any:
    configuration = await api.get(MUTATING_WEBHOOKS, "m")
    assert configuration is not None
    assert configuration["webhooks"][0]["failurePolicy"] == "Fail"
    return configuration["webhooks"][0]["clientConfig"]


def test_a_webhook_of_the_operator_is_reached_on_its_port(webhooks: tuple[MemoryApi, Webhooks, Path]) -> None:
    api, component, authority = webhooks

    async def work() -> None:
        await api.create(MUTATING_WEBHOOKS, _configuration("controller-manager-service", "/mutate-pods-v1"))
        await component.reconcile("m")
        client = await _client(api)
        assert client["url"] == "https://127.0.0.1:9443/mutate-pods-v1"
        assert base64.b64decode(client["caBundle"]) == authority.read_bytes()
        changes = api.changes
        await component.reconcile("m")
        assert api.changes == changes

    asyncio.run(work())


def test_the_webhook_for_peer_pods_answers_with_a_certificate_that_the_bundle_vouches_for(
    webhooks: tuple[MemoryApi, Webhooks, Path],
) -> None:
    api, component, authority = webhooks
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "u", "object": PEER_POD},
    }

    async def work() -> Any:
        await api.create(MUTATING_WEBHOOKS, _configuration("peer-pods-webhook-svc", "/mutate-v1-pod"))
        await component.reconcile("m")
        context = ssl.create_default_context(cafile=str(authority))
        async with aiohttp.ClientSession() as session:
            answer = await session.post((await _client(api))["url"], json=review, ssl=context)
            return await answer.json()

    response = asyncio.run(work())["response"]
    assert (response["uid"], response["allowed"]) == ("u", True)
    assert json.loads(base64.b64decode(response["patch"])) == mutations(PEER_POD)


def test_a_peer_pod_asks_for_a_pod_vm_in_place_of_cpu_and_memory() -> None:
    vm = {"kata.peerpods.io/vm": "1"}
    assert {each["path"]: each["value"] for each in mutations(PEER_POD)} == {
        "/spec/containers/0/resources": {"limits": vm, "requests": vm},
        "/spec/containers/1/resources": {},
        "/spec/initContainers/0/resources": {},
    }
    assert mutations({"spec": {"containers": [{}]}}) == []


def test_a_service_gets_the_certificate_that_it_asks_for(webhooks: tuple[MemoryApi, Webhooks, Path]) -> None:
    api, component, _ = webhooks
    annotations = {"service.beta.openshift.io/serving-cert-secret-name": "peer-pods-webhook-svc-secret"}
    service = {"metadata": {"name": "s", "namespace": NAMESPACE, "annotations": annotations}}

    assert component.watches[SERVICE](service) == f"{NAMESPACE}/s"
    assert component.watches[SERVICE]({"metadata": {"name": "s", "namespace": NAMESPACE}}) is None
    asyncio.run(api.create(SERVICE, service))
    asyncio.run(component.reconcile(f"{NAMESPACE}/s"))
    secret = asyncio.run(api.get(SECRET, "peer-pods-webhook-svc-secret", NAMESPACE))
    assert secret is not None
    assert secret["stringData"].keys() == {"tls.crt", "tls.key"}


def test_caa_of_an_older_operator_has_the_name_that_users_of_1_9_know_beside_it() -> None:
    api = MemoryApi()
    component = OlderCaa(Context(api, Clock(1e9), Faults(api)))
    spec = {
        "selector": {},
        "template": {"metadata": {"labels": {"name": "o"}}, "spec": {"containers": [{"name": "caa-pod"}]}},
    }
    older = {"metadata": {"name": "peerpodconfig-ctrl-caa-daemon", "namespace": NAMESPACE}, "spec": spec}
    key = component.watches[DAEMON_SET](older)
    assert key is not None
    assert component.watches[DAEMON_SET]({"metadata": {"name": "osc-caa-ds", "namespace": NAMESPACE}}) is None

    asyncio.run(api.create(DAEMON_SET, older))
    asyncio.run(component.reconcile(key))

    made = asyncio.run(api.get(DAEMON_SET, "osc-caa-ds", NAMESPACE))
    assert made is not None
    assert made["spec"]["template"]["spec"] == spec["template"]["spec"]
    assert made["spec"]["template"]["metadata"]["labels"] == made["spec"]["selector"]["matchLabels"]
    assert made["metadata"]["ownerReferences"][0]["name"] == key


def test_olm_brings_and_takes_the_webhook_that_the_csv_names(webhooks: tuple[MemoryApi, Webhooks, Path]) -> None:
    api, component, _ = webhooks
    csv = {"metadata": {"name": "c", "namespace": NAMESPACE, "labels": {package_label(PACKAGE, NAMESPACE): ""}}}

    async def work() -> None:
        status = {"spec": {"version": "1.9.0"}, "status": {"phase": "Succeeded"}}
        await api.create(CSV, {**csv, **status})
        await component.reconcile("vkataconfig.kb.io")
        made = await api.get(VALIDATING_WEBHOOKS, "vkataconfig.kb.io")
        assert made is not None
        assert await api.get(CONFIG_MAP, "grafana-dashboard-sandboxed-containers", NAMESPACE) is not None
        assert made["webhooks"][0]["clientConfig"]["url"].endswith(
            ":9443/validate-kataconfiguration-openshift-io-v1-kataconfig"
        )
        await api.delete(CSV, csv)
        await component.reconcile("vkataconfig.kb.io")
        assert await api.get(VALIDATING_WEBHOOKS, "vkataconfig.kb.io") is None

    asyncio.run(work())
