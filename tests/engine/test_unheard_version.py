"""A catalog whose head nobody knows: the whole stack attests on the newest version that has a profile, or as told.

The tests share a cluster and go on from each other's state, in their order.
"""

import pytest

from tests.engine.harness import Stack
from tests.engine.trustee import attested

pytestmark = pytest.mark.engine
KNOWN, UNHEARD = (f"sandboxed-containers-operator.v{version}" for version in ("1.13.1", "1.14.0"))
OPERATOR = "/apis/operators.coreos.com/v1alpha1/namespaces/openshift-sandboxed-containers-operator"
ASIDE = f"no profile for it: {UNHEARD}. The stack has {KNOWN}"
VARIABLES = {"COCO_REHEARSAL_OSC": "1.14"}
"""The catalog goes up to OSC 1.14.0."""


def _csvs(stack: Stack) -> list[str]:
    return [each["metadata"]["name"] for each in stack.get(f"{OPERATOR}/clusterserviceversions")["items"]]


def test_the_preview_says_what_is_left_aside_and_the_setting_to_have_it(stack: Stack) -> None:
    result = stack.run("preview", "--stack", "rehearsal").output

    assert ASIDE in result
    assert "pulumi config set --path 'coco-azure:peerPods.operator.treatAs' 1.13" in result


def test_up_attests_on_the_newest_known_version_and_the_proof_says_what_was_left_aside(stack: Stack) -> None:
    stack.up()
    proof = stack.outputs()["proof"]

    assert attested(stack)
    assert _csvs(stack) == [KNOWN]
    assert [each["csv"] for each in proof["versions"] if each["profile"] == "1.13"] == [KNOWN]
    assert [warning for warning in proof["warnings"] if ASIDE in warning]
    assert stack.get("/apis/node.k8s.io/v1/runtimeclasses/kata-nvidia-gpu") is not None


def test_olms_plan_for_the_unknown_version_changes_nothing(stack: Stack) -> None:
    def offered() -> bool:
        result = stack.get(f"{OPERATOR}/subscriptions/sandboxed-containers-operator")
        return bool(result["status"]["currentCSV"] == UNHEARD)

    stack.wait_for(offered)
    stack.up("--expect-no-changes")
    assert _csvs(stack) == [KNOWN]


def test_treated_as_a_known_version_it_is_deployed_attests_and_the_proof_says_so(stack: Stack) -> None:
    stack.configure({"peerPods": {"operator": {"treatAs": "1.13"}}})
    stack.up()
    proof = stack.outputs()["proof"]

    assert attested(stack)
    assert _csvs(stack) == [UNHEARD]
    assert [each["profile"] for each in proof["versions"] if each["csv"] == UNHEARD] == ["1.13"]
    assert [warning for warning in proof["warnings"] if f"{UNHEARD} has no profile" in warning]
    stack.up("--expect-no-changes")
