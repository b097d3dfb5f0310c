"""Whether the operators will have credentials for Azure.

The operator takes a ``peer-pods-secret`` of the user's as it is, and refuses to build the pod VM image where a key is
missing or empty (sandboxed-containers-operator ``controllers/image_generator.go`` validatePeerPodsConfigs at d0632e58).
Without one it asks the Cloud Credential Operator (CCO) once KataConfig is there; a CCO in manual mode answers nobody,
and one that passes its root credential on needs it (openshift/enhancements "Azure Mint Mode removal").
A Secret that is not there yet is no problem, therefore, as long as somebody will make it.
"""

from collections.abc import Iterator
from functools import partial

from coco_azure import names
from coco_azure.inventory.cluster_facts import ClusterFacts, CredentialsSecret
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding

_KEYS = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID")
_PASSWORD, _TOKEN = "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"
_SECRET = f"{names.OSC_NAMESPACE}/{names.PEER_PODS_SECRET}"
_REQUEST = f"-n {names.CREDENTIAL_OPERATOR_NAMESPACE} get credentialsrequest {names.CREDENTIALS_REQUEST}"
_SET = (
    "pulumi config set --path coco-azure:azure.credentials.servicePrincipal.clientId CLIENT_ID\n"
    "pulumi config set --secret --path coco-azure:azure.credentials.servicePrincipal.clientSecret"
)

_finding = partial(Finding, check="credentials")


def problems(facts: ClusterFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with ``peer-pods-secret`` or with who makes it (check ``credentials``)."""
    if requirements.azure.credentials.source != "cloudCredentialOperator":
        return  # the stack makes the Secret, and its settings are never blank
    if facts.secret is not None:
        yield from _incomplete(facts.secret)
    elif facts.secret_known and not facts.source_exists:
        yield from _nobody(facts)


def _incomplete(secret: CredentialsSecret) -> Iterator[Finding]:
    missing = [key for key in _KEYS if key not in secret.filled]
    if not secret.filled & {_PASSWORD, _TOKEN}:
        missing.append(_PASSWORD)
    if not missing:
        return
    parts = [f"{key} is {'blank' if key in secret.blank else 'missing'}" for key in missing]
    yield _finding(
        # What the operator makes of CCO's, it makes anew as CCO goes on.
        level="warning" if secret.generated else "problem",
        found=f"Secret {_SECRET}: {', '.join(parts)}",
        needed=f"values for {', '.join(_KEYS)} and {_PASSWORD}: image job and cloud-api-adaptor sign in with them",
        fix=(
            f"oc {_REQUEST} -o yaml"
            if secret.generated
            else f"oc -n {names.OSC_NAMESPACE} delete secret {names.PEER_PODS_SECRET}, "
            f"and have the stack make it:\n{_SET}"
        ),
    )


def _nobody(facts: ClusterFacts) -> Iterator[Finding]:
    operator = facts.credential_operator
    if operator is None:
        return
    if operator.mode.lower() == "manual":
        yield _finding(
            level="problem",
            found=f"the Cloud Credential Operator is in manual mode, and there is no Secret {_SECRET}",
            needed="credentials for the operators; in this mode nobody makes them",
            fix=f"{_SET}\nor, with a managed identity: coco-azure:azure.credentials.workloadIdentity",
        )
    elif operator.root is False:
        yield _finding(
            level="problem",
            found=(
                "the Cloud Credential Operator has no root credential (Secret "
                f"{names.SYSTEM_NAMESPACE}/{names.ROOT_SECRET}), and "
                f"there is no Secret {_SECRET}"
            ),
            needed="credentials for the operators; without its root credential it makes none",
            fix=f"restore the root credential, or:\n{_SET}",
        )
    elif operator.mode.lower() == "mint":
        yield _finding(
            level="warning",
            found="the Cloud Credential Operator is in mode Mint, which Azure does not have any more",
            needed="mode Passthrough, or credentials of your own: else nobody may make any",
            fix=(
                "oc patch cloudcredential cluster --type merge -p "
                f'\'{{"spec":{{"credentialsMode":"Passthrough"}}}}\', or:\n{_SET}'
            ),
        )
