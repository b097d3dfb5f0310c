"""The components that read an operator's version, pin it and wait for it; an error comes before anything else."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions.channels import operator_object
from components.operators.olm_operator import OlmOperator, OlmOperatorArgs
from components.operators.versions import OperatorSource, OperatorVersions, choose_versions
from tests.unit.fake_cluster import OPERATORS, PACKAGES, SUBSCRIPTIONS, FakeCluster
from tests.unit.recording import Registration, _Monitor, _plain, new_event_loop
from tests.unit.versions.test_operator_channels import MANIFEST, NAMESPACE, NEWEST, NEXT, OLD, PACKAGE, PLAN, operator


class _Mocks(mocks.Mocks):
    """A provider whose objects have the given status, by kind."""

    def __init__(self, **status: Any) -> None:
        self._status = status

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}-id", {**args.inputs, "status": self._status.get(args.typ.rpartition(":")[2])}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


def _cluster(subscription: Any = None, installed: Any = None) -> FakeCluster:
    """Return a cluster with the catalog, and what OLM's objects say."""
    cluster = FakeCluster()
    cluster.put(PACKAGES.format(namespace="openshift-marketplace"), PACKAGE, MANIFEST)
    cluster.put(PACKAGES.format(namespace="openshift-marketplace"), "another-operator", {})
    if subscription is not None:
        cluster.put(SUBSCRIPTIONS.format(namespace=NAMESPACE), "subscription", subscription)
    if installed is not None:
        cluster.put(OPERATORS, operator_object(PACKAGE, NAMESPACE), installed)
    return cluster


class _FailedError(Exception):
    """A run ended with an error.

    Attributes:
        seen: names of the resources that it had registered.
    """

    def __init__(self, message: str, seen: set[str]) -> None:
        super().__init__(message)
        self.seen = seen


def _run(
    values: Mapping[str, Any], subscription: Any = None, installed: Any = None, cluster: FakeCluster | None = None
) -> dict[str, Registration]:
    """Run both components for Trustee, and return what they registered."""
    new_event_loop()
    answers = _Mocks(Subscription=subscription or {})
    monitor = _Monitor(answers)  # type: ignore[arg-type]
    pulumi.runtime.set_mocks(answers, project="coco-azure", stack="test", preview=False, monitor=monitor)
    settings = OperatorSettings.model_validate(values)
    reader: Any = cluster or _cluster(subscription, installed)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> Any:
        source = OperatorSource(
            package=PACKAGE, namespace=NAMESPACE, subscription="subscription", settings=settings, reader=reader
        )
        versions = OperatorVersions("versions", choose_versions([source]))
        args = OlmOperatorArgs(
            package=PACKAGE,
            namespace=NAMESPACE,
            group="group",
            subscription="subscription",
            settings=settings,
            csv=versions.csv[PACKAGE],
            chosen=versions.csv[PACKAGE],
        )
        OlmOperator("trustee", args)
        return pulumi.Output.from_input(versions.csv[PACKAGE])

    try:
        program()
    except pulumi.RunError as error:
        raise _FailedError(str(error), {request.name for request in monitor.requests}) from error
    return {request.name: Registration(request, _plain(request.object)) for request in monitor.requests}


def test_without_a_pin_the_newest_known_version_is_pinned_and_its_plan_approved() -> None:
    made = _run({})

    assert made["trustee-subscription"].inputs["spec"]["installPlanApproval"] == "Manual"
    assert made["trustee-subscription"].inputs["spec"]["startingCSV"] == NEWEST
    assert "trustee-install-plan-1.1.0" in made
    gate = made["trustee-installed"].inputs["metadata"]["annotations"]
    assert f"@.name=='{NEWEST}'" in gate[names.WAIT_FOR]
    assert "coco-azure/treated-as" not in gate


def test_a_stack_that_is_installed_registers_the_same_again_while_an_unknown_version_waits() -> None:
    unheard = "trustee-operator.v9.0.0"
    at = {"installedCSV": NEWEST, "currentCSV": unheard, "installPlanRef": PLAN, "state": "UpgradePending"}
    first, again = _run({}), _run({}, at)

    assert {name: each.inputs for name, each in again.items() if "install-plan" not in name} == {
        name: each.inputs for name, each in first.items() if "install-plan" not in name
    }
    assert first.keys() == again.keys()
    # The plan that waits is looked at, and nothing of it is changed.
    assert again["trustee-install-plan-1.1.0"].inputs["spec"] == {}


