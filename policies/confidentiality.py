"""Rules about secrets: none in plain text, neither in an object that is not made for it nor in the stack's file."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from coco_azure import names
from coco_azure.formats.pki import private_keys
from coco_azure.settings import schema, stack_config
from policies import reading
from policies.model import UNKNOWN, Config, Option, Resource, Rule, Stack, UnknownError, Violation
from policies.reading import UnreadableError

_TELLING = 8
"""Shorter values stand in many places by chance."""
_PUBLIC = (
    names.TLS_CERTIFICATE_SECRET,
    names.IMAGE_POLICY_SECRET,
    names.SEALING_SECRET,
    names.IMAGE_KEYS_SECRET,
)
"""Secrets whose content pod VMs get before they attest, or anybody may know."""
_IDENTIFIERS = ("azure_client_id", "azure_tenant_id", "azure_subscription_id", "azure_region", "azure_resourcegroup")
"""Keys of ``peer-pods-secret`` that name somebody and prove nothing; ARM ids, which are no secret, hold them, too."""
_TYPES = ("ConfigMap", "KbsConfig", "KataConfig", "Job", "Deployment", "DaemonSet", "Pod", "Namespace", "Operator")
_PROJECT = Path(__file__).resolve().parent.parent
_STACK_KIND = "pulumi:pulumi:Stack"
SECRET_OUTPUTS = ("attestationChecks", "sealingKey")
"""Outputs that the program marks as secret; the engine shows them to a pack like any other."""
_STACK = re.compile(r"urn:pulumi:([^:]+)::")


def _none_in_plain(stack: Stack, _: Config) -> Iterator[Violation]:
    known = dict(_secrets(stack))
    for resource in stack.resources:
        for where, text in _public(resource):
            if (key := private_keys.find(text)) is not None:
                yield Violation(message=f"{where}: {key} in plain text", resource=resource)
            names = sorted({name for value, name in known.items() if value in text})
            if names:
                yield Violation(message=f"{where}: the value of {', '.join(names)} in plain text", resource=resource)


def _public(resource: Resource) -> Iterator[tuple[str, str]]:
    """Return each text of a resource that others can read, with its place."""
    texts: Iterator[tuple[tuple[str, ...], str]] = iter(())
    if resource.kind == _STACK_KIND:
        outputs = {name: value for name, value in resource.props.items() if name not in SECRET_OUTPUTS}
        yield from ((f"output {'.'.join(place)}", text) for place, text in _texts(outputs, ()))
    elif resource.is_object and resource.object_kind in _TYPES:
        texts = _texts(resource.props, ())
    elif resource.is_object:
        texts = _texts(resource.props["metadata"], ("metadata",))
    yield from ((f"{resource}, {'.'.join(place)}", text) for place, text in texts)
    yield from _initdata(resource)


def _initdata(resource: Resource) -> Iterator[tuple[str, str]]:
    try:
        for where, encoded in reading.initdata_of(resource):
            yield from ((f"{where}, {name}", text) for name, text in reading.initdata(encoded).items())
    except (UnknownError, UnreadableError):
        return  # The run knows it; and what cannot be read is another rule's business.


def _secrets(stack: Stack) -> Iterator[tuple[str, str]]:
    """Return each value that is secret, as text and in base64, with the name of what it belongs to."""
    for resource in stack.objects("Secret"):
        if resource.object_name in _PUBLIC or "coco-azure:index:SealedSecrets$" in resource.urn:
            continue
        for key, raw in reading.secret_entries(resource).items():
            if key.lower() in _IDENTIFIERS or b"PUBLIC KEY-----" in raw or b"CERTIFICATE-----" in raw:
                continue
            for value in _forms(raw):
                if len(value) >= _TELLING:
                    yield value, f"{resource}, {key}"


def _forms(raw: bytes) -> Iterator[str]:
    """Return a value as text, in base64, and what is secret within it where it holds credentials of registries."""
    yield base64.b64encode(raw).decode().rstrip("=")
    try:
        text = raw.decode().strip()
    except UnicodeDecodeError:
        return
    yield text
    try:
        document = json.loads(text)
    except ValueError:
        return
    yield from (inner for place, inner in _texts(document, ()) if place and place[-1] in ("auth", "password"))


def _texts(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            # The provider notes the last applied object there, which says nothing of its own.
            if not str(key).startswith("__"):
                yield from _texts(inner, (*place, str(key)))
    elif isinstance(value, Sequence) and value is not UNKNOWN:
        for number, inner in enumerate(value):
            yield from _texts(inner, (*place, str(number)))


def _encrypted(stack: Stack, config: Config) -> Iterator[Violation]:
    names = {match[1] for each in stack.resources if (match := _STACK.match(each.urn))}
    for name in sorted(names):
        file = _PROJECT / str(config["file"]).replace("<stack>", name)
        if not file.is_file():
            continue  # kept elsewhere; say where with `file`
        stack_config = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
        for path in plain_secrets(stack_config):
            yield Violation(message=f"{file.name}: {path} is in plain text")


def plain_secrets(config: Mapping[str, Any]) -> list[str]:
    """Return the paths of secret settings that a stack's file does not hold encrypted.

    Args:
        config: the file's ``config``, with the project's prefix.
    """
    return list(schema.plain_secrets(stack_config.decode(config)))


RULES = (
    Rule(
        id="no-secret-in-plain-objects",
        title="No secret stands in a ConfigMap, in initdata, in an output or in any object that is not a Secret",
        why="ConfigMaps, annotations, initdata and outputs are readable by many, and end up in logs and backups",
        remedy="Keep it in coco-azure:clientSecrets, from where attested pods get it, and let pods refer to it",
        severity="critical",
        stack=_none_in_plain,
    ),
    Rule(
        id="settings-encrypted",
        title="Secret settings are encrypted in the stack's file",
        why="The file is under version control",
        remedy="Replace the value, it has been readable, and set the new one with: "
        "pulumi config set --secret --path 'coco-azure:...' VALUE",
        severity="critical",
        stack=_encrypted,
        options={
            "file": Option(
                schema={"type": "string"},
                default="Pulumi.<stack>.yaml",
                doc="the stack's file, relative to the project; needed with --config-file",
            )
        },
    ),
)
