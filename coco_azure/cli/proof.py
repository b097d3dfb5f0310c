"""``coco-azure proof``: what the stack's trust chain proves, and the run that it is of.

Exit code: 0 the latest run attested, 2 the proof is an older run's or nothing attested, 1 there is no proof.
"""

import json
from collections.abc import Sequence

import click

from coco_azure.cli import CommandContext, CommandError
from coco_azure.clients import stack_history
from coco_azure.clients.stack_history import Update
from coco_azure.trust import proof_report


@click.command("proof", epilog="Exit code: 0 of the latest run, which attested; 2 of another one; 1 there is none.")
@click.option("--stack", help="Name of the stack; default: the selected one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(surroundings: CommandContext, stack: str | None, *, as_json: bool) -> int:
    """Print the stack's proof as a whole: versions, initdata, reference values, policies, certificates."""
    engine = surroundings.engine(stack)
    proof, updates = engine.outputs().get("proof"), engine.history()
    if not proof:
        raise CommandError("the stack exports no proof: no run with a trust chain has come to its end")
    run = stack_history.last_finished(updates)
    note = later(updates, run)
    attested = run is not None and run.attested and not note
    if as_json:
        shown = {"run": _run(run), "latest": not note, "attested": attested, "proof": proof}
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo(f"Of {run.title}" if run else "Of a run that the history has no more")
        click.echo(f"{note}\n" if note else "")
        click.echo(proof_report.text_of(proof), nl=False)
    return 0 if attested else 2


def later(updates: Sequence[Update], run: Update | None) -> str:
    """Return what has happened since a run, in one sentence; empty where nothing has."""
    latest = next(iter(stack_history.deployments(updates)), None)
    if latest is None or latest == run:
        return ""
    return f"It does not speak for the latest run, which failed: {latest.title}"


def _run(update: Update | None) -> dict[str, str | int] | None:
    return None if update is None else {"number": update.number, "started": update.started, "commit": update.commit}
