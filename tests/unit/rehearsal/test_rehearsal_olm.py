"""The rehearsal's OLM: pins, approvals, upgrades."""

import asyncio
from typing import Any

import pytest

from rehearsal.api import Kind, Object
from rehearsal.kinds import (
    CATALOG_SOURCE,
    CRD,
    CSV,
    DEPLOYMENT,
    INSTALL_PLAN,
    NAMESPACE,
    OPERATOR,
    OPERATOR_GROUP,
    PACKAGE_MANIFEST,
    SUBSCRIPTION,
)
from rehearsal.operators import crds, olm_catalog
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.operators.olm import Catalog, Operators
from rehearsal.operators.olm_catalog import OSC, TRUSTEE
from rehearsal.operators.olm_csv import Csvs
from rehearsal.timings import Clock
from tests.unit.memory_api import MemoryApi

HOME = "trustee-operator-system"
_STEPS = 60


class World:
    """A namespace with a Subscription, and OLM at work in it."""

    def __init__(self, package: olm_catalog.Package = TRUSTEE, newest: str | None = None, **spec: Any) -> None:
        self.api = MemoryApi()
        self.package = package
        self.context = Context(self.api, Clock(1e9), Faults(self.api))
        self._catalog, self._csvs = Catalog(self.context), Csvs(self.context)
        self._operators = Operators(self.context)
        source = {"metadata": {"name": "redhat-operators", "namespace": olm_catalog.CATALOG_NAMESPACE}}
        self.create(CATALOG_SOURCE, source)
        self.create(PACKAGE_MANIFEST, olm_catalog.manifest(package, newest or package.versions[0]))
        self.create(NAMESPACE, {"metadata": {"name": HOME}})
        place = {"namespace": HOME}
        self.create(OPERATOR_GROUP, {"metadata": {"name": "g", **place}, "spec": {"targetNamespaces": [HOME]}})
        wanted = {
            "channel": "stable",
            "name": package.name,
            "source": "redhat-operators",
            "sourceNamespace": olm_catalog.CATALOG_NAMESPACE,
            **spec,
        }
        self.create(SUBSCRIPTION, {"metadata": {"name": "s", **place}, "spec": wanted})

    def run(self, steps: int = _STEPS) -> "World":
        """Let OLM work until nothing changes; Deployments roll out at once."""
        asyncio.run(self._run(steps))
        return self

    async def _run(self, steps: int) -> None:
        for _ in range(steps):
            before = self.api.changes
            await self._catalog.reconcile("/*")
            await self._csvs.reconcile(HOME)
            await self._operators.reconcile(olm_catalog.operator_name(self.package.name, HOME))
            for deployment in await self.api.list(DEPLOYMENT):
                status = {"availableReplicas": 1, "updatedReplicas": 1, "observedGeneration": 9}
                await self.api.set_status(DEPLOYMENT, deployment, status)
            if self.api.changes == before:
                return

    def move(self, newest: str) -> "World":
        """Have the catalog offer another version."""
        status = olm_catalog.manifest_status(self.package, newest)
        self.change(PACKAGE_MANIFEST, self.one(PACKAGE_MANIFEST), {"status": status})
        return self

    def approve(self) -> "World":
        """Approve the plan that the Subscription has."""
        name = self.status["installPlanRef"]["name"]
        plan = next(each for each in self.all(INSTALL_PLAN) if each["metadata"]["name"] == name)
        self.change(INSTALL_PLAN, plan, {"spec": {"approved": True}})
        return self

    def change(self, kind: Kind, values: Object, change: Object) -> None:
        """Change an object."""
        asyncio.run(self.api.patch(kind, values, change))

    def all(self, kind: Kind) -> list[Object]:
        """Return the objects of a kind."""
        return asyncio.run(self.api.list(kind))

    def one(self, kind: Kind) -> Object:
        """Return the only object of a kind."""
        (result,) = self.all(kind)
        return result

    @property
    def status(self) -> Any:
        """Status of the Subscription."""
        return self.one(SUBSCRIPTION)["status"]

    @property
    def csvs(self) -> dict[str, str]:
        """Phase of each CSV by name."""
        return {each["metadata"]["name"]: each.get("status", {}).get("phase", "") for each in self.all(CSV)}

    def create(self, kind: Kind, content: Object) -> None:
        """Create an object."""
        asyncio.run(self.api.create(kind, content))


