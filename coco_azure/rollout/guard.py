"""The guard of KataConfig in the cluster: an admission policy that refuses what reboots nodes and nobody has approved.

A ValidatingAdmissionPolicy (GA in Kubernetes 1.30, OpenShift 4.17). It holds for everybody, ``oc`` and ``pulumi destroy
--ignore-protect`` as well, and lets pass what leaves the spec as it is: finalizers, labels, annotations, status. An
annotation of KataConfig approves one change of it: the uid, and for a new spec its generation, are in the approval, so
that it is worth nothing afterwards, nor on another object. It is judged as it was before a request, which cannot bring
its own; and it is set by nobody but who may delete the policy's binding, and so might do without it anyhow.

Every field of the spec reboots nodes (openshift/sandboxed-containers-operator ``api/v1/kataconfig_types.go``, the same
four from OSC 1.9 to 1.13): an approval names all of them, both halves of the selector, and a field of a later version
may not change with it. What a spec means is compared, not its words: the operator writes the whole object for its
finalizer, with ``kataConfigPoolSelector: null`` where there was none (``addFinalizer``).

The policy has no parameter: with its last one that has a ConfigMap as such, an API server stops reading ConfigMaps for
policies until it is restarted (*seen*: kube-apiserver 1.36; k8s.io/apiserver ``policy_source.go``).

CAA reads ``peer-pods-cm`` when its container starts, and keeps the connections to pod VMs in memory: a node whose CAA
restarts loses its peer pods (openshift/sandboxed-containers-operator pull requests 1917 and 1950). From OSC 1.12 on the
operator changes the DaemonSet's template whenever the ConfigMap changes, and writes its update strategy at every
reconcile (``controllers/peerpods.go`` at 00b58ece), so that nothing which is set on the DaemonSet itself could stop the
roll-out. An admission policy does: it refuses to the controller, and to nobody else, to delete one of these pods.
What a later operator does with ``caaUpdateStrategy: OnDelete`` comes to the same.
"""

import json
from collections.abc import Mapping
from typing import Any

from coco_azure import names
from coco_azure.rollout.desired_kata_config import Applied, selected_labels
from coco_azure.rollout.facts import FoundKataConfig, RolloutFacts
from coco_azure.rollout.plan import Plan

Object = Mapping[str, Any]

POLICY, BINDING = f"{names.ADMISSION_POLICIES}/{names.GUARD}", f"{names.ADMISSION_BINDINGS}/{names.GUARD}"
MISSING = (
    "This cluster's API server has no ValidatingAdmissionPolicy (Kubernetes 1.30, OpenShift 4.17): what reboots nodes "
    "without approval is refused by this program and by the engine's protect, and not by the cluster. To say so once: "
    "pulumi config set --path 'coco-azure:peerPods.kataConfig.guard' false"
)
_SETTING = "coco-azure:peerPods.kataConfig.allowReboot"


def available(resources: Object | None) -> bool:
    """Return whether the API server has such policies, by its list of the group's resources."""
    served = {each["kind"] for each in (resources or {}).get("resources") or ()}
    return served >= set(names.ADMISSION_KINDS)


def approval(plan: Plan, facts: RolloutFacts) -> str:
    """Return what is approved with a plan; empty where it changes no KataConfig that is there."""
    kata_config = next(iter(facts.kata_configs), None)
    if kata_config is not None and plan.deletes:
        return deletion(kata_config)
    # One that reboots nothing, such as a selector of other words for the same nodes, is a change of the spec as well.
    return change(kata_config, plan.applied) if kata_config is not None and plan.in_place else ""


def deletion(kata_config: FoundKataConfig) -> str:
    """Return the approval to delete this KataConfig."""
    return f"delete {kata_config.uid}"


def change(kata_config: FoundKataConfig, applied: Applied) -> str:
    """Return the approval to give this KataConfig another spec, once."""
    labels = selected_labels(applied.pool_selector, linux_only=applied.linux_only)
    selected = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    fields = f"enablePeerPods=true logLevel={applied.log_level} checkNodeEligibility=false"
    return f"update {kata_config.uid} {kata_config.generation} {fields} {selected}"


