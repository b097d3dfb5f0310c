"""What the stack exports: for people, for the next run, and for other stacks."""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi import Output

from coco_azure.formats import one_line
from coco_azure.formats.workload.terms import OUTPUT as WORKLOADS_OUTPUT
from coco_azure.preflight import cost
from coco_azure.settings import Settings
from coco_azure.trust import proof
from coco_azure.trust import proof_report as report
from coco_azure.trust.chain import Judgement
from coco_azure.trust.documents import GLOBAL, images
from components import preflight_run
from components.attestation_check import AttestationCheck, expect
from components.azure.network import AzureNetwork
from components.peer_pods import kata_config
from components.peer_pods.runtime import PeerPodRuntime
from components.peer_pods.workloads import Workloads
from components.preflight_run import Checked
from components.trustee.chain import (
    ANNOTATIONS_OUTPUT,
    MEASURED_OUTPUT,
    PCR8_OUTPUT,
    PROOF_OUTPUT,
    SERVES_OUTPUT,
    TrustChain,
)
from components.trustee.remote import (
    CERTIFICATE_OUTPUT,
    CHECKS_OUTPUT,
    IMAGE_POLICY_OUTPUT,
    IMAGES_OUTPUT,
    SEALING_OUTPUT,
    URL_OUTPUT,
)
from components.trustee.stack import TrusteeStack


def stack_outputs(
    stack: Settings,
    chain: TrustChain,
    url: Output[str],
    *,
    trustee: TrusteeStack | None,
    network: AzureNetwork | None,
    runtime: PeerPodRuntime | None,
    workloads: Workloads | None,
    check: AttestationCheck | None,
    checked: Checked,
) -> dict[str, Any]:
    """Return the outputs by name; those of a side that the stack does not deploy are left out.

    A run that fails or is interrupted leaves all of them as they are: the engine takes them over at once, when the last
    one is known, and PCR 8 is known when everything else is done.
    """
    exports: dict[str, Any] = {
        URL_OUTPUT: url,
        CERTIFICATE_OUTPUT: chain.certificate,
        PROOF_OUTPUT: _proof(stack, chain),
    }
    if check is not None:
        exports["attested"] = check.attested
        exports["attestedAt"] = check.attested_at
    if trustee is not None:
        exports |= _of_trustee(stack, url, trustee)
        exports[IMAGE_POLICY_OUTPUT] = chain.judgement.apply(_image_policy)
    if chain.images is not None:
        steps = _last_steps(trustee, runtime, check)
        exports[MEASURED_OUTPUT] = _at_the_end(Output.from_input(chain.images.output()), steps)
    if network is not None:
        exports |= _of_peer_pods(chain, network)
        exports |= {WORKLOADS_OUTPUT: workloads.terms} if workloads is not None else {}
        exports |= {kata_config.OUTPUT: runtime.rolled_out} if runtime is not None else {}
        exports |= {preflight_run.OUTPUT: _costs(checked.drivers)} if checked.drivers is not None else {}
        exports[PCR8_OUTPUT] = _at_the_end(exports[PCR8_OUTPUT], _last_steps(trustee, runtime, check))
    return exports


def _last_steps(
    trustee: TrusteeStack | None, runtime: PeerPodRuntime | None, check: AttestationCheck | None
) -> list[pulumi.Resource]:
    steps = [part.ready for part in (trustee, runtime) if part is not None]
    return [*steps, check.job] if check is not None else steps


def _at_the_end(value: Output[Any], steps: Sequence[pulumi.Resource]) -> Output[Any]:
    """Return the value once these resources are there.

    Their URN tells that, and unlike everything else of a resource it is known at preview.
    """
    return Output.all(value, *(step.urn for step in steps)).apply(lambda values: values[0])


def _of_trustee(stack: Settings, url: Output[str], trustee: TrusteeStack) -> dict[str, Any]:
    host = url.apply(lambda text: text.partition("://")[2])
    checks: dict[str, dict[str, Any]] = {}
    for secret, entries in stack.kbs_secrets.items():
        for key in entries:
            if secret not in trustee.content.values:
                # Somebody else makes it: it is served, and nobody can tell here whether the right value came.
                checks[f"default/{secret}/{key}"] = {}
                continue
            expected = expect(host, f"default/{secret}/{key}", trustee)
            checks[f"default/{secret}/{key}"] = {"salt": expected.salt, "digest": expected.digest}
    exports: dict[str, Any] = {
        CHECKS_OUTPUT: Output.secret(checks),
        SERVES_OUTPUT: trustee.content.fingerprint,
        IMAGES_OUTPUT: images(stack),
    }
    if trustee.content.sealing_key is not None and (stack.sealed_secrets or not stack.peer_pods.enabled):
        exports[SEALING_OUTPUT] = trustee.content.sealing_key
    return exports


def _image_policy(judgement: Judgement) -> str:
    policy = json.loads(judgement.image_policy)
    scopes = sum(len(each) for each in policy["transports"].values())
    return one_line.write(f"images that pod VMs pull: {scopes} rules, else {policy['default'][0]['type']}", policy)


def _of_peer_pods(chain: TrustChain, network: AzureNetwork) -> dict[str, Any]:
    documents, own = chain.chain, network.own_subnet
    made = {} if own is None else {"outboundAddress": own.address}
    return {
        **made,
        "initdataDigest": documents.apply(lambda chain: chain.documents[GLOBAL].digest),
        PCR8_OUTPUT: documents.apply(lambda chain: chain.measured),
        ANNOTATIONS_OUTPUT: chain.workload_initdata,
        "resourceGroup": network.target.resource_group,
        "region": network.target.region,
        "vnet": network.target.vnet,
        "subnetId": network.subnet_id,
        "nsgId": network.target.nsg_id,
    }


def _costs(drivers: cost.Drivers) -> str:
    kind = "confidential VMs" if drivers.confidential else "VMs"
    return one_line.write(f"at most {drivers.podVMs} {kind} at a time", drivers.output())


def _proof(stack: Settings, chain: TrustChain) -> Output[str]:
    certificate = chain.server_certificate.certificate if chain.server_certificate is not None else None
    return Output.all(chain.chain, chain.warnings, certificate).apply(
        lambda values: proof.to_line(report.proof_of(stack, values[0], values[1], values[2]))
    )
