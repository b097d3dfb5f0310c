"""Whether pod VMs and KBS speak the same version of the RCAR protocol; where they do not, KBS refuses every pod.

Which version each side speaks is a field of its profile. KBS answers any other one with status 401 (openshift/trustee
v0.3.0 to v1.2.0, ``kbs/src/attestation/backend.rs``), so a pair that does not fit is known before it is deployed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coco_azure import names
from coco_azure.settings import Settings
from coco_azure.settings.operators import OperatorSettings
from coco_azure.trust.chain import Chain
from coco_azure.versions.profiles import speakers


@dataclass(frozen=True, kw_only=True)
class _Broker:
    """The KBS that the pods of a stack ask.

    Attributes:
        title: its version, in words.
        protocol: the version of the RCAR protocol that it takes.
        stack: name of the stack that deploys it; None where that is the stack itself.
    """

    title: str
    protocol: str
    stack: str | None = None


def problems(stack: Settings, chain: Chain, hub_proof: Mapping[str, Any] | None = None) -> list[str]:
    """Return a problem where the pod VMs of the stack and their KBS do not speak with each other.

    Args:
        hub_proof: the proof report of the stack that has the Trustee, where that is another one.
    """
    message = _gap(stack, chain, hub_proof)
    return [message] if message is not None and not stack.trustee.allow_protocol_gap else []


def warnings(stack: Settings, chain: Chain, hub_proof: Mapping[str, Any] | None = None) -> list[str]:
    """Return what ``trustee.allowProtocolGap`` leads to; nothing where it is not set. Arguments as of ``problems``."""
    if not stack.trustee.allow_protocol_gap:
        return []
    known = chain.versions.osc is not None and _broker(stack, chain, hub_proof) is not None
    fits = "pod VMs and KBS speak with each other" if known else "this stack has only one of pod VMs and KBS"
    state = _gap(stack, chain, hub_proof) or f"{fits}, so it is not needed"
    end = "pulumi config rm --path 'coco-azure:trustee.allowProtocolGap'"
    return [f"trustee.allowProtocolGap is true, so no pod checks the chain; {state}. After the upgrade: {end}"]


def pairs() -> str:
    """Return the versions that speak with each other, in words."""
    return "; ".join(f"OSC {either(osc)} with Trustee {either(trustee)}" for osc, trustee in speakers().values())


def osc_versions(protocol: str) -> str:
    """Return the versions of OSC whose pod VMs speak a version of the protocol, in words."""
    return either(speakers()[protocol][0])


def either(versions: Sequence[str]) -> str:
    """Return versions in words: ``1.0, 1.1 or 1.2``."""
    *others, last = versions
    return f"{', '.join(others)} or {last}" if others else last


def _gap(stack: Settings, chain: Chain, hub_proof: Mapping[str, Any] | None) -> str | None:
    osc, broker = chain.versions.osc, _broker(stack, chain, hub_proof)
    if osc is None or broker is None or osc.protocol == broker.protocol:
        return None
    return (
        f"pod VMs of OSC {osc.version} ({chain.versions.csv[names.OSC_PACKAGE]}) speak version {osc.protocol} of the "
        f"RCAR protocol, and KBS of {broker.title} takes {broker.protocol} only, so it refuses every pod. These speak "
        f"with each other: {pairs()}. To get there, {_ways(stack, osc.protocol, broker)}. Where an upgrade has to "
        "stop at such a pair: pulumi config set --path 'coco-azure:trustee.allowProtocolGap' true "
        "(docs/howto/upgrade.md)"
    )


def _broker(stack: Settings, chain: Chain, hub_proof: Mapping[str, Any] | None) -> _Broker | None:
    """Return the KBS that the stack's pods ask; None where nobody tells its version."""
    trustee, csv = chain.versions.trustee, chain.versions.csv
    if trustee is not None:
        return _Broker(title=f"Trustee {trustee.version} ({csv[names.TRUSTEE_PACKAGE]})", protocol=trustee.protocol)
    for each in (hub_proof or {}).get("versions") or ():
        if each["package"] == names.TRUSTEE_PACKAGE and "protocol" in each:
            title = f"Trustee {each['profile']} ({each['csv']}, of stack {stack.trustee.stack})"
            return _Broker(title=title, protocol=str(each["protocol"]), stack=stack.trustee.stack)
    return None


def _ways(stack: Settings, protocol: str, broker: _Broker) -> str:
    """Return how either side gets a version that fits the other."""
    ways, known = [], speakers()
    if fitting := known.get(protocol, ((), ()))[1]:
        ways.append(_way("trustee", fitting, stack.trustee.operator, broker.stack))
    if fitting := known.get(broker.protocol, ((), ()))[0]:
        ways.append(_way("peerPods", fitting, stack.peer_pods.operator, None))
    return ", or ".join(ways)


def _way(part: str, versions: Sequence[str], operator: OperatorSettings, other: str | None) -> str:
    wanted = either([f"{version}.x" for version in versions])
    if other is None and not operator.install:
        return f"install {wanted} in place of what is there (coco-azure:{part}.operator.install is false)"
    where, then = (f"--stack {other} ", f"; pulumi up --stack {other}") if other is not None else ("", "")
    return f"pin {wanted}: pulumi config set {where}--path 'coco-azure:{part}.operator.version' VERSION{then}"
