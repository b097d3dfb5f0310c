"""Which secrets each initdata document's pods may have, those of earlier documents, and Secrets that exist already.

Production binds each client secret to the documents that list it. What a pod needs before any secret (image policy,
keys of signatures, credentials of registries, the key of sealed secrets) is for every document that the stack accepts.

Their values are read to be hashed, and are kept nowhere: not in the stack's state, and in no message.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from coco_azure import names
from coco_azure.formats.kbs.reference_input import ReferenceValue
from coco_azure.formats.kbs.reference_values import accepted_pcr8
from coco_azure.formats.policy.policies import Bindings
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.risks import Risk
from coco_azure.settings import Settings, initdata
from coco_azure.settings.client_secrets import of_others
from coco_azure.settings.initdata import paths
from coco_azure.trust.documents import CHECK, GLOBAL, allowed_images


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What the last finished run deployed, and pods that run may still have.

    Attributes:
        documents: PCR 8 of each document, by the document's name.
        secrets: resources (``default/SECRET/KEY``) that its Trustee gave to a document, by PCR 8; None where it bound
            none, as in development, and gave each document everything.
    """

    documents: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, tuple[str, ...]] | None = None


def wanted(stack: Settings) -> dict[str, tuple[str, ...]]:
    """Return what each document's pods may have, as ``SECRET`` or ``SECRET/KEY``, by the document's name."""
    initdata = stack.initdata
    secrets = {GLOBAL: initdata.secrets, **{name: workload.secrets for name, workload in initdata.workloads.items()}}
    if stack.checks and stack.attestation_check.initdata_annotation:
        secrets[CHECK] = (stack.check_resource.removeprefix("default/"),)
    return secrets


def bindings(
    stack: Settings, measured: Mapping[str, str], values: Iterable[ReferenceValue], earlier: Earlier
) -> Bindings:
    """Return which resources pods with which initdata may have.

    Args:
        measured: PCR 8 of the stack's documents by their names.
        values: every reference value of the stack; those of PCR 8 are the documents that are accepted.
        earlier: what the last finished run had.
    """
    accepted = accepted_pcr8(values)
    documents: dict[str, tuple[str, ...]] = {**dict.fromkeys(accepted, ()), **_earlier(stack, measured, earlier)}
    titles = {pcr8: f"{title(name)} of the last run" for name, pcr8 in earlier.documents.items()}
    others, lists = stack.trustee.reference_values.also_serve, wanted(stack)
    documents |= {pcr8: paths(references, stack.kbs_secrets) for pcr8, references in others.items()}
    for name, pcr8 in measured.items():
        documents[pcr8] = paths((*lists.get(name, ()), *others.get(pcr8, ())), stack.kbs_secrets)
        titles[pcr8] = title(name)
    return Bindings(
        secrets={pcr8: documents[pcr8] for pcr8 in accepted},
        shared=tuple(sorted(resource.path for resource in stack.reserved)),
        titles=titles,
    )


def warnings(stack: Settings, documents: Collection[str]) -> list[str]:
    """Return what the binding of a production stack leaves open."""
    if stack.environment != "production":
        return []
    messages: list[str] = [
        Risk(
            "shared_secrets",
            f"pods of {title(name)} may have {', '.join(references)}, and its agent policy lets containers of any "
            "image start: whoever may create pods, in any namespace, gets them with that initdata and any image that "
            f"the image policy accepts. {_ways(name)}",
        )
        for name, references in open_to_images(stack, documents).items()
    ]
    if stack.deploys_trustee and (unlisted := initdata.unlisted(stack)):
        messages.append(
            f"no initdata is given {', '.join(unlisted)}, so no pod gets it; of each document of another stack that "
            "may have it: pulumi config set --path 'coco-azure:trustee.referenceValues.alsoServe.PCR8[0]' SECRET"
        )
    return messages


def open_to_images(stack: Settings, documents: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the secrets of each document with which containers of any image start, by its name."""
    return {
        name: references
        for name, references in wanted(stack).items()
        if references and name in documents and name != CHECK and not _holds_images(stack, name)
    }


def _ways(name: str) -> str:
    """Return the commands that say what runs with a document, the strongest first."""
    images = "pulumi config set --path 'coco-azure:{}.allowedImages[0]' IMAGE"
    if name == GLOBAL:
        return f"Say which images run there: {images.format('initdata')}, or list the secrets for a workload instead"
    where = f"initdata.workloads.{name}"
    return (
        f"Say what runs there: pulumi config set --path 'coco-azure:{where}.manifestFile' FILE (exactly the containers "
        f"of its manifest), or {images.format(where)} (these images, with any command)"
    )


def _holds_images(stack: Settings, name: str) -> bool:
    """Return whether a document's agent policy says which images start; a user's own is taken to do so."""
    initdata, workload = stack.initdata, stack.initdata.workloads.get(name)
    own = workload is not None and (workload.agent_policy is not None or workload.manifest is not None)
    return own or initdata.agent_policy_file is not None or bool(allowed_images(stack, workload))


def setting(name: str) -> str:
    """Return the setting that lists a document's secrets."""
    return "initdata.secrets" if name == GLOBAL else f"initdata.workloads.{name}.secrets"


def title(name: str) -> str:
    """Return what people call a document."""
    own = {GLOBAL: "the global document", CHECK: "the check's document"}
    return own.get(name, f"workload {name}")


def _earlier(stack: Settings, measured: Mapping[str, str], earlier: Earlier) -> dict[str, tuple[str, ...]]:
    """Return what documents of the last run keep: what they had, as far as it is still served, and never more.

    A run that bound nothing gave each of them everything; then it is what the document of that name may have today, and
    of several that were the same only what each of these may have.
    """
    served, today = set(paths(stack.kbs_secrets, stack.kbs_secrets)), wanted(stack)
    bound: dict[str, tuple[str, ...]] = {}
    for name, pcr8 in earlier.documents.items():
        if earlier.secrets is None:
            had = paths(today.get(name, ()) if name in measured else (), stack.kbs_secrets)
        else:
            had = earlier.secrets.get(pcr8, ())
        kept = served & set(bound.get(pcr8, served))
        bound[pcr8] = tuple(path for path in had if path in kept)
    return bound


@dataclass(frozen=True, kw_only=True)
class ExistingSecret:
    """A Secret of somebody else's.

    Attributes:
        filled: keys that have a value.
        digest: hexadecimal SHA-256 of its keys and values; a secret itself, since it tells a weak value.
    """

    filled: frozenset[str]
    digest: str


def read_existing(reader: Reads, stack: Settings) -> dict[str, ExistingSecret | None]:
    """Return what is there of each Secret that the settings say is made by others; None for one that is not.

    Raises:
        Exception: as the reader, where the cluster does not answer.
    """
    wanted = of_others(stack.client_secrets)
    return {name: _read(reader, name) for name in wanted} if stack.deploys_trustee else {}


def existing_problems(stack: Settings, secrets: Mapping[str, ExistingSecret | None]) -> list[str]:
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
