"""Every rule of the pack, in the order of the table in ``docs/policies.md``."""

from policies import confidentiality, judged, kbs, objects, pod_vms
from policies.model import Rule

RULES: tuple[Rule, ...] = (
    *kbs.RULES,
    *judged.RULES,
    *pod_vms.RULES,
    *objects.RULES,
    *confidentiality.RULES,
)
