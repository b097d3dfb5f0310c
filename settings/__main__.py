"""``python -m settings``: prints ``docs/settings.md``; with ``--schema``, ``docs/settings.schema.json``."""

import sys

from settings import schema, table

sys.stdout.write(schema.render() if sys.argv[1:] == ["--schema"] else table.render())
