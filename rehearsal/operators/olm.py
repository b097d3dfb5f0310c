"""OLM: a Subscription becomes an InstallPlan, a CSV with its operator's Deployment, and the cluster's Operator object.

Modelled on operator-lifecycle-manager ``pkg/controller/operators/{catalog,olm,decorators}``: a namespace needs exactly
one OperatorGroup; the group's namespaces must suit the operator's install modes; an Operator ``<package>.<namespace>``
lists its parts with the phase of the CSV as a condition type.
"""

import hashlib
from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import (
    CATALOG_SOURCE,
    CRD,
    CSV,
    DEPLOYMENT,
    INSTALL_PLAN,
    OPERATOR,
    OPERATOR_GROUP,
    PACKAGE_MANIFEST,
    SUBSCRIPTION,
)
from rehearsal.operators import crds
from rehearsal.operators.context import Context, KeyOf, condition, key_of, owned_by
from rehearsal.operators.olm_csv import package_label
from rehearsal.operators.world import until_served
from rehearsal.timings import CATALOG_RESOLUTION


class Catalog:
    """OLM's catalog operator: Subscriptions and InstallPlans."""

    name = "catalog-operator"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {
            SUBSCRIPTION: key_of,
            # A namespace's subscriptions wait for its group, and follow their plan and CSV.
            OPERATOR_GROUP: lambda found: f"{found['metadata']['namespace']}/*",
            INSTALL_PLAN: lambda found: f"{found['metadata']['namespace']}/*",
            CSV: lambda found: f"{found['metadata']['namespace']}/*",
        }

    async def reconcile(self, key: str) -> float | None:
        """Bring a Subscription, or with ``*`` all of a namespace, one step further."""
        namespace, _, name = key.partition("/")
        found = [
            each for each in await self._api.list(SUBSCRIPTION, namespace) if name in ("*", each["metadata"]["name"])
        ]
        waits = [await self._subscription(each) for each in found if "deletionTimestamp" not in each["metadata"]]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _subscription(self, found: Object) -> float | None:
        problem, wanted = await self._resolve(found)
        if problem is not None:
            failed = condition("ResolutionFailed", "True", "ConstraintsNotSatisfiable", problem)
            await self._api.set_status(SUBSCRIPTION, found, {"conditions": [failed]})
            return self._context.clock.scaled(CATALOG_RESOLUTION)
        if wait := self._context.clock.left(f"resolution {found['metadata']['uid']}", CATALOG_RESOLUTION):
            return wait
        plan = await self._plan(found, wanted)
        status = {
            "conditions": [condition("CatalogSourcesUnhealthy", "False", "AllCatalogSourcesHealthy")],
            "currentCSV": wanted,
            "installPlanRef": {"kind": "InstallPlan", "name": plan["metadata"]["name"]},
        }
        if not plan["spec"]["approved"]:
            await self._api.set_status(INSTALL_PLAN, plan, {"phase": "RequiresApproval"})
            await self._api.set_status(SUBSCRIPTION, found, {**status, "state": "UpgradePending"})
            return None
        await self._install(found, plan, wanted)
        # Set as soon as the CSV exists (catalog/operator.go, ensureSubscriptionCSVState): no sign of success.
        await self._api.set_status(SUBSCRIPTION, found, {**status, "installedCSV": wanted, "state": "AtLatestKnown"})
        return None

    async def _resolve(self, found: Object) -> tuple[str | None, str]:
        """Return what is wrong, and which CSV is wanted."""
        spec, namespace = found["spec"], found["metadata"]["namespace"]
        groups = await self._api.list(OPERATOR_GROUP, namespace)
        if len(groups) != 1:
            return f"expected exactly one OperatorGroup in namespace {namespace}, found {len(groups)}", ""
        if await self._api.get(CATALOG_SOURCE, spec["source"], spec["sourceNamespace"]) is None:
            return f"catalog source {spec['sourceNamespace']}/{spec['source']} does not exist", ""
        package = await self._api.get(PACKAGE_MANIFEST, spec["name"], spec["sourceNamespace"])
        if package is None or package["status"]["catalogSource"] != spec["source"]:
            return f"no operators found in package {spec['name']} in the catalog referenced by the subscription", ""
        channel = spec.get("channel") or package["status"]["defaultChannel"]
        for offered in package["status"]["channels"]:
            if offered["name"] == channel:
                return None, str(spec.get("startingCSV") or offered["currentCSV"])
        return f"no operators found in channel {channel} of package {spec['name']}", ""

    async def _plan(self, found: Object, wanted: str) -> Object:
        metadata = found["metadata"]
        suffix = hashlib.sha256(f"{metadata['uid']} {wanted}".encode()).hexdigest()[:5]
        name, namespace = f"install-{suffix}", metadata["namespace"]
        plan = await self._api.get(INSTALL_PLAN, name, namespace)
        if plan is None:
            approval = found["spec"].get("installPlanApproval", "Automatic")
            content = {
                "metadata": {"name": name, "namespace": namespace, "ownerReferences": owned_by(found)},
                "spec": {
                    "approval": approval,
                    "approved": approval == "Automatic",
                    "clusterServiceVersionNames": [wanted],
                },
            }
            plan = await self._api.create(INSTALL_PLAN, content) or await self._api.get(INSTALL_PLAN, name, namespace)
        if plan is None:
            raise LookupError(f"InstallPlan {name} went away")
        return plan

    async def _install(self, found: Object, plan: Object, wanted: str) -> None:
        package, namespace = found["spec"]["name"], found["metadata"]["namespace"]
        for crd in crds.of(package):
            if await self._api.create(CRD, crd) is not None:
                await until_served(self._api, crd)
        content = {
            "metadata": {"name": wanted, "namespace": namespace, "labels": {package_label(package, namespace): ""}},
            "spec": {
                "displayName": package,
                "version": wanted.partition(".v")[2],
                "install": {"strategy": "deployment"},
            },
        }
        await self._api.create(CSV, content)
        await self._api.set_status(INSTALL_PLAN, plan, {"phase": "Complete"})


