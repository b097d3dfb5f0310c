"""Secrets that stand in a stack's file in plain text, where whoever reads the repository reads them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from coco_azure.settings import schema


def warning(values: Mapping[str, Any], encrypted: Collection[str], file: Path) -> str:
    """Return what to tell of secrets that nobody has encrypted; empty for nothing.

    Args:
        values: the stack's settings by name, decrypted.
        encrypted: names of those that hold something encrypted; which part of them it is, only the file says.
        file: the stack's file, if it is where Pulumi keeps it.
    """
    exposed = list(schema.plain_secrets({name: value for name, value in values.items() if name not in encrypted}))
    exposed += schema.plain_secrets({name: value for name, value in _of_file(file).items() if name in encrypted})
    if not exposed:
        return ""
    first = exposed[0]
    return (
        f"{len(exposed)} secret{'s' if len(exposed) > 1 else ''} in plain text in the settings of this stack: "
        f"{', '.join(exposed)}. Encrypt what stands there: pulumi config set --secret --path 'coco-azure:{first}' "
        "VALUE; and change it where it is used, for what has been in a repository is known"
    )


def _of_file(file: Path) -> Mapping[str, Any]:
    """Return the settings of a stack's file as they stand there; empty where it cannot be read."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        config = dict((document or {}).get("config") or {})
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError):
        return {}
    return {str(name).removeprefix(schema.PREFIX): value for name, value in config.items()}
