"""Trustee: KBS, attestation service and RVPS, from the operator to a KBS that has rolled out.

Chapter 7.1, 7.3 and 7.11 to 7.15.

Does not know peer pods: the two stacks share the URL of KBS, which is known before either exists.
"""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import CustomTimeouts, Input, Output, ResourceOptions

from components.olm_operator import OlmOperator, OlmOperatorArgs
from components.openshift import DELETION_PROPAGATION, WAIT_FOR, KbsConfig, Route
from components.trustee_content import (
    ATTESTATION_POLICY,
    AUTH_SECRET,
    KBS_CONFIG,
    REFERENCE_VALUES,
    RESOURCE_POLICY,
    TDX_CONFIG,
    TrusteeContent,
    TrusteeContentArgs,
)
from settings.trustee import ClientSecrets, TrusteeSettings

NAMESPACE = "trustee-operator-system"
SERVICE = "kbs-service"
_DEPLOYMENT = "trustee-deployment"
_FINGERPRINT = "TRUSTEE_CONFIG_SHA256"
# Trustee operator 0.3 never writes status.isReady. It adds this finalizer right after it has created the Deployment
# (openshift/trustee-operator v0.3.0 kbsconfig_controller.go, addKbsConfigFinalizer).
_DEPLOYMENT_EXISTS = "jsonpath={.metadata.finalizers[?@ == 'kbsconfig.confidentialcontainers.org/finalizer']}"


@dataclass(frozen=True, kw_only=True)
class TrusteeStackArgs:
    """What Trustee is made of.

    Attributes:
        settings: what the stack says of Trustee.
        client_secrets: what KBS hands out, by secret and key.
        apps_domain: domain of the cluster's routes, for the Route's default host.
    """

    settings: TrusteeSettings
    client_secrets: ClientSecrets
    apps_domain: Input[str]


