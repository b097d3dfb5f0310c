"""Names in a cluster: namespaces, objects, annotations, labels, and where the API server lists each kind.

Every other module takes them from this one; ``tests/unit/docs/test_names.py`` holds them to that. What operators make
or look for is called as they call it (openshift/sandboxed-containers-operator, openshift/trustee-operator); what the
program alone makes has its name from the chapter or from this project.
"""

# Namespaces.

OSC_NAMESPACE = "openshift-sandboxed-containers-operator"
TRUSTEE_NAMESPACE = "trustee-operator-system"
CHECK_NAMESPACE = "coco-attestation-check"
"""Where the attestation check runs, unless the settings name another one."""
CATALOG_NAMESPACE = "openshift-marketplace"
CREDENTIAL_OPERATOR_NAMESPACE = "openshift-cloud-credential-operator"
CLOUD_CONTROLLER_NAMESPACE = "openshift-cloud-controller-manager"
MACHINE_CONFIG_NAMESPACE = "openshift-machine-config-operator"
SYSTEM_NAMESPACE = "kube-system"

# Objects of OLM.

OSC_PACKAGE = "sandboxed-containers-operator"
TRUSTEE_PACKAGE = "trustee-operator"
OSC_GROUP, OSC_SUBSCRIPTION = "sandboxed-containers-operator-group", "sandboxed-containers-operator"
TRUSTEE_GROUP, TRUSTEE_SUBSCRIPTION = "trustee-operator-group", "trustee-operator-system"
CATALOG = "redhat-operators"

# Objects of OpenShift sandboxed containers.

KATA_CONFIG = "example-kataconfig"
"""KataConfig of the chapter."""
KATA_POOL = "kata-oc"
MASTER_POOL, WORKER_POOL = "master", "worker"
RUNTIME_CLASS = "kata-remote"
"""Runtime class of peer pods."""
RUNTIME_CLASSES = ("kata", RUNTIME_CLASS, "kata-nvidia-gpu")
FEATURE_GATES = "osc-feature-gates"
PEER_PODS_CM = "peer-pods-cm"
PEER_PODS_SECRET = "peer-pods-secret"  # noqa: S105 - a name
"""Secret with the operators' credentials for Azure."""
MINTED_SECRET = "cco-secret"  # noqa: S105 - a name
"""Secret of the Cloud Credential Operator, which ``peer-pods-secret`` is made of."""
ROOT_SECRET = "azure-credentials"  # noqa: S105 - a name
"""Secret of ``kube-system`` that the Cloud Credential Operator makes others by."""
CREDENTIALS_REQUEST = "openshift-sandboxed-containers-azure"
IMAGE_CM = "azure-podvm-image-cm"
"""ConfigMap of the operator's that says how the pod VM image is built."""
IMAGE_JOBS = "osc-podvm-"
"""How names of the operator's image jobs begin."""
IMAGE_CREATION, IMAGE_DELETION = "osc-podvm-image-creation", "osc-podvm-image-deletion"
RUNTIME_CONFIG = "kata-crio-config"
"""ContainerRuntimeConfig that the operator makes for a log level other than ``info``."""
CAA = "osc-caa-ds"
"""DaemonSet of cloud-api-adaptor."""

# Admission policies of the program's own.

GUARD = "coco-azure-kataconfig-guard"
"""The policy that guards KataConfig, and its binding."""
CAA_HOLD = "coco-azure-caa-hold"
"""The policy that leaves the restart of CAA to the stack, and its binding."""
ADMISSION_KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")

# Objects of Trustee.

KBS_CONFIG = "kbsconfig"
KBS_CONFIG_CM = "kbs-config-cm"
KBS_DEPLOYMENT = "trustee-deployment"
KBS_SERVICE = "kbs-service"
"""Service of the operator's, and Route of the stack's."""
REFERENCE_VALUES = "rvps-reference-values"
RESOURCE_POLICY = "resource-policy"
ATTESTATION_POLICY = "attestation-policy"
TDX_CONFIG = "tdx-config"
ADMIN_SECRET = "kbs-auth-public-key"  # noqa: S105 - a name
TLS_KEY_SECRET, TLS_CERTIFICATE_SECRET = "kbs-https-key", "kbs-https-certificate"
IMAGE_POLICY_SECRET = "security-policy"  # noqa: S105 - a name
IMAGE_KEYS_SECRET = "img-sig"  # noqa: S105 - a name
SEALING_SECRET = "sealed-secret-key"  # noqa: S105 - a name
CHECK = "attestation-check"
"""Job of the attestation check, its label ``app``, its initdata document, and the Secret that it proves itself with."""
DENIALS = "attestation-denials"
"""ConfigMap beside it that tells what was tried, and denied."""

