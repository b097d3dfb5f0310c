"""The small program of two operators on a rehearsal cluster, and what tests ask of OLM there."""

from pathlib import Path
from typing import Any

from tests.engine.harness import Stack

PROGRAM = Path(__file__).parent / "programs" / "operators"
NAMESPACE = "trustee-operator-system"
OLM = f"/apis/operators.coreos.com/v1alpha1/namespaces/{NAMESPACE}"
OLD, NEXT, NEWEST = (f"trustee-operator.v{version}" for version in ("0.3.0", "0.4.2", "1.0.0"))
MERGE = "application/merge-patch+json"


def subscription(stack: Stack) -> Any:
    """Return the status of the Subscription."""
    return stack.get(f"{OLM}/subscriptions/trustee-subscription")["status"]


def approved(stack: Stack) -> set[str]:
    """Return the CSVs whose plans are approved."""
    plans = stack.get(f"{OLM}/installplans")["items"]
    return {plan["spec"]["clusterServiceVersionNames"][0] for plan in plans if plan["spec"]["approved"]}


def wait_for_offer(stack: Stack, csv: str) -> None:
    """Wait until OLM's next step is this CSV."""
    stack.wait_for(lambda: subscription(stack)["currentCSV"] == csv)


def complaint(stack: Stack, config: dict[str, Any]) -> str:
    """Return what a preview with this configuration complains of; the run fails."""
    stack.configure(config)
    done = stack.run("preview", "--stack", "rehearsal", check=False)
    assert done.code != 0, done.output
    return done.output


def install_by_hand(stack: Stack) -> None:
    """Install the newest Trustee operator as a person would, and wait for it."""
    stack.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    group = {"apiVersion": "operators.coreos.com/v1", "kind": "OperatorGroup", "metadata": {"name": "by-hand"}}
    groups = f"/apis/operators.coreos.com/v1/namespaces/{NAMESPACE}/operatorgroups"
    stack.api("POST", groups, {**group, "spec": {"targetNamespaces": [NAMESPACE]}})
    spec = {
        "channel": "stable",
        "name": "trustee-operator",
        "source": "redhat-operators",
        "sourceNamespace": "openshift-marketplace",
    }
    kind = {"apiVersion": "operators.coreos.com/v1alpha1", "kind": "Subscription"}
    stack.api("POST", f"{OLM}/subscriptions", {**kind, "metadata": {"name": "trustee-subscription"}, "spec": spec})
    operator = f"/apis/operators.coreos.com/v1/operators/trustee-operator.{NAMESPACE}"
    stack.wait_for(lambda: "InstallSucceeded" in str(stack.get(operator)))
