"""``coco-azure drift``: exit code 0 no drift, 2 drift, 1 cannot tell. Changes nothing."""

import json

import click

from coco_azure.cli import Surroundings
from coco_azure.cli.drift import check, model, text
from coco_azure.cli.drift.model import DriftReport
from coco_azure.clients.pulumi_cli import Engine, EngineError


@click.command("drift", epilog="Exit code: 0 no drift, 2 drift, 1 cannot tell.")
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--config-file", help="File with its settings; default: Pulumi.<stack>.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.pass_obj
def command(surroundings: Surroundings, stack: str | None, config_file: str | None, *, as_json: bool) -> int:
    """Say where cluster or Azure differ from what the stack has deployed. Changes nothing."""
    options = ["--config-file", config_file] if config_file else []
    report = _checked(surroundings.engine(stack, options))
    click.echo(json.dumps(model.to_dict(report), indent=2) + "\n" if as_json else text.render(report), nl=False)
    return report.code


def _checked(engine: Engine) -> DriftReport:
    try:
        name = engine.name()
        deployment = engine.deployment()
        if count := len(deployment.get("pending_operations") or ()):
            problem = (
                f"{count} operations have begun and not ended: a run is under way, or was interrupted. Wait for it, or "
                "let `pulumi up` go on where it stopped; then check again"
            )
            return DriftReport(stack=name, problems=(problem,))
        read_only = {each["urn"] for each in deployment.get("resources") or () if each.get("external")}
        return check.report(name, engine.preview(), engine.history(), read_only)
    except EngineError as error:
        return DriftReport(stack=engine.stack or "(selected)", problems=(str(error),))
