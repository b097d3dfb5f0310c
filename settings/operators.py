"""Settings of an operator's installation through OLM, the same for both operators."""

from typing import Annotated

from settings.base import DnsLabel, Duration, Model, matching

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
    channel: Annotated[str, matching(r"[A-Za-z0-9._-]+", "the name of an update channel such as stable")] = "stable"
    """Update channel of the package."""
    version: Version | None = None
    """Pin: exactly this version, without automatic updates; default is the newest of the channel, kept up to date."""
    catalog: DnsLabel = "redhat-operators"
    """Name of the CatalogSource."""
    catalog_namespace: DnsLabel = "openshift-marketplace"
    """Namespace of the CatalogSource."""
    install_timeout: Duration = "10m"
    """How long the CSV may take to succeed."""
