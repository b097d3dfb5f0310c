"""What an image says of its containers: command, environment, folder and user, from a file that the user made of it.

Formats: OCI image-spec 1.1 ``config.md``; ``podman image inspect`` and ``docker image inspect``, whose output is a list
with the same object under ``Config``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAKE = "skopeo inspect --config docker://{image} > FILE"
"""The command that makes the file."""


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """An image's own settings.

    Attributes:
        entrypoint, command: of which the process is made where the manifest has no ``command`` or ``args``.
        environment: variables, each ``NAME=VALUE``.
        folder: the working directory; ``/`` where the image names none.
        user: user, number or name, with ``:group`` where the image names one; empty means root.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    folder: str = "/"
    user: str = ""


def parse(text: str) -> ImageConfig:
    """Return what a file says of an image.

    Raises:
        ValueError: the file is something else; the message names the command that makes a right one.
    """
    config = _config(text)
    if config is None:
        raise ValueError(f"no configuration of an image; make the file with {MAKE.format(image='IMAGE')}")
    return ImageConfig(
        entrypoint=_texts(config, "Entrypoint"),
        command=_texts(config, "Cmd"),
        environment=_texts(config, "Env"),
        folder=str(config.get("WorkingDir") or "/"),
        user=str(config.get("User") or ""),
    )


def _config(text: str) -> Mapping[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, Mapping):
        return None
    # What `skopeo inspect` prints without --config has Env, but neither of these.
    config = document.get("config", document.get("Config"))
    return config if isinstance(config, Mapping) else None


def _texts(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = config.get(key) or []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(
            f"{key} is {json.dumps(value)}, needed a list of texts; make the file with {MAKE.format(image='IMAGE')}"
        )
    return tuple(value)
