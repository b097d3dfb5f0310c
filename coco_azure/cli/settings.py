"""``coco-azure settings``: prints ``docs/settings.md``; with ``--schema``, ``docs/settings.schema.json``."""

import click

from coco_azure.settings import schema, table


@click.command("settings")
@click.option("--schema", "as_schema", is_flag=True, help="Print the JSON schema of stack files instead of the page.")
def command(*, as_schema: bool) -> None:
    """Print every setting, as the page docs/settings.md."""
    click.echo(schema.render() if as_schema else table.render(), nl=False)
