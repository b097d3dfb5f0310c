"""Secrets that somebody else makes and KBS serves: whether they are there, and a digest that tells that they changed.

Their values are read to be hashed, and are kept nowhere: not in the stack's state, and in no message.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from coco_azure import names
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.settings import Settings
from coco_azure.settings.client_secrets import of_others


@dataclass(frozen=True, kw_only=True)
class ExistingSecret:
    """A Secret of somebody else's.

    Attributes:
        filled: keys that have a value.
        digest: hexadecimal SHA-256 of its keys and values; a secret itself, since it tells a weak value.
    """

    filled: frozenset[str]
    digest: str


def read(reader: Reads, stack: Settings) -> dict[str, ExistingSecret | None]:
    """Return what is there of each Secret that the settings say is made by others; None for one that is not.

    Raises:
        Exception: as the reader, where the cluster does not answer.
    """
    wanted = of_others(stack.client_secrets)
    return {name: _read(reader, name) for name in wanted} if stack.deploys_trustee else {}


def problems(stack: Settings, secrets: Mapping[str, ExistingSecret | None]) -> list[str]:
    """Return what is missing, each with the way to mend it."""
    messages = []
    where = f"-n {names.TRUSTEE_NAMESPACE}"
    for name, keys in of_others(stack.client_secrets).items():
        secret = secrets.get(name)
        if secret is None:
            messages.append(
                f"clientSecrets.{name}.existing: there is no Secret {name} in namespace {names.TRUSTEE_NAMESPACE}, and "
                "KBS would not start without it. Have its owner make it there, and look: oc get secret,externalsecret "
                f"{where}; on a new cluster make the namespace first (oc create namespace {names.TRUSTEE_NAMESPACE}), "
                "and set: pulumi config set --path coco-azure:trustee.operator.createNamespace false"
            )
        elif missing := [key for key in keys if key not in secret.filled]:
            has = ", ".join(sorted(secret.filled)) or "none"
            messages.append(
                f"clientSecrets.{name}.existing.keys names {', '.join(missing)}, which Secret {name} has no value for "
                f"(it has: {has}), so KBS would deny every request for it. Have its owner add it, or name its keys: "
                f"pulumi config set --path 'coco-azure:clientSecrets.{name}.existing.keys[0]' KEY"
            )
    return messages


def rolling(stack: Settings, secrets: Mapping[str, ExistingSecret | None]) -> dict[str, str]:
    """Return the digest of each Secret whose change rolls KBS out, by its name."""
    return {
        name: secret.digest
        for name, secret in secrets.items()
        if secret is not None and all(each.restarts for each in stack.client_secrets[name].values())
    }


def _read(reader: Reads, name: str) -> ExistingSecret | None:
    secret = reader.get(names.path(names.SECRETS, name, namespace=names.TRUSTEE_NAMESPACE))
    if secret is None:
        return None
    data: Mapping[str, str] = secret.get("data") or {}
    text = json.dumps(data, sort_keys=True).encode()
    filled = frozenset(key for key, value in data.items() if base64.b64decode(value or ""))
    return ExistingSecret(filled=filled, digest=hashlib.sha256(text).hexdigest())