def test_the_newest_of_the_channel_is_installed() -> None:
    world = World(newest="1.2.1").run()

    assert world.csvs == {"trustee-operator.v1.2.1": "Succeeded"}
    assert world.status["state"] == "AtLatestKnown"
    assert world.one(INSTALL_PLAN)["status"]["phase"] == "Complete"
    assert asyncio.run(world.context.installed_version("trustee-operator", HOME)) == "1.2.1"


def test_a_starting_csv_is_installed_and_the_next_one_only_with_an_approval() -> None:
    world = World(newest="1.0.0", startingCSV="trustee-operator.v0.3.0", installPlanApproval="Manual").run()

    assert world.csvs == {}
    assert world.status["state"] == "UpgradePending"
    assert world.status["currentCSV"] == "trustee-operator.v0.3.0"
    assert "installedCSV" not in world.status
    assert world.one(INSTALL_PLAN)["status"]["phase"] == "RequiresApproval"

    world.approve().run()
    assert world.csvs == {"trustee-operator.v0.3.0": "Succeeded"}
    assert world.status["installedCSV"] == "trustee-operator.v0.3.0"
    assert world.status["currentCSV"] == "trustee-operator.v0.4.2"
    assert world.status["state"] == "UpgradePending"

    world.approve().run()
    assert world.csvs == {"trustee-operator.v0.4.2": "Succeeded"}
    assert world.status["currentCSV"] == "trustee-operator.v1.0.0"


def test_a_pending_plan_is_not_approved_by_a_later_change_to_automatic() -> None:
    world = World(newest="0.4.2", startingCSV="trustee-operator.v0.3.0", installPlanApproval="Manual").run()
    world.approve().run()
    world.change(SUBSCRIPTION, world.one(SUBSCRIPTION), {"spec": {"installPlanApproval": "Automatic"}})

    assert world.run().csvs == {"trustee-operator.v0.3.0": "Succeeded"}


def test_a_catalog_that_moves_upgrades_trustee_through_every_step() -> None:
    world = World(newest="0.3.0").run().move("1.2.1").run()

    assert world.csvs == {"trustee-operator.v1.2.1": "Succeeded"}
    named = [plan["spec"]["clusterServiceVersionNames"][0] for plan in world.all(INSTALL_PLAN)]
    assert named == [f"trustee-operator.v{version}" for version in TRUSTEE.versions]
    image = world.one(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.example.com/trustee-operator:1.2.1"
    owner = world.one(DEPLOYMENT)["metadata"]["ownerReferences"][0]
    assert owner["uid"] == world.one(CSV)["metadata"]["uid"]


def test_openshift_sandboxed_containers_goes_to_the_newest_at_once() -> None:
    world = World(OSC, newest="1.9.0").run().move("1.12.1").run()

    assert world.csvs == {"sandboxed-containers-operator.v1.12.1": "Succeeded"}
    assert len(world.all(INSTALL_PLAN)) == 2


def test_the_older_csv_gives_way_before_the_newer_one_is_installed() -> None:
    world = World(newest="0.3.0").run().move("0.4.2")
    seen: list[dict[str, str]] = []
    for _ in range(_STEPS):
        world.run(1)
        if not seen or world.csvs != seen[-1]:
            seen.append(world.csvs)

    old, new = "trustee-operator.v0.3.0", "trustee-operator.v0.4.2"
    assert seen[0] == {old: "Succeeded"}
    assert {old: "Replacing", new: "Succeeded"} in seen
    assert seen[-1] == {new: "Succeeded"}
    assert {old: "Succeeded", new: "Succeeded"} not in seen


def test_an_upgrade_brings_the_newer_schema_of_the_operators_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(owner: str, version: str | None = None) -> list[dict[str, Any]]:
        spec = {"group": "g", "names": {"kind": "K", "plural": "ks"}, "versions": [{"name": version}]}
        return [{"metadata": {"name": owner}, "spec": spec}]

    monkeypatch.setattr(crds, "of", of)
    world = World(newest="0.3.0").run()
    assert world.one(CRD)["spec"]["versions"] == [{"name": "0.3.0"}]
    assert world.move("0.4.2").run().one(CRD)["spec"]["versions"] == [{"name": "0.4.2"}]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"startingCSV": "trustee-operator.v9.9.9"},
            "constraints not satisfiable: no operators found with name trustee-operator.v9.9.9 in channel stable of",
        ),
        ({"channel": "fast"}, "no operators found in channel fast of package trustee-operator"),
        ({"source": "certified-operators"}, "no operators found from catalog certified-operators"),
        ({"name": "other-operator"}, "no operators found in package other-operator"),
    ],
)
def test_what_the_catalog_does_not_have_is_not_resolved(spec: dict[str, Any], text: str) -> None:
    world = World(**spec).run()
    (condition,) = world.status["conditions"]

    assert (condition["type"], condition["reason"]) == ("ResolutionFailed", "ConstraintsNotSatisfiable")
    assert text in condition["message"]
    assert world.csvs == {}


