"""OLM: a Subscription becomes InstallPlans and CSVs, one after the other, and the cluster's Operator object.

Modelled on operator-lifecycle-manager ``pkg/controller/operators/{catalog,decorators}`` and
``pkg/controller/registry/resolver`` at 992bb097: a namespace needs exactly one OperatorGroup; ``startingCSV`` counts
only while nothing is installed; with manual approval a plan waits for ``spec.approved``, and the Subscription is not
resolved again before; an Operator ``<package>.<namespace>`` lists its parts with the phase of the CSV as a condition
type. Simpler than OLM: the next plan is made once the present CSV has succeeded.
"""

import asyncio
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
from rehearsal.operators.olm_catalog import (
    next_step,
    operator_label,
    operator_name,
    operator_of,
    package_label,
    version_of,
)
from rehearsal.operators.world import until_served
from rehearsal.timings import CATALOG_RESOLUTION

_PENDING = "UpgradePending"


class ResolutionError(Exception):
    """A Subscription cannot be resolved.

    Attributes:
        reason: reason of the condition ``ResolutionFailed``.
    """

    def __init__(self, message: str, reason: str = "ConstraintsNotSatisfiable") -> None:
        super().__init__(message)
        self.reason = reason


class Catalog:
    """OLM's catalog operator: Subscriptions and InstallPlans."""

    name = "catalog-operator"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._one_at_a_time = asyncio.Lock()
        self.watches: Mapping[Kind, KeyOf] = {
            SUBSCRIPTION: key_of,
            # A namespace's subscriptions wait for its group, and follow their plan and CSV.
            OPERATOR_GROUP: lambda obj: f"{obj['metadata']['namespace']}/*",
            INSTALL_PLAN: lambda obj: f"{obj['metadata']['namespace']}/*",
            CSV: lambda obj: f"{obj['metadata']['namespace']}/*",
            # A catalog that has moved may concern any of them.
            PACKAGE_MANIFEST: lambda _: "/*",
        }

    async def reconcile(self, key: str) -> float | None:
        """Bring a Subscription, or with ``*`` all (of a namespace), one step further."""
        namespace, _, name = key.partition("/")
        async with self._one_at_a_time:
            subscriptions = [
                each
                for each in await self._api.list(SUBSCRIPTION, namespace)
                if name in ("*", each["metadata"]["name"]) and "deletionTimestamp" not in each["metadata"]
            ]
            waits = [await self._subscription(each) for each in subscriptions]
        return min((wait for wait in waits if wait is not None), default=None)

    async def _subscription(self, subscription: Object) -> float | None:
        status = subscription.get("status", {})
        if status.get("state") == _PENDING and status.get("installPlanRef"):
            await self._carry_out(subscription, status)
            return None
        try:
            channel = await self._channel(subscription)
            wanted = await self._wanted(subscription, channel)
        except ResolutionError as problem:
            failed = condition("ResolutionFailed", "True", problem.reason, str(problem))
            await self._api.set_status(SUBSCRIPTION, subscription, {"conditions": [failed]})
            return self._context.clock.scaled(CATALOG_RESOLUTION)
        if wanted is None:
            return None
        if wait := self._context.clock.left(
            f"resolution {subscription['metadata']['uid']} {wanted}", CATALOG_RESOLUTION
        ):
            return wait
        plan = await self._plan(subscription, wanted)
        reported = {
            "conditions": [condition("CatalogSourcesUnhealthy", "False", "AllCatalogSourcesHealthy")],
            "currentCSV": wanted,
            "installPlanGeneration": plan["spec"]["generation"],
            "installPlanRef": _named(plan),
            "installplan": {**_named(plan), "uuid": plan["metadata"]["uid"]},
            "state": _PENDING,
        }
        await self._api.set_status(SUBSCRIPTION, subscription, reported)
        return None

    async def _channel(self, subscription: Object) -> Object:
        """Return the Subscription's channel; raises ResolutionError."""
        spec, metadata = subscription["spec"], subscription["metadata"]
        by = f"referenced by subscription {metadata['name']}"
        groups = await self._api.list(OPERATOR_GROUP, metadata["namespace"])
        if len(groups) != 1:
            message = f"expected 1 OperatorGroup in the namespace, found {len(groups)}"
            raise ResolutionError(message, "ErrorPreventedResolution")
        if await self._api.get(CATALOG_SOURCE, spec["source"], spec["sourceNamespace"]) is None:
            raise _unsatisfiable(
                subscription,
                f"no operators found from catalog {spec['source']} in namespace {spec['sourceNamespace']} {by}",
            )
        package = await self._api.get(PACKAGE_MANIFEST, spec["name"], spec["sourceNamespace"])
        if package is None or package["status"]["catalogSource"] != spec["source"]:
            raise _unsatisfiable(subscription, f"no operators found in package {spec['name']} in the catalog {by}")
        channel = spec.get("channel") or package["status"]["defaultChannel"]
        for offered in package["status"]["channels"]:
            if offered["name"] == channel:
                return dict(offered)
        raise _unsatisfiable(
            subscription, f"no operators found in channel {channel} of package {spec['name']} in the catalog {by}"
        )

    async def _wanted(self, subscription: Object, channel: Object) -> str | None:
        """Return the CSV to install next, or None for none now; raises ResolutionError."""
        spec, metadata = subscription["spec"], subscription["metadata"]
        installed, starting = subscription.get("status", {}).get("installedCSV"), spec.get("startingCSV")
        wanted = next_step(spec["name"], channel, installed, starting)
        if installed is None and wanted is None:
            raise _unsatisfiable(
                subscription,
                f"no operators found with name {starting} in channel {channel['name']} of package {spec['name']} in "
                f"the catalog referenced by subscription {metadata['name']}",
            )
        if installed is not None and not await self._context.installed(spec["name"], metadata["namespace"]):
            return None
        return wanted

    async def _plan(self, subscription: Object, wanted: str) -> Object:
        metadata = subscription["metadata"]
        suffix = hashlib.sha256(f"{metadata['uid']} {wanted}".encode()).hexdigest()[:5]
        name, namespace = f"install-{suffix}", metadata["namespace"]
        plan = await self._api.get(INSTALL_PLAN, name, namespace)
        if plan is None:
            approval = subscription["spec"].get("installPlanApproval", "Automatic")
            others = await self._api.list(INSTALL_PLAN, namespace)
            content = {
                "metadata": {"name": name, "namespace": namespace, "ownerReferences": [_loosely(subscription)]},
                "spec": {
                    "approval": approval,
                    "approved": approval == "Automatic",
                    "clusterServiceVersionNames": [wanted],
                    "generation": 1 + max((each["spec"].get("generation", 0) for each in others), default=0),
                },
            }
            plan = await self._api.create(INSTALL_PLAN, content) or await self._api.get(INSTALL_PLAN, name, namespace)
        if plan is None:
            raise LookupError(f"InstallPlan {name} went away")
        phase = "Installing" if plan["spec"]["approved"] else "RequiresApproval"
        return await self._api.set_status(
            INSTALL_PLAN, plan, {"catalogSources": [subscription["spec"]["source"]], "phase": phase}
        )

    async def _carry_out(self, subscription: Object, status: Object) -> None:
        """Install what the Subscription's plan says, once it is approved."""
        plan = await self._api.get(
            INSTALL_PLAN, status["installPlanRef"]["name"], subscription["metadata"]["namespace"]
        )
        # As upstream: a plan that somebody has deleted is not made anew.
        if plan is None or not plan["spec"].get("approved"):
            return
        wanted = status["currentCSV"]
        await self._install(subscription, wanted, status.get("installedCSV"))
        await self._api.set_status(INSTALL_PLAN, plan, {"phase": "Complete"})
        # Set as soon as the CSV exists (catalog/operator.go, ensureSubscriptionCSVState): no sign of success.
        await self._api.set_status(SUBSCRIPTION, subscription, {"installedCSV": wanted, "state": "AtLatestKnown"})

    async def _install(self, subscription: Object, wanted: str, replaced: str | None) -> None:
        package, namespace, version = (
            subscription["spec"]["name"],
            subscription["metadata"]["namespace"],
            version_of(wanted),
        )
        for crd in crds.of(package, version):
            # A newer operator brings its kind's newer schema.
            await self._api.apply(CRD, crd)
            await until_served(self._api, crd)
        content: Object = {
            "metadata": {"name": wanted, "namespace": namespace, "labels": {package_label(package, namespace): ""}},
            "spec": {"displayName": package, "version": version, "install": {"strategy": "deployment"}},
        }
        if replaced is not None:
            content["spec"]["replaces"] = replaced
        await self._api.create(CSV, content)


