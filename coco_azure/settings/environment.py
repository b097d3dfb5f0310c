"""What a production stack has to say, and must not say: all of it found before anything is changed."""

from typing import TYPE_CHECKING

from coco_azure.settings import client_secrets, initdata
from coco_azure.settings.problems import PRODUCTION

if TYPE_CHECKING:
    from coco_azure.settings import Settings

_SET = "pulumi config set --path 'coco-azure:{path}' {value}"
_RM = "pulumi config rm --path 'coco-azure:{path}'"
_AGENT_POLICY = "production has its own, remove the setting: " + _RM.format(path="initdata.agentPolicy")


def problems(stack: "Settings") -> list[str]:
    """Return what keeps the stack from being one for production; nothing for a development stack."""
    if stack.environment != "production":
        return []
    messages = [*_pod_vms(stack), *_evidence(stack), *_policies(stack), *_transport(stack), *_secrets(stack)]
    messages += _check(stack)
    return [PRODUCTION + problem for problem in messages]


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
    values, messages = stack.trustee.reference_values, []
    if values.expires is None:
        messages.append(
            "trustee.referenceValues.expires is not set, so initdata is not held to anything; set the date until which "
            "the values hold: " + _SET.format(path="trustee.referenceValues.expires", value="YYYY-MM-DD")
        )
    if values.measurements is None and values.image is None and not stack.trustee.reference_values_file:
        messages.append(
            "no reference values are given for the pod VM image, so any image passes; name the image, whose signed "
            "values are fetched (docs/howto/reference-values.md): "
            + _SET.format(path="trustee.referenceValues.image", value="IMAGE")
            + ", or values that you signed: "
            + _SET.format(path="trustee.referenceValues.measurementsFile", value="measurements.json")
            + ", or your own: "
            + _SET.format(path="trustee.referenceValuesFile", value="FILE")
        )
    if values.initdata is False:
        messages.append(
            "trustee.referenceValues.initdata is false, so tampered initdata passes; remove the setting: "
            + _RM.format(path="trustee.referenceValues.initdata")
        )
    return messages


def _policies(stack: "Settings") -> list[str]:
    messages = []
    if stack.trustee.security_policy_default == "insecureAcceptAnything":
        messages.append(
            "trustee.securityPolicyDefault is insecureAcceptAnything, so unsigned images start; name the images "
            "in trustee.imageSignature or trustee.acceptedImages, and remove the setting (others are rejected then): "
            + _RM.format(path="trustee.securityPolicyDefault")
        )
    if not stack.trustee.sign_tokens and stack.deploys_trustee:
        messages.append(
            "trustee.signTokens is false, so KBS believes a token that anybody signed, and hands its bearer every "
            "secret; remove the setting: " + _RM.format(path="trustee.signTokens")
        )
    if stack.initdata.agent_policy == "development":
        messages.append(f"initdata.agentPolicy is development, which allows exec, logs and SetPolicy; {_AGENT_POLICY}")
    if stack.initdata.agent_policy == "image":
        messages.append(
            "initdata.agentPolicy is image, whose policy nobody has judged and which, up to OSC 1.10, the host may "
            f"replace (SetPolicy); {_AGENT_POLICY}"
        )
    return messages


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
        for secret, commands in initdata.how_to_list(stack).items()
    ]


def _check(stack: "Settings") -> list[str]:
    if not stack.checks:
        return []
    check, messages = stack.attestation_check, []
    if check.resource not in (None, client_secrets.CHECK_SECRET.path):
        messages.append(
            f"attestationCheck.resource is {check.resource}, and the check proves itself with a secret of its own, so "
            "that its image and initdata open nothing else; remove the setting: "
            + _RM.format(path="attestationCheck.resource")
        )
    if not check.initdata_annotation:
        messages.append(
            "attestationCheck.initdataAnnotation is false, so the check's pod would have the initdata of other pods, "
            "and with it their secrets; remove the setting: " + _RM.format(path="attestationCheck.initdataAnnotation")
        )
    return messages
