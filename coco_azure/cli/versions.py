"""``coco-azure versions``: exit code 0 every version has a profile, 2 one has none, 1 cannot tell. Changes nothing."""

import json

import click

from coco_azure import cli, names
from coco_azure.clients import cluster_access, kubernetes
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.versions import catalogs
from coco_azure.versions.catalogs import Offer


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
        offered = _of_catalog(catalog) if catalog else catalogs.cluster(kubernetes.connect(cluster), namespace)
    except Exception as error:  # noqa: BLE001 - the client's libraries raise their own, and each means the same here
        reason = cluster_access.why_not(error, cluster, "") or error
        click.echo(f"error: what is offered cannot be told: {reason}", err=True)
        return 1
    unknown = catalogs.unknown(offered)
    text = (
        json.dumps(catalogs.to_dict(unknown), indent=2) + "\n" if as_json else catalogs.to_text(unknown, len(offered))
    )
    click.echo(text, nl=False)
    return 2 if unknown else 0


def _of_catalog(file: str) -> list[Offer]:
    return catalogs.catalog(cli.read_file(file), "standard input" if file == "-" else file)
