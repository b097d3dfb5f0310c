"""Admission policies of the program's own: what the API server refuses to everybody (ValidatingAdmissionPolicy)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.admissionregistration import v1 as admission


def bound(
    name: str,
    title: str,
    specs: tuple[Mapping[str, Any], Mapping[str, Any]],
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> pulumi.Resource:
    """Register a policy and its binding, and return the binding: with it the policy holds.

    Args:
        name: prefix of the resources' names.
        title: name of both objects.
        specs: that of the policy, and that of the binding.
        after: what is there before; no value of it is used. A run that is refused there leaves the cluster as it is.
    """
    metadata: Any = {"name": title}
    policy_spec: Any = dict(specs[0])
    binding_spec: Any = dict(specs[1])
    policy = admission.ValidatingAdmissionPolicy(
        f"{name}-policy",
        metadata=metadata,
        spec=policy_spec,
        opts=ResourceOptions(parent=parent, depends_on=[*after]),
    )
    return admission.ValidatingAdmissionPolicyBinding(
        f"{name}-binding",
        metadata=metadata,
        spec=binding_spec,
        opts=ResourceOptions(parent=parent, depends_on=[policy, *after]),
    )
