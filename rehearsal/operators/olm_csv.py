"""OLM's part for each CSV: from Pending to Succeeded, with the operator's Deployment.

Phases and reasons: operator-lifecycle-manager ``pkg/api/apis/operators/v1alpha1/clusterserviceversion_types.go``.
"""

from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import CSV, DEPLOYMENT, NAMESPACE, OPERATOR_GROUP
from rehearsal.operators.context import Context, KeyOf, key_of, owned_by
from rehearsal.operators.faults import CSV_FAILS
from rehearsal.timings import CSV_INSTALL

_PENDING, _READY = 0.1, 0.2  # shares of the whole installation


def package_label(package: str, namespace: str) -> str:
    """Return the label that OLM puts on every part of an operator."""
    return f"operators.coreos.com/{package}.{namespace}"[:63]


class Csvs:
    """OLM's olm-operator: ClusterServiceVersions."""

    name = "olm"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {CSV: key_of, DEPLOYMENT: _owning_csv}

    async def reconcile(self, key: str) -> float | None:
        """Bring one CSV a phase further."""
        namespace, _, name = key.partition("/")
        found = await self._api.get(CSV, name, namespace)
        home = await self._api.get(NAMESPACE, namespace)
        if found is None or home is None or any("deletionTimestamp" in each["metadata"] for each in (found, home)):
            return None
        groups = await self._api.list(OPERATOR_GROUP, namespace)
        if groups and not groups[0].get("spec", {}).get("targetNamespaces"):
            modes = "AllNamespaces InstallModeType not supported, cannot configure to watch all namespaces"
            await self._phase(found, "Failed", "UnsupportedOperatorGroup", modes)
            return None
        return await self._install(found)

    async def _install(self, found: Object) -> float | None:
        uid, clock = found["metadata"]["uid"], self._context.clock
        for share, phase, reason in (
            (_PENDING, "Pending", "RequirementsUnknown"),
            (_READY, "InstallReady", "AllRequirementsMet"),
        ):
            if wait := clock.left(f"csv {uid} {phase}", CSV_INSTALL * share):
                await self._phase(found, phase, reason, "")
                return wait
        if await self._context.faults.value(CSV_FAILS) == found["spec"]["displayName"]:
            said = "install strategy failed: deployment controller-manager not ready before timeout"
            await self._phase(found, "Failed", "InstallCheckFailed", said)
            return clock.scaled(CSV_INSTALL)
        deployment = await self._deployment(found)
        wait = clock.left(f"csv {uid} Installing", CSV_INSTALL * (1 - _PENDING - _READY))
        if wait or not deployment.get("status", {}).get("availableReplicas"):
            waiting = "waiting for deployment controller-manager to become ready"
            await self._phase(found, "Installing", "InstallWaiting", waiting)
            return wait or None
        await self._phase(found, "Succeeded", "InstallSucceeded", "install strategy completed with no errors")
        return None

    async def _phase(self, found: Object, phase: str, reason: str, message: str) -> None:
        await self._api.set_status(CSV, found, {"phase": phase, "reason": reason, "message": message})

    async def _deployment(self, csv: Object) -> Object:
        package, namespace = csv["spec"]["displayName"], csv["metadata"]["namespace"]
        name = f"{package}-controller-manager"
        labels = {"control-plane": name}
        container = {"name": "manager", "image": f"registry.example.com/{package}:{csv['spec']['version']}"}
        content = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {package_label(package, namespace): ""},
                "ownerReferences": owned_by(csv),
            },
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
        return await self._api.create(DEPLOYMENT, content) or await self._api.get(DEPLOYMENT, name, namespace) or {}


def _owning_csv(found: Object) -> str | None:
    for owner in found["metadata"].get("ownerReferences", []):
        if owner["kind"] == "ClusterServiceVersion":
            return f"{found['metadata']['namespace']}/{owner['name']}"
    return None