def test_where_the_settings_say_so_olm_installs_and_updates_by_itself() -> None:
    made = _run({"approval": "Automatic", "treatAs": "1.2"})

    assert made["trustee-subscription"].inputs["spec"]["installPlanApproval"] == "Automatic"
    assert "startingCSV" not in made["trustee-subscription"].inputs["spec"]
    assert not [name for name in made if "install-plan" in name]
    assert f"@.name=='{NEWEST}'" in made["trustee-installed"].inputs["metadata"]["annotations"][names.WAIT_FOR]


def test_the_gate_says_as_what_an_unknown_version_is_deployed() -> None:
    made = _run({"install": False, "treatAs": "1.2"}, installed=operator(v1_3_0="Succeeded"))

    assert made["trustee-installed"].inputs["metadata"]["annotations"]["coco-azure/treated-as"] == "1.2"


def test_a_cluster_that_does_not_answer_is_told_with_what_is_needed() -> None:
    class Silent(FakeCluster):
        def items(self, path: str, **selectors: Any) -> list[Object]:
            raise OSError(f"no route to {path} {selectors}")

    with pytest.raises(_FailedError, match=r"no route to .*right to read PackageManifests, Subscriptions"):
        _run({}, cluster=Silent())


def test_problems_of_all_operators_are_told_together() -> None:
    reader: Any = _cluster()
    sources = [
        OperatorSource(
            package=package,
            namespace=NAMESPACE,
            subscription="subscription",
            settings=OperatorSettings(channel="fast"),
            reader=reader,
        )
        for package in (PACKAGE, "sandboxed-containers-operator")
    ]
    result = choose_versions(sources)

    assert result.choices == {}
    assert [("no channel" in problem, "no catalog" in problem) for problem in result.problems] == [
        (True, False),
        (False, True),
    ]


def test_a_pin_is_a_starting_csv_with_manual_approval_of_its_own_plan() -> None:
    made = _run({"version": "0.3.0"}, {"currentCSV": OLD, "installPlanRef": PLAN})
    subscription, plan = made["trustee-subscription"].inputs, made["trustee-install-plan-0.3.0"]

    assert subscription["spec"]["startingCSV"] == OLD
    assert subscription["spec"]["installPlanApproval"] == "Manual"
    assert plan.inputs["metadata"]["name"] == "install-1"
    assert plan.inputs["spec"] == {"approved": True}
    assert plan.request.retainOnDelete
    assert set(plan.request.ignoreChanges) == {"metadata.name", "metadata.annotations", "spec"}
    gate = made["trustee-installed"]
    assert any(urn.endswith("trustee-install-plan-0.3.0") for urn in gate.request.dependencies)


def test_the_offer_after_the_pinned_csv_is_left_as_it_is() -> None:
    later = {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": {"name": "install-2"}}
    plan = _run({"version": "0.3.0"}, later)["trustee-install-plan-0.3.0"].inputs

    assert plan["metadata"]["name"] == "install-2"
    assert plan["spec"] == {}
    assert plan["metadata"]["annotations"][names.WAIT_FOR] == "jsonpath={.status.phase}"


def test_an_installed_operators_version_is_read_and_nothing_is_installed() -> None:
    made = _run({"install": False}, installed=operator(v0_4_2="Succeeded"))

    assert set(made) & {"trustee-namespace", "trustee-group", "trustee-subscription"} == set()
    assert f"@.name=='{NEXT}'" in json.dumps(made["trustee-installed"].inputs)


@pytest.mark.parametrize("values", [{"channel": "fast"}, {"version": "9.9.9"}, {"catalog": "mirrored"}])
def test_a_version_that_cannot_be_had_creates_nothing(values: dict[str, Any]) -> None:
    with pytest.raises(_FailedError, match=r"coco-azure:trustee\.operator") as error:
        _run(values)

    objects = {"trustee-namespace", "trustee-group", "trustee-subscription", "trustee-installed"}
    assert objects & error.value.seen == set()


def test_a_pin_without_its_csv_is_a_mistake_of_the_program() -> None:
    args = OlmOperatorArgs(
        package=PACKAGE,
        namespace=NAMESPACE,
        group="g",
        subscription="s",
        settings=OperatorSettings(),
        chosen=OLD,
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        OlmOperator("trustee", args)

    new_event_loop()
    pulumi.runtime.set_mocks(_Mocks(), project="coco-azure", stack="test", preview=False)
    with pytest.raises(ValueError, match="which needs csv"):
        program()