def test_the_operator_object_has_a_name_as_long_as_a_label_and_lists_its_parts() -> None:
    package, namespace = "sandboxed-containers-operator", "openshift-sandboxed-containers-operator"
    assert olm_catalog.operator_name(package, namespace) == f"{package}.openshift-sandboxed-containers-op"

    world = World(newest="0.4.2", startingCSV="trustee-operator.v0.3.0", installPlanApproval="Manual").run()
    refs = world.approve().run().one(OPERATOR)["status"]["components"]["refs"]
    assert [(ref["kind"], ref["name"]) for ref in refs if ref["kind"] != "InstallPlan"] == [
        ("ClusterServiceVersion", "trustee-operator.v0.3.0"),
        ("Deployment", "trustee-operator-controller-manager"),
        ("Subscription", "s"),
    ]
    assert [condition["type"] for condition in refs[0]["conditions"]] == ["Succeeded"]
    # The plan that the Subscription names now, and no earlier one.
    assert [ref["name"] for ref in refs if ref["kind"] == "InstallPlan"] == [world.status["installPlanRef"]["name"]]


def _group(name: str, *targets: str) -> Object:
    return {"metadata": {"name": name, "namespace": HOME}, "spec": {"targetNamespaces": list(targets)}}


def test_a_second_operator_group_fails_the_operators_that_run_and_they_recover_without_it() -> None:
    world = World(newest="1.2.1").run()
    world.create(OPERATOR_GROUP, _group("second", HOME))
    world.run()

    status = world.one(CSV)["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "TooManyOperatorGroups")
    assert status["message"] == "csv created in namespace with multiple operatorgroups, can't pick one automatically"
    asyncio.run(world.api.delete(OPERATOR_GROUP, _group("second")))
    assert world.run().csvs == {"trustee-operator.v1.2.1": "Succeeded"}


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([], "NoOperatorGroup"),
        ([_group("g")], "UnsupportedOperatorGroup"),
        ([_group("g", HOME, "other")], "UnsupportedOperatorGroup"),
        ([_group("g", HOME), _group("h", "other")], "TooManyOperatorGroups"),
    ],
)
def test_a_csv_fails_with_groups_that_do_not_fit(groups: list[Object], reason: str) -> None:
    world = World(newest="1.2.1").run()
    asyncio.run(world.api.delete(OPERATOR_GROUP, _group("g")))
    for group in groups:
        world.create(OPERATOR_GROUP, group)

    assert world.run().one(CSV)["status"]["reason"] == reason


def test_with_two_operator_groups_nothing_is_resolved() -> None:
    world = World(newest="1.2.1")
    world.create(OPERATOR_GROUP, _group("second", HOME))
    (condition,) = world.run().status["conditions"]

    assert condition["message"] == "expected 1 OperatorGroup in the namespace, found 2"
    assert world.csvs == {}
