"""Capacity: what Azure says of whether it has machines left; it promises nothing, so this is never more than a warning.

Azure has no API that tells for ordinary VMs whether there are machines. Three give a hint. Restrictions of a size
(``coco_azure.preflight.sizes``) say that a subscription is shut out. Quota says what a subscription may have, not what
there is. Spot placement scores (``Microsoft.Compute/locations/{region}/placementScores/spot/generate``, 2025-06-05) say
how likely so many Spot VMs are to be placed, from the capacity that is left: ``High``, ``Medium``, ``Low``,
``RestrictedSkuNotAvailable`` or ``DataNotFoundOrStale``. The last is no word, and neither is an error: few identities
have the right to ask (role Compute Recommendations Role).
"""

from collections.abc import Iterator

from coco_azure.inventory.azure_facts import AzureFacts
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding

POOR_SCORES = {
    "low": "Low: little is left of it",
    "restrictedskunotavailable": "RestrictedSkuNotAvailable: none can be had now",
}
"""What a placement score comes to; other scores are no reason to worry, or none at all."""


def problems(facts: AzureFacts, wanted: Requirements) -> Iterator[Finding]:
    """Yield sizes of which Azure says that there are few or none."""
    offered = None if facts.sizes is None else {name.lower() for name in facts.sizes}
    for name in wanted.peer_pods.sizes:
        why = POOR_SCORES.get((facts.capacity or {}).get(name, ""))
        # Of a size that is not offered at all, coco_azure.preflight.sizes says enough.
        if why and (offered is None or name.lower() in offered):
            yield Finding(
                check="capacity",
                level="warning",
                found=f"spot placement score of {name} in {facts.region} is {why}",
                needed="machines that are free; pods of it may fail with AllocationFailed or SkuNotAvailable",
                fix=(
                    "add a second size to peerPods.instanceSizes, reserve capacity (az capacity reservation create), "
                    "or take another region"
                ),
            )
