"""The kinds that the simulated operators and nodes work with."""

from functools import partial

from rehearsal.api import Kind

_of_cluster = partial(Kind, namespaced=False)
_ADMISSION = "admissionregistration.k8s.io/v1"
_MACHINES = "machineconfiguration.openshift.io/v1"

NAMESPACE = _of_cluster("v1", "Namespace", "namespaces")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
SERVICE = Kind("v1", "Service", "services")
POD = Kind("v1", "Pod", "pods")
NODE = _of_cluster("v1", "Node", "nodes")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
JOB = Kind("batch/v1", "Job", "jobs")
RUNTIME_CLASS = _of_cluster("node.k8s.io/v1", "RuntimeClass", "runtimeclasses")
CRD = _of_cluster("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")
POLICY = _of_cluster(_ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies")
POLICY_BINDING = _of_cluster(_ADMISSION, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings")

SUBSCRIPTION = Kind("operators.coreos.com/v1alpha1", "Subscription", "subscriptions")
INSTALL_PLAN = Kind("operators.coreos.com/v1alpha1", "InstallPlan", "installplans")
CSV = Kind("operators.coreos.com/v1alpha1", "ClusterServiceVersion", "clusterserviceversions")
CATALOG_SOURCE = Kind("operators.coreos.com/v1alpha1", "CatalogSource", "catalogsources")
OPERATOR_GROUP = Kind("operators.coreos.com/v1", "OperatorGroup", "operatorgroups")
OPERATOR = _of_cluster("operators.coreos.com/v1", "Operator", "operators")
PACKAGE_MANIFEST = Kind("packages.operators.coreos.com/v1", "PackageManifest", "packagemanifests")

MUTATING_WEBHOOKS = _of_cluster(_ADMISSION, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations")
VALIDATING_WEBHOOKS = _of_cluster(_ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations")

INFRASTRUCTURE = _of_cluster("config.openshift.io/v1", "Infrastructure", "infrastructures")
INGRESS = _of_cluster("config.openshift.io/v1", "Ingress", "ingresses")
PROXY = _of_cluster("config.openshift.io/v1", "Proxy", "proxies")
API_SERVER = _of_cluster("config.openshift.io/v1", "APIServer", "apiservers")
SCC = _of_cluster("security.openshift.io/v1", "SecurityContextConstraints", "securitycontextconstraints")
CLUSTER_VERSION = _of_cluster("config.openshift.io/v1", "ClusterVersion", "clusterversions")
MACHINE_CONFIG_POOL = _of_cluster(_MACHINES, "MachineConfigPool", "machineconfigpools")
MACHINE_CONFIG = _of_cluster(_MACHINES, "MachineConfig", "machineconfigs")
CONTAINER_RUNTIME_CONFIG = _of_cluster(_MACHINES, "ContainerRuntimeConfig", "containerruntimeconfigs")
CLOUD_CREDENTIAL = _of_cluster("operator.openshift.io/v1", "CloudCredential", "cloudcredentials")
CREDENTIALS_REQUEST = Kind("cloudcredential.openshift.io/v1", "CredentialsRequest", "credentialsrequests")
ROUTE = Kind("route.openshift.io/v1", "Route", "routes")
KATA_CONFIG = _of_cluster("kataconfiguration.openshift.io/v1", "KataConfig", "kataconfigs")
KBS_CONFIG = Kind("confidentialcontainers.org/v1alpha1", "KbsConfig", "kbsconfigs")
EXTERNAL_SECRET = Kind("external-secrets.io/v1", "ExternalSecret", "externalsecrets")
PEER_POD = Kind("confidentialcontainers.org/v1alpha1", "PeerPod", "peerpods")

ALL = {kind.name: kind for kind in list(globals().values()) if isinstance(kind, Kind)}
"""Every kind by its name."""
