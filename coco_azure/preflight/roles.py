"""Whether the operators' identity may do what they do in Azure.

What they do stands in ``coco_azure.formats.azure_roles``. Azure RBAC adds up: an identity may do what one of its roles
allows without excepting it, at the role's scope and below (learn.microsoft.com, "Understand Azure role definitions").
Deny assignments are not known, so a group that Azure locks, such as that of an ARO cluster, may refuse all the same.
"""

import re
from collections.abc import Iterator, Sequence

from coco_azure.clients import arm_ids as arm
from coco_azure.formats.azure_roles import Need, needs
from coco_azure.inventory.azure_facts import AzureFacts, Grant
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding


def problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield the actions that no role gives, by scope; nothing where the stack assigns the roles itself."""
    if requirements.azure.roles != "check" or facts.grants is None:
        return
    for need in _needs(facts, requirements):
        missing = [action for action in need.actions if not allowed(facts.grants, action, need.scope)]
        if missing:
            yield _finding(facts, need, missing)
    image = requirements.peer_pods.image_id or ""
    if (action := _reading(image)) and not allowed(facts.grants, action, image):
        yield _unread(facts, image, action)


def allowed(grants: Sequence[Grant], action: str, scope: str) -> bool:
    """Return whether some role allows an action at a scope."""
    return any(
        arm.within(scope, grant.scope) and _named(grant.actions, action) and not _named(grant.not_actions, action)
        for grant in grants
    )


def _named(patterns: Sequence[str], action: str) -> bool:
    """Return whether a pattern names the action; ``*`` stands for any text, slashes included."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.IGNORECASE) for pattern in patterns
    )


def _needs(facts: AzureFacts, requirements: Requirements) -> Sequence[Need]:
    planned = requirements.azure.own_subnet
    own = f"{facts.vnet.id}/subnets/{planned.name}" if facts.vnet and planned else ""
    subnet = facts.subnet.id if facts.subnet else own
    image = requirements.peer_pods.image_id or ""
    return needs(facts.subscription, facts.resource_group, subnet, facts.pod_nsg_id, image)


def _reading(image_id: str) -> str:
    """Return the action by which a VM is made from an image; empty without one."""
    if not image_id:
        return ""
    gallery = "/galleries/" in image_id.lower()
    return "Microsoft.Compute/galleries/images/versions/read" if gallery else "Microsoft.Compute/images/read"


def _finding(facts: AzureFacts, need: Need, missing: Sequence[str]) -> Finding:
    some = f" (OpenShift sandboxed containers {need.since} and later)" if need.since else ""
    return Finding(
        check="roles",
        # Which version there will be, the check does not know.
        level="warning" if need.since else "problem",
        found=f"{_who(facts)} lacks at {_place(need.scope)}: {_grouped(missing)}; {_has(facts)}",
        needed=f"{need.why}{some}: role {need.role.name}, or one of your own with these actions",
        fix=(
            f"{_assign(facts, need.role.name, need.scope)}\n"
            "or have the stack do it: pulumi config set --path coco-azure:azure.roles assign"
        ),
    )


def _unread(facts: AzureFacts, image: str, action: str) -> Finding:
    return Finding(
        check="roles",
        level="problem",
        found=f"{_who(facts)} lacks at {_place(image)}: {_grouped([action])}; {_has(facts)}",
        needed="pod VMs start from your image: role Reader at its gallery, or one of your own with this action",
        fix=_assign(facts, "Reader", image.partition("/images/")[0] if "/galleries/" in image.lower() else image),
    )


def _place(scope: str) -> str:
    """Return a scope in words; the command beside it has the whole ARM id."""
    parts = scope.split("/")
    words = {"subscriptions": "the subscription", "resourceGroups": f"resource group {parts[-1]}"}
    return words.get(parts[-2], f"{parts[-2]} {'/'.join(parts[8::2])}")


def _grouped(actions: Sequence[str]) -> str:
    """Return actions in few words: those of one kind of resource together."""
    kinds: dict[str, list[str]] = {}
    for action in actions:
        kind, _, verb = action.removesuffix("/action").rpartition("/")
        kinds.setdefault(kind, []).append(f"{verb}/action" if action.endswith("/action") else verb)
    return "; ".join(f"{kind} ({', '.join(verbs)})" for kind, verbs in kinds.items())


def _who(facts: AzureFacts) -> str:
    return f"the operators' identity {facts.principal}" if facts.principal else "the operators' identity"


def _has(facts: AzureFacts) -> str:
    roles = sorted({grant.role for grant in facts.grants or ()})
    return f"it has {', '.join(roles)}" if roles else "it has no role at all"


def _assign(facts: AzureFacts, role: str, scope: str) -> str:
    return (
        f"az role assignment create --assignee-object-id {facts.principal or 'OBJECT_ID'} "
        f"--assignee-principal-type ServicePrincipal --role '{role}' --scope {scope}"
    )
