"""The profiles of Trustee by the type of their tokens, and the production policy of each, for tests of policies."""

import hashlib

from coco_azure.formats.policy import policies
from coco_azure.formats.policy.policies import Bindings, Variant
from coco_azure.versions.profiles import TRUSTEE as PROFILES
from coco_azure.versions.profiles import TrusteeProfile

__all__ = ["BOUND", "EAR", "PROFILES", "RESOURCE", "SIMPLE", "VERSIONS", "resource_policy"]

VERSIONS = tuple(PROFILES)
EAR = tuple(version for version, profile in PROFILES.items() if profile.token == "Ear")
SIMPLE = tuple(version for version, profile in PROFILES.items() if profile.token == "Simple")
RESOURCE = "default/kbsres1/key1"
DOCUMENTED_PCR8 = hashlib.sha256(b"documented pcr 8").hexdigest()
BOUND = Bindings(
    # The documented pod VM, and the real one of the verifier's test data, whose PCR 8 nobody has extended.
    secrets={DOCUMENTED_PCR8: (RESOURCE,), "00" * 32: (RESOURCE,)},
    shared=("default/security-policy/osc",),
)


def resource_policy(profile: TrusteeProfile, variant: Variant) -> str:
    """Return the resource policy; that of production gives the documented pod VMs the documented resource."""
    return policies.resource_policy(profile, variant, BOUND if variant == "production" else None)
