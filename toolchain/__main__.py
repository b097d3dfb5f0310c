"""``python3 -m toolchain [--for rehearsal|dev]``: set this checkout up, with nothing but Python installed before."""

import argparse
import sys
from pathlib import Path

from toolchain import ToolchainError, ensure, plugins, venv
from toolchain.pins import needed


def main() -> int:
    """Make ``.venv`` and the programs; return 1 with a message where something cannot be had."""
    parser = argparse.ArgumentParser(prog="python3 -m toolchain", description="Set this checkout up.")
    parser.add_argument("--for", dest="purpose", choices=("rehearsal", "dev"), default="rehearsal")
    parser.add_argument("--venv-only", action="store_true", help="leave the programs out")
    chosen = parser.parse_args()
    checkout = Path(__file__).resolve().parent.parent
    try:
        venv.ensure(checkout, f"requirements-{chosen.purpose}.txt", _say)
        if not chosen.venv_only:
            programs = ensure(needed(chosen.purpose), _say)
            programs["Kubernetes provider"] = plugins.kubernetes(programs["pulumi"].path, _say)
            for name, tool in programs.items():
                _say(f"{name}: {tool.path} ({tool.source})")
    except ToolchainError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was finished is kept, and the next run goes on from there\n")
        return 130
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
