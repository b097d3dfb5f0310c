"""What both operators, OLM and the machine config operator have in a cluster, and where the API server serves it.

Sources: openshift/sandboxed-containers-operator devel d0632e58 ``controllers/openshift_controller.go``,
``layered_image_handler.go``, ``ppwebhook.go``, ``config/peerpods``; openshift/trustee-operator v1.2.1 ``config/crd``;
operator-lifecycle-manager ``pkg/controller/operators/decorators/operator.go`` (labels of an operator's parts).
"""

from dataclasses import dataclass

OSC_NAMESPACE = "openshift-sandboxed-containers-operator"
TRUSTEE_NAMESPACE = "trustee-operator-system"
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
NODES, PODS, NAMESPACES = "/api/v1/nodes", "/api/v1/pods", "/api/v1/namespaces"
POOLS = "/apis/machineconfiguration.openshift.io/v1/machineconfigpools"
MACHINE_CONFIGS = "/apis/machineconfiguration.openshift.io/v1/machineconfigs"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OPERATORS = "/apis/operators.coreos.com/v1/operators"
KBS_CONFIGS = f"/apis/confidentialcontainers.org/v1alpha1/namespaces/{TRUSTEE_NAMESPACE}/kbsconfigs"
KBS_DEPLOYMENT = f"/apis/apps/v1/namespaces/{TRUSTEE_NAMESPACE}/deployments/trustee-deployment"
KATA_LABEL = "node-role.kubernetes.io/kata-oc"
KATA_POOL = "kata-oc"
RUNTIME_CLASSES = ("kata", "kata-remote", "kata-nvidia-gpu")


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


_TRUSTEE = "/apis/confidentialcontainers.org/v1alpha1"
PACKAGES = (
    Package(
        "sandboxed-containers-operator",
        OSC_NAMESPACE,
        {
            "kataconfigs.kataconfiguration.openshift.io": KATA_CONFIGS,
            "peerpods.confidentialcontainers.org": f"{_TRUSTEE}/peerpods",
            "peerpodconfigs.confidentialcontainers.org": f"{_TRUSTEE}/peerpodconfigs",
        },
    ),
    Package(
        "trustee-operator",
        TRUSTEE_NAMESPACE,
        {
            "kbsconfigs.confidentialcontainers.org": f"{_TRUSTEE}/kbsconfigs",
            "trusteeconfigs.confidentialcontainers.org": f"{_TRUSTEE}/trusteeconfigs",
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
        MACHINE_CONFIGS,
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
        "/apis/machineconfiguration.openshift.io/v1/containerruntimeconfigs",
        ("kata-crio-config",),
        _REBOOTS,
    ),
    OfKataConfig("machineconfigpool", POOLS, (KATA_POOL,), "first take its label from every node"),
    OfKataConfig("runtimeclass", "/apis/node.k8s.io/v1/runtimeclasses", RUNTIME_CLASSES),
    OfKataConfig(
        "securitycontextconstraints",
        "/apis/security.openshift.io/v1/securitycontextconstraints",
        ("sandboxed-containers-operator-scc",),
    ),
    OfKataConfig(
        "credentialsrequest",
        "/apis/cloudcredential.openshift.io/v1/namespaces/openshift-cloud-credential-operator/credentialsrequests",
        ("openshift-sandboxed-containers-azure",),
        "the cloud credential operator takes the credentials that it made in Azure away with it",
        "openshift-cloud-credential-operator",
    ),
)
"""In an order in which it can be removed."""

OWNED_BY_OLM = (
    ("clusterrolebinding", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    ("clusterrole", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    ("validatingwebhookconfiguration", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
    ("mutatingwebhookconfiguration", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
)
"""Kinds without a namespace that OLM makes for a CSV, with the label ``olm.owner.namespace``."""
