"""A Trustee that another stack deploys, best on another, trusted cluster: what this stack takes from its outputs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Output

from coco_azure.formats import one_line
from coco_azure.formats.pki import public_material
from coco_azure.settings import Settings, client_secrets
from coco_azure.trust.remote_trustee import Hub
from components import refusal
from components.attestation_check import Expected
from components.trustee.chain import PROOF_OUTPUT, SERVES_OUTPUT, RemoteTrusteeOutputs

URL_OUTPUT = "trusteeUrl"
CERTIFICATE_OUTPUT = "trusteeCertificate"
CHECKS_OUTPUT = "attestationChecks"
"""Stack output, secret: salted digest of every client secret by resource, so that another stack can check one."""
SEALING_OUTPUT = "sealingKey"
"""Stack output, secret: private key (PEM) that signs sealed secrets; KBS serves its public half."""
IMAGES_OUTPUT = "imageResources"
"""Stack output: where KBS serves what pod VMs pull images with, see ``coco_azure.trust.documents.KbsEndpoint``."""
IMAGE_POLICY_OUTPUT = "imagePolicy"
"""Stack output: the image policy that pod VMs fetch of KBS, for the terms of workloads."""


@dataclass(frozen=True, kw_only=True)
class RemoteTrustee:
    """Outputs of the stack that has the Trustee.

    Attributes:
        outputs: what the trust chain has to know of it.
        expected: what it must hand out to the check; None where there is no check.
        sealing_key: private key that signs sealed secrets for it, secret; None where nothing is sealed, and of None
            where that stack keeps none and only terms of workloads would have references.
        served_to_pods: what pods have of it, as the terms of workloads say it.
    """

    kbs_url: Output[str]
    outputs: RemoteTrusteeOutputs
    expected: Expected | None
    sealing_key: Output[Any] | None
    served_to_pods: Output[Hub]


def remote_trustee(stack: Settings) -> RemoteTrustee | None:
    """Return what the stack that ``trustee.stack`` names says of its Trustee, or None where none is named."""
    name = stack.trustee.stack
    if name is None:
        return None
    other = pulumi.StackReference(name)

    def needed(output: str) -> Output[Any]:
        return other.get_output(output).apply(lambda value: _required_output(value, name, output))

    checks = needed(CHECKS_OUTPUT)
    expected = sealing_key = None
    if stack.checks:
        check = checks.apply(lambda value: _check(value, name, stack.check_resource))
        expected = Expected(
            salt=check.apply(lambda value: value["salt"]),
            digest=check.apply(lambda value: value["digest"]),
            serves=needed(SERVES_OUTPUT),
        )
    if stack.sealed_secrets:
        both = Output.all(other.get_output(SEALING_OUTPUT), checks)
        sealing_key = both.apply(lambda values: _sealing(values[0], values[1], name, stack.sealed_secrets))
    elif stack.initdata.workloads:
        sealing_key = other.get_output(SEALING_OUTPUT)
    outputs = RemoteTrusteeOutputs(
        certificate=other.get_output(CERTIFICATE_OUTPUT).apply(lambda value: _certificate(value, name)),
        images=other.get_output(IMAGES_OUTPUT),
        proof=other.get_output(PROOF_OUTPUT).apply(one_line.read),
        served=Output.unsecret(other.get_output(CHECKS_OUTPUT).apply(lambda value: sorted(value) if value else None)),
    )
    policy = other.get_output(IMAGE_POLICY_OUTPUT).apply(one_line.read)
    return RemoteTrustee(
        kbs_url=needed(URL_OUTPUT),
        outputs=outputs,
        expected=expected,
        sealing_key=sealing_key,
        served_to_pods=Output.all(outputs.proof, outputs.served, policy).apply(_gives),
    )


def _gives(values: Sequence[Any]) -> Hub:
    proof, served, policy = values
    return Hub(proof=proof, served=served, image_policy=json.dumps(policy) if policy is not None else None)


@refusal.one_error()
def _required_output(value: object, stack: str, output: str) -> object:
    if value is None:
        raise pulumi.RunError(
            f"trustee.stack is {stack}, which has no output {output}; needed a deployed stack of this project "
            f"with a Trustee: pulumi up --stack {stack}, or name another one: "
            "pulumi config set --path coco-azure:trustee.stack ORGANIZATION/PROJECT/STACK"
        )
    return value


@refusal.one_error()
def _certificate(value: object, stack: str) -> str | None:
    """Return the certificate that pod VMs are told to trust, parsed: what another stack says is not passed on."""
    if value is None:
        return None
    try:
        return public_material.certificates_pem(str(value))
    except ValueError as error:
        raise pulumi.RunError(f"output {CERTIFICATE_OUTPUT} of {stack} cannot be used: {error}") from None


@refusal.one_error()
def _check(known: Mapping[str, Mapping[str, str]], stack: str, resource: str) -> Mapping[str, str]:
    reason = ""
    if resource not in known:
        reason = f"which the Trustee of {stack} does not serve (served: {', '.join(sorted(known))})"
    elif not known[resource]:
        reason = f"whose Secret somebody else makes, so that {stack} cannot tell whether the right value came"
    if reason:
        raise pulumi.RunError(
            f"attestationCheck.resource is {resource}, {reason}; set: "
            "pulumi config set --path coco-azure:attestationCheck.resource RESOURCE"
        )
    return known[resource]


@refusal.one_error()
def _sealing(key: str | None, served: Mapping[str, object], stack: str, sealed: client_secrets.SealedSecrets) -> str:
    messages = client_secrets.unserved(sealed, served)
    if key is None:
        messages.append(
            f"sealedSecrets is set, and the Trustee of {stack} keeps no key to sign them with, without which newer pod "
            f"VMs unseal nothing. Run `pulumi up --stack {stack}` with this version of the program: a stack with the "
            "Trustee alone (peerPods.enabled false) keeps one; one with peer pods needs sealedSecrets of its own for it"
        )
    if messages:
        raise pulumi.RunError("\n".join(messages))
    return str(key)
