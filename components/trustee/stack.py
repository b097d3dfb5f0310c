"""Trustee: KBS, attestation service and RVPS, from the operator to a KBS that has rolled out.

Chapter 7.1, 7.3 and 7.11 to 7.15.

Does not know peer pods: the two stacks share the URL of KBS, which is known before either exists.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from coco_azure import names
from coco_azure.formats.pki import certificates
from coco_azure.inventory.cluster_reader import Reads
from coco_azure.settings import Settings
from coco_azure.settings.trustee import TrusteeSettings
from coco_azure.trust.chain import Judgement
from coco_azure.versions.profiles import TrusteeProfile
from components.cluster.connections import Connections
from components.cluster.openshift import KbsConfig, Route
from components.operators.olm_operator import OlmOperator, OlmOperatorArgs
from components.operators.versions import OperatorSource
from components.trustee.chain import ServerCertificate, TrustChain
from components.trustee.content import TrusteeContent, TrusteeContentArgs

_FINGERPRINT = "TRUSTEE_CONFIG_SHA256"
# Trustee operator 0.3 never writes status.isReady. It adds this finalizer right after it has created the Deployment
# (openshift/trustee-operator v0.3.0 kbsconfig_controller.go, addKbsConfigFinalizer).
_DEPLOYMENT_EXISTS = "jsonpath={.metadata.finalizers[?@ == 'kbsconfig.confidentialcontainers.org/finalizer']}"
_READY = "jsonpath={.status.isReady}=true"


@dataclass(frozen=True, kw_only=True)
class TrusteeStackArgs:
    """What Trustee is made of.

    Attributes:
        csv: name of the CSV that is to be installed, once the chain has been checked.
        chosen: the same name, known from the start.
        server_certificate: certificate of the Route or of KBS; None for the router's own certificate.
        existing: digests of the Secrets of others whose change rolls KBS out, by name.
    """

    stack: Settings
    judgement: Output[Judgement]
    csv: Input[str]
    host: Input[str]
    server_certificate: ServerCertificate | None
    chosen: str
    existing: Mapping[str, str] = field(default_factory=dict)


class TrusteeStack(pulumi.ComponentResource):
    """A Trustee that answers at its Route.

    Whoever needs KBS at work says ``depends_on=[trustee.ready]``; the host is known without waiting for it.
    """

    content: TrusteeContent
    """ConfigMaps and Secrets, with the values of the client secrets."""
    sealing_key: Output[str] | None
    """Private key (PEM) that signs sealed secrets, secret; None where none are signed."""
    reached: list[pulumi.Resource]
    """KbsConfig, accepted by the operator, and the Route: what has to stay as long as pods ask KBS."""
    ready: pulumi.Resource
    """The gate: KBS has rolled out with the present configuration."""

    def __init__(self, name: str, args: TrusteeStackArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:TrusteeStack", name, None, opts)
        child, trustee = ResourceOptions(parent=self), args.stack.trustee
        operator = OlmOperator(
            f"{name}-operator",
            OlmOperatorArgs(
                package=names.TRUSTEE_PACKAGE,
                namespace=names.TRUSTEE_NAMESPACE,
                group=names.TRUSTEE_GROUP,
                subscription=names.TRUSTEE_SUBSCRIPTION,
                settings=trustee.operator,
                csv=args.csv,
                chosen=args.chosen,
            ),
            child,
        )
        route = Route(
            f"{name}-route",
            child,
            metadata={"name": names.KBS_SERVICE, "namespace": operator.namespace},
            spec=_route(args.host, trustee, args.server_certificate),
        )
        self.content = TrusteeContent(
            f"{name}-content",
            TrusteeContentArgs(
                stack=args.stack,
                judgement=args.judgement,
                server_certificate=args.server_certificate,
                namespace=operator.namespace,
                existing=args.existing,
                installed=operator.installed,
            ),
            child,
        )
        self.sealing_key = self.content.sealing_key
        kbs = self._kbs_config(name, args, operator)
        self.reached = [kbs, route]
        self.ready = self._roll_out(name, trustee, operator, kbs)
        self.register_outputs({"content": self.content.fingerprint})

    def _kbs_config(self, name: str, args: TrusteeStackArgs, operator: OlmOperator) -> KbsConfig:
        trustee, profile = args.stack.trustee, args.judgement.apply(lambda judgement: judgement.profile)
        annotations: dict[str, Input[str]] = {
            names.WAIT_FOR: profile.apply(_deployed),
            names.DELETION_PROPAGATION: "background",
        }
        return KbsConfig(
            f"{name}-kbsconfig",
            ResourceOptions(
                parent=self,
                # The operator brings the kind, and fails on a KbsConfig that names an object which is not there yet.
                depends_on=[operator.installed, self.content],
                custom_timeouts=CustomTimeouts(create=trustee.timeout, update=trustee.timeout, delete=trustee.timeout),
            ),
            # Deleted in the background: a deletion in the foreground changes the object's finalizers while the operator
            # does, and operator 0.3 never finishes once its own change met a conflict (finalizeKbsConfig).
            metadata={
                "name": names.KBS_CONFIG,
                "namespace": operator.namespace,
                "labels": _LABELS,
                "annotations": annotations,
            },
            spec=Output.all(profile, self.content.fingerprint).apply(
                lambda both: kbs_config_spec(trustee, both[0], self.content.kbs_secrets, both[1])
            ),
        )

    def _roll_out(self, name: str, settings: TrusteeSettings, operator: OlmOperator, kbs: KbsConfig) -> pulumi.Resource:
        # Forced: a run whose state was lost meets its own wait, under a field manager that it does not know any more.
        annotations: dict[str, Any] = {
            names.WAIT_FOR: self.content.fingerprint.apply(_rolled_out),
            names.PATCH_FORCE: "true",
        }
        return kubernetes.apps.v1.DeploymentPatch(
            f"{name}-kbs",
            metadata={"name": names.KBS_DEPLOYMENT, "namespace": operator.namespace, "annotations": annotations},
            opts=ResourceOptions(
                parent=self,
                # The operator makes the Deployment for the KbsConfig, and takes it away with it.
                depends_on=[kbs],
                # Engines before 3.260 do not take it from deleted_with.
                replace_with=[kbs],
                deleted_with=kbs,
                delete_before_replace=True,
                # Giving up fields of a Deployment that is gone fails for ever.
                retain_on_delete=True,
                custom_timeouts=CustomTimeouts(create=settings.timeout, update=settings.timeout),
            ),
        )


_LABELS = {
    "app.kubernetes.io/name": names.KBS_CONFIG,
    "app.kubernetes.io/instance": names.KBS_CONFIG,
    "app.kubernetes.io/part-of": names.TRUSTEE_PACKAGE,
    "app.kubernetes.io/managed-by": "kustomize",
    "app.kubernetes.io/created-by": names.TRUSTEE_PACKAGE,
}


def kbs_config_spec(
    settings: TrusteeSettings, profile: TrusteeProfile, secrets: list[str], fingerprint: str
) -> dict[str, Any]:
    """Return the spec of KbsConfig.

    Args:
        settings: settings; optional parts are named only where they are set.
        fingerprint: a text that changes with the content. As an environment variable of KBS it makes the operator roll
            the Deployment, which a changed Secret alone never does, and a changed ConfigMap only from 1.2 on.
    """
    spec: dict[str, Any] = {
        "kbsConfigMapName": names.KBS_CONFIG_CM,
        "kbsAuthSecretName": names.ADMIN_SECRET,
        # Left out it would mean MicroservicesDeployment in the operator's code.
        "kbsDeploymentType": "AllInOneDeployment",
        "kbsRvpsRefValuesConfigMapName": names.REFERENCE_VALUES,
        "kbsSecretResources": secrets,
        "kbsResourcePolicyConfigMapName": names.RESOURCE_POLICY,
        "kbsAttestationPolicyConfigMapName": names.ATTESTATION_POLICY,
        # One variable only: operator 0.3 lists several in random order, and restarts KBS for it.
        "KbsEnvVars": {_FINGERPRINT: fingerprint},
    }
    if settings.tdx is not None and profile.tdx_config_map:
        spec["tdxConfigSpec"] = {"kbsTdxConfigMapName": names.TDX_CONFIG}
    if settings.tls.termination == "passthrough":
        spec |= {"kbsHttpsKeySecretName": names.TLS_KEY_SECRET, "kbsHttpsCertSecretName": names.TLS_CERTIFICATE_SECRET}
    if settings.service_type is not None:
        spec["kbsServiceType"] = settings.service_type
    return spec


def warn_of_loss(chain: TrustChain, reader: Reads) -> None:
    """Warn where the state has a Trustee and its cluster has none: without a refresh the engine believes the state."""
    path = names.path(names.KBS_CONFIGS, names.KBS_CONFIG, namespace=names.TRUSTEE_NAMESPACE)
    if chain.deployed and reader.get(path) is None:
        pulumi.log.warn(
            "the last run deployed Trustee, and its cluster has no KbsConfig: it is another cluster, or somebody has "
            "deleted it. A run makes it again only where it looks: pulumi up --refresh --run-program "
            "(docs/howto/backup.md)",
            chain,
        )


def route_host(settings: TrusteeSettings, apps_domain: Input[str]) -> Output[str]:
    """Return the host of the Route, known before the Route exists."""
    if settings.host is not None:
        return Output.from_input(settings.host)
    return Output.from_input(apps_domain).apply(
        lambda domain: f"{names.KBS_SERVICE}-{names.TRUSTEE_NAMESPACE}.{domain}"
    )


def kbs_url(stack: Settings, host: Output[str] | None, remote: Output[str] | None) -> Output[str]:
    """Return the URL of KBS: that of the settings, of another stack's Trustee, or of this stack's Route."""
    if stack.initdata.kbs_url is not None:
        return Output.from_input(stack.initdata.kbs_url)
    return remote if remote is not None else Output.concat("https://", host or "")


def trustee_source(stack: Settings, connections: Connections) -> OperatorSource:
    """Return where the Trustee operator comes from."""
    return OperatorSource(
        package=names.TRUSTEE_PACKAGE,
        namespace=names.TRUSTEE_NAMESPACE,
        subscription=names.TRUSTEE_SUBSCRIPTION,
        settings=stack.trustee.operator,
        reader=connections.reader,
    )


def _route(host: Input[str], settings: TrusteeSettings, certificate: ServerCertificate | None) -> dict[str, Any]:
    tls: dict[str, Any] = {"termination": settings.tls.termination}
    if certificate is not None and settings.tls.termination == "edge":
        chain = certificate.certificate.apply(certificates.split)
        tls |= {"certificate": chain.apply(lambda both: both[0]), "key": certificate.private_key}
        if settings.tls.issued:
            tls["caCertificate"] = chain.apply(lambda both: both[1])
    return {
        "host": host,
        "to": {"kind": "Service", "name": names.KBS_SERVICE},
        "port": {"targetPort": "kbs-port"},
        "tls": tls,
    }


def _deployed(profile: TrusteeProfile) -> str:
    return _READY if profile.reports_ready else _DEPLOYMENT_EXISTS


def _rolled_out(fingerprint: str) -> str:
    """Return a wait for the Deployment's roll-out with exactly this content.

    KbsConfig passes at once after a change, because its finalizer is old; the variable tells the new roll-out apart.
    """
    variable = f".spec.template.spec.containers[?@.name == 'kbs'].env[?@.name == '{_FINGERPRINT}'].value"
    # Two waits, because the provider's JSONPath parser takes no third term after a comparison.
    counts = [f"[?@.{name} > 0 && @.{name} == @.replicas].{name}" for name in ("availableReplicas", "updatedReplicas")]
    waits = [f"jsonpath={{{variable}}}={fingerprint}", *(f"jsonpath={{{count}}}" for count in counts)]
    return json.dumps(waits)
