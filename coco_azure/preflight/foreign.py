"""What somebody else has on the cluster, and the stack cannot share or would take over (check ``foreign``).

OLM (operator-lifecycle-manager at 992bb097): a second OperatorGroup in a namespace fails every CSV in it
(``pkg/controller/operators/olm/operator.go`` operatorGroupForCSV); a CSV without a Subscription keeps one of its
package from being resolved (``registry/resolver``: "exists and is not referenced by a subscription"); operators of two
groups that reach a namespace together must not bring the same kind (InterOperatorGroupOwnerConflict). All KbsConfigs of
a namespace write one Deployment and one Service, and a TrusteeConfig makes a KbsConfig (openshift/trustee-operator at
2c1a593 ``internal/controller``). Of Routes with the same host the router admits the oldest (openshift/router at
4b401a86 ``pkg/router/controller/hostindex``).
"""

from collections.abc import Iterator, Sequence
from functools import partial

from coco_azure import names
from coco_azure.inventory.foreign_facts import (
    ForeignFacts,
    ForeignRequirements,
    Group,
    Installed,
    Named,
    Occupied,
    Subscription,
)
from coco_azure.inventory.requirements import Operator
from coco_azure.preflight.model import Finding, Level

_SET = "pulumi config set --path coco-azure:"
_problem = partial(Finding, check="foreign", level="problem")
_HAND_OVER = (
    "if nobody needs what is in them, hand them over; the stack makes them anew, and deletes them at `pulumi destroy`:"
)


def problems(facts: ForeignFacts, requirements: ForeignRequirements) -> Iterator[Finding]:
    """Yield what is in the stack's way on a cluster: the setting that names it first, then what else works."""
    for operator in requirements.operators:
        yield from _home(facts, operator)
        if operator.install:
            yield from _other_installations(facts, operator)
    yield from _namespaces(facts, requirements)
    yield from _occupied(facts, requirements)
    yield from _kbs(facts, requirements)
    yield from _claimed(facts)
    yield from _unknown(facts)


def _home(facts: ForeignFacts, operator: Operator) -> Iterator[Finding]:
    """Yield what others have in the namespace of an operator that the stack installs."""
    namespace = operator.namespace
    if namespace in facts.missing and operator.install and not operator.create_namespace:
        yield _missing(operator)
    if namespace not in facts.namespaces:
        return
    owner = facts.namespaces[namespace]
    if not operator.install or not operator.create_namespace:
        yield from _given_away(facts, operator)
    if not operator.install:
        return
    mine = [each for each in facts.subscriptions if (each.namespace, each.package) == (namespace, operator.package)]
    groups = [each for each in facts.groups if each.namespace == namespace and not each.own]
    subscriptions = [each for each in mine if not each.own]
    csvs = (
        []
        if any(each.own for each in mine)
        else [each for each in facts.csvs if (each.namespace, each.package) == (namespace, operator.package)]
    )
    if subscriptions or csvs or groups:
        others = {each.package for each in facts.subscriptions if each.namespace == namespace} - {operator.package}
        yield _in_the_way(operator, owner, [*_named(*subscriptions, *csvs, *groups)], sorted(others))
    elif owner is not None and operator.create_namespace:
        yield _problem(
            found=f"namespace {namespace} exists, and {_whose(owner)}",
            needed="a namespace of the stack's own, which goes at `pulumi destroy`, or one that it only uses",
            fix=f"{_SET}{operator.setting}.createNamespace false",
        )


def _missing(operator: Operator) -> Finding:
    key = f"{operator.setting}.createNamespace"
    return _problem(
        found=f"{key} is false, and there is no namespace {operator.namespace}",
        needed="the namespace that somebody else makes, or true",
        fix=f"pulumi config rm --path coco-azure:{key}\nor: oc create namespace {operator.namespace}",
    )


def _given_away(facts: ForeignFacts, operator: Operator) -> Iterator[Finding]:
    """Yield whether a setting leaves out the namespace that the stack has made, which Pulumi would then delete."""
    if operator.namespace in facts.marked:
        key = "createNamespace" if operator.install else "install"
        yield _problem(
            found=f"{operator.setting}.{key} is false, and this stack has made namespace {operator.namespace}",
            needed="true: Pulumi would delete the namespace with all that is in it",
            fix=f"pulumi config rm --path coco-azure:{operator.setting}.{key}",
        )


def _in_the_way(operator: Operator, owner: str | None, named: Sequence[Named], others: Sequence[str]) -> Finding:
    """Return what to do about an operator, or its parts, that somebody else has installed in the namespace."""
    namespace, has_others = operator.namespace, any(each.kind != "OperatorGroup" for each in named)
    fix = []
    # In a namespace of the stack's own the operator is not somebody else's to keep: with `install` the namespace goes.
    if owner is not None and has_others:
        fix += ["use the operator that is there, which stays as it is:", f"{_SET}{operator.setting}.install false"]
    elif owner is not None:
        fix += [
            f"install {operator.package} there as its others are, and when its CSV has succeeded:",
            f"{_SET}{operator.setting}.install false",
        ]
    if owner is not None and others:
        needed = f"the group stays: {', '.join(others)} needs it"
    else:
        fix += ["or, if nobody needs it, take it away; the namespace stays:"] if fix else []
        fix += [f"oc -n {namespace} delete {' '.join(each.path for each in named)}"]
        fix += [f"{_SET}{operator.setting}.createNamespace false"] if owner is not None else []
        needed = "a second OperatorGroup fails every operator of the namespace (TooManyOperatorGroups)"
    return _problem(
        found=f"{_list(named)} in namespace {namespace}, not made by this stack",
        needed=f"one installation of {operator.package}, the stack's or that one: {needed}",
        fix="\n".join(fix),
    )


