"""Settings of an operator's installation through OLM, the same for both operators."""

from collections.abc import Iterator
from typing import Annotated, Literal

from coco_azure import names
from coco_azure.settings.base import DnsLabel, Duration, Model, matching
from coco_azure.versions.profiles import OSC, PARTS, TRUSTEE

Version = Annotated[
    str,
    matching(
        r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?\.v)?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?",
        "a full version such as 1.2.1, or the name of a CSV such as trustee-operator.v1.2.1",
    ),
]


class OperatorSettings(Model):
    """Where an operator comes from."""

    install: bool = True
    """false: the operator is installed already; only wait for its CSV and use its namespace."""
    create_namespace: bool = True
    """false: its namespace is somebody else's; the operator is installed into it, and it stays at `pulumi destroy`."""
    channel: Annotated[str, matching(r"[A-Za-z0-9._-]+", "the name of an update channel such as stable")] = "stable"
    """Update channel of the package."""
    version: Version | None = None
    """Pin: exactly this version; default: the newest of the channel that this release of coco-azure has a profile for,
    to which each `pulumi up` takes one step."""
    treat_as: Annotated[str, matching(r"[0-9]+\.[0-9]+", "a minor version such as 1.2")] | None = None
    """Minor version with a profile, such as 1.2, that a version without one is deployed as; default: it is not."""
    approval: Literal["Manual", "Automatic"] = "Manual"
    """Who approves upgrades: ``Manual``: the stack, at `pulumi up`; ``Automatic``: OLM, as soon as the catalog has one,
    which needs ``treatAs``, because no release knows what a catalog will have."""
    catalog: DnsLabel = names.CATALOG
    """Name of the CatalogSource."""
    catalog_namespace: DnsLabel = names.CATALOG_NAMESPACE
    """Namespace of the CatalogSource."""
    install_timeout: Duration = "10m"
    """How long the CSV may take to succeed."""

    @property
    def automatic(self) -> bool:
        """Whether OLM upgrades by itself."""
        return self.approval == "Automatic"


def problems(operators: dict[str, OperatorSettings]) -> Iterator[str]:
    """Yield what does not fit together in the settings of each operator, by package."""
    for package, settings in operators.items():
        where = f"{PARTS[package]}.operator"
        versions = {names.OSC_PACKAGE: tuple(OSC), names.TRUSTEE_PACKAGE: tuple(TRUSTEE)}[package]
        if settings.treat_as is not None and settings.treat_as not in versions:
            yield (
                f"{where}.treatAs is {settings.treat_as}, which has no profile; one of {', '.join(versions)}: "
                f"pulumi config set --path 'coco-azure:{where}.treatAs' {versions[-1]}"
            )
        if settings.automatic and settings.version is not None:
            yield (
                f"{where}.approval is Automatic, and {where}.version pins {settings.version}, which OLM would leave by "
                f"itself. Remove one of the two: pulumi config rm --path 'coco-azure:{where}.approval' (or .version)"
            )
        elif settings.automatic and settings.treat_as is None:
            yield (
                f"{where}.approval is Automatic, so OLM will install versions that nobody knows yet, and "
                f"{where}.treatAs does not say as what they are deployed. Remove it (pulumi config rm --path "
                f"'coco-azure:{where}.approval'), or set the other: pulumi config set --path "
                f"'coco-azure:{where}.treatAs' {versions[-1]}"
            )
