"""OLM's part for each CSV: from Pending to Succeeded, with the operator's Deployment; and a newer one replaces it.

Phases and reasons: operator-lifecycle-manager ``pkg/api/apis/operators/v1alpha1/clusterserviceversion_types.go``; their
order in an upgrade, and what the OperatorGroup has to be: ``pkg/controller/operators/olm/operator.go`` at 992bb097
(transitionCSVState, operatorGroupForCSV, checkReplacementsAndUpdateStatus). A CSV that failed for its group goes on
from Pending once there is one that fits; its Deployment runs on meanwhile.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from rehearsal.api import Kind, Object
from rehearsal.kinds import CSV, DEPLOYMENT, NAMESPACE, OPERATOR_GROUP, POD, SUBSCRIPTION
from rehearsal.operators.context import Context, KeyOf, owned_by
from rehearsal.operators.faults import CSV_FAILS
from rehearsal.operators.olm_catalog import package_label
from rehearsal.timings import CSV_INSTALL, RETRY

_ENVIRONMENT: Mapping[str, Mapping[str, str]] = yaml.safe_load(Path(__file__).with_name("csv.yaml").read_text("utf-8"))
"""Variables of each operator's container, by package."""
_CRASHES = 3
_PENDING, _READY = 0.1, 0.2  # shares of the whole installation


class Csvs:
    """OLM's olm-operator: ClusterServiceVersions."""

    name = "olm"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        # One CSV's phase decides about another's, so a namespace's are looked at together.
        self.watches: Mapping[Kind, KeyOf] = {
            CSV: _namespace_of,
            DEPLOYMENT: _namespace_of_owning_csv,
            OPERATOR_GROUP: _namespace_of,
        }

    async def reconcile(self, key: str) -> float | None:
        """Bring every CSV of a namespace a phase further."""
        home = await self._api.get(NAMESPACE, key)
        if home is None or "deletionTimestamp" in home["metadata"]:
            return None
        csvs = [each for each in await self._api.list(CSV, key) if "deletionTimestamp" not in each["metadata"]]
        groups = await self._api.list(OPERATOR_GROUP, key)
        if failure := group_problem(groups):
            for each in csvs:
                await self._phase(each, "Failed", *failure)
            return None
        waits = [await self._one(each, csvs) for each in csvs]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _one(self, csv: Object, others: Sequence[Object]) -> float | None:
        name, replaced = csv["metadata"]["name"], csv["spec"].get("replaces")
        newer = next((each for each in others if each["spec"].get("replaces") == name), None)
        older = next((each for each in others if each["metadata"]["name"] == replaced), None)
        if newer is not None:
            await self._give_way(csv, newer, older)
            return None
        return await self._install(csv, older)

    async def _give_way(self, csv: Object, newer: Object, older: Object | None) -> None:
        """Be replaced, and go once the newer CSV has succeeded; the oldest goes first."""
        title = newer["metadata"]["name"]
        if csv.get("status", {}).get("phase") not in ("Replacing", "Deleting"):
            await self._phase(csv, "Replacing", "BeingReplaced", f"being replaced by csv: {title}")
        elif older is None and newer.get("status", {}).get("phase") == "Succeeded":
            message = "has been replaced by a newer ClusterServiceVersion that has successfully installed."
            await self._phase(csv, "Deleting", "Replaced", message)
            await self._api.delete(CSV, csv)

    async def _install(self, csv: Object, older: Object | None) -> float | None:
        uid, clock = csv["metadata"]["uid"], self._context.clock
        if wait := clock.left(f"csv {uid} Pending", CSV_INSTALL * _PENDING):
            await self._phase(csv, "Pending", "RequirementsUnknown", "requirements not yet checked")
            return wait
        replacing = older is not None and older.get("status", {}).get("phase") not in ("Replacing", "Deleting")
        if replacing:
            return None  # the older one's next phase will be seen
        if wait := clock.left(f"csv {uid} InstallReady", CSV_INSTALL * _READY):
            await self._phase(csv, "InstallReady", "AllRequirementsMet", "all requirements found, attempting install")
            return wait
        if await self._context.faults.value(CSV_FAILS) == csv["spec"]["displayName"]:
            message = "install strategy failed: deployment controller-manager not ready before timeout"
            await self._phase(csv, "Failed", "InstallCheckFailed", message)
            return clock.scaled(CSV_INSTALL)
        deployment = await self._deployment(csv)
        wait = clock.left(f"csv {uid} Installing", CSV_INSTALL * (1 - _PENDING - _READY))
        if wait or not _rolled_out(deployment):
            await self._unready(csv, deployment)
            return wait or clock.scaled(RETRY)
        await self._labels(csv)
        await self._phase(csv, "Succeeded", "InstallSucceeded", "install strategy completed with no errors")
        return None

    async def _labels(self, csv: Object) -> None:
        """Label the namespace, as both operators do at their start (``main.go``, labelNamespace)."""
        namespace = await self._api.get(NAMESPACE, csv["metadata"]["namespace"])
        package = csv["spec"]["displayName"]
        if namespace is not None and package in _ENVIRONMENT:
            labels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")}
            await self._api.named(package).patch(NAMESPACE, namespace, {"metadata": {"labels": labels}})

    async def _unready(self, csv: Object, deployment: Object) -> None:
        """Report a Deployment that is not ready, and one whose container ends again and again as a failure."""
        if deployment and (crash := await self._crash(deployment)) is not None:
            await self._phase(csv, "Failed", "InstallCheckFailed", f"install strategy failed: {crash}")
        else:
            waiting = "waiting for deployment controller-manager to become ready"
            await self._phase(csv, "Installing", "InstallWaiting", waiting)

    async def _crash(self, deployment: Object) -> str | None:
        """Return what the operator's container says where it ends again and again, or None."""
        labels = deployment["spec"]["selector"]["matchLabels"]
        for pod in await self._api.list(POD, deployment["metadata"]["namespace"]):
            state = pod.get("status", {}).get("containerStatuses", [{}])[0]
            ours = labels.items() <= pod["metadata"].get("labels", {}).items()
            if ours and state.get("restartCount", 0) >= _CRASHES:
                return str(state.get("state", {}).get("waiting", {}).get("message", "")) or None
        return None

    async def _phase(self, csv: Object, phase: str, reason: str, message: str) -> None:
        await self._api.set_status(CSV, csv, {"phase": phase, "reason": reason, "message": message})

    async def _deployment(self, csv: Object) -> Object:
        package, namespace = csv["spec"]["displayName"], csv["metadata"]["namespace"]
        name = f"{package}-controller-manager"
        labels = {"control-plane": name}
        version = csv["spec"]["version"]
        container = {
            "name": "manager",
            "image": f"registry.example.com/{package}:{version}",
            "env": await self._environment(package, namespace, version),
        }
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
        deployment = made or await self._api.get(DEPLOYMENT, name, namespace) or {}
        if (
            made is None
            and deployment
            and deployment["spec"]["template"]["spec"]["containers"][0]["image"] != container["image"]
        ):
            # An upgrade: the Deployment stays, with the newer image and the newer CSV as its owner.
            template = {"spec": {"containers": [container]}}
            change = {"metadata": {"ownerReferences": owned_by(csv)}, "spec": {"template": template}}
            return await self._api.patch(DEPLOYMENT, deployment, change)
        return deployment

    async def _environment(self, package: str, namespace: str, version: str) -> list[Object]:
        """Return what the CSV says of the operator's environment, and after it what the Subscription says."""
        variables = _ENVIRONMENT.get(package, {})
        own = [{"name": name, "value": text.replace("VERSION", version)} for name, text in variables.items()]
        for each in await self._api.list(SUBSCRIPTION, namespace):
            if each["spec"]["name"] == package:
                own += each["spec"].get("config", {}).get("env", [])
        return own