def _other_installations(facts: ForeignFacts, operator: Operator) -> Iterator[Finding]:
    """Yield where else the package is installed."""
    installations: list[Subscription | Installed] = [*facts.subscriptions, *facts.csvs]
    of_package = [each for each in installations if each.package == operator.package]
    places = {each.namespace for each in of_package} - {operator.namespace}
    for place in sorted(places):
        named = [*_named(*(each for each in of_package if each.namespace == place))]
        shared = any(each.reaches(operator.namespace) for each in facts.groups if each.namespace == place)
        # An operator of Trustee sees one namespace; that of OSC works on the cluster's nodes.
        apart = operator.package == names.TRUSTEE_PACKAGE and not shared
        level: Level = "warning" if apart else "problem"
        yield Finding(
            check="foreign",
            level=level,
            found=f"{operator.package} is installed in namespace {place}, too: {_list(named)}",
            needed=(
                "one version of its kinds: both installations bring the same CRDs, and the newer one changes them"
                if apart
                else f"one installation in the cluster, in {operator.namespace}: two work on the same objects"
            ),
            fix=f"if nobody needs it there: oc -n {place} delete {' '.join(each.path for each in named)}",
        )


def _namespaces(facts: ForeignFacts, requirements: ForeignRequirements) -> Iterator[Finding]:
    """Yield namespaces of others that the stack would make, but for those of operators."""
    for named, setting in requirements.names.items():
        owner = facts.namespaces.get(named.name) if named.kind == "Namespace" else None
        if owner is not None:
            yield _problem(
                found=f"namespace {named.name} exists, and {_whose(owner)}",
                needed="another one: the stack makes it, and deletes it at `pulumi destroy`",
                fix=f"{_SET}{setting} NAMESPACE",
            )


def _occupied(facts: ForeignFacts, requirements: ForeignRequirements) -> Iterator[Finding]:
    """Yield the objects with the stack's names, by namespace."""
    for namespace in sorted({each.what.namespace for each in facts.occupied}):
        in_namespace = [each for each in facts.occupied if each.what.namespace == namespace]
        named = [each.what for each in in_namespace]
        settings = [(each, requirements.names[each]) for each in named if requirements.names.get(each)]
        fix = [f"{each.path}: another name in coco-azure:{setting}, or as the others:" for each, setting in settings]
        option, where = (f"-n {namespace} ", f" in namespace {namespace}") if namespace else ("", "")
        paths = " ".join(each.path for each in named)
        command = f"oc {option}annotate --overwrite {paths} {names.STACK}={requirements.stack}"
        yield _problem(
            found=f"{_list(named)}{where}: {_owners(in_namespace)}",
            needed="free names, or objects of this stack, which writes what is in them",
            fix="\n".join([*fix, _HAND_OVER, command]),
        )


def _kbs(facts: ForeignFacts, requirements: ForeignRequirements) -> Iterator[Finding]:
    if not facts.kbs:
        return
    remove = [each.what for each in facts.kbs if not each.owner]
    fix = [f"a Trustee on another cluster: {_SET}trustee.cluster.context CONTEXT"]
    if remove:
        fix += [
            "or, if nobody needs that KBS:",
            f"oc -n {requirements.trustee} delete {' '.join(each.path for each in remove)}",
        ]
    yield _problem(
        found=f"{_list([each.what for each in facts.kbs])} in namespace {requirements.trustee}, not made by this stack",
        needed="one KbsConfig: all of a namespace write the same Deployment and Service, one over the other",
        fix="\n".join(fix),
    )


def _claimed(facts: ForeignFacts) -> Iterator[Finding]:
    for route in facts.claims:
        yield _problem(
            found=f"Route {route.name} in namespace {route.namespace} has host {facts.host}",
            needed="a host of its own: the router admits only the older of two Routes (HostAlreadyClaimed)",
            fix=(
                f"{_SET}trustee.host HOST\n"
                f"or, if nobody needs that one: oc -n {route.namespace} delete route/{route.name}"
            ),
        )


def _unknown(facts: ForeignFacts) -> Iterator[Finding]:
    """Yield one warning for each reason for which something could not be asked."""
    for reason in dict.fromkeys(reason for _, reason in facts.unknown):
        what = ", ".join(dict.fromkeys(each for each, why in facts.unknown if why == reason))
        yield Finding(
            check="foreign",
            level="warning",
            found=f"not known, because the cluster does not let {what} be read: {reason}",
            needed="an answer; what cannot be asked is not judged, and is refused only when it is met",
            fix=(
                "give whoever runs Pulumi the right to list them: in the stack's namespaces, and of OLM's kinds and "
                "Routes in all (oc auth can-i list routes --all-namespaces)"
            ),
        )


def _named(*obj: Subscription | Installed | Group) -> Iterator[Named]:
    kinds = {Subscription: "Subscription", Installed: "ClusterServiceVersion", Group: "OperatorGroup"}
    for each in obj:
        yield Named(kind=kinds[type(each)], name=each.name, namespace=each.namespace)


def _list(named: Sequence[Named]) -> str:
    """Return the objects with each kind once."""
    by_kind: dict[str, list[str]] = {}
    for each in named:
        by_kind.setdefault(each.kind, []).append(each.name)
    return "; ".join(f"{kind} {', '.join(sorted(each))}" for kind, each in by_kind.items())


def _whose(owner: str) -> str:
    return f"stack {owner} has made it" if owner else "this program has not made it"


def _owners(occupied: Sequence[Occupied]) -> str:
    stacks = sorted({each.owner for each in occupied if each.owner})
    return f"made by {' and '.join(stacks)}" if stacks else "not made by this stack"
