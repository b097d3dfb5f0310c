"""What a production stack has to say, and must not say: all of it found before anything is changed."""

from typing import TYPE_CHECKING

from settings import client_secrets, secret_access

if TYPE_CHECKING:
    from settings import Settings

_SET = "pulumi config set --path 'coco-azure:{path}' {value}"


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
        "attests itself; remove the setting: pulumi config rm --path 'coco-azure:peerPods.confidential'"
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
            "no reference values are given for the pod VM image, so any image passes; set "
            "trustee.referenceValues.measurementsFile (from osc-dm-verity-image of your OSC version, signed) or "
            "trustee.referenceValuesFile"
        )
    if said.initdata is False:
        found.append("trustee.referenceValues.initdata is false, so tampered initdata passes; remove the setting")
    return found


def _policies(stack: "Settings") -> list[str]:
    found = []
    if stack.trustee.security_policy_default == "insecureAcceptAnything":
        found.append(
            "trustee.securityPolicyDefault is insecureAcceptAnything, so unsigned images start; set it to reject and "
            "name the images in trustee.imageSignature or trustee.acceptedImages"
        )
    if not stack.trustee.sign_tokens and stack.deploys_trustee:
        found.append(
            "trustee.signTokens is false, so KBS believes a token that anybody signed, and hands its bearer every "
            "secret; remove the setting: pulumi config rm --path 'coco-azure:trustee.signTokens'"
        )
    if stack.initdata.agent_policy == "development":
        found.append("initdata.agentPolicy is development, which allows exec, logs and SetPolicy; set it to production")
    if stack.initdata.agent_policy == "image":
        found.append(
            "initdata.agentPolicy is image, whose policy nobody has judged and which, up to OSC 1.10, the host may "
            "replace (SetPolicy); set it to production"
        )
    return found


def _transport(stack: "Settings") -> list[str]:
    url = stack.initdata.kbs_url
    if url is not None and not url.startswith("https://"):
        return [f"initdata.kbsUrl is {url}, so secrets pass in plain text; use an https URL"]
    return []


def _secrets(stack: "Settings") -> list[str]:
    # A Trustee alone may come before the stacks whose documents may have its secrets: that is a warning of its chain.
    if not stack.deploys_trustee or not stack.peer_pods.enabled:
        return []
    return [
        f"no initdata document lists client secret {secret}, so no pod would get it: "
        + secret_access.how_to_list(secret, stack.initdata.workloads)
        for secret in secret_access.unlisted(stack)
    ]


def _check(stack: "Settings") -> list[str]:
    if not stack.checks:
        return []
    said, found = stack.attestation_check, []
    if said.resource not in (None, client_secrets.CHECK_SECRET.path):
        found.append(
            f"attestationCheck.resource is {said.resource}, and the check proves itself with a secret of its own, so "
            "that its image and initdata open nothing else; remove the setting: "
            "pulumi config rm --path 'coco-azure:attestationCheck.resource'"
        )
    if not said.initdata_annotation:
        found.append(
            "attestationCheck.initdataAnnotation is false, so the check's pod would have the initdata of other pods, "
            "and with it their secrets; remove the setting: "
            "pulumi config rm --path 'coco-azure:attestationCheck.initdataAnnotation'"
        )
    return found
