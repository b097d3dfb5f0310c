"""The hold of CAA's pods: who restarts them is the stack, node by node, and not the DaemonSet's controller.

CAA reads ``peer-pods-cm`` when its container starts, and keeps the connections to pod VMs in memory: a node whose CAA
restarts loses its peer pods (openshift/sandboxed-containers-operator pull requests 1917 and 1950). From OSC 1.12 on the
operator changes the DaemonSet's template whenever the ConfigMap changes, and writes its update strategy at every
reconcile (``controllers/peerpods.go`` at 00b58ece), so that nothing which is set on the DaemonSet itself could stop the
roll-out. An admission policy does: it refuses to the controller, and to nobody else, to delete one of these pods.
What a later operator does with ``caaUpdateStrategy: OnDelete`` comes to the same.
"""

from typing import Any

from coco_azure import names

CONTROLLER = "system:serviceaccount:kube-system:daemon-set-controller"
"""The controller's user, as on OpenShift, where each controller has one of its own (``use-service-account-credentials``
of the kube-controller-manager)."""


def policy(stack: str) -> dict[str, Any]:
    """Return the spec of the ValidatingAdmissionPolicy; pods that have failed pass, for they serve no peer pod."""
    message = (
        f"pulumi up of stack {stack} restarts CAA, node by node and without losing peer pods "
        "(coco-azure:peerPods.caaRestart); by hand, once a node has none: "
        f"oc -n {names.OSC_NAMESPACE} delete pod NAME"
    )
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["pods"]}
    return {
        "failurePolicy": "Ignore",
        "matchConstraints": {
            "resourceRules": [rule],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": names.OSC_NAMESPACE}},
            "objectSelector": {"matchLabels": {"name": names.CAA}},
        },
        "matchConditions": [
            {"name": "the-controller-of-daemonsets", "expression": f"request.userInfo.username == '{CONTROLLER}'"}
        ],
        "validations": [
            {
                "expression": "has(oldObject.status.phase) && oldObject.status.phase in ['Failed', 'Succeeded']",
                "message": message,
                "reason": "Forbidden",
            }
        ],
    }


def binding(*, active: bool) -> dict[str, Any]:
    """Return the spec of the policy's binding; one that is not active only notes in the audit log what it would refuse.

    It is not taken away: the engine deletes what a program does not register any more last, and a roll-out that is
    still held would be waited for before (*seen*).
    """
    return {"policyName": names.CAA_HOLD, "validationActions": ["Deny" if active else "Audit"]}
