"""The proof: a pod in a confidential VM attests itself to Trustee and receives its secret (chapter 7.16).

A Job, so that its success is part of ``pulumi up``. It runs again whenever something that it proves has changed.
"""

import base64
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceHookBinding, ResourceOptions

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.formats import attestation_check
from coco_azure.rollout.diagnosis import caa
from coco_azure.settings.attestation_check import AttestationCheckSettings
from coco_azure.trust.chain import Chain
from coco_azure.trust.documents import CHECK
from components.cluster.watching import diagnosis
from components.peer_pods.runtime import PeerPodRuntime
from components.trustee.stack import TrusteeStack

_LINES = 500
"""Of KBS's log: it is the run's last minutes that count."""
_KBS_LOGS = f"oc -n {names.TRUSTEE_NAMESPACE} logs deployment/trustee-deployment"


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
        resource: what it fetches, ``default/SECRET/KEY``.
        expected: what Trustee has to release.
        runtime: the runtime that has to start the pod.
        chain: the trust chain, with the pod's initdata.
        client: for what the pod says when it has failed.
        kbs: for KBS's log; None where another stack has the Trustee.
    """

    settings: AttestationCheckSettings
    resource: str
    expected: Expected
    runtime: PeerPodRuntime
    chain: Output[Chain]
    client: ClusterClient
    kbs: ClusterClient | None = None


def expect(host: Input[str], resource: str, trustee: TrusteeStack) -> Expected:
    """Return what the check expects of ``default/SECRET/KEY`` at the KBS of this host."""
    _, secret, key = resource.split("/", 2)
    salt = Output.from_input(host).apply(lambda value: f"{value}/{resource}:")
    digest = Output.all(salt, trustee.content.values[secret][key]).apply(
        lambda both: attestation_check.expected_digest(both[0], both[1])
    )
    return Expected(salt=salt, digest=digest, serves=trustee.content.fingerprint, ready=(trustee.ready,))


class AttestationCheck(pulumi.ComponentResource):
    """A pod that gets an attested secret, or fails the run."""

    attested: Output[bool]
    """True once the pod has received exactly the expected secret; unknown before."""
    attested_at: Output[str]
    """When that was, in UTC: a run that fails leaves it, as all outputs, at the one before."""
    job: pulumi.Resource
    """The Job; it is there once its pod has succeeded."""
    namespace: Output[str]
    """Where it is."""

    def __init__(self, name: str, args: AttestationCheckArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:AttestationCheck", name, None, opts)
        child = ResourceOptions(parent=self)
        # Through the chain, so that a problem in it is an error before the namespace is made.
        title = args.chain.apply(lambda _: args.settings.namespace)
        namespace = kubernetes.core.v1.Namespace(f"{name}-namespace", metadata={"name": title}, opts=child)
        self.namespace = namespace.metadata.apply(lambda metadata: str(metadata.name))
        diagnose = diagnosis(f"{name}-diagnosis", partial(_problems, args), "why the check has failed")
        job = kubernetes.batch.v1.Job(
            f"{name}-job",
            metadata={"name": names.CHECK, "namespace": self.namespace},
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
                    hooks=ResourceHookBinding(on_error=[diagnose]),
                ),
            ),
        )
        self.job = job
        self.attested = job.status.apply(lambda status: status is not None and (status.succeeded or 0) > 0)
        self.attested_at = job.status.apply(lambda status: str(getattr(status, "completion_time", None) or ""))
        self.register_outputs({"attested": self.attested, "attestedAt": self.attested_at})


def _problems(args: AttestationCheckArgs) -> list[str]:
    """Return why the Job has failed or has taken too long."""
    namespace = args.settings.namespace
    facts = caa.CheckFacts(
        namespace=namespace,
        pods=args.client.items(names.path(names.PODS, namespace=namespace), labels=f"job-name={names.CHECK}"),
        events=args.client.items(names.path(names.EVENTS, namespace=namespace)),
        kbs_log=_kbs_log(args.kbs) if args.kbs is not None else None,
        kbs_logs=_KBS_LOGS if args.kbs else f"{_KBS_LOGS}, on the cluster of Trustee",
    )
    return caa.check_problems(facts)


def _kbs_log(kbs: ClusterClient) -> str | None:
    try:
        pods = names.path(names.PODS, namespace=names.TRUSTEE_NAMESPACE)
        logs = [kbs.log(f"{pods}/{pod['metadata']['name']}", _LINES) for pod in kbs.items(pods, labels="app=kbs")]
    except Exception:  # noqa: BLE001 - its log is named in any case
        return None
    return "\n".join(logs) if logs else None


def _pod(args: AttestationCheckArgs) -> kubernetes.core.v1.PodTemplateSpecArgs:
    return kubernetes.core.v1.PodTemplateSpecArgs(
        metadata=kubernetes.meta.v1.ObjectMetaArgs(labels={"app": names.CHECK}, annotations=_annotations(args)),
        spec=kubernetes.core.v1.PodSpecArgs(
            runtime_class_name=names.RUNTIME_CLASS, restart_policy="Never", containers=[_container(args)]
        ),
    )


def what_it_proves(args: AttestationCheckArgs) -> Output[str]:
    """Return a text that changes whenever what the check proves changes."""
    return Output.concat(args.expected.serves, "-", args.runtime.fingerprint)


def _annotations(args: AttestationCheckArgs) -> Output[dict[str, str]]:
    settings = args.settings
    own: dict[str, str] = {}
    if settings.agent_policy is not None:
        own[names.AGENT_POLICY] = base64.b64encode(settings.agent_policy.encode()).decode()
    if settings.pod_vm_image is not None:
        own[names.POD_VM_IMAGE] = settings.pod_vm_image
    proves = what_it_proves(args)
    initdata: Input[dict[str, str]] = args.chain.apply(_initdata) if settings.initdata_annotation else {}
    return Output.all(proves, initdata).apply(lambda both: {names.PROVES: str(both[0]), **both[1], **own})


def _initdata(chain: Chain) -> dict[str, str]:
    if chain.versions.osc is None:
        raise ValueError("a stack without peer pods has no check")
    return {chain.versions.osc.initdata_annotation: chain.documents[CHECK].encoded}


def _container(args: AttestationCheckArgs) -> kubernetes.core.v1.ContainerArgs:
    settings, expected = args.settings, args.expected
    environment: dict[str, Input[str]] = {
        "RESOURCE": args.resource,
        "SALT": expected.salt,
        "EXPECTED_SHA256": expected.digest,
    }
    return kubernetes.core.v1.ContainerArgs(
        name="skr-openshift",
        image=settings.image,
        command=["/bin/bash", "-c", attestation_check.SCRIPT],
        env=[kubernetes.core.v1.EnvVarArgs(name=name, value=value) for name, value in environment.items()],
        security_context=kubernetes.core.v1.SecurityContextArgs(
            privileged=False,
            allow_privilege_escalation=False,
            capabilities=kubernetes.core.v1.CapabilitiesArgs(drop=["ALL"]),
            seccomp_profile=kubernetes.core.v1.SeccompProfileArgs(type="RuntimeDefault"),
        ),
    )