class Operators:
    """OLM's Operator objects: the parts of each operator, with the phase of its CSV as a condition."""

    name = "olm-operator"

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {
            SUBSCRIPTION: lambda found: f"{found['spec']['name']}.{found['metadata']['namespace']}",
            CSV: lambda found: f"{found['spec']['displayName']}.{found['metadata']['namespace']}",
            DEPLOYMENT: lambda _: None,
            OPERATOR: key_of,
        }

    async def reconcile(self, key: str) -> float | None:
        """Bring the Operator ``<package>.<namespace>`` up to date."""
        package, _, namespace = key.partition(".")
        parts: list[Object] = []
        for csv in await self._api.list(CSV, namespace, package_label(package, namespace)):
            status = csv.get("status", {})
            if "phase" in status:
                said = condition(status["phase"], "True", status.get("reason", ""), status.get("message", ""))
                parts.append(_reference(csv, [said]))
        subscriptions = [
            each for each in await self._api.list(SUBSCRIPTION, namespace) if each["spec"]["name"] == package
        ]
        parts += [_reference(each, each.get("status", {}).get("conditions", [])) for each in subscriptions]
        found = await self._api.get(OPERATOR, key)
        if found is None and subscriptions:
            found = await self._api.create(OPERATOR, {"metadata": {"name": key}, "spec": {}})
        if found is not None:
            selector = {"matchExpressions": [{"key": package_label(package, namespace), "operator": "Exists"}]}
            await self._api.set_status(OPERATOR, found, {"components": {"labelSelector": selector, "refs": parts}})
        return None


def _reference(found: Object, conditions: list[Object]) -> Object:
    metadata = found["metadata"]
    return {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "conditions": conditions,
    }
