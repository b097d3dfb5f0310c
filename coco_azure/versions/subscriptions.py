"""What OLM makes of a Subscription, and which InstallPlan of it the stack approves.

Pure decisions on the status of a Subscription (operator-lifecycle-manager at 992bb097,
``pkg/controller/operators/catalog/operator.go``).
"""

from coco_azure import names
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions.channels import Status, age, setting, version_of


def pending(subscription: Status) -> bool:
    """Return whether the Subscription has an InstallPlan that has not been carried out."""
    return subscription.get("state") == "UpgradePending" and bool(subscription.get("installPlanRef"))


def next_step(subscription: Status) -> str | None:
    """Return the CSV that OLM installs next, once its plan is approved; None where it has no plan for another one."""
    offered = str(subscription.get("currentCSV") or "")
    return offered if pending(subscription) and offered and offered != subscription.get("installedCSV") else None


def check_offer(
    settings: OperatorSettings, package: str, namespace: str, csv: str, subscription: Status, *, name: str
) -> None:
    """See to it that OLM can get from what is installed to the CSV that the stack wants.

    Args:
        subscription: ``status`` of the Subscription; an empty one is a new Subscription.

    Raises:
        ValueError: a newer version is installed, or OLM's next step is another one.
    """
    where, installed, step = setting(package), str(subscription.get("installedCSV") or ""), next_step(subscription)
    wanted = f"{where}.version asks for {csv}" if settings.version is not None else f"this run is to install {csv}"
    if csv == installed:
        return
    if not installed and step not in (None, csv):
        raise ValueError(
            f"{wanted}, and OLM has made a plan for {step} before, which it waits to see approved. Have it plan anew: "
            f"oc -n {namespace} delete subscriptions.operators.coreos.com/{name}, and then: pulumi up --refresh"
        )
    if installed and age(installed) > age(csv):
        raise ValueError(
            f"{wanted}, and {installed} is installed already: OLM never goes back to an older version. Pin what is "
            f"installed (pulumi config set --path '{where}.version' {version_of(installed)}), or "
            f"{way_back(package, namespace, name, installed)}"
        )
    if installed and step not in (None, csv):
        raise ValueError(
            f"{wanted}, and OLM's next step from {installed} is {step}: an upgrade takes the steps of its channel. "
            f"Take that one first (pulumi config set --path '{where}.version' {version_of(str(step))}, pulumi up), and "
            f"see which steps there are: oc -n {namespace} get installplan"
        )


def way_back(package: str, namespace: str, name: str, installed: str) -> str:
    """Return how an older version is had all the same."""
    if package != names.TRUSTEE_PACKAGE:
        return "remove the operator with what it manages (pulumi destroy) and install the older version anew"
    return (
        "have the older operator installed anew. What it manages stays meanwhile, and KBS goes on: "
        f"oc -n {namespace} delete subscriptions.operators.coreos.com/{name} "
        f"clusterserviceversions.operators.coreos.com/{installed}, and then: pulumi up --refresh"
    )


def advice(
    settings: OperatorSettings, package: str, namespace: str, csv: str, subscription: Status, *, name: str
) -> str:
    """Return what to do when OLM has not brought the CSV about in time.

    Args:
        csv: the CSV that was waited for.
        subscription: last known ``status`` of the Subscription, or of another object where that failed.
    """
    if not settings.automatic:
        # What was offered when the stack last looked has been approved since, or the run would not have ended there.
        before = max((str(subscription.get(key) or "") for key in ("installedCSV", "currentCSV")), key=age)
        try:
            check_offer(settings, package, namespace, csv, {**subscription, "installedCSV": before}, name=name)
        except ValueError as error:
            return str(error)
    return (
        f"{csv} has not succeeded within {settings.install_timeout}. Nothing that depends on it has been changed. "
        f"What OLM says: oc -n {namespace} get subscription,installplan,csv -o yaml. Give it longer with "
        f"pulumi config set --path '{setting(package)}.installTimeout' 20m, and run pulumi up again: it goes on from "
        "here"
    )


def stuck(namespace: str, subscription: Status) -> str | None:
    """Return what to do about a plan that waits for an approval that will not come from OLM, or None.

    OLM never approves a plan that it made while the Subscription said Manual, whatever the Subscription says later.
    """
    offered = next_step(subscription)
    if offered is None or not subscription.get("installedCSV"):
        return None
    plan = subscription["installPlanRef"]["name"]
    return (
        f"InstallPlan {plan} for {offered} was made while approval was Manual, and OLM does not approve it by "
        f'itself now: oc -n {namespace} patch installplan {plan} --type merge -p \'{{"spec":{{"approved":true}}}}\''
    )


def approval(csv: str, subscription: Status) -> tuple[str, bool]:
    """Return an InstallPlan for the wanted CSV, and whether it is to be approved.

    A plan for another CSV is never approved. Where the wanted CSV is installed and its own plan is gone, the plan is
    OLM's next offer, which is left as it is; where there is no plan at all, the name is one that tells so.
    """
    plan = (subscription.get("installPlanRef") or {}).get("name")
    if plan and subscription.get("currentCSV") == csv:
        return str(plan), True
    if plan and subscription.get("installedCSV") == csv:
        return str(plan), False
    return f"no-plan-for-{csv}", True
