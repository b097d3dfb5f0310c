"""Print the engine's test modules of which a test failed in the last run, for `make test` to run them once more.

Real processes share two cores there, and a time-out may say more of the machine than of the change. What fails twice
is the change's; what failed once stands in the output, and is to be mended like any other fault. With many modules
there is no second run: that is not the machine.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

MOST = 3
FAILED = Path(".pytest_cache/v/cache/lastfailed")
"""As pytest's cache provider writes it: an object whose keys are names of tests."""


def failed_modules(tests: Iterable[str]) -> list[str]:
    """Return the modules of these tests, each once; none where there are too many of them."""
    modules = sorted({name.partition("::")[0] for name in tests if name.startswith("tests/engine/")})
    return modules if len(modules) <= MOST else []


if __name__ == "__main__":
    tests = json.loads(FAILED.read_text(encoding="utf-8")) if FAILED.exists() else ()
    sys.stdout.write(" ".join(failed_modules(tests)))
