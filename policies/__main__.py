"""Starts the policy pack for the engine: ``pulumi preview --policy-pack policies``."""

import sys
from pathlib import Path

# The engine starts this folder as a program. The rules belong to the project around it.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from policies import pack  # noqa: E402 - found only now

pack.start()