# Objects in the namespaces of workloads.

WORKLOADS_CM = "workload-initdata"
"""ConfigMap of the stack's with the terms of workloads."""
WORKLOADS_POLICY = "coco-azure-workload-initdata"
"""ValidatingAdmissionPolicy that holds peer pods to them, and its binding."""

# Annotations and tags of the program's own.

STACK = "coco-azure/stack"
"""Which stack has made an object, as ``PROJECT/STACK``."""
STACK_TAG = "coco-azure-stack"
"""The same as a tag in Azure, where no name of a tag has a slash."""
MARKS = "coco-azure/"
APPLIED = "coco-azure/applied"
"""What the stack wanted of a KataConfig when it made it (``coco_azure.rollout.desired_kata_config``)."""
APPROVED = "coco-azure/approved"
"""On a KataConfig: what its guard lets pass (``coco_azure.rollout.guard``); there for the length of that change."""
ROLLED_OUT_FOR = "coco-azure/rollout"
"""Fingerprint of the settings that a roll-out of KataConfig is waited for with."""
RESTARTED_FOR = "coco-azure/peer-pods-cm"
"""Fingerprint of the ``peer-pods-cm`` that CAA has read."""
CORDONED = "coco-azure/cordoned"
"""On a node that the stack has cordoned for the restart of its CAA: whose it is, as ``PROJECT/STACK``."""
EXPECTS = "coco-azure/expects"
"""On the gate of an operator: the CSV that is to be installed."""
TREATED_AS = "coco-azure/treated-as"
"""Beside it: the minor version that it is deployed as, where it has no profile of its own."""
PROVES = "coco-azure/proves"
"""Fingerprint of the trust chain that a check proves."""

# Annotations and labels of others.

WAIT_FOR = "pulumi.com/waitFor"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
PATCH_FORCE = "pulumi.com/patchForce"
SKIP_AWAIT = "pulumi.com/skipAwait"
"""Has the provider wait for nothing."""
FIELD_MANAGER = "pulumi.com/patchFieldManager"
"""Names the provider's field manager for an object (pulumi-kubernetes ``fieldManagerName``)."""
PROVIDER_MARKS = "pulumi.com/"
AGENT_POLICY = "io.katacontainers.config.agent.policy"
POD_VM_SIZE = "io.katacontainers.config.hypervisor.machine_type"
POD_VM_IMAGE = "io.katacontainers.config.hypervisor.image"
RUNTIME_INITDATA = "io.katacontainers.config.runtime.cc_init_data"
HYPERVISOR_INITDATA = "io.katacontainers.config.hypervisor.cc_init_data"
MINTED = "kataconfiguration.openshift.io/credentials-request-based"
"""Label of a Secret that the operator has made of what the Cloud Credential Operator gave it (sandboxed-containers-
operator ``credentials_controller.go``)."""
MACHINE_CONFIG_STATE = "machineconfiguration.openshift.io/state"
MACHINE_CONFIG_REASON = "machineconfiguration.openshift.io/reason"
MACHINE_CONFIG_CURRENT = "machineconfiguration.openshift.io/currentConfig"
MACHINE_CONFIG_DESIRED = "machineconfiguration.openshift.io/desiredConfig"
ROLES = "node-role.kubernetes.io/"
KATA_ROLE = "node-role.kubernetes.io/kata-oc"
"""Label that the operator gives to the nodes of its pool."""
WORKER_ROLE, MASTER_ROLE = "node-role.kubernetes.io/worker", "node-role.kubernetes.io/master"
NODE_OS = "kubernetes.io/os"
"""Label that every kubelet gives to its node: ``linux`` or ``windows``."""
OLM_OWNER_NAMESPACE = "olm.owner.namespace"
REVISION = "controller-revision-hash"
"""Label that the controller of DaemonSets gives to pods and revisions."""
CONFIG_VERSION = "peer-pods-cm/version"
"""On CAA's pod template, from OSC 1.12 on: the resourceVersion of the ``peer-pods-cm`` that it is for."""
JOB_UID = "batch.kubernetes.io/controller-uid"
"""Label that a Job gives to its pods."""

# Lists of kinds at the API server; ``path`` leads to one namespace, and to one object.

