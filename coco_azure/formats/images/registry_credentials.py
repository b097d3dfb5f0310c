"""Credentials for private registries, as a pod VM reads them (auth.json of docker).

Served as a resource of KBS, by default ``kbs:///default/credential/osc``, which cdh.toml names in
``authenticated_registry_credentials_uri``. What the pod VM reads of the file: guest-components v0.12.0 to v0.21.0
``image-rs/src/auth``. It knows ``auths`` with ``auth`` in each entry and nothing else; one entry that it cannot read
fails every pull.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from coco_azure.formats.kbs.sealed_secrets import ResourceUri

RESOURCE = ResourceUri("credential", "osc")

_HELPERS = ("credHelpers", "credsStore")


def render(credentials: Mapping[str, tuple[str, str]]) -> str:
    """Return auth.json for registry (``quay.io``) or repository prefix (``quay.io/my-org``) to user and password.

    Raises:
        ValueError: there are none, or one that the format cannot hold. The message has no secret.
    """
    if not credentials:
        raise ValueError("no registry credentials: name at least one registry")
    auths = {}
    for registry, (user, password) in sorted(credentials.items()):
        if problem := _registry_problem(registry) or _user_problem(user, password):
            raise ValueError(f"{registry}: {problem}")
        auths[registry] = {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}
    return json.dumps({"auths": auths}, indent=2) + "\n"


def parse(text: str) -> dict[str, tuple[str, str]]:
    """Return registry or prefix to user and password of an auth.json that a pod VM can read.

    Raises:
        ValueError: it cannot, and why: all problems at once. The message has no secret.
    """
    try:
        document = json.loads(text)
    except ValueError:
        # The parser's own message would show a piece of the file.
        raise ValueError(
            "the registry credentials are no JSON; write them with: podman login --authfile FILE"
        ) from None
    if not isinstance(document, dict):
        raise ValueError('the registry credentials are no object such as {"auths": {...}}')  # noqa: TRY004 - a user's data
    credentials: dict[str, tuple[str, str]] = {}
    problems = [_helper(name) for name in _HELPERS if document.get(name)]
    auths = document.get("auths")
    if not isinstance(auths, dict) or not auths:
        problems.append("there is no registry in auths; write one with: podman login --authfile FILE REGISTRY")
        auths = {}
    for registry, entry in auths.items():
        try:
            credentials[registry] = account(registry, entry)
        except ValueError as error:
            problems.append(f"auths {registry}: {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return credentials


def _helper(name: str) -> str:
    return (
        f"{name}: there is no credential helper in a pod VM; write user and password into the file with: "
        "podman login --authfile FILE REGISTRY"
    )


def account(registry: str, entry: Any) -> tuple[str, str]:
    """Return user and password of one entry of ``auths``; raises ValueError, without a secret in the message."""
    if problem := _registry_problem(registry):
        raise ValueError(problem)
    auth = entry.get("auth") if isinstance(entry, dict) else None
    if not isinstance(auth, str) or not auth:
        raise ValueError("has no auth (base64 of user:password), and the pod VM reads nothing else")
    try:
        user, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("auth is no base64 of user:password") from None
    if not colon:
        raise ValueError("auth is no base64 of user:password: there is no colon in it")
    if problem := _user_problem(user, password):
        raise ValueError(problem)
    return user, password


def _registry_problem(registry: str) -> str | None:
    if not registry or any(letter.isspace() for letter in registry):
        return "needed a registry such as quay.io, or a prefix such as quay.io/my-org"
    return None


def _user_problem(user: str, password: str) -> str | None:
    if not user or ":" in user:
        return "needed a user name without a colon"
    if not password or password != password.strip("\n"):
        return "needed a password, without line breaks around it"
    return None
