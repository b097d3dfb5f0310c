"""``python -m settings``: prints ``docs/settings.md``."""

import sys

from settings import table

sys.stdout.write(table.render())
