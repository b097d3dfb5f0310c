"""Every rule of the pack, in the order of the table in ``docs/policies.md``."""

from policies import confidentiality, kbs, objects, pod_vms, trustee_policies
from policies.model import Rule

RULES: tuple[Rule, ...] = (
    *kbs.RULES,
    *trustee_policies.RULES,
    *pod_vms.RULES,
    *objects.RULES,
    *confidentiality.RULES,
)
