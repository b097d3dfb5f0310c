"""The proof: a pod in a confidential VM attests itself to Trustee and receives its secret (chapter 7.16).

A Job, so that its success is part of ``pulumi up``. It runs again whenever something that it proves has changed.
"""

import base64
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from components.peer_pods.runtime import PeerPodRuntime
from components.trustee.stack import TrusteeStack
from diagnosis import RUNTIME_CLASS
from rendering import attestation_check
from settings.attestation_check import AttestationCheckSettings
from trust.chain import Chain
from trust.documents import CHECK

AGENT_POLICY_ANNOTATION = "io.katacontainers.config.agent.policy"
IMAGE_ANNOTATION = "io.katacontainers.config.hypervisor.image"
_PROVES = "coco-azure/proves"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What KBS must hand out, told without telling the secret.

    Attributes:
        salt: text that is hashed before the value.
        digest: hexadecimal SHA-256 of salt and value.
        serves: changes whenever what KBS reads changes.
        ready: what must have happened before KBS can answer.
    """

    salt: Input[str]
    digest: Input[str]
    serves: Input[str]
    ready: tuple[pulumi.Resource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AttestationCheckArgs:
    """What is proven.

    Attributes:
        settings: what the stack says of the check.
        resource: what it fetches, ``default/SECRET/KEY``.
        expected: what Trustee has to release.
        runtime: the runtime that has to start the pod.
        chain: the trust chain, with the pod's initdata.
    """

    settings: AttestationCheckSettings
    resource: str
    expected: Expected
    runtime: PeerPodRuntime
    chain: Output[Chain]


def expect(host: Input[str], resource: str, trustee: TrusteeStack) -> Expected:
    """Return what the check expects of ``default/SECRET/KEY`` at the KBS of this host."""
    _, secret, key = resource.split("/", 2)
    salt = Output.from_input(host).apply(lambda found: f"{found}/{resource}:")
    digest = Output.all(salt, trustee.content.values[secret][key]).apply(
        lambda both: attestation_check.expected_digest(both[0], both[1])
    )
    return Expected(salt=salt, digest=digest, serves=trustee.content.fingerprint, ready=(trustee.ready,))


class AttestationCheck(pulumi.ComponentResource):
    """A pod that gets an attested secret, or fails the run."""

    attested: Output[bool]
    """True once the pod has received exactly the expected secret; unknown before."""
    job: pulumi.Resource
    """The Job; it is there once its pod has succeeded."""

    def __init__(self, name: str, args: AttestationCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AttestationCheck", name, None, opts)
        child = ResourceOptions(parent=self)
        # Through the chain, so that a problem in it is an error before the namespace is made.
        title = args.chain.apply(lambda _: args.settings.namespace)
        namespace = kubernetes.core.v1.Namespace(f"{name}-namespace", metadata={"name": title}, opts=child)
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
                    depends_on=[*args.expected.ready, args.runtime.ready],
                    # Its pod would block the deletion of KataConfig, even when it is finished.
                    replace_with=[args.runtime.kata_config],
                    delete_before_replace=True,
                    custom_timeouts=CustomTimeouts(create=args.settings.timeout, update=args.settings.timeout),
                ),
            ),
        )
        self.job = job
        self.attested = job.status.apply(lambda status: status is not None and (status.succeeded or 0) > 0)
        self.register_outputs({"attested": self.attested})


def _pod(args: AttestationCheckArgs) -> kubernetes.core.v1.PodTemplateSpecArgs:
    return kubernetes.core.v1.PodTemplateSpecArgs(
        metadata=kubernetes.meta.v1.ObjectMetaArgs(labels={"app": "attestation-check"}, annotations=_annotations(args)),
        spec=kubernetes.core.v1.PodSpecArgs(
            runtime_class_name=RUNTIME_CLASS, restart_policy="Never", containers=[_container(args)]
        ),
    )


def _annotations(args: AttestationCheckArgs) -> Output[dict[str, str]]:
    said = args.settings
    own: dict[str, str] = {}
    if said.agent_policy is not None:
        own[AGENT_POLICY_ANNOTATION] = base64.b64encode(said.agent_policy.encode()).decode()
    if said.pod_vm_image is not None:
        own[IMAGE_ANNOTATION] = said.pod_vm_image
    proves = Output.concat(args.expected.serves, "-", args.runtime.fingerprint)
    initdata: Input[dict[str, str]] = args.chain.apply(_initdata) if said.initdata_annotation else {}
    return Output.all(proves, initdata).apply(lambda both: {_PROVES: str(both[0]), **both[1], **own})


def _initdata(chain: Chain) -> dict[str, str]:
    if chain.versions.osc is None:
        raise ValueError("a stack without peer pods has no check")
    return {chain.versions.osc.initdata_annotation: chain.documents[CHECK].encoded}


def _container(args: AttestationCheckArgs) -> kubernetes.core.v1.ContainerArgs:
    said, expected = args.settings, args.expected
    environment: dict[str, Input[str]] = {
        "RESOURCE": args.resource,
        "SALT": expected.salt,
        "EXPECTED_SHA256": expected.digest,
    }
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
