"""``coco-azure versions``: exit code 0 every version has a profile, 2 one has none, 1 cannot tell. Changes nothing."""

import json

import click

from coco_azure import names
from coco_azure.cli import CommandError, read_file
from coco_azure.clients import cluster_access, kubernetes
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.versions import catalogs


@click.command("versions", epilog="Exit code: 0 every version has a profile, 2 one has none, 1 cannot tell.")
@click.option("--catalog", metavar="FILE", help="What `opm render` printed, - for standard input; asks no cluster.")
@click.option("--kubeconfig", help="The cluster's; default: that of oc.")
@click.option("--context", help="A context in it; default: the current one.")
@click.option("--namespace", default=names.CATALOG_NAMESPACE, show_default=True, help="Where its CatalogSources are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def command(catalog: str | None, kubeconfig: str | None, context: str | None, namespace: str, *, as_json: bool) -> int:
    """List versions of the two operators that catalogs offer and that have no profile."""
    cluster = ClusterSettings(kubeconfig=kubeconfig, context=context)
    try:
        if catalog:
            source = "standard input" if catalog == "-" else catalog
            offered = catalogs.catalog(read_file(catalog), source)
        else:
            offered = catalogs.cluster(kubernetes.connect(cluster), namespace)
    except Exception as error:  # the client's libraries raise their own, and each means the same here
        reason = cluster_access.why_not(error, cluster, "") or error
        raise CommandError(f"what is offered cannot be told: {reason}") from error
    unknown = catalogs.unknown(offered)
    text = (
        json.dumps(catalogs.to_dict(unknown), indent=2) + "\n" if as_json else catalogs.to_text(unknown, len(offered))
    )
    click.echo(text, nl=False)
    return 2 if unknown else 0
