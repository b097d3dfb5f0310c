"""Pairs of versions that a rehearsal deploys, and what each of them reads.

Written from the sources of the operators (as ``rehearsal/`` is), not from the program's profiles: a wrong profile has
to fail here.
"""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.engine.harness import Stack

TRUSTEE = "/api/v1/namespaces/trustee-operator-system"
OSC = "/api/v1/namespaces/openshift-sandboxed-containers-operator"
CHECK = "/api/v1/namespaces/coco-attestation-check"
PCRS = (3, 4, 7, 8, 9, 11, 12)
"""What the stack of the rehearsal holds evidence to: the pod VM image, and 8 for initdata."""
MIGRATED = {"kbs.confidentialcontainers.org/migrated-from-v1.1.0": "v1.2.0"}
"""Keeps operator 1.2 from migrating, and deleting, a ConfigMap that is in its form already."""
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
_TELLING = 24
_RUNTIME = "io.katacontainers.config.runtime.cc_init_data"
_HYPERVISOR = "io.katacontainers.config.hypervisor.cc_init_data"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A version of OpenShift sandboxed containers (OSC) with a version of Trustee.

    Attributes:
        osc, trustee: the minor versions.
        osc_csv, trustee_csv: versions in the names of the CSVs.
        protocol: version of the RCAR protocol that both speak; pairs whose sides speak different ones are refused.
        annotation: pod annotation with initdata.
        compressed: whether initdata is gzip inside base64.
        kbs_config, reference_values, resource_policy, attestation_policy: keys of the ConfigMaps.
        reference_name: name of the reference value of a PCR, to be formatted with its number.
    """

    osc: str
    trustee: str
    osc_csv: str
    trustee_csv: str
    protocol: str = "0.4.0"
    annotation: str = _HYPERVISOR
    compressed: bool = True
    kbs_config: tuple[str, ...] = ("kbs-config.toml",)
    reference_values: str = "reference-values.json"
    resource_policy: str = "policy.rego"
    attestation_policy: str = "default_cpu.rego"
    reference_name: str = "snp_pcr{:02}"

    def __str__(self) -> str:
        """Return the name of the test's parameter."""
        return f"OSC {self.osc}, Trustee {self.trustee}"

    @property
    def variables(self) -> dict[str, str]:
        """The variables of a rehearsal whose catalog offers the pair."""
        return {"COCO_REHEARSAL_OSC": self.osc, "COCO_REHEARSAL_TRUSTEE": self.trustee}

    @property
    def versions(self) -> list[dict[str, str]]:
        """What the proof report says of the versions."""
        pairs = {
            "sandboxed-containers-operator": (self.osc_csv, self.osc),
            "trustee-operator": (self.trustee_csv, self.trustee),
        }
        return [
            {"package": package, "csv": f"{package}.v{csv}", "profile": profile, "protocol": self.protocol}
            for package, (csv, profile) in pairs.items()
        ]

    @property
    def config_maps(self) -> dict[str, set[str]]:
        """The keys of every ConfigMap that Trustee reads."""
        return {
            "kbs-config-cm": set(self.kbs_config),
            "rvps-reference-values": {self.reference_values},
            "resource-policy": {self.resource_policy},
            "attestation-policy": {self.attestation_policy},
        }

    def document(self, encoded: str) -> bytes:
        """Return the initdata in an encoded text; an assertion fails where it is in another version's encoding."""
        raw = base64.b64decode(encoded, validate=True)
        assert raw.startswith(b"\x1f\x8b") == self.compressed
        return gzip.decompress(raw) if self.compressed else raw

    def registered(self, stack: Stack) -> dict[str, tuple[list[str], str]]:
        """Return the values and the expiration of each reference value, as this version of RVPS reads its file."""
        document = json.loads(data(stack, "rvps-reference-values")[self.reference_values])
        if self.trustee == "1.2":
            entries = [json.loads(base64.urlsafe_b64decode(text)) for text in document.values()]
            assert [entry["name"] for entry in entries] == list(document)
        else:
            entries = document
        values = [
            entry["value"] if self.reference_name.startswith("snp") else [pair["value"] for pair in entry["hash-value"]]
            for entry in entries
        ]
        return {entry["name"]: (item, entry["expiration"]) for entry, item in zip(entries, values, strict=True)}