def is_for(text: str, uid: str) -> bool:
    """Return whether an approval is for the object with this uid."""
    return uid in text.split(" ")


def policy(stack: str) -> dict[str, Any]:
    """Return the spec of the ValidatingAdmissionPolicy.

    With its CRD goes every KataConfig, and no policy is asked for them (*seen*: kube-apiserver 1.36), so the CRD is
    guarded, too. A dry run of an update passes: the preview of an approved change sends one.
    """
    rules = [
        {
            "apiGroups": ["kataconfiguration.openshift.io"],
            "apiVersions": ["*"],
            "operations": ["UPDATE", "DELETE"],
            "resources": ["kataconfigs"],
        },
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "apiVersions": ["*"],
            "operations": ["DELETE"],
            "resources": ["customresourcedefinitions"],
        },
    ]
    dry = "request.operation == 'UPDATE' && has(request.dryRun) && request.dryRun"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": [
            {"name": "kataconfig-or-its-kind", "expression": f"{_KATA_CONFIG} || oldObject.metadata.name == '{_CRD}'"},
            {"name": "not-the-dry-run-of-an-update", "expression": f"!({dry})"},
        ],
        "variables": [{"name": name, "expression": expression} for name, expression in _VARIABLES.items()],
        "validations": [
            {"expression": _APPROVED, "messageExpression": _message(stack), "reason": "Forbidden"},
            {"expression": _MAY_APPROVE, "message": _MAY_NOT, "reason": "Forbidden"},
        ],
    }


def binding(*, active: bool) -> dict[str, Any]:
    """Return the spec of the policy's binding; one that is not active only notes in the audit log what it would refuse.

    That is what ``allowReboot: true`` makes of it.
    """
    return {"policyName": names.GUARD, "validationActions": ["Deny" if active else "Audit"]}


_CRD = "kataconfigs.kataconfiguration.openshift.io"
_KATA_CONFIG = "request.resource.resource == 'kataconfigs'"
_UPDATE = "request.operation == 'UPDATE'"
_SELECTOR = "kataConfigPoolSelector"
_FIELDS: Mapping[str, str] = {"enablePeerPods": "false", "logLevel": "'info'", "checkNodeEligibility": "false"}
"""The fields beside the selector and what they are by default, in CEL."""


def _spec(obj: str) -> str:
    """Return the CEL expression of an object's spec, which may be missing or null."""
    return f"{obj}.?spec.orValue(null) == null ? {{}} : {obj}.spec"


def _fields(spec: str) -> str:
    """Return the CEL expression of the fields beside the selector, as an approval has them."""
    return " + ' ' + ".join(
        f"'{name}=' + string({spec}.?{name}.orValue({default}))" for name, default in _FIELDS.items()
    )


def _selected(spec: str) -> str:
    """Return the CEL expression of the selector: ``key=value`` for a label, ``key:operator:values`` for an expression.

    They come in any order.
    """
    selector = f"{spec}.{_SELECTOR}"
    values = "each.?values.orValue([]).map(value, string(value)).join('|')"
    return (
        f"{spec}.?{_SELECTOR}.orValue(null) == null ? [] : "
        f"{selector}.?matchLabels.orValue({{}}).map(key, key + '=' + {selector}.matchLabels[key]) + "
        f"{selector}.?matchExpressions.orValue([]).map(each, each.key + ':' + each.operator + ':' + {values})"
    )


def _same(left: str, right: str) -> str:
    """Return the CEL expression of whether two lists have the same items."""
    return f"{left}.all(each, each in {right}) && {right}.all(each, each in {left})"


