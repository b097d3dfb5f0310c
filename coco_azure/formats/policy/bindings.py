"""Which resources of KBS belong to which initdata document: what the production resource policy holds pods to.

A document is known by what a pod VM measures of it, PCR 8 of its vTPM. The token of every supported Trustee carries
that: ``tcb-status`` of Simple tokens (openshift/trustee v0.3.0, v0.4.0 ``attestation-service/src/token/simple.rs``),
and ``ear.veraison.annotated-evidence`` of an EAR token (v1.0.0 ``attestation-service/src/token/ear_broker.rs``;
v1.1.0, v1.2.0 ``attestation-service/src/ear_token/broker.rs``). Does not know settings:
``coco_azure.trust.secret_bindings`` does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure.formats.policy.policy_engine import Policy, PolicyError, PolicyFacts

SECRETS_OF, SHARED = "secrets_of", "shared"
"""Constants of the policy's text that hold the bindings."""


@dataclass(frozen=True, kw_only=True)
class Bindings:
    """Resources, as paths ``default/SECRET/KEY``.

    Attributes:
        secrets: resources by PCR 8 (hexadecimal) of the document whose pods may have them. Every PCR 8 that is accepted
            is in it, with an empty tuple where it may have none; a PCR 8 that is not in it may have nothing at all.
        shared: resources that pods of each of these documents may have: what they need before any secret.
        titles: what a document is called in messages, by PCR 8.
    """

    secrets: Mapping[str, tuple[str, ...]]
    shared: tuple[str, ...]
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, pcr8: str) -> str:
        """Return what people call the document with this PCR 8."""
        return self.titles.get(pcr8, f"PCR 8 {pcr8}")

    def pairs(self) -> Iterator[tuple[str, str, bool]]:
        """Yield each PCR 8 with each bound resource, and whether it may have it."""
        every = sorted({path for paths in self.secrets.values() for path in paths})
        for pcr8, own in self.secrets.items():
            for path in every:
                yield pcr8, path, path in own

    def one(self) -> tuple[str, str] | None:
        """Return a PCR 8 with a resource that it may have, one of its own where any has one; None without any."""
        own = next(((pcr8, paths[0]) for pcr8, paths in self.secrets.items() if paths), None)
        if own is None and self.shared:
            own = next(((pcr8, self.shared[0]) for pcr8 in self.secrets), None)
        return own

    def of_first(self, pcr8: Sequence[str]) -> str | None:
        """Return a resource that the first of these documents may have; None where it may have nothing, or is none."""
        if not pcr8 or pcr8[0] not in self.secrets:
            return None
        return next(iter((*self.secrets[pcr8[0]], *self.shared)), None)

    def facts(self) -> dict[str, Any]:
        """Return the constants of the policy, in an order that does not depend on that of the settings."""
        return {
            SECRETS_OF: {pcr8: sorted(paths) for pcr8, paths in sorted(self.secrets.items())},
            SHARED: sorted(self.shared),
        }


def read(text: str, *, v1: bool) -> Bindings | None:
    """Return the bindings that stand in a resource policy of this program's; None of a policy that has none.

    Raises:
        PolicyError: it does not compile.
    """
    policy, nothing = Policy(text, v1=v1), PolicyFacts(data={})
    try:
        secrets, shared = (policy.value(f"policy.{name}", {}, nothing) for name in (SECRETS_OF, SHARED))
    except PolicyError:
        return None
    if not isinstance(secrets, Mapping) or not isinstance(shared, list):
        return None
    return Bindings(secrets={pcr8: tuple(paths) for pcr8, paths in secrets.items()}, shared=tuple(shared))
