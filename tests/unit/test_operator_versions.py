"""The components that read an operator's version, pin it and wait for it; an error comes before anything else."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from components.cluster.openshift import WAIT_FOR
from components.operators.olm_operator import OlmOperator, OlmOperatorArgs
from components.operators.versions import OperatorSource, OperatorVersions, OperatorVersionsArgs
from settings.operators import OperatorSettings
from tests.unit.recording import Registration, _Monitor, _plain, new_event_loop
from tests.unit.test_operator_channels import MANIFEST, NAMESPACE, NEWEST, NEXT, OLD, PACKAGE, PLAN, operator


class _Cluster(mocks.Mocks):
    """A cluster whose objects have the given status, by kind."""

    def __init__(self, **status: Any) -> None:
        self._status = status

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        return f"{args.name}-id", {**args.inputs, "status": self._status.get(args.typ.rpartition(":")[2])}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


class _FailedError(Exception):
    """A run ended with an error.

    Attributes:
        seen: names of the resources that it had registered.
    """

    def __init__(self, message: str, seen: set[str]) -> None:
        super().__init__(message)
        self.seen = seen


def _run(said: Mapping[str, Any], **status: Any) -> dict[str, Registration]:
    """Run both components for Trustee, and return what they registered."""
    new_event_loop()
    monitor = _Monitor(_Cluster(**{"PackageManifest": MANIFEST, **status}))  # type: ignore[arg-type]
    pulumi.runtime.set_mocks(_Cluster(), project="coco-azure", stack="test", preview=False, monitor=monitor)
    settings = OperatorSettings.model_validate(said)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> Any:
        source = OperatorSource(package=PACKAGE, namespace=NAMESPACE, settings=settings)
        versions = OperatorVersions("versions", OperatorVersionsArgs(operators=[source]))
        args = OlmOperatorArgs(
            package=PACKAGE,
            namespace=NAMESPACE,
            group="group",
            subscription="subscription",
            settings=settings,
            csv=versions.csv[PACKAGE],
            upserting=pulumi.ProviderResource("kubernetes", "upserting"),
        )
        OlmOperator("trustee", args)
        return versions.csv[PACKAGE]

    try:
        program()
    except pulumi.RunError as error:
        raise _FailedError(str(error), {request.name for request in monitor.requests}) from error
    return {request.name: Registration(request, _plain(request.object)) for request in monitor.requests}


def test_without_a_pin_olm_installs_and_updates_by_itself_and_the_gate_waits_for_the_newest() -> None:
    made = _run({})

    assert made["trustee-subscription"].inputs["spec"]["installPlanApproval"] == "Automatic"
    assert "startingCSV" not in made["trustee-subscription"].inputs["spec"]
    assert not [name for name in made if "install-plan" in name]
    gate = made["trustee-installed"].inputs["metadata"]["annotations"][WAIT_FOR]
    assert f"@.name=='{NEWEST}'" in gate


def test_a_pin_is_a_starting_csv_with_manual_approval_of_its_own_plan() -> None:
    made = _run({"version": "0.3.0"}, Subscription={"currentCSV": OLD, "installPlanRef": PLAN})
    subscription, plan = made["trustee-subscription"].inputs, made["trustee-install-plan-0.3.0"]

    assert subscription["spec"]["startingCSV"] == OLD
    assert subscription["spec"]["installPlanApproval"] == "Manual"
    assert plan.inputs["metadata"]["name"] == "install-1"
    assert plan.inputs["spec"] == {"approved": True}
    assert plan.request.retainOnDelete
    assert set(plan.request.ignoreChanges) == {"metadata.name", "metadata.annotations", "spec"}
    assert plan.request.provider.rpartition("::")[2].startswith("upserting")
    gate = made["trustee-installed"]
    assert any(urn.endswith("trustee-install-plan-0.3.0") for urn in gate.request.dependencies)


def test_the_offer_after_the_pinned_csv_is_left_as_it_is() -> None:
    later = {"installedCSV": OLD, "currentCSV": NEXT, "installPlanRef": {"name": "install-2"}}
    plan = _run({"version": "0.3.0"}, Subscription=later)["trustee-install-plan-0.3.0"].inputs

    assert plan["metadata"]["name"] == "install-2"
    assert plan["spec"] == {}
    assert plan["metadata"]["annotations"][WAIT_FOR] == "jsonpath={.status.phase}"


def test_an_installed_operators_version_is_read_and_nothing_is_installed() -> None:
    made = _run({"install": False}, Operator=operator(v0_4_2="Succeeded"))

    assert set(made) & {"trustee-namespace", "trustee-group", "trustee-subscription"} == set()
    assert f"@.name=='{NEXT}'" in json.dumps(made["trustee-installed"].inputs)


@pytest.mark.parametrize("said", [{"channel": "fast"}, {"version": "9.9.9"}, {"catalog": "mirrored"}])
def test_a_version_that_cannot_be_had_creates_nothing(said: dict[str, Any]) -> None:
    with pytest.raises(_FailedError, match=r"coco-azure:trustee\.operator") as error:
        _run(said)

    objects = {"trustee-namespace", "trustee-group", "trustee-subscription", "trustee-installed"}
    assert objects & error.value.seen == set()


def test_a_pin_without_a_provider_to_approve_with_is_a_mistake_of_the_program() -> None:
    args = OlmOperatorArgs(
        package=PACKAGE,
        namespace=NAMESPACE,
        group="g",
        subscription="s",
        settings=OperatorSettings(version="0.3.0"),
        csv=OLD,
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        OlmOperator("trustee", args)

    new_event_loop()
    pulumi.runtime.set_mocks(_Cluster(), project="coco-azure", stack="test", preview=False)
    with pytest.raises(ValueError, match="which needs csv and upserting"):
        program()
