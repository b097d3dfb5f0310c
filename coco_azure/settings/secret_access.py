"""Which secret a document's pods may have, as the settings name it: a whole secret or one key of it.

Judges the names only. Which document has which PCR 8, and what follows for KBS, is
``coco_azure.trust.secret_bindings``'s.
"""

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from coco_azure.formats.kbs.resource_uri import ResourceUri
from coco_azure.settings.base import matching
from coco_azure.settings.client_secrets import ClientSecrets

if TYPE_CHECKING:
    from coco_azure.settings import Settings

SecretReference = Annotated[
    str,
    matching(
        r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(/[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,252})?",
        "SECRET or SECRET/KEY of clientSecrets, such as db or db/password",
    ),
]
"""``SECRET``, which is each of its keys, or ``SECRET/KEY``."""


def paths(references: Iterable[str], secrets: ClientSecrets) -> tuple[str, ...]:
    """Return the resources (``default/SECRET/KEY``) that the references name; what nothing serves is left out."""
    unique: dict[str, None] = {}
    for reference in references:
        secret, _, key = reference.partition("/")
        served = secrets.get(secret, {})
        unique |= {ResourceUri(secret, each).path: None for each in ([key] if key else served) if each in served}
    return tuple(unique)


def unknown(stack: "Settings") -> list[str]:
    """Return a problem for each reference that names no client secret, with the nearest one that there is."""
    messages = []
    for setting, references, known in _lists(stack):
        for at, reference in enumerate(references):
            if not paths([reference], known):
                messages.append(
                    f"{setting}[{at}] is {reference}, which no client secret serves (served: "
                    f"{', '.join(known) or 'none'}); {_way(f'{setting}[{at}]', reference, known)}"
                )
    return messages


def _way(setting: str, reference: str, known: ClientSecrets) -> str:
    names = [f"{secret}/{key}" for secret, keys in known.items() for key in keys] if "/" in reference else list(known)
    # What is not alike is no slip of the pen, and would give a document a secret that nobody meant.
    if not (near := difflib.get_close_matches(reference, names, n=1)):
        return f"add it: {add(reference)}, or remove it: pulumi config rm --path 'coco-azure:{setting}'"
    return f"did you mean {near[0]}? pulumi config set --path 'coco-azure:{setting}' {near[0]}"


def add(reference: str, other: str | None = None) -> str:
    """Return the command that makes a client secret; of a whole secret, with some KEY.

    Args:
        reference: as in the lists of documents.
        other: the stack that has it; None for the stack itself.
    """
    secret, _, key = reference.partition("/")
    stack = f"--stack {other} " if other is not None else ""
    # In quotes, for a key may have dots.
    path = f'coco-azure:clientSecrets.{secret}["{key or "KEY"}"]'
    return f"pulumi config set {stack}--secret --path '{path}' VALUE"


def unlisted(stack: "Settings") -> list[str]:
    """Return the client secrets that no document lists, each as SECRET or, of a secret listed in part, SECRET/KEY."""
    references = [reference for _, listed, _ in _lists(stack) for reference in listed]
    listed = set(paths(references, stack.client_secrets))
    names: list[str] = []
    for secret, keys in stack.client_secrets.items():
        missing = [key for key in keys if ResourceUri(secret, key).path not in listed]
        names += [secret] if len(missing) == len(keys) else [f"{secret}/{key}" for key in missing]
    return names


def how_to_list(stack: "Settings") -> dict[str, str]:
    """Return the commands that give each unlisted secret to a document, by the secret.

    Each has a place of its own behind what the lists have, so that all of them can be run one after the other.
    """
    workload, settings = next(iter(stack.initdata.workloads.items()), ("WORKLOAD", None))
    first, global_first = len(settings.secrets) if settings is not None else 0, len(stack.initdata.secrets)
    return {
        secret: (
            f"pulumi config set --path 'coco-azure:initdata.workloads.{workload}.secrets[{first + at}]' {secret} (pods "
            "with the initdata of that workload), or pulumi config set --path "
            f"'coco-azure:initdata.secrets[{global_first + at}]' {secret} (pods without initdata of their own)"
        )
        for at, secret in enumerate(unlisted(stack))
    }


def _lists(stack: "Settings") -> Iterator[tuple[str, tuple[str, ...], ClientSecrets]]:
    """Yield the setting and content of each list of references, with the secrets that it may name."""
    if stack.peer_pods.enabled:
        yield "initdata.secrets", stack.initdata.secrets, stack.client_secrets
        for name, workload in stack.initdata.workloads.items():
            yield f"initdata.workloads.{name}.secrets", workload.secrets, stack.client_secrets
    for pcr8, references in stack.trustee.reference_values.also_serve.items():
        # The checks of other stacks prove themselves with the secret that is for checks.
        yield f"trustee.referenceValues.alsoServe.{pcr8}", references, stack.kbs_secrets
