"""Settings of an operator's installation through OLM, the same for both operators."""

from typing import Annotated

from settings.base import DnsLabel, Duration, Model, matching


class OperatorSettings(Model):
    """Where an operator comes from."""

    install: bool = True
    """false: the operator is installed already; only wait for its CSV and use its namespace."""
    channel: Annotated[str, matching(r"[A-Za-z0-9._-]+", "the name of an update channel such as stable")] = "stable"
    """Update channel of the package."""
    catalog: DnsLabel = "redhat-operators"
    """Name of the CatalogSource."""
    catalog_namespace: DnsLabel = "openshift-marketplace"
    """Namespace of the CatalogSource."""
    install_timeout: Duration = "10m"
    """How long the CSV may take to succeed."""
