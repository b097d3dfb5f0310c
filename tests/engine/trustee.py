"""What tests ask of the Trustee of a stack, and of pods that want a secret of it."""

import base64
import copy
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coco_azure.formats.policy import policies
from coco_azure.versions.profiles import TRUSTEE, TrusteeProfile
from rehearsal.operators import olm_catalog
from rehearsal.rest import ApiError, ApiServer
from tests.engine.harness import Stack

NAMESPACE = "trustee-operator-system"
CHECKS = "coco-attestation-check"
OLM = f"/apis/operators.coreos.com/v1alpha1/namespaces/{NAMESPACE}"
CONFIG_MAPS = ("kbs-config-cm", "rvps-reference-values", "resource-policy", "attestation-policy")
_ADMISSION, _NOT_NOW = "/apis/admissionregistration.k8s.io/v1", "not-now"
_KINDS = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
_EXPIRES = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
_LOOK = 0.2


def attested(stack: Stack) -> bool:
    """Return what the stack says of the check."""
    return bool(stack.outputs()["attested"])


def config_maps(stack: Stack) -> dict[str, Any]:
    """Return the ConfigMaps that Trustee reads, by name."""
    result = stack.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps")["items"]
    return {each["metadata"]["name"]: each for each in result}


def versions(stack: Stack) -> dict[str, tuple[str, str]]:
    """Return which object each ConfigMap is, and in which version of it."""
    return {
        name: (item["metadata"]["uid"], item["metadata"]["resourceVersion"])
        for name, item in config_maps(stack).items()
    }


def identities(stack: Stack) -> dict[str, str]:
    """Return the uid of each ConfigMap: an object that was deleted and made anew has another one."""
    return {name: uid for name, (uid, _) in versions(stack).items()}


def secret(stack: Stack, name: str) -> dict[str, str]:
    """Return the entries of a Secret as text; none where there is no such Secret."""
    result = stack.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}") or {"data": {}}
    return {key: base64.b64decode(text).decode() for key, text in result["data"].items()}


def deployment(stack: Stack) -> Any:
    """Return the Deployment of KBS."""
    return stack.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/trustee-deployment")


def kbs_version(stack: Stack) -> str:
    """Return the version of KBS that is rolled out."""
    image = deployment(stack)["spec"]["template"]["spec"]["containers"][0]["image"]
    return str(image.rpartition(":")[2])


def roll_outs(stack: Stack) -> int:
    """Return how often KBS has been rolled out: the revision of its Deployment."""
    return int(deployment(stack)["metadata"]["annotations"]["deployment.kubernetes.io/revision"])


def accepted_pcr8(stack: Stack) -> list[str]:
    """Return the values of PCR 8 that RVPS has (Trustee 1.2)."""
    data = json.loads(config_maps(stack)["rvps-reference-values"]["data"]["reference_value"])
    return list(json.loads(base64.urlsafe_b64decode(data["snp_pcr08"]))["value"])


def csvs(stack: Stack) -> dict[str, str]:
    """Return the phase of each CSV of the Trustee operator."""
    result = stack.get(f"{OLM}/clusterserviceversions")["items"]
    return {each["metadata"]["name"]: each.get("status", {}).get("phase", "") for each in result}


def move(stack: Stack, package: olm_catalog.Package, newest: str) -> None:
    """Have the catalog offer the version from now on."""
    olm_catalog.move(ApiServer(stack.cluster.kubeconfig), package, newest)


def own_policies(stack: Stack, folder: Path, version: str) -> dict[str, str]:
    """Write policies of a user's own, for the evidence and the documents of a deployed stack; return their settings."""
    profile: TrusteeProfile = TRUSTEE[version]
    folder.mkdir(exist_ok=True)
    texts = {
        "resourcePolicyFile": config_maps(stack)["resource-policy"]["data"][profile.resource_policy_key],
        "attestationPolicyFile": policies.attestation_policy(
            profile, "production", pcrs=(3, 4, 7, 8, 9, 11, 12), expires=_EXPIRES
        ),
    }
    for name, text in texts.items():
        (folder / f"{name}.rego").write_text(f"# Written by hand.\n{text}")
    return {name: str(folder / f"{name}.rego") for name in texts}


def model(stack: Stack) -> Any:
    """Return a pod like that of the attestation check."""
    job = stack.get(f"/apis/batch/v1/namespaces/{CHECKS}/jobs/attestation-check")
    template = copy.deepcopy(job["spec"]["template"])
    annotations = dict(template["metadata"].get("annotations") or {})
    return {"metadata": {"annotations": annotations}, "spec": template["spec"]}


def outcome(stack: Stack, name: str, pod: Mapping[str, Any]) -> tuple[bool, str]:
    """Run the pod, and return whether it got its secret, and what was said of it."""
    pods = f"/api/v1/namespaces/{CHECKS}/pods"
    content = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(dict(pod))}
    content["metadata"]["name"] = name
    stack.api("POST", pods, content)
    try:
        return _ended(stack, f"{pods}/{name}")
    finally:
        # A pod of the runtime would block the deletion of KataConfig.
        stack.api("DELETE", f"{pods}/{name}")
        stack.wait_for(lambda: stack.get(f"{pods}/{name}") is None)


def _ended(stack: Stack, path: str) -> tuple[bool, str]:
    until = time.monotonic() + 60
    text = ""
    while time.monotonic() < until:
        statuses = stack.get(path).get("status", {}).get("containerStatuses") or [{}]
        state = statuses[0].get("state", {})
        if "terminated" in state:
            return state["terminated"]["exitCode"] == 0, str(state["terminated"].get("message"))
        text = str(state.get("waiting", {}).get("message", ""))
        if "PolicyDeny" in text or "Attest failed" in text or "attestation policy" in text.lower():
            return False, text
        time.sleep(_LOOK)
    raise AssertionError(f"no outcome: {text}")


def forbid_roll_outs(stack: Stack) -> None:
    """Have the API server let the stack delete no pod of CAA's; ``allow_roll_outs`` ends it."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["pods"]}
    refusal = {"expression": "request.userInfo.username != 'rehearsal-admin'", "message": "not now"}
    constraints = {"resourceRules": [rule], "objectSelector": {"matchLabels": {"name": "osc-caa-ds"}}}
    spec = {"failurePolicy": "Fail", "matchConstraints": constraints, "validations": [refusal]}
    binding = {"policyName": _NOT_NOW, "validationActions": ["Deny"]}
    for kind, content in zip(_KINDS, (spec, binding), strict=True):
        stack.api("POST", f"{_ADMISSION}/{kind}", {"metadata": {"name": _NOT_NOW}, "spec": content})
    stack.wait_for(lambda: _refuses(stack))


def allow_roll_outs(stack: Stack) -> None:
    """End what ``forbid_roll_outs`` began."""
    for kind in reversed(_KINDS):
        stack.api("DELETE", f"{_ADMISSION}/{kind}/{_NOT_NOW}")
    stack.wait_for(lambda: not _refuses(stack))


def _refuses(stack: Stack) -> bool:
    pods = "/api/v1/namespaces/openshift-sandboxed-containers-operator/pods"
    (pod, *_) = stack.get(f"{pods}?labelSelector=name%3Dosc-caa-ds")["items"]
    try:
        stack.api("DELETE", f"{pods}/{pod['metadata']['name']}?dryRun=All")
    except ApiError:
        return True
    return False
