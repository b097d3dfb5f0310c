"""The admission policy that holds peer pods of a namespace to the initdata of its workloads.

Format: Kubernetes 1.30 ``admissionregistration.k8s.io/v1`` (OpenShift 4.17); the API server evaluates its expressions.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from coco_azure import names

_REMEDY = (
    "coco-azure workload prepare FILE --from terms.yaml writes it into the manifest, with oc get configmap "
    f"{names.WORKLOADS_CM} -o yaml > terms.yaml"
)


_PODS: Sequence[Mapping[str, Any]] = (
    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
)
_TEMPLATES: Sequence[Mapping[str, Any]] = (
    {
        "apiGroups": ["apps"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["deployments", "statefulsets", "daemonsets"],
    },
    {
        "apiGroups": ["batch"],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["jobs", "cronjobs"],
    },
)
# Without dyn() the API server would check each kind against the fields of the others, and warn in the policy's status.
_POD = (
    "dyn(object).kind == 'Pod' ? dyn(object) : dyn(object).kind == 'CronJob' ? "
    "dyn(object).spec.jobTemplate.spec.template : dyn(object).spec.template"
)


def policy(annotation: str, let_in: Mapping[str, Collection[str]]) -> dict[str, Any]:
    """Return the policy's spec.

    Each initdata stands in an expression of its own: one of more than 100,000 characters is no CEL.

    Args:
        annotation: pod annotation that holds initdata.
        let_in: the initdata that pods of each namespace may have, encoded.
    """
    values = sorted({value for each in let_in.values() for value in each})
    variables = {value: f"is{number}" for number, value in enumerate(values)}
    allowed = " || ".join(
        f"request.namespace == '{namespace}' && variables.{variables[value]}"
        for namespace, each in sorted(let_in.items())
        for value in sorted(set(each))
    )
    runtime_class = f"({_POD}).?spec.?runtimeClassName.orValue('')"
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [*_PODS, *_TEMPLATES]},
        "matchConditions": [{"name": "peer-pods", "expression": f"{runtime_class} == '{names.RUNTIME_CLASS}'"}],
        "variables": [
            {"name": "initdata", "expression": f"({_POD}).?metadata.?annotations[?'{annotation}'].orValue('')"},
            *(
                {"name": name, "expression": f"variables.initdata == {json.dumps(value)}"}
                for value, name in variables.items()
            ),
        ],
        "validations": [
            {
                "expression": "variables.initdata != ''",
                "message": f"peer pods without annotation {annotation} get no secret of their own; {_REMEDY}",
            },
            {
                "expression": f"variables.initdata == '' || {allowed}",
                "message": (
                    f"annotation {annotation} is neither the current nor the previous initdata of a workload of this "
                    f"namespace, so KBS gives its pods nothing; {_REMEDY}"
                ),
            },
        ],
    }


def bindings(namespaces: Sequence[str], *, refuse: bool) -> dict[str, Any]:
    """Return the spec of each binding, by its name.

    Pods are refused, or their makers warned, which are controllers mostly and show no warning. So whoever applies what
    has a pod template is warned, too, and never refused: a controller updates its own object, also one that is old.

    Args:
        namespaces: where it holds.
        refuse: whether pods are refused.
    """
    selected = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": sorted(namespaces)}

    def binding(rules: Sequence[Mapping[str, Any]], actions: Sequence[str]) -> dict[str, Any]:
        return {
            "policyName": names.WORKLOADS_POLICY,
            "matchResources": {
                "namespaceSelector": {"matchExpressions": [selected]},
                "resourceRules": list(rules),
            },
            "validationActions": list(actions),
        }

    return {
        names.WORKLOADS_POLICY: binding(_PODS, ["Deny"] if refuse else ["Warn", "Audit"]),
        f"{names.WORKLOADS_POLICY}-templates": binding(_TEMPLATES, ["Warn"]),
    }
