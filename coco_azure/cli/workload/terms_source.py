"""Where the terms of a workload come from: the stack's outputs, or a file that somebody with access to it handed on."""

import click

from coco_azure.cli import Surroundings, files
from coco_azure.clients.pulumi_cli import EngineError
from coco_azure.formats.workload import terms as formats
from coco_azure.formats.workload.terms import OUTPUT, Terms, TermsError

_WAYS = "Name a stack (pulumi stack select, or --stack NAME), or read the terms from a file: --from FILE"


def read(surroundings: Surroundings, stack: str | None, file: str | None) -> tuple[dict[str, Terms], str]:
    """Return the terms of every workload by its name, and where they are from.

    Args:
        surroundings: where the command runs.
        stack: name of the stack; None: the selected one.
        file: file with them; None: the stack's outputs.

    Raises:
        click.ClickException: there are none; the message has the way out.
    """
    try:
        if file is not None:
            return formats.parse(files.text(file), file), file
        output = surroundings.engine(stack).outputs().get(OUTPUT)
        return formats.from_output(output or {}, f"the stack's output {OUTPUT}"), "the stack"
    except EngineError as error:
        raise click.ClickException(f"{error}. {_WAYS}") from error
    except TermsError as error:
        raise click.ClickException(str(error)) from error
