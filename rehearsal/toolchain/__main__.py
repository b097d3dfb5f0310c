"""``python3 -m rehearsal.toolchain [--for rehearsal|dev]``: set a checkout up; needs nothing but Python."""

import argparse
import sys
from pathlib import Path

from rehearsal.toolchain import ToolchainError, ensure, plugins, venv
from rehearsal.toolchain.pins import PINS, needed


def main() -> int:
    """Make ``.venv`` and the programs; return 1 with a message where something cannot be had."""
    parser = argparse.ArgumentParser(prog="python3 -m rehearsal.toolchain", description="Set this checkout up.")
    parser.add_argument("--for", dest="purpose", choices=("rehearsal", "dev"), default="rehearsal")
    parser.add_argument("--program", choices=sorted(PINS), help="print the path of one program, and make nothing else")
    parser.add_argument("--venv-only", action="store_true", help="leave the programs out")
    chosen = parser.parse_args()
    checkout = Path(__file__).resolve().parents[2]
    try:
        if chosen.program:
            print(ensure([chosen.program], lambda text: print(text, file=sys.stderr))[chosen.program].path)
            return 0
        if not chosen.venv_only:
            _need_linux()
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


def _need_linux() -> None:
    if sys.platform != "linux":
        raise ToolchainError(
            f"this is {sys.platform}, and a rehearsal and its tests need Linux (process ids that are held, /proc): a "
            "virtual machine, or a container. What works here is the program itself and ./coco-azure: docs/rehearsal.md"
        )


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
