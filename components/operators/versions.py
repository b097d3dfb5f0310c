"""Which version of each operator the stack will have, known before anything is installed. Reads only.

``foresee`` asks the cluster before anything is registered: catalogs and the Subscription for an operator that the stack
installs, OLM's Operator object for one that is installed already. The program's names of resources may follow from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pulumi
from pulumi import ResourceOptions

from components.cluster.client import ClusterClient
from components.operators import channels as operator_channels
from components.operators import choice
from components.operators.channels import Status
from components.operators.choice import Choice, Place
from settings.operators import OperatorSettings

_PACKAGES = "/apis/packages.operators.coreos.com/v1/namespaces/{namespace}/packagemanifests"
_SUBSCRIPTION = "/apis/operators.coreos.com/v1alpha1/namespaces/{namespace}/subscriptions/{name}"
_OPERATOR = "/apis/operators.coreos.com/v1/operators/{name}"
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class OperatorSource:
    """One operator and where it comes from.

    Attributes:
        package: name of the package in the catalog.
        namespace: namespace that it is or will be installed in.
        subscription: name of the stack's Subscription.
        settings: channel, catalog, pin, and whether to install at all.
        client: its cluster.
    """

    package: str
    namespace: str
    subscription: str
    settings: OperatorSettings
    client: ClusterClient


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What the stack will have.

    Attributes:
        choices: by package; of an operator with a problem there is none.
        problems: why a version cannot be had, with the ways out.
    """

    choices: Mapping[str, Choice]
    problems: Sequence[str] = ()

    def csv(self, package: str) -> str:
        """Return the CSV of a package; empty where there is none."""
        return self.choices[package].csv if package in self.choices else ""

    @property
    def notes(self) -> list[str]:
        """What a person has to know of the choices."""
        return [note for choice in self.choices.values() for note in choice.notes]


def foresee(operators: Sequence[OperatorSource], *, apart: bool = False) -> Foreseen:
    """Ask the cluster which version of each operator the stack will have.

    Args:
        operators: the operators, each package once.
        apart: whether they may come to versions that do not speak with each other.

    Raises:
        pulumi.RunError: the cluster does not answer.
    """
    choices: dict[str, Choice] = {}
    problems = []
    for source in operators:
        try:
            choices[source.package] = _chosen(source)
        except ValueError as error:
            problems.append(str(error))
    return Foreseen(choices=choices if apart else choice.in_step(choices), problems=tuple(problems))


def _chosen(source: OperatorSource) -> Choice:
    said, package = source.settings, source.package
    if not said.install:
        title = operator_channels.operator_object(package, source.namespace)
        return choice.installed_csv(said, package, source.namespace, _status(source, _OPERATOR.format(name=title)))
    subscription = _SUBSCRIPTION.format(namespace=source.namespace, name=source.subscription)
    place = Place(settings=said, package=package, namespace=source.namespace, subscription=source.subscription)
    return choice.choose(place, _manifests(source), _status(source, subscription))


def _manifests(source: OperatorSource) -> list[Status]:
    """Return what each catalog offers of the package.

    A single PackageManifest is the one of any catalog, a list has those of all
    (operator-lifecycle-manager ``pkg/package-server/storage/reststorage.go``, which knows this one field selector).
    """
    path = _PACKAGES.format(namespace=source.settings.catalog_namespace)
    found = _asked(source, lambda: source.client.items(path, fields=f"metadata.name={source.package}"))
    return [each.get("status") or {} for each in found]


def _status(source: OperatorSource, path: str) -> Status:
    found = _asked(source, lambda: source.client.get(path))
    return (found or {}).get("status") or {}


def _asked(source: OperatorSource, question: Callable[[], _T]) -> _T:
    try:
        return question()
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say which version of {source.package} it offers or has: {error}. Needed: the "
            "kubeconfig of coco-azure:cluster or coco-azure:trustee.cluster (default: that of oc; try oc get "
            "packagemanifests), and the right to read PackageManifests, Subscriptions and Operators"
        ) from error


@dataclass(frozen=True, kw_only=True)
class OperatorVersionsArgs:
    """What was foreseen."""

    foreseen: Foreseen


class OperatorVersions(pulumi.ComponentResource):
    """The CSVs that the stack will have, as a part of it: a later run, and `python -m drift`, see them change."""

    csv: Mapping[str, str]
    """Name of the CSV by package."""

    def __init__(self, name: str, args: OperatorVersionsArgs, opts: ResourceOptions | None = None) -> None:
        """Tell what a person has to know of the versions.

        Raises:
            pulumi.RunError: a version cannot be had.
        """
        if args.foreseen.problems:
            raise pulumi.RunError("\n".join(args.foreseen.problems))
        super().__init__("coco-azure:index:OperatorVersions", name, None, opts)
        for note in args.foreseen.notes:
            pulumi.log.warn(note, self)
        self.csv = {package: choice.csv for package, choice in args.foreseen.choices.items()}
        self.register_outputs({"csv": self.csv})


def decided(decide: Callable[[], _T]) -> _T:
    """Return the decision; its ValueError becomes an error of the run, without a traceback."""
    try:
        return decide()
    except ValueError as error:
        raise pulumi.RunError(str(error)) from error