_KNOWN = ", ".join(f"'{name}'" for name in (*_FIELDS, _SELECTOR))
_NOTHING = "[dyn(null), dyn(false), dyn(0), dyn(''), dyn([]), dyn({})]"
"""What an operator that knows a field writes where there was none."""
_VARIABLES: Mapping[str, str] = {
    "approved": f"oldObject.?metadata.?annotations[?'{names.APPROVED}'].orValue('')",
    "old": _spec("oldObject"),
    "new": _spec("object"),
    "fields": _fields("variables.new"),
    "selector": f"{_UPDATE} ? ({_selected('variables.new')}) : []",
    "selector_before": _selected("variables.old"),
    # Fields that this policy does not know, of a later version of the operator.
    "others_kept": (
        f"[variables.old, variables.new].all(spec, spec.all(key, key in [{_KNOWN}] || "
        "variables.old[?key].orValue(null) == variables.new[?key].orValue(null) || "
        f"(variables.old[?key].orValue(null) in {_NOTHING} && variables.new[?key].orValue(null) in {_NOTHING})))"
    ),
    # What an approval of the request begins with; the selector of an update follows.
    "asked": (
        f"{_UPDATE} ? 'update ' + oldObject.metadata.uid + ' ' + string(oldObject.metadata.generation) + ' ' + "
        "variables.fields + ' ' : 'delete ' + oldObject.metadata.uid"
    ),
    "selector_approved": (
        "variables.approved.startsWith(variables.asked) ? "
        "variables.approved.substring(size(variables.asked)).split(',').filter(label, label != '') : []"
    ),
}
_DELETION = "has(oldObject.metadata.deletionTimestamp) || variables.approved == variables.asked"
"""One that has begun is begun no second time."""
_KEPT = (
    f"variables.fields == ({_fields('variables.old')}) && {_same('variables.selector', 'variables.selector_before')}"
)
_ALLOWED = (
    f"variables.approved.startsWith(variables.asked) && {_same('variables.selector', 'variables.selector_approved')}"
)
_CHANGE = f"variables.others_kept && ({_KEPT} || {_ALLOWED})"
_APPROVED = f"{_UPDATE} ? ({_CHANGE}) : ({_DELETION})"
_MAY_APPROVE = (
    f"!({_UPDATE}) || object.?metadata.?annotations[?'{names.APPROVED}'].orValue('') in ['', variables.approved] || "
    "authorizer.group('admissionregistration.k8s.io').resource('validatingadmissionpolicybindings')"
    f".name('{names.GUARD}').check('delete').allowed()"
)
_MAY_NOT = (
    f"annotation {names.APPROVED} approves what reboots nodes; who sets it has to have the right to delete "
    f"ValidatingAdmissionPolicyBinding {names.GUARD}"
)


def _message(stack: str) -> str:
    """Return the CEL expression of the refusal: one line, as the API server wants it."""
    project, _, name = stack.partition("/")
    begin = f" is guarded by stack {name} of project {project}, and "
    end = (
        f". To approve, in that stack: pulumi config set --path '{_SETTING}' true, pulumi up, and this once more; for "
        "a change of its settings a ticket will do, which pulumi preview prints. Without the stack, for this once: "
        "oc annotate --overwrite "
    )
    return (
        f"({_KATA_CONFIG} ? 'KataConfig ' : 'CRD ') + oldObject.metadata.name + {json.dumps(begin)} + "
        f"({_UPDATE} ? 'another spec' : 'its deletion') + ' reboots nodes; approved: ' + "
        f"(variables.approved == '' ? 'nothing' : variables.approved) + {json.dumps(end)} + "
        f"({_KATA_CONFIG} ? 'kataconfig ' : 'crd ') + oldObject.metadata.name + \" {names.APPROVED}='\" + "
        "variables.asked + variables.selector.join(',') + \"'\""
    )


CONTROLLER = "system:serviceaccount:kube-system:daemon-set-controller"
"""The controller's user, as on OpenShift, where each controller has one of its own (``use-service-account-credentials``
of the kube-controller-manager)."""


def hold_policy(stack: str) -> dict[str, Any]:
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


def hold_binding(*, active: bool) -> dict[str, Any]:
    """Return the spec of the policy's binding; one that is not active only notes in the audit log what it would refuse.

    It is not taken away: the engine deletes what a program does not register any more last, and a roll-out that is
    still held would be waited for before (*seen*).
    """
    return {"policyName": names.CAA_HOLD, "validationActions": ["Deny" if active else "Audit"]}
