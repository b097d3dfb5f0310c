"""Which version of each operator the stack will have, known before anything is installed. Reads only.

``choose_versions`` asks the cluster before anything is registered: catalogs and the Subscription for an operator that
the stack installs, OLM's Operator object for one that is installed already. The program's names of resources may follow
from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pulumi
from pulumi import ResourceOptions

from coco_azure import names
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.settings.operators import OperatorSettings
from coco_azure.versions import channels as operator_channels
from coco_azure.versions import choice, profiles
from coco_azure.versions.channels import Status
from coco_azure.versions.choice import OperatorRequest, VersionChoice
from coco_azure.versions.profile_types import OscProfile

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class OperatorSource:
    """One operator and where it comes from.

    Attributes:
        namespace: namespace that it is or will be installed in.
        settings: channel, catalog, pin, and whether to install at all.
    """

    package: str
    namespace: str
    subscription: str
    settings: OperatorSettings
    reader: Reads


@dataclass(frozen=True, kw_only=True)
class ChosenVersions:
    """What the stack will have.

    Attributes:
        choices: by package; of an operator with a problem there is none.
        problems: why a version cannot be had, with the remediation.
    """

    choices: Mapping[str, VersionChoice]
    problems: Sequence[str] = ()

    def csv(self, package: str) -> str:
        """Return the CSV of a package; empty where there is none."""
        return self.choices[package].csv if package in self.choices else ""

    @property
    def notes(self) -> list[str]:
        """What a person has to know of the choices."""
        return [note for choice in self.choices.values() for note in choice.notes]


def choose_versions(operators: Sequence[OperatorSource], *, apart: bool = False) -> ChosenVersions:
    """Ask the cluster which version of each operator the stack will have.

    Args:
        operators: the operators, each package once.
        apart: whether they may come to versions that do not speak with each other.

    Raises:
        pulumi.RunError: the cluster does not answer.
    """
    choices: dict[str, VersionChoice] = {}
    problems = []
    for source in operators:
        try:
            choices[source.package] = _chosen(source)
        except ValueError as error:
            problems.append(str(error))
    return ChosenVersions(choices=choices if apart else choice.in_step(choices), problems=tuple(problems))


def osc_profile(chosen: ChosenVersions, settings: OperatorSettings) -> OscProfile | None:
    """Return the profile of OpenShift sandboxed containers; None where there is none, which ends the run later."""
    try:
        return profiles.osc(chosen.csv(names.OSC_PACKAGE), settings.treat_as)
    except profiles.VersionError:
        return None


def _chosen(source: OperatorSource) -> VersionChoice:
    settings, package = source.settings, source.package
    if not settings.install:
        title = operator_channels.operator_object(package, source.namespace)
        return choice.installed_csv(
            settings, package, source.namespace, _status(source, names.path(names.OPERATORS, title))
        )
    subscription = names.path(names.SUBSCRIPTIONS, source.subscription, namespace=source.namespace)
    place = OperatorRequest(
        settings=settings, package=package, namespace=source.namespace, subscription=source.subscription
    )
    return choice.choose(place, _manifests(source), _status(source, subscription))


def _manifests(source: OperatorSource) -> list[Status]:
    """Return what each catalog offers of the package.

    A single PackageManifest is the one of any catalog, a list has those of all
    (operator-lifecycle-manager ``pkg/package-server/storage/reststorage.go``, which knows this one field selector).
    """
    path = names.path(names.PACKAGE_MANIFESTS, namespace=source.settings.catalog_namespace)
    manifests = _asked(source, lambda: source.reader.items(path, fields=f"metadata.name={source.package}"))
    return [each.get("status") or {} for each in manifests]


def _status(source: OperatorSource, path: str) -> Status:
    status = _asked(source, lambda: source.reader.get(path))
    return (status or {}).get("status") or {}


def _asked(source: OperatorSource, question: Callable[[], _T]) -> _T:
    try:
        return question()
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say which version of {source.package} it offers or has: {error}. Needed: the "
            "kubeconfig of coco-azure:cluster or coco-azure:trustee.cluster (default: that of oc; try oc get "
            "packagemanifests), and the right to read PackageManifests, Subscriptions and Operators"
        ) from error


class OperatorVersions(pulumi.ComponentResource):
    """The CSVs that the stack will have, as a part of it: a later run, and `./coco-azure drift`, see them change."""

    csv: Mapping[str, str]
    """Name of the CSV by package."""

    def __init__(self, name: str, args: ChosenVersions, opts: ResourceOptions | None = None) -> None:
        """Tell what a person has to know of the versions; raises pulumi.RunError where a version cannot be had."""
        if args.problems:
            raise pulumi.RunError("\n".join(args.problems))
        super().__init__("coco-azure:index:OperatorVersions", name, None, opts)
        for note in args.notes:
            pulumi.log.warn(note, self)
        self.csv = {package: choice.csv for package, choice in args.choices.items()}
        self.register_outputs({"csv": self.csv})


def decided(decide: Callable[[], _T]) -> _T:
    """Return the decision; its ValueError becomes an error of the run, without a traceback."""
    try:
        return decide()
    except ValueError as error:
        raise pulumi.RunError(str(error)) from error
