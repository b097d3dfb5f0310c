"""``coco-azure rollback``: ``pulumi up`` of the commit that attested last."""

from dataclasses import replace

import click

from coco_azure.cli import Surroundings
from coco_azure.cli.rollback import checkout, target
from coco_azure.cli.rollback.checkout import CheckoutError
from coco_azure.cli.rollback.target import NoTargetError
from coco_azure.clients import stack_history
from coco_azure.clients.pulumi_cli import Engine, EngineError


@click.command("rollback")
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--to", "wanted", metavar="COMMIT", help="Another commit than the one that attested last.")
@click.option("--preview", is_flag=True, help="Only show what it would change.")
@click.option("--yes", is_flag=True, help="Do not ask after the preview.")
@click.pass_obj
def command(surroundings: Surroundings, stack: str | None, wanted: str | None, *, preview: bool, yes: bool) -> int:
    """Deploy the commit that attested last: its program with its settings. Shows a preview first."""
    project = surroundings.project
    engine = surroundings.engine(stack)
    try:
        name = engine.name()
        commit = wanted or _last_attested(engine)
        folder = checkout.place(project, commit, name)
    except (EngineError, NoTargetError, CheckoutError) as error:
        click.echo(f"error: {error}", err=True)
        return 1
    verb = "preview" if preview else "up"
    options = ["--yes"] if yes and not preview else []
    click.echo(f"in {folder.relative_to(project)}: pulumi {verb} --stack {name}")
    code = replace(engine, folder=folder, stack=name).run(verb, *options)
    if code == 0 and not preview:
        click.echo(
            f"the stack has the configuration of {commit} again. Take your branch back as well (git revert): its next "
            "`pulumi up` deploys what it says"
        )
    return code


def _last_attested(engine: Engine) -> str:
    updates = stack_history.deployments(engine.history())
    update = target.choose(updates)
    click.echo(f"now:  {updates[0].described}\nback: {update.described}")
    return update.commit
