"""Looks at the Secrets of others before anything is registered: KBS does not start without one that it is to serve."""

from collections.abc import Mapping

import pulumi

from coco_azure.inventory.cluster_reader import Reads
from coco_azure.settings import Settings
from coco_azure.trust import existing_secrets


def look(stack: Settings, reader: Reads) -> Mapping[str, str]:
    """Return a digest of each Secret of others whose change rolls KBS out, by its name; a secret each.

    Raises:
        pulumi.RunError: one is missing, or a key of it; nothing has been changed.
    """
    secrets = existing_secrets.read(reader, stack)
    if problems := existing_secrets.problems(stack, secrets):
        raise pulumi.RunError("\n".join(problems))
    return existing_secrets.rolling(stack, secrets)
