"""``python -m drift``: exit code 0 no drift, 2 drift, 1 cannot tell. Changes nothing."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from drift import check, model, text
from drift.engine import Engine, EngineError
from drift.model import Report


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one stack, print the report, and return the exit code."""
    said = _parser().parse_args(arguments)
    options = ["--config-file", said.config_file] if said.config_file else []
    engine = Engine(stack=said.stack, options=options, folder=Path(__file__).parent.parent)
    report = _checked(engine)
    sys.stdout.write(json.dumps(model.to_dict(report), indent=2) + "\n" if said.json else text.render(report))
    return report.code


def _checked(engine: Engine) -> Report:
    try:
        name = engine.name()
        if count := engine.interrupted():
            problem = (
                f"{count} operations have begun and not ended: a run is under way, or was interrupted. Wait for it, or "
                "let `pulumi up` go on where it stopped; then check again"
            )
            return Report(stack=name, problems=(problem,))
        return check.report(name, engine.preview(), engine.history())
    except EngineError as error:
        return Report(stack=engine.stack or "(selected)", problems=(str(error),))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drift",
        description="Say where cluster or Azure differ from what the stack has deployed. Changes nothing.",
        epilog="Exit code: 0 no drift, 2 drift, 1 cannot tell.",
    )
    parser.add_argument("--stack", help="name of the stack; default: the selected one")
    parser.add_argument("--config-file", help="file with its settings; default: Pulumi.<stack>.yaml")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser


if __name__ == "__main__":
    sys.exit(main())
