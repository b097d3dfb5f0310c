"""What keeps pods of a stack from getting secrets of another stack's Trustee, by that one's proof report."""

from collections.abc import Mapping
from typing import Any

from settings import Settings
from trust import protocol
from trust.chain import Chain


def problems(stack: Settings, chain: Chain, proof: Mapping[str, Any] | None) -> list[str]:
    """Return what has to be changed in the other stack first, each with the command.

    Args:
        stack: the settings of the stack with the peer pods.
        chain: its chain.
        proof: the other stack's proof report; None where that is older than the report.
    """
    other = stack.trustee.stack
    if proof is None or other is None:
        return []
    found = protocol.problems(stack, chain, proof)
    environment, accepted = proof.get("environment"), proof.get("acceptedPcr8") or ()
    if stack.environment == "production" and environment != "production":
        found.append(
            f"environment is production, but the Trustee of {other} is one for {environment}, which hands secrets out "
            f"to much that production denies: pulumi config set --stack {other} coco-azure:environment production "
            "(or say that this is no production stack: pulumi config set coco-azure:environment development)"
        )
    if not accepted:
        return found  # it holds no pod to its initdata
    for name, pcr8 in chain.measured.items():
        if pcr8 not in accepted:
            found.append(
                f"the Trustee of {other} does not accept this stack's initdata ({name}), so it would deny such pods. "
                f"Have its PCR 8 accepted there first, beside those that are: pulumi config set --stack {other} --path "
                f"'coco-azure:trustee.referenceValues.alsoAccept[N]' {pcr8} (N: 0 for the first one, then 1, ...); "
                f"pulumi up --stack {other}"
            )
    return found