_SIMPLE: dict[str, Any] = {
    "kbs_config": ("kbs-config.toml", "kbs-config.json"),
    "attestation_policy": "default.rego",
    "reference_name": "azsnpvtpm.tpm.pcr{:02}",
}
_LOCAL_JSON: dict[str, Any] = {"reference_values": "reference_value", "resource_policy": "resource-policy.rego"}
PAIRS = (
    Pair(
        osc="1.9",
        trustee="0.3",
        osc_csv="1.9.0",
        trustee_csv="0.3.0",
        protocol="0.1.1",
        annotation=_RUNTIME,
        compressed=False,
        **_SIMPLE,
    ),
    Pair(
        osc="1.10",
        trustee="0.4",
        osc_csv="1.10.1",
        trustee_csv="0.4.2",
        protocol="0.2.0",
        annotation=_RUNTIME,
        **_SIMPLE,
    ),
    Pair(osc="1.11", trustee="1.0", osc_csv="1.11.0", trustee_csv="1.0.0"),
    Pair(osc="1.11", trustee="1.1", osc_csv="1.11.0", trustee_csv="1.1.0"),
    Pair(
        osc="1.12",
        trustee="1.2",
        osc_csv="1.12.1",
        trustee_csv="1.2.1",
        **_LOCAL_JSON,
    ),
    Pair(osc="1.13", trustee="1.2", osc_csv="1.13.1", trustee_csv="1.2.1", **_LOCAL_JSON),
)


def data(stack: Stack, title: str) -> dict[str, str]:
    """Return the data of one of Trustee's ConfigMaps."""
    return dict(stack.get(f"{TRUSTEE}/configmaps/{title}")["data"])


def secret(stack: Stack, title: str) -> dict[str, str]:
    """Return the decoded data of one of Trustee's Secrets."""
    result = stack.get(f"{TRUSTEE}/secrets/{title}")["data"]
    return {key: base64.b64decode(value).decode() for key, value in result.items()}


def pcr8(document: bytes) -> str:
    """Return what a pod VM's PCR 8 is once it has measured the document by its SHA-256."""
    return hashlib.sha256(bytes(32) + hashlib.sha256(document).digest()).hexdigest()


def sha256(text: str) -> str:
    """Return the hexadecimal SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def section(shown: str, output: str) -> str:
    """Return what the engine's preview shows of one output of the stack that is an object."""
    lines = shown.partition("\nOutputs:\n")[2].splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(f"    {output} "))
    last = next(number for number, line in enumerate(lines) if number > first and line == "    }")
    return "\n".join(lines[first : last + 1])


def line_of(shown: str, output: str) -> str:
    """Return the text of an output that the engine's preview shows as one line, as Go quotes it."""
    lines = shown.partition("\nOutputs:\n")[2].splitlines()
    (line,) = [each for each in lines if each.startswith(f"    {output} ")]
    return str(json.loads(line.partition(": ")[2]))


def private_keys(content: Any) -> set[str]:
    """Return every private key (PEM) in decrypted values."""
    if isinstance(content, str):
        text = content if "-----" in content else _decoded(content)
        return {each.strip() for each in _PRIVATE_KEY.findall(text.replace("\\n", "\n"))}
    values = content.values() if isinstance(content, Mapping) else content if isinstance(content, list) else ()
    return set().union(*map(private_keys, values))


def forms(hidden: str) -> set[str]:
    """Return what a secret looks like in plain text and in base64, wherever in a longer text it begins.

    Of a PEM every line is looked for: only the lines are the same, however their ends are written. What is too short to
    tell a secret from chance is left out.
    """
    lines = hidden.splitlines() if "-----" in hidden else [hidden]
    result = set()
    for line in lines:
        if "-----" in line or len(line) < _TELLING:
            continue
        result.add(line)
        for offset in range(3):
            text = base64.b64encode(bytes(offset) + line.encode()).decode()
            # The first and the last group depend on what stands beside the secret.
            result.add(text[4 if offset else 0 : -4])
    return result


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""
