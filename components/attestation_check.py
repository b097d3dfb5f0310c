"""The proof: a pod in a confidential VM attests itself to Trustee and receives its secret (chapter 7.16).

A Job, so that its success is part of ``pulumi up``. It runs again whenever something that it proves has changed.
"""

import base64
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from components.peer_pods import RUNTIME_CLASS, PeerPodRuntime
from components.trustee import TrusteeStack
from rendering import attestation_check, initdata
from settings.attestation_check import AttestationCheckSettings

AGENT_POLICY_ANNOTATION = "io.katacontainers.config.agent.policy"
IMAGE_ANNOTATION = "io.katacontainers.config.hypervisor.image"
_PROVES = "coco-azure/proves"


@dataclass(frozen=True, kw_only=True)
class AttestationCheckArgs:
    """What is proven.

    Attributes:
        settings: what the stack says of the check.
        trustee: the Trustee that has to release the secret.
        runtime: the runtime that has to start the pod.
        initdata: encoded initdata for the pod's annotation.
    """

    settings: AttestationCheckSettings
    trustee: TrusteeStack
    runtime: PeerPodRuntime
    initdata: Input[str]


class AttestationCheck(pulumi.ComponentResource):
    """A pod that gets an attested secret, or fails the run."""

    attested: Output[bool]
    """True once the pod has received exactly the expected secret; unknown before."""

    def __init__(self, name: str, args: AttestationCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AttestationCheck", name, None, opts)
        child = ResourceOptions(parent=self)
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace", metadata={"name": args.settings.namespace}, opts=child
        )
        job = kubernetes.batch.v1.Job(
            f"{name}-job",
            metadata={
                "name": "attestation-check",
                "namespace": namespace.metadata.apply(lambda found: str(found.name)),
            },
            spec=kubernetes.batch.v1.JobSpecArgs(backoff_limit=1, template=_pod(args)),
            opts=ResourceOptions.merge(
                child,
                ResourceOptions(
                    # Nothing of KBS or of CAA flows into the pod, and it can only succeed when both are at work.
                    depends_on=[args.trustee.ready, args.runtime.ready],
                    # Its pod would block the deletion of KataConfig, even when it is finished.
                    replace_with=[args.runtime.kata_config],
                    delete_before_replace=True,
                    custom_timeouts=CustomTimeouts(create=args.settings.timeout, update=args.settings.timeout),
                ),
            ),
        )
        self.attested = job.status.apply(lambda status: status is not None and (status.succeeded or 0) > 0)
        self.register_outputs({"attested": self.attested})


def _pod(args: AttestationCheckArgs) -> kubernetes.core.v1.PodTemplateSpecArgs:
    return kubernetes.core.v1.PodTemplateSpecArgs(
        metadata=kubernetes.meta.v1.ObjectMetaArgs(labels={"app": "attestation-check"}, annotations=_annotations(args)),
        spec=kubernetes.core.v1.PodSpecArgs(
            runtime_class_name=RUNTIME_CLASS, restart_policy="Never", containers=[_container(args)]
        ),
    )


def _annotations(args: AttestationCheckArgs) -> dict[str, Input[str]]:
    said = args.settings
    proves = Output.concat(args.trustee.content.fingerprint, "-", args.runtime.fingerprint)
    annotations: dict[str, Input[str]] = {_PROVES: proves}
    if said.initdata_annotation:
        annotations[initdata.ANNOTATION] = args.initdata
    if said.agent_policy is not None:
        annotations[AGENT_POLICY_ANNOTATION] = base64.b64encode(said.agent_policy.encode()).decode()
    if said.pod_vm_image is not None:
        annotations[IMAGE_ANNOTATION] = said.pod_vm_image
    return annotations


def _container(args: AttestationCheckArgs) -> kubernetes.core.v1.ContainerArgs:
    said = args.settings
    _, secret, key = said.resource.split("/", 2)
    salt = args.trustee.host.apply(lambda host: f"{host}/{said.resource}:")
    digest = Output.all(salt, args.trustee.content.values[secret][key]).apply(
        lambda both: attestation_check.expected_digest(both[0], both[1])
    )
    environment: dict[str, Input[str]] = {"RESOURCE": said.resource, "SALT": salt, "EXPECTED_SHA256": digest}
    return kubernetes.core.v1.ContainerArgs(
        name="skr-openshift",
        image=said.image,
        command=["/bin/bash", "-c", attestation_check.SCRIPT],
        env=[kubernetes.core.v1.EnvVarArgs(name=name, value=value) for name, value in environment.items()],
        security_context=kubernetes.core.v1.SecurityContextArgs(
            privileged=False,
            allow_privilege_escalation=False,
            capabilities=kubernetes.core.v1.CapabilitiesArgs(drop=["ALL"]),
            seccomp_profile=kubernetes.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        ),
    )
