"""``python -m coco_azure``, which ``./coco-azure`` starts in the checkout's ``.venv``."""

import sys

from coco_azure import cli

if __name__ == "__main__":
    sys.exit(cli.main())
