"""What the stack exports: for people, for the next run, and for other stacks."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output

from components import preflight_run
from components.attestation_check import AttestationCheck, expect
from components.azure.network import AzureNetwork
from components.peer_pods import kata_config
from components.peer_pods.runtime import PeerPodRuntime
from components.preflight_run import Checked
from components.trustee.chain import PCR8_OUTPUT, PROOF_OUTPUT, TrustChain
from components.trustee.remote import (
    CERTIFICATE_OUTPUT,
    CHECKS_OUTPUT,
    IMAGES_OUTPUT,
    SEALING_OUTPUT,
    SERVES_OUTPUT,
    URL_OUTPUT,
)
from components.trustee.stack import TrusteeStack
from rendering import proof
from settings import Settings
from trust import report
from trust.documents import GLOBAL, images


def of(
    stack: Settings,
    chain: TrustChain,
    url: Output[str],
    *,
    trustee: TrusteeStack | None,
    network: AzureNetwork | None,
    runtime: PeerPodRuntime | None,
    check: AttestationCheck | None,
    checked: Checked | None,
) -> dict[str, Any]:
    """Return the outputs by name; those of a side that the stack does not deploy are left out.

    A run that fails or is interrupted leaves all of them as they are: the engine takes them over at once, when the last
    one is known, and PCR 8 is known when everything else is done.
    """
    found: dict[str, Any] = {
        URL_OUTPUT: url,
        CERTIFICATE_OUTPUT: chain.certificate,
        PROOF_OUTPUT: _proof(stack, chain),
    }
    if check is not None:
        found["attested"] = check.attested
    if trustee is not None:
        found |= _of_trustee(stack, url, trustee)
    if network is not None:
        found |= _of_peer_pods(chain, network)
        found |= {kata_config.OUTPUT: runtime.rolled_out} if runtime is not None else {}
        found |= {preflight_run.OUTPUT: checked.drivers.output()} if checked is not None else {}
        found[PCR8_OUTPUT] = _at_the_end(found[PCR8_OUTPUT], _last_steps(trustee, runtime, check))
    return found


def _last_steps(
    trustee: TrusteeStack | None, runtime: PeerPodRuntime | None, check: AttestationCheck | None
) -> list[pulumi.Resource]:
    steps = [part.ready for part in (trustee, runtime) if part is not None]
    return [*steps, check.job] if check is not None else steps


def _at_the_end(value: Output[Any], steps: Sequence[pulumi.Resource]) -> Output[Any]:
    """Return the value once these resources are there.

    Their URN tells that, and unlike everything else of a resource it is known at preview.
    """
    return Output.all(value, *(step.urn for step in steps)).apply(lambda found: found[0])


def _of_trustee(stack: Settings, url: Output[str], trustee: TrusteeStack) -> dict[str, Any]:
    host = url.apply(lambda text: text.partition("://")[2])
    checks = {}
    for secret, entries in stack.kbs_secrets.items():
        for key in entries:
            expected = expect(host, f"default/{secret}/{key}", trustee)
            checks[f"default/{secret}/{key}"] = {"salt": expected.salt, "digest": expected.digest}
    found: dict[str, Any] = {
        CHECKS_OUTPUT: Output.secret(checks),
        SERVES_OUTPUT: trustee.content.fingerprint,
        IMAGES_OUTPUT: images(stack),
    }
    if trustee.content.sealing_key is not None:
        found[SEALING_OUTPUT] = trustee.content.sealing_key
    return found


def _of_peer_pods(chain: TrustChain, network: AzureNetwork) -> dict[str, Any]:
    documents, own = chain.chain, network.own_subnet
    made = {} if own is None else {"outboundAddress": own.address}
    return {
        **made,
        "initdataDigest": documents.apply(lambda found: found.documents[GLOBAL].digest),
        PCR8_OUTPUT: documents.apply(lambda found: found.measured),
        "workloadInitdata": chain.workload_initdata,
        "resourceGroup": network.resource_group,
        "region": network.region,
        "vnet": network.vnet,
        "subnetId": network.subnet_id,
        "nsgId": network.nsg_id,
    }


def _proof(stack: Settings, chain: TrustChain) -> Output[dict[str, Any]]:
    presented = chain.presented.certificate if chain.presented is not None else None
    return Output.all(chain.chain, chain.warnings, presented).apply(
        lambda found: proof.to_dict(report.of(stack, found[0], found[1], found[2]))
    )
