"""The kinds that the simulated operators and nodes work with."""

from rehearsal.api import Kind

NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")
POD = Kind("v1", "Pod", "pods")
NODE = Kind("v1", "Node", "nodes", namespaced=False)
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
JOB = Kind("batch/v1", "Job", "jobs")
RUNTIME_CLASS = Kind("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", namespaced=False)
CRD = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
POLICY = Kind(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    namespaced=False,
)
POLICY_BINDING = Kind(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    namespaced=False,
)

SUBSCRIPTION = Kind("operators.coreos.com/v1alpha1", "Subscription", "subscriptions")
INSTALL_PLAN = Kind("operators.coreos.com/v1alpha1", "InstallPlan", "installplans")
CSV = Kind("operators.coreos.com/v1alpha1", "ClusterServiceVersion", "clusterserviceversions")
CATALOG_SOURCE = Kind("operators.coreos.com/v1alpha1", "CatalogSource", "catalogsources")
OPERATOR_GROUP = Kind("operators.coreos.com/v1", "OperatorGroup", "operatorgroups")
OPERATOR = Kind("operators.coreos.com/v1", "Operator", "operators", namespaced=False)
PACKAGE_MANIFEST = Kind("packages.operators.coreos.com/v1", "PackageManifest", "packagemanifests")

MUTATING_WEBHOOKS = Kind(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    namespaced=False,
)
VALIDATING_WEBHOOKS = Kind(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)

INFRASTRUCTURE = Kind("config.openshift.io/v1", "Infrastructure", "infrastructures", namespaced=False)
INGRESS = Kind("config.openshift.io/v1", "Ingress", "ingresses", namespaced=False)
PROXY = Kind("config.openshift.io/v1", "Proxy", "proxies", namespaced=False)
API_SERVER = Kind("config.openshift.io/v1", "APIServer", "apiservers", namespaced=False)
SCC = Kind("security.openshift.io/v1", "SecurityContextConstraints", "securitycontextconstraints", namespaced=False)
CLUSTER_VERSION = Kind("config.openshift.io/v1", "ClusterVersion", "clusterversions", namespaced=False)
MACHINE_CONFIG_POOL = Kind(
    "machineconfiguration.openshift.io/v1", "MachineConfigPool", "machineconfigpools", namespaced=False
)
MACHINE_CONFIG = Kind("machineconfiguration.openshift.io/v1", "MachineConfig", "machineconfigs", namespaced=False)
CONTAINER_RUNTIME_CONFIG = Kind(
    "machineconfiguration.openshift.io/v1", "ContainerRuntimeConfig", "containerruntimeconfigs", namespaced=False
)
CLOUD_CREDENTIAL = Kind("operator.openshift.io/v1", "CloudCredential", "cloudcredentials", namespaced=False)
CREDENTIALS_REQUEST = Kind("cloudcredential.openshift.io/v1", "CredentialsRequest", "credentialsrequests")
ROUTE = Kind("route.openshift.io/v1", "Route", "routes")
KATA_CONFIG = Kind("kataconfiguration.openshift.io/v1", "KataConfig", "kataconfigs", namespaced=False)
KBS_CONFIG = Kind("confidentialcontainers.org/v1alpha1", "KbsConfig", "kbsconfigs")
EXTERNAL_SECRET = Kind("external-secrets.io/v1", "ExternalSecret", "externalsecrets")
PEER_POD = Kind("confidentialcontainers.org/v1alpha1", "PeerPod", "peerpods")

ALL = {kind.name: kind for kind in list(globals().values()) if isinstance(kind, Kind)}
"""Every kind by its name."""
