"""What a production stack has to say, and must not say: all of it found before anything is changed."""

from typing import TYPE_CHECKING

from settings import client_secrets, secret_access

if TYPE_CHECKING:
    from settings import Settings

_SET = "pulumi config set --path 'coco-azure:{path}' {value}"
_RM = "pulumi config rm --path 'coco-azure:{path}'"
_AGENT_POLICY = "production has its own, remove the setting: " + _RM.format(path="initdata.agentPolicy")


def problems(stack: "Settings") -> list[str]:
    """Return what keeps the stack from being one for production; nothing for a development stack."""
    if stack.environment != "production":
        return []
    found = [*_pod_vms(stack), *_evidence(stack), *_policies(stack), *_transport(stack), *_secrets(stack)]
    found += _check(stack)
    out = "or say that this is no production stack: " + _SET.format(path="environment", value="development")
    return [f"environment is production, but {problem} ({out})" for problem in found]


def _pod_vms(stack: "Settings") -> list[str]:
    if stack.peer_pods.confidential or not stack.peer_pods.enabled:
        return []
    problem = (
        "peerPods.confidential is false, so pod VMs are no confidential VMs: their host reads them, and none of them "
        "attests itself; remove the setting: " + _RM.format(path="peerPods.confidential")
    )
    return [problem]


def _evidence(stack: "Settings") -> list[str]:
    if stack.trustee.stack is not None:
        return []  # its Trustee's stack is asked
    said, found = stack.trustee.reference_values, []
    if said.expires is None:
        found.append(
            "trustee.referenceValues.expires is not set, so initdata is not held to anything; set the date until which "
            "the values hold: " + _SET.format(path="trustee.referenceValues.expires", value="YYYY-MM-DD")
        )
    if said.measurements is None and not stack.trustee.reference_values_file:
        found.append(
            "no reference values are given for the pod VM image, so any image passes; name those of your OSC version "
            "(from osc-dm-verity-image, signed; docs/trust-chain.md): "
            + _SET.format(path="trustee.referenceValues.measurementsFile", value="measurements.json")
            + ", or your own: "
            + _SET.format(path="trustee.referenceValuesFile", value="FILE")
        )
    if said.initdata is False:
        found.append(
            "trustee.referenceValues.initdata is false, so tampered initdata passes; remove the setting: "
            + _RM.format(path="trustee.referenceValues.initdata")
        )
    return found


def _policies(stack: "Settings") -> list[str]:
    found = []
    if stack.trustee.security_policy_default == "insecureAcceptAnything":
        found.append(
            "trustee.securityPolicyDefault is insecureAcceptAnything, so unsigned images start; name the images "
            "in trustee.imageSignature or trustee.acceptedImages, and remove the setting (others are rejected then): "
            + _RM.format(path="trustee.securityPolicyDefault")
        )
    if not stack.trustee.sign_tokens and stack.deploys_trustee:
        found.append(
            "trustee.signTokens is false, so KBS believes a token that anybody signed, and hands its bearer every "
            "secret; remove the setting: " + _RM.format(path="trustee.signTokens")
        )
    if stack.initdata.agent_policy == "development":
        found.append(f"initdata.agentPolicy is development, which allows exec, logs and SetPolicy; {_AGENT_POLICY}")
    if stack.initdata.agent_policy == "image":
        found.append(
            "initdata.agentPolicy is image, whose policy nobody has judged and which, up to OSC 1.10, the host may "
            f"replace (SetPolicy); {_AGENT_POLICY}"
        )
    return found


def _transport(stack: "Settings") -> list[str]:
    url = stack.initdata.kbs_url
    if url is not None and not url.startswith("https://"):
        way = f"take the Route's: {_RM.format(path='initdata.kbsUrl')}, or an https URL"
        return [f"initdata.kbsUrl is {url}, so secrets pass in plain text; {way}"]
    return []


def _secrets(stack: "Settings") -> list[str]:
    # A Trustee alone may come before the stacks whose documents may have its secrets: that is a warning of its chain.
    if not stack.deploys_trustee or not stack.peer_pods.enabled:
        return []
    return [
        f"no initdata document lists client secret {secret}, so no pod would get it: {commands}"
        for secret, commands in secret_access.how_to_list(stack).items()
    ]


def _check(stack: "Settings") -> list[str]:
    if not stack.checks:
        return []
    said, found = stack.attestation_check, []
    if said.resource not in (None, client_secrets.CHECK_SECRET.path):
        found.append(
            f"attestationCheck.resource is {said.resource}, and the check proves itself with a secret of its own, so "
            "that its image and initdata open nothing else; remove the setting: "
            + _RM.format(path="attestationCheck.resource")
        )
    if not said.initdata_annotation:
        found.append(
            "attestationCheck.initdataAnnotation is false, so the check's pod would have the initdata of other pods, "
            "and with it their secrets; remove the setting: " + _RM.format(path="attestationCheck.initdataAnnotation")
        )
    return found
