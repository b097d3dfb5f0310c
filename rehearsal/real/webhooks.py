"""The way from the API server to webhooks, where a real OSC operator makes them.

Nothing here routes a Service's address. What OLM, the service CA and the cluster's network do together is done by one
component: a webhook that names a Service gets a URL of loopback and the certificate authority of the cluster. Behind it
is the operator itself, or, for ``peer-pods-webhook``, what that program does with a pod
(confidential-containers/cloud-api-adaptor ``src/webhook/pkg/mutating_webhook/remove-resourcespec.go``).
"""

import base64
import json
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from rehearsal import loopback
from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, CSV, MUTATING_WEBHOOKS, SECRET, SERVICE, VALIDATING_WEBHOOKS
from rehearsal.operators.context import Context, KeyOf, key_of, owned_by
from rehearsal.operators.osc_peer_pods import NAMESPACE, PACKAGE
from rehearsal.real.operator import WEBHOOKS

_PEER_PODS = "peer-pods-webhook-svc"
_VALIDATING = "vkataconfig.kb.io"
_DASHBOARD = "grafana-dashboard-sandboxed-containers"
_SERVING = "service.beta.openshift.io/serving-cert-secret-name"
_VM = {"kata.peerpods.io/vm": "1"}


class Webhooks:
    """Keeps webhook configurations of operators reachable."""

    name = "webhooks"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._pki = Path(os.environ["COCO_REHEARSAL_DIRECTORY"]) / "pki"
        self._stack = AsyncExitStack()  # never left: the server goes with this process
        self._served: str | None = None
        self.watches: Mapping[Kind, KeyOf] = {
            MUTATING_WEBHOOKS: key_of,
            CSV: lambda _: _VALIDATING,
            SERVICE: lambda service: (
                key_of(service) if _SERVING in service["metadata"].get("annotations", {}) else None
            ),
        }

    async def reconcile(self, key: str) -> None:
        """Bring one configuration, the one that OLM makes of the CSV, or a Service's certificate up to date."""
        if "/" in key:
            await self._certificate(*key.split("/"))
        elif key == _VALIDATING:
            await self._of_csv()
        elif (current := await self._api.get(MUTATING_WEBHOOKS, key)) is not None:
            webhooks = [
                {**each, "clientConfig": await self._client(each["clientConfig"])} for each in current["webhooks"]
            ]
            await self._api.patch(MUTATING_WEBHOOKS, current, {"webhooks": webhooks})

    async def _certificate(self, namespace: str, name: str) -> None:
        """Make the Secret that a Service asks the service CA for; its pods mount it."""
        service = await self._api.get(SERVICE, name, namespace)
        if service is not None:
            metadata = {"name": service["metadata"]["annotations"][_SERVING], "namespace": namespace}
            files = {f"tls.{end}": (self._pki / f"server.{end}").read_text(encoding="ascii") for end in ("crt", "key")}
            await self._api.create(SECRET, {"metadata": metadata, "type": "kubernetes.io/tls", "stringData": files})

    async def _of_csv(self) -> None:
        """Bring what OLM makes of the bundle beside the Deployment, and the operator looks for."""
        place = {"name": _DASHBOARD, "namespace": NAMESPACE}
        for csv in (await self._api.list(CSV, NAMESPACE))[:1]:
            metadata = {**place, "ownerReferences": owned_by(csv)}
            await self._api.create(CONFIG_MAP, {"metadata": metadata, "data": {"dashboard.json": "{}"}})
        if not await self._context.installed(PACKAGE, NAMESPACE):
            await self._api.delete(VALIDATING_WEBHOOKS, {"metadata": {"name": _VALIDATING}})
            return
        rule = {
            "apiGroups": ["kataconfiguration.openshift.io"],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["kataconfigs"],
        }
        webhook = {
            "name": _VALIDATING,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "rules": [rule],
            "clientConfig": self._at(WEBHOOKS, "/validate-kataconfiguration-openshift-io-v1-kataconfig"),
        }
        await self._api.create(VALIDATING_WEBHOOKS, {"metadata": {"name": _VALIDATING}, "webhooks": [webhook]})

    async def _client(self, config: Object) -> Object:
        service = config.get("service")
        if service is None:
            return config
        if service["name"] != _PEER_PODS:
            return self._at(WEBHOOKS, service.get("path", ""))
        return {**self._at(0, ""), "url": await self._serve()}

    def _at(self, port: int, path: str) -> Object:
        authority = base64.b64encode((self._pki / "ca.crt").read_bytes()).decode()
        return {"url": f"https://127.0.0.1:{port}{path}", "caBundle": authority}

    async def _serve(self) -> str:
        """Serve ``peer-pods-webhook`` until this process ends, and return its URL."""
        if self._served is None:
            application = web.Application()
            application.router.add_post("/mutate-v1-pod", _mutate)
            port = await self._stack.enter_async_context(loopback.serving(application, pki=self._pki))
            self._served = f"https://{loopback.HOST}:{port}/mutate-v1-pod"
        return self._served


async def _mutate(request: web.Request) -> web.Response:
    review = await request.json()
    response: Object = {"uid": review["request"]["uid"], "allowed": True}
    if changes := mutations(review["request"]["object"]):
        patch = base64.b64encode(json.dumps(changes).encode()).decode()
        response |= {"patchType": "JSONPatch", "patch": patch}
    return web.json_response({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})


def mutations(pod: Object) -> list[Object]:
    """Return the JSON patch (RFC 6902) that makes a peer pod ask for a pod VM in place of CPU and memory."""
    if pod["spec"].get("runtimeClassName") != "kata-remote":
        return []
    changes: list[Object] = []
    for group in ("containers", "initContainers"):
        for number, _ in enumerate(pod["spec"].get(group, [])):
            first = group == "containers" and number == 0
            resources = {"limits": _VM, "requests": _VM} if first else {}
            changes.append({"op": "add", "path": f"/spec/{group}/{number}/resources", "value": resources})
    return changes
