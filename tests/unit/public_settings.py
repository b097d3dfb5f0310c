"""The settings that name files, as the models have them: which are public, a good file for each, what comes of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from coco_azure.settings import Settings, SettingsError
from coco_azure.settings.base import Model
from coco_azure.trust import proof
from coco_azure.trust import proof_report as report
from coco_azure.trust.chain import build, config_maps
from coco_azure.versions.profiles import OSC, TRUSTEE
from tests.unit.pki import CHAIN, LEAF, ROOT_CA
from tests.unit.recording import ROOT
from tests.unit.trust_stacks import CHECK_IMAGE, IMAGE, KEYS, MEASURED, PLACE, changed, entry, stack, versions

NAME = "shop"
"""Stands for a name of the user's choice in the path of a setting."""


@dataclass(frozen=True)
class Public:
    """A setting that names a file of which something becomes public.

    Attributes:
        text: a good file.
        beside: what else has to be set for it.
        signed: whether the file's bytes are signed, so that no byte of it may differ.
    """

    text: str
    beside: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = False


def _read(path: str) -> str:
    return (ROOT / path).read_text()


_MEASURED = {"trustee": {"referenceValues": MEASURED}}
_SIGNER = {"certificateFile": "", "privateKeyFile": f"{KEYS}/signer-p256.key"}
_AGENT = "package agent_policy\n# of ours\ndefault CreateContainerRequest := true\n"
_REGO = "package policy\n# of ours\ndefault allow := false\n"
_GPG = {"type": "signedBy", "signatureStore": "file:///x", "images": ["quay.io/org"]}
GOOD: dict[str, Public] = {
    "trustee.tls.certificateFile": Public(CHAIN, {"trustee": {"tls": {"privateKey": LEAF.key}}}),
    "trustee.tls.caCertificateFile": Public(ROOT_CA.pem),
    "trustee.tokenSigner.certificateFile": Public(
        _read(f"{KEYS}/signer-p256.crt"), {"trustee": {"tokenSigner": _SIGNER}}
    ),
    "trustee.referenceValues.measurementsFile": Public(_read(f"{IMAGE}/measurements.json"), _MEASURED, signed=True),
    "trustee.referenceValues.measurementsSignatureFile": Public(_read(f"{IMAGE}/measurements.sig"), _MEASURED),
    "trustee.referenceValues.measurementsPublicKeyFile": Public(_read(f"{IMAGE}/signing-key.pub"), _MEASURED),
    "trustee.referenceValuesFile": Public(json.dumps([entry("snp_pcr08")], indent=1)),
    "trustee.resourcePolicyFile": Public(_REGO),
    "trustee.attestationPolicyFile": Public(_REGO),
    "trustee.imageSignature.publicKeyFile": Public(
        _read(f"{KEYS}/cosign.pub"), {"trustee": {"imageSignature": CHECK_IMAGE}}
    ),
    "initdata.kbsCertificateFile": Public(CHAIN, {"initdata": {"kbsUrl": "https://kbs.example.com"}}),
    "initdata.imagePull.caCertificateFile": Public(CHAIN),
    "initdata.agentPolicyFile": Public(_AGENT),
    f"initdata.workloads.{NAME}.agentPolicyFile": Public(_AGENT),
    f"initdata.workloads.{NAME}.manifestFile": Public(_read("rehearsal/workload.yaml")),
    "attestationCheck.agentPolicyFile": Public(_AGENT),
}
"""Every public setting with a file; one that is missing here fails a test."""
GPG = Public(_read("rehearsal/kubelet/registry-keys/release.asc"), {"trustee": {"imageSignature": _GPG}})
"""The other kind of key that ``trustee.imageSignature.publicKeyFile`` may name."""


def files(*, secret: bool) -> set[str]:
    """Return the paths of the settings that name a file: those whose content is held as a secret, or the others."""
    whole = Settings.model_json_schema(by_alias=True)
    return {path for path, part in _files("", whole, whole["$defs"]) if _is_secret(part) is secret}


def _files(path: str, part: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "$ref" in part:
        part = parts[part["$ref"].rsplit("/", 1)[-1]]
    for name, inner in part.get("properties", {}).items():
        below = f"{path}.{name}".lstrip(".")
        if name.endswith("File"):
            yield below, inner
        yield from _files(below, inner, parts)
    for option in [*part.get("anyOf", []), *([part["items"]] if "items" in part else [])]:
        yield from _files(path, option, parts)
    for free in [part.get("additionalProperties"), *part.get("patternProperties", {}).values()]:
        if isinstance(free, Mapping):
            yield from _files(f"{path}.{NAME}", free, parts)


def _is_secret(part: Mapping[str, Any]) -> bool:
    return any(option.get("writeOnly", False) for option in [part, *part.get("anyOf", [])])


def config(path: str, file: str, beside: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in which a setting names a file."""
    return changed(beside, **{path.replace(".", "__"): file})


def rendered(values: Mapping[str, Any]) -> str:
    """Return everything public that a stack makes of its settings: at the oldest and the newest versions.

    Raises:
        SettingsError: something is wrong with them.
    """
    settings = stack(values)
    items: list[Any] = [
        settings,
        repr(settings),
        settings.trustee.public_secrets,
        settings.attestation_check.agent_policy,
    ]
    for osc, trustee in ((min(OSC), min(TRUSTEE)), (max(OSC, key=_number), max(TRUSTEE, key=_number))):
        chain = build(settings, versions(osc, trustee), PLACE)
        assert chain.judgement is not None
        server_certificate = settings.trustee.tls.certificate
        shown = proof.to_dict(report.proof_of(settings, chain, [], server_certificate))
        items += [chain.documents, chain.annotations, config_maps(settings, chain.judgement), shown]
    return "\n".join(_texts(items))


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _texts(value: Any) -> Iterator[str]:
    """Return the texts in a value with their own line ends, as ``repr`` would hide them."""
    yield from [value] if isinstance(value, str) else []
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, Model) or is_dataclass(value):
        yield from _texts(vars(value))


SECRET_FILES = {
    "trustee.tls.privateKeyFile",
    "trustee.tokenSigner.privateKeyFile",
    "trustee.registryCredentials.authFile",
}
CASES = {**GOOD, "a GPG key": GPG}


def path_of(case: str) -> str:
    """Return the setting of a case."""
    return "trustee.imageSignature.publicKeyFile" if CASES[case] is GPG else case


def made(folder: Path, case: str, content: bytes) -> str:
    """Return what comes of a file in a case: everything that is rendered; raises SettingsError."""
    file = folder / "named.file"
    file.write_bytes(content)
    return rendered(config(path_of(case), str(file), CASES[case].beside))


def outcome(folder: Path, case: str, content: bytes) -> str:
    """Return what comes of a file in a case, or the message that refuses it."""
    try:
        return made(folder, case, content)
    except SettingsError as refused:
        return str(refused)
