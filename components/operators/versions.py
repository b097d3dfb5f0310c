"""Which version of each operator the stack will have, known before anything is installed. Reads only.

An operator that the stack installs: what the catalog's PackageManifest says of the channel, or the pin. One that is
installed already: what OLM's Operator object says. Both objects are read at preview, so a version that cannot be had
is an error before anything changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pulumi
from pulumi import Output, ResourceOptions

from components.cluster.openshift import Operator, PackageManifest
from components.operators import channels as operator_channels
from settings.operators import OperatorSettings

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class OperatorSource:
    """One operator and where it comes from.

    Attributes:
        package: name of the package in the catalog.
        namespace: namespace that it is or will be installed in.
        settings: channel, catalog, pin, and whether to install at all.
        provider: provider of its cluster, where that is not the component's.
    """

    package: str
    namespace: str
    settings: OperatorSettings
    provider: pulumi.ProviderResource | None = None


@dataclass(frozen=True, kw_only=True)
class OperatorVersionsArgs:
    """Whose versions are asked for.

    Attributes:
        operators: the operators; each package once.
    """

    operators: Sequence[OperatorSource]


class OperatorVersions(pulumi.ComponentResource):
    """The CSVs that the stack will have."""

    csv: Mapping[str, Output[str]]
    """Name of the CSV by package, known at preview; a version that cannot be had fails the run."""

    def __init__(self, name: str, args: OperatorVersionsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:OperatorVersions", name, None, opts)
        self.csv = {source.package: self._csv(name, source) for source in args.operators}
        self.register_outputs({"csv": self.csv})

    def _csv(self, name: str, source: OperatorSource) -> Output[str]:
        said, package = source.settings, source.package
        reading = ResourceOptions(parent=self, provider=source.provider)
        if said.install:
            offered = PackageManifest.read(f"{name}-{package}", f"{said.catalog_namespace}/{package}", reading)
            return offered.status.apply(
                lambda status: decided(lambda: operator_channels.chosen_csv(said, package, status or {}))
            )
        title = operator_channels.operator_object(package, source.namespace)
        found = Operator.read(f"{name}-{package}", title, reading)
        return found.status.apply(
            lambda status: decided(
                lambda: operator_channels.installed_csv(said, package, source.namespace, status or {})
            )
        )


def decided(decide: Callable[[], _T]) -> _T:
    """Return the decision; its ValueError becomes an error of the run, without a traceback."""
    try:
        return decide()
    except ValueError as error:
        raise pulumi.RunError(str(error)) from error