class Operators:
    """OLM's Operator objects: the parts of each operator, with the phase of its CSV as a condition."""

    name = "olm-operator"

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {
            SUBSCRIPTION: _operator_of_subscription,
            CSV: operator_of,
            INSTALL_PLAN: operator_of,
            DEPLOYMENT: operator_of,
            OPERATOR: key_of,
        }

    async def reconcile(self, key: str) -> float | None:
        """Bring the Operator ``<package>.<namespace>`` up to date."""
        subscriptions = [each for each in await self._api.list(SUBSCRIPTION) if _operator_of_subscription(each) == key]
        for subscription in subscriptions:
            await self._adopt(subscription)
        label = operator_label(key)
        parts = [
            _reference(each)
            for kind in (CSV, DEPLOYMENT, INSTALL_PLAN, SUBSCRIPTION)
            for each in await self._api.list(kind, labels=label)
        ]
        operator = await self._api.get(OPERATOR, key)
        if operator is None and parts:
            operator = await self._api.create(OPERATOR, {"metadata": {"name": key}, "spec": {}})
        if operator is not None:
            selector = {"matchExpressions": [{"key": label, "operator": "Exists"}]}
            await self._api.set_status(OPERATOR, operator, {"components": {"labelSelector": selector, "refs": parts}})
        return None

    async def _adopt(self, subscription: Object) -> None:
        """Label a Subscription and its plan as parts (``adoption_controller.go``; CSVs are made with the label)."""
        namespace, status = subscription["metadata"]["namespace"], subscription.get("status", {})
        label = package_label(subscription["spec"]["name"], namespace)
        await self._api.patch(SUBSCRIPTION, subscription, {"metadata": {"labels": {label: ""}}})
        present = status.get("installPlanRef", {}).get("name")
        for plan in await self._api.list(INSTALL_PLAN, namespace):
            labels = plan["metadata"].get("labels") or {}
            if (plan["metadata"]["name"] == present) != (label in labels):
                wanted = "" if plan["metadata"]["name"] == present else None
                await self._api.patch(INSTALL_PLAN, plan, {"metadata": {"labels": {label: wanted}}})


def _loosely(owner: Object) -> Object:
    """Return an owner reference that does not hold the owner's deletion up (``ownerutil.AddNonBlockingOwner``)."""
    return {**owned_by(owner)[0], "controller": False, "blockOwnerDeletion": False}


def _operator_of_subscription(subscription: Object) -> str:
    return operator_name(subscription["spec"]["name"], subscription["metadata"]["namespace"])


def _unsatisfiable(subscription: Object, why: str) -> ResolutionError:
    return ResolutionError(
        f"constraints not satisfiable: {why}, subscription {subscription['metadata']['name']} exists"
    )


def _named(obj: Object) -> Object:
    metadata = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": metadata["name"],
        "namespace": metadata["namespace"],
    }


def _reference(obj: Object) -> Object:
    status = obj.get("status", {})
    conditions = status.get("conditions") or []
    if obj["kind"] == CSV.name:
        phase, state = status.get("phase"), (status.get("reason", ""), status.get("message", ""))
        conditions = [condition(phase, "True", *state)] if phase else []
    return {**_named(obj), "conditions": conditions}
