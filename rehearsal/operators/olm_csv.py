"""OLM's part for each CSV: from Pending to Succeeded, with the operator's Deployment; and a newer one replaces it.

Phases and reasons: operator-lifecycle-manager ``pkg/api/apis/operators/v1alpha1/clusterserviceversion_types.go``; their
order in an upgrade: ``pkg/controller/operators/olm/operator.go`` at 992bb097 (transitionCSVState,
checkReplacementsAndUpdateStatus).
"""

from collections.abc import Mapping, Sequence

from rehearsal.api import Kind, Object
from rehearsal.kinds import CSV, DEPLOYMENT, NAMESPACE, OPERATOR_GROUP
from rehearsal.operators.context import Context, KeyOf, owned_by
from rehearsal.operators.faults import CSV_FAILS
from rehearsal.operators.olm_catalog import package_label
from rehearsal.timings import CSV_INSTALL

_PENDING, _READY = 0.1, 0.2  # shares of the whole installation


class Csvs:
    """OLM's olm-operator: ClusterServiceVersions."""

    name = "olm"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        # One CSV's phase decides about another's, so a namespace's are looked at together.
        self.watches: Mapping[Kind, KeyOf] = {CSV: _namespace_of, DEPLOYMENT: _namespace_of_owning_csv}

    async def reconcile(self, key: str) -> float | None:
        """Bring every CSV of a namespace a phase further."""
        home = await self._api.get(NAMESPACE, key)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return None
        found = [each for each in await self._api.list(CSV, key) if "deletionTimestamp" not in each["metadata"]]
        groups = await self._api.list(OPERATOR_GROUP, key)
        everywhere = bool(groups) and not groups[0].get("spec", {}).get("targetNamespaces")
        waits = [await self._one(each, found, everywhere=everywhere) for each in found]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _one(self, found: Object, others: Sequence[Object], *, everywhere: bool) -> float | None:
        name, replaced = found["metadata"]["name"], found["spec"].get("replaces")
        newer = next((each for each in others if each["spec"].get("replaces") == name), None)
        older = next((each for each in others if each["metadata"]["name"] == replaced), None)
        if newer is not None:
            await self._give_way(found, newer, older)
            return None
        if everywhere:
            modes = "AllNamespaces InstallModeType not supported, cannot configure to watch all namespaces"
            await self._phase(found, "Failed", "UnsupportedOperatorGroup", modes)
            return None
        return await self._install(found, older)

    async def _give_way(self, found: Object, newer: Object, older: Object | None) -> None:
        """Be replaced, and go once the newer CSV has succeeded; the oldest goes first."""
        title = newer["metadata"]["name"]
        if found.get("status", {}).get("phase") not in ("Replacing", "Deleting"):
            await self._phase(found, "Replacing", "BeingReplaced", f"being replaced by csv: {title}")
        elif older is None and newer.get("status", {}).get("phase") == "Succeeded":
            said = "has been replaced by a newer ClusterServiceVersion that has successfully installed."
            await self._phase(found, "Deleting", "Replaced", said)
            await self._api.delete(CSV, found)

    async def _install(self, found: Object, older: Object | None) -> float | None:
        uid, clock = found["metadata"]["uid"], self._context.clock
        if wait := clock.left(f"csv {uid} Pending", CSV_INSTALL * _PENDING):
            await self._phase(found, "Pending", "RequirementsUnknown", "requirements not yet checked")
            return wait
        replacing = older is not None and older.get("status", {}).get("phase") not in ("Replacing", "Deleting")
        if replacing:
            return None  # the older one's next phase will be seen
        if wait := clock.left(f"csv {uid} InstallReady", CSV_INSTALL * _READY):
            await self._phase(found, "InstallReady", "AllRequirementsMet", "all requirements found, attempting install")
            return wait
        if await self._context.faults.value(CSV_FAILS) == found["spec"]["displayName"]:
            said = "install strategy failed: deployment controller-manager not ready before timeout"
            await self._phase(found, "Failed", "InstallCheckFailed", said)
            return clock.scaled(CSV_INSTALL)
        deployment = await self._deployment(found)
        wait = clock.left(f"csv {uid} Installing", CSV_INSTALL * (1 - _PENDING - _READY))
        if wait or not _rolled_out(deployment):
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
        made = await self._api.create(DEPLOYMENT, content)
        found = made or await self._api.get(DEPLOYMENT, name, namespace) or {}
        if made is None and found and found["spec"]["template"]["spec"]["containers"][0]["image"] != container["image"]:
            # An upgrade: the Deployment stays, with the newer image and the newer CSV as its owner.
            template = {"spec": {"containers": [container]}}
            change = {"metadata": {"ownerReferences": owned_by(csv)}, "spec": {"template": template}}
            return await self._api.patch(DEPLOYMENT, found, change)
        return found


def _rolled_out(deployment: Object) -> bool:
    status = deployment.get("status", {})
    seen = status.get("observedGeneration", 0) >= deployment.get("metadata", {}).get("generation", 0)
    return seen and bool(status.get("availableReplicas")) and bool(status.get("updatedReplicas"))


def _namespace_of(found: Object) -> str:
    return str(found["metadata"]["namespace"])


def _namespace_of_owning_csv(found: Object) -> str | None:
    owners = found["metadata"].get("ownerReferences", [])
    return _namespace_of(found) if any(owner["kind"] == CSV.name for owner in owners) else None
