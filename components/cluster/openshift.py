"""OpenShift's own kinds as typed resources that also give their status.

``pulumi_kubernetes`` has no classes for these kinds, and its generic CustomResource gives no ``status``. A class here
is the kind's name and its version; what the object says is the caller's business.

Everything here is known at preview, because existing objects are read at preview. That keeps the Route's host, initdata
and ``peer-pods-cm`` known in every diff.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, ClassVar

import pulumi
from pulumi import Input, Output, ResourceOptions

_PROVIDER_VERSION = version("pulumi-kubernetes")


class OpenShiftObject(pulumi.CustomResource):
    """An object of a kind that OpenShift or one of its operators defines."""

    api_version: ClassVar[str]
    metadata: Output[Any]
    """The object's metadata as it is in the cluster."""
    spec: Output[Any]
    """The object's spec as it is in the cluster."""
    status: Output[Any]
    """What the object's controller says of it; after a create, what it said when the wait was over."""

    def __init__(
        self,
        name: str,
        opts: ResourceOptions | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        spec: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """Create the object, or read it where ``opts`` has an id."""
        properties: dict[str, Any] = {"metadata": metadata, "spec": spec, "status": None}
        if metadata is not None:
            properties |= {"apiVersion": self.api_version, "kind": type(self).__name__}
        pinned = ResourceOptions.merge(opts, ResourceOptions(version=_PROVIDER_VERSION))
        super().__init__(f"kubernetes:{self.api_version}:{type(self).__name__}", name, properties, pinned)

    @classmethod
    def read(cls, name: str, object_id: str, opts: ResourceOptions) -> "OpenShiftObject":
        """Return the existing object ``object_id`` (``name`` or ``namespace/name``); it is read at preview, too."""
        return cls(name, ResourceOptions.merge(opts, ResourceOptions(id=object_id)))


class Infrastructure(OpenShiftObject):
    """What the installer knows of the cluster and its cloud."""

    api_version = "config.openshift.io/v1"


class Ingress(OpenShiftObject):
    """The cluster's ingress configuration, with the domain of its routes."""

    api_version = "config.openshift.io/v1"


class OperatorGroup(OpenShiftObject):
    """OLM: the namespaces that the operator of a namespace watches."""

    api_version = "operators.coreos.com/v1"


class Subscription(OpenShiftObject):
    """OLM: a package of a catalog that is to be installed and kept up to date."""

    api_version = "operators.coreos.com/v1alpha1"


class InstallPlan(OpenShiftObject):
    """OLM: the steps that bring a Subscription's CSV about; OLM makes it, and with manual approval waits for a yes."""

    api_version = "operators.coreos.com/v1alpha1"


class Route(OpenShiftObject):
    """A host of the cluster's router."""

    api_version = "route.openshift.io/v1"


class KbsConfig(OpenShiftObject):
    """Trustee operator: one KBS deployment."""

    api_version = "confidentialcontainers.org/v1alpha1"


class KataConfig(OpenShiftObject):
    """OpenShift sandboxed containers operator: the kata runtime on the cluster's nodes. A cluster has at most one."""

    api_version = "kataconfiguration.openshift.io/v1"


class ClusterFacts(pulumi.ComponentResource):
    """Facts of an existing OpenShift cluster."""

    infrastructure_name: Output[str]
    """Name that the installer gave the cluster, with its random suffix."""
    apps_domain: Output[str]
    """Domain of the cluster's routes, such as ``apps.example.eastus.aroapp.io``."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:ClusterFacts", name, None, opts)
        child = ResourceOptions(parent=self)

        infrastructure = Infrastructure.read(f"{name}-infrastructure", "cluster", child)
        ingress = Ingress.read(f"{name}-ingress", "cluster", child)

        self.infrastructure_name = infrastructure.status.apply(lambda status: str(status["infrastructureName"]))
        self.apps_domain = ingress.spec.apply(lambda spec: str(spec["domain"]))
        self.register_outputs({"infrastructure_name": self.infrastructure_name, "apps_domain": self.apps_domain})