class TrusteeStack(pulumi.ComponentResource):
    """A Trustee that answers at its Route.

    Whoever needs KBS at work says ``depends_on=[trustee.ready]``; ``host`` is known without waiting for it.
    """

    host: Output[str]
    """Host of the Route, known at preview."""
    content: TrusteeContent
    """ConfigMaps and Secrets, with the values of the client secrets."""
    ready: pulumi.Resource
    """The gate: KBS has rolled out with the present configuration."""

    def __init__(self, name: str, args: TrusteeStackArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:TrusteeStack", name, None, opts)
        child = ResourceOptions(parent=self)
        said = args.settings
        operator = OlmOperator(
            f"{name}-operator",
            OlmOperatorArgs(
                package="trustee-operator",
                namespace=NAMESPACE,
                group="trustee-operator-group",
                subscription="trustee-operator-system",
                settings=said.operator,
            ),
            child,
        )
        self.host = _host(said, args.apps_domain)
        Route(
            f"{name}-route",
            child,
            metadata={"name": SERVICE, "namespace": operator.namespace},
            spec=_route(self.host),
        )
        self.content = TrusteeContent(
            f"{name}-content",
            TrusteeContentArgs(settings=said, client_secrets=args.client_secrets, namespace=operator.namespace),
            child,
        )
        kbs = self._kbs_config(name, said, operator)
        self.ready = self._roll_out(name, said, operator, kbs)
        self.register_outputs({"host": self.host, "content": self.content.fingerprint})

    def _kbs_config(self, name: str, said: TrusteeSettings, operator: OlmOperator) -> KbsConfig:
        return KbsConfig(
            f"{name}-kbsconfig",
            ResourceOptions(
                parent=self,
                # The operator brings the kind, and fails on a KbsConfig that names an object which is not there yet.
                depends_on=[operator.installed, self.content],
                custom_timeouts=CustomTimeouts(create=said.timeout, update=said.timeout, delete=said.timeout),
            ),
            # Deleted in the background: a deletion in the foreground changes the object's finalizers while the operator
            # does, and operator 0.3 never finishes once its own change met a conflict (finalizeKbsConfig).
            metadata={
                "name": "kbsconfig",
                "namespace": operator.namespace,
                "labels": _LABELS,
                "annotations": {WAIT_FOR: _DEPLOYMENT_EXISTS, DELETION_PROPAGATION: "background"},
            },
            spec=self.content.fingerprint.apply(lambda found: kbs_config_spec(said, self.content.kbs_secrets, found)),
        )

    def _roll_out(self, name: str, said: TrusteeSettings, operator: OlmOperator, kbs: KbsConfig) -> pulumi.Resource:
        annotations = {WAIT_FOR: self.content.fingerprint.apply(_rolled_out)}
        return kubernetes.apps.v1.DeploymentPatch(
            f"{name}-kbs",
            metadata={"name": _DEPLOYMENT, "namespace": operator.namespace, "annotations": annotations},
            opts=ResourceOptions(
                parent=self,
                # The operator makes the Deployment for the KbsConfig, and takes it away with it.
                depends_on=[kbs],
                deleted_with=kbs,
                custom_timeouts=CustomTimeouts(create=said.timeout, update=said.timeout),
            ),
        )


_LABELS = {
    "app.kubernetes.io/name": "kbsconfig",
    "app.kubernetes.io/instance": "kbsconfig",
    "app.kubernetes.io/part-of": "trustee-operator",
    "app.kubernetes.io/managed-by": "kustomize",
    "app.kubernetes.io/created-by": "trustee-operator",
}


def kbs_config_spec(said: TrusteeSettings, secrets: list[str], fingerprint: str) -> dict[str, Any]:
    """Return the spec of KbsConfig (Trustee operator 0.3).

    Args:
        said: settings; optional parts are named only where they are set.
        secrets: names of the Secrets that KBS serves.
        fingerprint: a text that changes with the content. As an environment variable of KBS it makes the operator roll
            the Deployment, which a changed ConfigMap alone does not.
    """
    spec: dict[str, Any] = {
        "kbsConfigMapName": KBS_CONFIG,
        "kbsAuthSecretName": AUTH_SECRET,
        # Left out it would mean MicroservicesDeployment in the operator's code.
        "kbsDeploymentType": "AllInOneDeployment",
        "kbsRvpsRefValuesConfigMapName": REFERENCE_VALUES,
        "kbsSecretResources": secrets,
        "kbsResourcePolicyConfigMapName": RESOURCE_POLICY,
        # One variable only: operator 0.3 lists several in random order, and restarts KBS for it.
        "KbsEnvVars": {_FINGERPRINT: fingerprint},
    }
    if said.tdx is not None:
        spec["tdxConfigSpec"] = {"kbsTdxConfigMapName": TDX_CONFIG}
    if said.attestation_policy is not None:
        spec["kbsAttestationPolicyConfigMapName"] = ATTESTATION_POLICY
    if said.service_type is not None:
        spec["kbsServiceType"] = said.service_type
    return spec


def _host(said: TrusteeSettings, apps_domain: Input[str]) -> Output[str]:
    if said.host is not None:
        return Output.from_input(said.host)
    return Output.from_input(apps_domain).apply(lambda domain: f"{SERVICE}-{NAMESPACE}.{domain}")


def _route(host: Input[str]) -> dict[str, Any]:
    return {
        "host": host,
        "to": {"kind": "Service", "name": SERVICE},
        "port": {"targetPort": "kbs-port"},
        "tls": {"termination": "edge"},
    }


def _rolled_out(fingerprint: str) -> str:
    """Return a wait for the Deployment's roll-out with exactly this content.

    KbsConfig passes at once after a change, because its finalizer is old; the variable tells the new roll-out apart.
    """
    variable = f".spec.template.spec.containers[?@.name == 'kbs'].env[?@.name == '{_FINGERPRINT}'].value"
    # Two waits, because the provider's JSONPath parser takes no third term after a comparison.
    counts = [f"[?@.{name} > 0 && @.{name} == @.replicas].{name}" for name in ("availableReplicas", "updatedReplicas")]
    waits = [f"jsonpath={{{variable}}}={fingerprint}", *(f"jsonpath={{{count}}}" for count in counts)]
    return json.dumps(waits)