def group_problem(groups: Sequence[Object]) -> tuple[str, str] | None:
    """Return reason and message of every CSV in a namespace with these OperatorGroups; None where they fit.

    Both operators are for one namespace (``installModes`` of their CSVs: OwnNamespace and SingleNamespace).
    """
    if not groups:
        return "NoOperatorGroup", "csv in namespace with no operatorgroups"
    if len(groups) > 1:
        message = "csv created in namespace with multiple operatorgroups, can't pick one automatically"
        return "TooManyOperatorGroups", message
    targets = groups[0].get("spec", {}).get("targetNamespaces") or []
    if len(targets) == 1:
        return None
    mode, watched = ("MultiNamespace", f"{len(targets)} namespaces") if targets else ("AllNamespaces", "all namespaces")
    message = f"{mode} InstallModeType not supported, cannot configure to watch {watched}"
    return "UnsupportedOperatorGroup", message


def _rolled_out(deployment: Object) -> bool:
    status = deployment.get("status", {})
    seen = status.get("observedGeneration", 0) >= deployment.get("metadata", {}).get("generation", 0)
    return seen and bool(status.get("availableReplicas")) and bool(status.get("updatedReplicas"))


def _namespace_of(obj: Object) -> str:
    return str(obj["metadata"]["namespace"])


def _namespace_of_owning_csv(obj: Object) -> str | None:
    owners = obj["metadata"].get("ownerReferences", [])
    return _namespace_of(obj) if any(owner["kind"] == CSV.name for owner in owners) else None
