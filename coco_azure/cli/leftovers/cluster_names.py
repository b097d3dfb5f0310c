"""What both operators, OLM and the machine config operator have in a cluster, and where the API server serves it.

Sources: openshift/sandboxed-containers-operator devel d0632e58 ``controllers/openshift_controller.go``,
``layered_image_handler.go``, ``ppwebhook.go``, ``config/peerpods``; openshift/trustee-operator v1.2.1 ``config/crd``;
operator-lifecycle-manager ``pkg/controller/operators/decorators/operator.go`` (labels of an operator's parts).
"""

from dataclasses import dataclass

from coco_azure import names


@dataclass(frozen=True)
class Package:
    """One operator.

    Attributes:
        name: its package in the catalog.
        namespace: where it is installed.
        crds: paths of its kinds at the API server, by the name of the CRD.
    """

    name: str
    namespace: str
    crds: dict[str, str]


PACKAGES = (
    Package(
        names.OSC_PACKAGE,
        names.OSC_NAMESPACE,
        {
            "kataconfigs.kataconfiguration.openshift.io": names.KATA_CONFIGS,
            "peerpods.confidentialcontainers.org": names.PEER_PODS,
            "peerpodconfigs.confidentialcontainers.org": names.PEER_POD_CONFIGS,
        },
    ),
    Package(
        names.TRUSTEE_PACKAGE,
        names.TRUSTEE_NAMESPACE,
        {
            "kbsconfigs.confidentialcontainers.org": names.KBS_CONFIGS,
            "trusteeconfigs.confidentialcontainers.org": names.TRUSTEE_CONFIGS,
        },
    ),
)


@dataclass(frozen=True)
class OfKataConfig:
    """Something that OSC makes for KataConfig and takes away with it.

    Attributes:
        kind: its kind as ``oc`` takes it.
        path: list of the kind at the API server.
        names: its names.
        note: what to know before it is removed.
        namespace: where it is, or None for what has no namespace.
    """

    kind: str
    path: str
    names: tuple[str, ...]
    note: str = ""
    namespace: str | None = None


_REBOOTS = "nodes that still have it reboot when it goes"
OF_KATA_CONFIG = (
    OfKataConfig(
        "machineconfig",
        names.MACHINE_CONFIGS,
        (
            "50-enable-sandboxed-containers-extension",
            "50-enable-sandboxed-containers-image",
            "40-worker-kata-remote-config",
            "50-kata-remote",
        ),
        _REBOOTS,
    ),
    OfKataConfig(
        "containerruntimeconfig",
        names.CONTAINER_RUNTIME_CONFIGS,
        (names.RUNTIME_CONFIG,),
        _REBOOTS,
    ),
    OfKataConfig("machineconfigpool", names.POOLS, (names.KATA_POOL,), "first take its label from every node"),
    OfKataConfig("runtimeclass", names.RUNTIME_CLASS_LIST, names.RUNTIME_CLASSES),
    OfKataConfig(
        "securitycontextconstraints",
        names.SECURITY_CONTEXT_CONSTRAINTS,
        ("sandboxed-containers-operator-scc",),
    ),
    OfKataConfig(
        "credentialsrequest",
        names.path(names.CREDENTIALS_REQUESTS, namespace=names.CREDENTIAL_OPERATOR_NAMESPACE),
        (names.CREDENTIALS_REQUEST,),
        "the cloud credential operator takes the credentials that it made in Azure away with it",
        names.CREDENTIAL_OPERATOR_NAMESPACE,
    ),
)
"""In an order in which it can be removed."""

OWN_POLICIES = (
    ("validatingadmissionpolicybinding", names.ADMISSION_BINDINGS),
    ("validatingadmissionpolicy", names.ADMISSION_POLICIES),
)
"""Kinds of the stack's own admission policies, in an order in which they can be removed."""

OWNED_BY_OLM = (
    ("clusterrolebinding", names.CLUSTER_ROLE_BINDINGS),
    ("clusterrole", names.CLUSTER_ROLES),
    ("validatingwebhookconfiguration", names.VALIDATING_WEBHOOKS),
    ("mutatingwebhookconfiguration", names.MUTATING_WEBHOOKS),
)
"""Kinds without a namespace that OLM makes for a CSV, with the label ``olm.owner.namespace``."""
