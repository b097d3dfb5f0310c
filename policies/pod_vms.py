"""Rules about the pod VMs: confidential, with secure boot, of sizes that are allowed, and what runs in them."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

from coco_azure import names
from coco_azure.formats.images import image_policy
from coco_azure.formats.peer_pods_cm import INSTANCE_SIZES
from coco_azure.formats.policy.agent_policy_check import DOCUMENTS, HARM, harms
from coco_azure.formats.policy.policy_engine import PolicyError
from coco_azure.formats.policy.policy_judge import compile_policy, judge_agent
from policies import reading
from policies.model import Config, Option, Resource, Rule
from policies.reading import UnreadableError

_UNLISTED = "registry.invalid/nobody/has-listed-this:1"
_UNNAMED = "NoSuchRequest"


def _secure_boot(resource: Resource, _: Config) -> Iterator[str]:
    yield from _exactly(resource, names.PEER_PODS_CM, "ENABLE_SECURE_BOOT", "true")


def _confidential(resource: Resource, _: Config) -> Iterator[str]:
    yield from _exactly(resource, names.PEER_PODS_CM, "DISABLECVM", "false")
    yield from _exactly(resource, names.FEATURE_GATES, "confidential", "true")


def _exactly(resource: Resource, config_map: str, key: str, needed: str) -> Iterator[str]:
    if reading.is_config_map(resource, config_map) and (value := resource.at("data", key)) != needed:
        yield f"{resource}: {key} is {'not set' if value is None else value}, needed is exactly {needed}"


def _sizes(resource: Resource, config: Config) -> Iterator[str]:
    if not reading.is_config_map(resource, names.PEER_PODS_CM):
        return
    listed = str(resource.at("data", "AZURE_INSTANCE_SIZES") or "").split(",")
    sizes = dict.fromkeys([str(resource.at("data", "AZURE_INSTANCE_SIZE") or ""), *listed])
    wrong = [size for size in map(str.strip, sizes) if size and size not in config["allowed"]]
    if wrong:
        yield f"{resource}: {', '.join(wrong)} not among the allowed sizes ({', '.join(config['allowed'])})"


def _image_policy(resource: Resource, _: Config) -> Iterator[str]:
    if resource.object_kind != "Secret" or resource.object_name != names.IMAGE_POLICY_SECRET:
        return
    for key, content in reading.secret_entries(resource).items():
        try:
            admitted = image_policy.admits(content.decode(), _UNLISTED)
        except ValueError as error:
            yield f"{resource}, {key}: {error}"
            continue
        if admitted is True:
            yield f"{resource}, {key}: an image that nobody has listed or signed is accepted (insecureAcceptAnything)"


def _agent_known(resource: Resource, _: Config) -> Iterator[str]:
    if reading.is_config_map(resource, names.PEER_PODS_CM) and resource.at("data", "INITDATA") is None:
        yield f"{resource} has no INITDATA, so pods without initdata of their own get the agent policy of the image"
    for where, encoded in reading.initdata_of(resource):
        try:
            if "policy.rego" not in reading.initdata(encoded):
                yield f"{where} has no agent policy, so that of the image holds, which nobody has judged"
        except UnreadableError as error:
            yield f"{where}: {error}"
    for where, text in _agent_policies(resource):
        try:
            compile_policy(text, None, "agent")
        except PolicyError as error:
            yield f"{where}: {error}"


def _agent_denies(*requests: str) -> Callable[[Resource, Config], Iterator[str]]:
    """Return what judges agent policies on these requests of a curious host."""

    def judge(resource: Resource, _: Config) -> Iterator[str]:
        for where, text in _agent_policies(resource):
            allowed = [request for request in requests if _allows(text, request)]
            if allowed:
                gets = "; ".join(HARM.get(request, "whatever no rule names") for request in allowed)
                yield f"the agent policy in {where} allows {', '.join(allowed)}: the host gets {gets}"

    return judge


def _agent_bounds(resource: Resource, _: Config) -> Iterator[str]:
    for where, text in _agent_policies(resource):
        if harms := _harms(text):
            examples = "; ".join(titles[0] for titles in harms.values())
            yield f"the agent policy in {where} allows {examples}: the host gets {'; '.join(harms)}"


def _agent_policies(resource: Resource) -> Iterator[tuple[str, str]]:
    for where, encoded in reading.initdata_of(resource):
        try:
            text = reading.initdata(encoded).get("policy.rego")
        except UnreadableError:
            continue  # told by agent-policy-known
        if text is not None:
            yield where, text
    if (policy := reading.annotations(resource).get(names.AGENT_POLICY)) is not None:
        try:
            yield f"the annotation of {resource}", base64.b64decode(policy, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            yield f"the annotation of {resource}", policy


@cache
def _allows(text: str, request: str) -> bool:
    try:
        return judge_agent(text, request, DOCUMENTS.get(request, {}))
    except PolicyError:
        return False  # the agent does not start; told by agent-policy-known


@cache
def _harms(text: str) -> Mapping[str, Sequence[str]]:
    try:
        return harms(text)
    except PolicyError:
        return {}  # the agent does not start; told by agent-policy-known


_CHANGE = (
    "Take the project's own policy: pulumi config set --path 'coco-azure:initdata.agentPolicy' production, and leave "
    "agentPolicyFile out, here and in initdata.workloads and attestationCheck"
)

_agent_rule = partial(Rule, remedy=_CHANGE, severity="critical")

RULES = (
    Rule(
        id="secure-boot-on",
        title="Pod VMs start with secure boot",
        why="A boot loader or kernel of somebody else's could run before anything is measured",
        remedy="Remove the setting: pulumi config rm --path 'coco-azure:peerPods.secureBoot'",
        severity="high",
        resource=_secure_boot,
    ),
    Rule(
        id="confidential-vms",
        title="Pod VMs are confidential VMs (feature gate on, DISABLECVM false)",
        why="The host could read the pods' memory",
        remedy="Remove the setting: pulumi config rm --path 'coco-azure:peerPods.confidential'",
        severity="critical",
        resource=_confidential,
    ),
    Rule(
        id="instance-sizes-allowed",
        title="Pod VMs have sizes of the allowed list",
        why="Sizes decide the TEE and what a mistake costs",
        remedy="Change coco-azure:peerPods.instanceSizes, or add the size to `allowed` in the pack's configuration",
        severity="medium",
        resource=_sizes,
        options={
            "allowed": Option(
                schema={"type": "array", "items": {"type": "string"}, "minItems": 1},
                default=[size for sizes in INSTANCE_SIZES.values() for size in sizes],
                doc="every VM size that a stack may use",
            )
        },
    ),
    Rule(
        id="images-signed-or-listed",
        title="Images that no rule names are rejected (no insecureAcceptAnything)",
        why="Any image could run in a pod VM and ask for its secrets",
        remedy="Set coco-azure:trustee.securityPolicyDefault to reject, and name the images in "
        "coco-azure:trustee.imageSignature or coco-azure:trustee.acceptedImages",
        severity="critical",
        resource=_image_policy,
    ),
    _agent_rule(
        id="agent-policy-known",
        title="Every initdata document has an agent policy, and the agent would take it",
        why="The image's own policy may allow everything, and the host may replace it",
        severity="high",
        resource=_agent_known,
    ),
    _agent_rule(
        id="agent-exec-off",
        title="The host gets no shell in a pod (exec)",
        why="A shell reads every secret of the pod",
        resource=_agent_denies("ExecProcessRequest"),
    ),
    _agent_rule(
        id="agent-logs-off",
        title="The host reads no output of containers and writes none of their input (logs, attach)",
        why="Secrets in logs would leave the pod VM",
        severity="high",
        resource=_agent_denies("ReadStreamRequest", "WriteStreamRequest"),
    ),
    _agent_rule(
        id="agent-set-policy-off",
        title="The host cannot replace the agent policy (SetPolicy)",
        why="All the other rules of the policy would hold only until then",
        resource=_agent_denies("SetPolicyRequest"),
    ),
    _agent_rule(
        id="agent-withstands-host",
        title="The host gets no further into a pod VM than a pod needs (files, hooks, roots, mounts, privileges)",
        why="A file, a hook or a container of the host's in a pod VM reads every secret of the pod",
        resource=_agent_bounds,
    ),
    _agent_rule(
        id="agent-policy-no-allow-all",
        title="The agent policy allows no request that it does not name",
        why="A newer agent has requests that nobody thought of",
        resource=_agent_denies(_UNNAMED),
    ),
)
