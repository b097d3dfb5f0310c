"""What a run created and how long each part took, from the engine's event log (pulumi ``apitype.EngineEvent``)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal import negative
from rehearsal.attempt import Outcome
from rendering import proof_text

_OPERATIONS = ("create", "update", "replace", "create-replacement", "read", "delete")
_PARTS = {
    "ClusterFacts": "what the cluster says of itself",
    "AzureNetwork": "place of the pod VMs",
    "TrusteeStack": "Trustee",
    "PeerPodRuntime": "peer-pod runtime",
    "AttestationCheck": "attestation check",
}


@dataclass(frozen=True)
class Step:
    """One resource that the engine worked on.

    Attributes:
        operation: what was done, such as ``create``.
        kind: the resource's type, without what it is a part of.
        name: its name in the program.
        part: the component that it belongs to, the outermost one.
        object: namespace and name of the Kubernetes object, where it is one.
        began, ended: seconds since the epoch.
    """

    operation: str
    kind: str
    name: str
    part: str
    object: str
    began: float
    ended: float


def read(path: Path) -> list[Step]:
    """Return the steps of a log, in the order in which they ended."""
    began: dict[str, float] = {}
    steps = []
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if metadata := event.get("resourcePreEvent", {}).get("metadata"):
            began.setdefault(metadata["urn"], event["timestamp"])
        if (metadata := event.get("resOutputsEvent", {}).get("metadata")) and metadata["op"] in _OPERATIONS:
            steps.append(_step(metadata, began.get(metadata["urn"], event["timestamp"]), event["timestamp"]))
    return steps


def _step(metadata: Mapping[str, Any], began: float, ended: float) -> Step:
    _, _, types, name = str(metadata["urn"]).split("::", 3)
    chain = types.split("$")
    owners = [owner.rpartition(":")[2] for owner in chain[:-1]]
    part = next((owner for owner in owners if owner in _PARTS), "")
    found = ((metadata.get("new") or {}).get("inputs") or {}).get("metadata") or {}
    # The provider puts the namespace "default" even on patches of cluster-scoped objects.
    title = "/".join(found[key] for key in ("namespace", "name") if found.get(key, "default") != "default")
    return Step(str(metadata["op"]), chain[-1], name, part, title, float(began), float(ended))


def render(
    steps: list[Step],
    outputs: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    *,
    provider: str,
    seconds: float,
    report: str,
) -> str:
    """Return the summary that ``make rehearse`` ends with."""
    lines = ["", "What was created", *_created(steps), "", "How long each part took", *_durations(steps)]
    lines += ["", "What the stack exports"]
    lines += [f"  {name:<17} {json.dumps(value)}" for name, value in outputs.items() if name != "proof"]
    lines += ["", "What must be denied, tried", negative.table(outcomes), "", *_proof(outputs, outcomes)]
    lines += ["", f"Kubernetes provider: {provider}", f"All of it, with set-up: {seconds:.0f} s"]
    lines += ["A second `up` had nothing to change.", f"For a browser: {report}", ""]
    return "\n".join([*lines, "attested" if all(each.as_expected for each in outcomes) else "the chain did not hold"])


def _proof(outputs: Mapping[str, Any], outcomes: Sequence[Outcome]) -> list[str]:
    """Return the proof report that the stack exports, with the outcome of every check."""
    checks = [{"name": "attestation check", "outcome": "passed" if outputs.get("attested") else "failed"}]
    checks += [
        {"name": f"{each.name}: {each.expected}", "outcome": "passed" if each.as_expected else "failed"}
        for each in outcomes
    ]
    return proof_text.text_of({**outputs["proof"], "checks": checks}).splitlines()


def _created(steps: list[Step]) -> list[str]:
    lines = []
    for step in steps:
        if step.operation == "create" and step.kind.startswith("kubernetes:"):
            kind = step.kind.rpartition(":")[2]
            words = f"{kind.removesuffix('Patch')} (fields of it)" if kind.endswith("Patch") else kind
            lines.append(f"  {words:<28} {step.object}")
    return sorted(lines)


def _durations(steps: list[Step]) -> list[str]:
    """Return for each part when it was worked on; the parts go side by side."""
    lines = []
    zero = min((step.began for step in steps), default=0)
    for part, words in _PARTS.items():
        own = [step for step in steps if step.part == part]
        if own:
            first, last = min(step.began for step in own) - zero, max(step.ended for step in own) - zero
            slowest = max(own, key=lambda step: step.ended - step.began)
            longest = f"longest: {slowest.name}, {slowest.ended - slowest.began:.0f} s"
            lines.append(f"  second {first:>3.0f} to {last:>3.0f}  {words} ({longest})")
    return lines