NAMESPACES, NODES, PODS = "/api/v1/namespaces", "/api/v1/nodes", "/api/v1/pods"
CONFIG_MAPS, SECRETS, EVENTS = "/api/v1/configmaps", "/api/v1/secrets", "/api/v1/events"
DAEMON_SETS, DEPLOYMENTS = "/apis/apps/v1/daemonsets", "/apis/apps/v1/deployments"
REVISIONS = "/apis/apps/v1/controllerrevisions"
JOBS = "/apis/batch/v1/jobs"
DISRUPTION_BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
RUNTIME_CLASS_LIST = "/apis/node.k8s.io/v1/runtimeclasses"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KATA_CONFIGS = "/apis/kataconfiguration.openshift.io/v1/kataconfigs"
_TRUSTEE_KINDS = "/apis/confidentialcontainers.org/v1alpha1"
KBS_CONFIGS, TRUSTEE_CONFIGS = f"{_TRUSTEE_KINDS}/kbsconfigs", f"{_TRUSTEE_KINDS}/trusteeconfigs"
PEER_PODS, PEER_POD_CONFIGS = f"{_TRUSTEE_KINDS}/peerpods", f"{_TRUSTEE_KINDS}/peerpodconfigs"
_MACHINES = "/apis/machineconfiguration.openshift.io/v1"
POOLS, MACHINE_CONFIGS = f"{_MACHINES}/machineconfigpools", f"{_MACHINES}/machineconfigs"
CONTAINER_RUNTIME_CONFIGS = f"{_MACHINES}/containerruntimeconfigs"
_OLM = "/apis/operators.coreos.com"
OPERATORS, OPERATOR_GROUPS = f"{_OLM}/v1/operators", f"{_OLM}/v1/operatorgroups"
SUBSCRIPTIONS, CSVS = f"{_OLM}/v1alpha1/subscriptions", f"{_OLM}/v1alpha1/clusterserviceversions"
CATALOG_SOURCES, INSTALL_PLANS = f"{_OLM}/v1alpha1/catalogsources", f"{_OLM}/v1alpha1/installplans"
PACKAGE_MANIFESTS = "/apis/packages.operators.coreos.com/v1/packagemanifests"
ROUTES = "/apis/route.openshift.io/v1/routes"
CREDENTIALS_REQUESTS = "/apis/cloudcredential.openshift.io/v1/credentialsrequests"
SECURITY_CONTEXT_CONSTRAINTS = "/apis/security.openshift.io/v1/securitycontextconstraints"
_RBAC, _WEBHOOKS = "/apis/rbac.authorization.k8s.io/v1", "/apis/admissionregistration.k8s.io/v1"
CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS = f"{_RBAC}/clusterroles", f"{_RBAC}/clusterrolebindings"
VALIDATING_WEBHOOKS = f"{_WEBHOOKS}/validatingwebhookconfigurations"
MUTATING_WEBHOOKS = f"{_WEBHOOKS}/mutatingwebhookconfigurations"
ADMISSION = _WEBHOOKS
"""The group, whose answer lists its kinds."""
ADMISSION_POLICIES = f"{_WEBHOOKS}/validatingadmissionpolicies"
ADMISSION_BINDINGS = f"{_WEBHOOKS}/validatingadmissionpolicybindings"
_CONFIG = "/apis/config.openshift.io/v1"
CLUSTER_VERSION = f"{_CONFIG}/clusterversions/version"
INFRASTRUCTURE, INGRESS = f"{_CONFIG}/infrastructures/cluster", f"{_CONFIG}/ingresses/cluster"
IMAGE_MIRRORS, TAG_MIRRORS = f"{_CONFIG}/imagedigestmirrorsets", f"{_CONFIG}/imagetagmirrorsets"
CONTENT_SOURCES = "/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies"
"""What both have taken the place of; clusters that were set up before OpenShift 4.13 may still have them."""
PROXY, OPERATOR_HUB = f"{_CONFIG}/proxies/cluster", f"{_CONFIG}/operatorhubs/cluster"
CLOUD_CREDENTIAL = "/apis/operator.openshift.io/v1/cloudcredentials/cluster"

CLOUD_CONF = f"/api/v1/namespaces/{CLOUD_CONTROLLER_NAMESPACE}/configmaps/cloud-conf"


def path(kind: str, name: str = "", *, namespace: str = "") -> str:
    """Return where the API server has the objects of a kind.

    Args:
        kind: the list of the kind in all namespaces, such as ``PODS``.
        name: of one object; empty: the list.
        namespace: the only one; empty: the kind has none, or all are meant.
    """
    version, _, plural = kind.rpartition("/")
    where = f"{version}/namespaces/{namespace}/{plural}" if namespace else kind
    return f"{where}/{name}" if name else where
