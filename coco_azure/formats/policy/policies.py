"""The policies that are deployed, for a version of Trustee and a variant: resource, attestation and Kata agent.

A policy is one Rego file: a judgement that is the same for all versions, followed by the parts that fit the version
(how claims and reference values are named and reached, which rules the broker reads) and by facts: constants that come
from the profile or from the user. Sources of each part: openshift/trustee, tags v0.3.0, v0.4.0, v1.0.0, v1.1.0, v1.2.0,
``attestation-service/src/token``, ``attestation-service/src/ear_token``, ``kbs/src/policy_engine``,
``deps/policy-engine``. Does not judge policies: ``policy_check`` does. The image policy is ``image_policy``'s.

A document is known by what a pod VM measures of it, PCR 8 of its vTPM. The token of every supported Trustee carries
that: ``tcb-status`` of Simple tokens (openshift/trustee v0.3.0, v0.4.0 ``attestation-service/src/token/simple.rs``),
and ``ear.veraison.annotated-evidence`` of an EAR token (v1.0.0 ``attestation-service/src/token/ear_broker.rs``;
v1.1.0, v1.2.0 ``attestation-service/src/ear_token/broker.rs``). Does not know settings:
``coco_azure.trust.secret_bindings`` does.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from coco_azure.formats import rego
from coco_azure.formats.images import image_reference
from coco_azure.formats.policy import agent_workload
from coco_azure.formats.policy.claims import SnpTcb
from coco_azure.formats.policy.policy_engine import Policy, PolicyError, PolicyFacts
from coco_azure.formats.workload.containers import Container
from coco_azure.versions.profiles import TrusteeProfile

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


def read_bindings(text: str, *, v1: bool) -> Bindings | None:
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


Variant = Literal["development", "production"]
"""``development`` keeps the chapter's intent and is permissive, ``production`` says no."""

PCRS = (3, 8, 9, 11, 12)
"""PCRs that are held to reference values: 8 is initdata's, the others are the pod VM image's."""
BOOT_PCRS = (4, 7)
"""PCRs that the firmware itself extends before a boot loader runs: with the boot loader (4), and with the state and the
keys of secure boot (7). They are the user's to demand, for their values depend on the machines, too."""

_LAST_PCR = 23
_NANOSECONDS = 1_000_000_000
_AGENT_HEAD = "package agent_policy\n"


def resource_policy(profile: TrusteeProfile, variant: Variant, bindings: Bindings | None = None) -> str:
    """Return the Rego that decides who may have a resource of KBS.

    Args:
        variant: in development every attested guest may have every resource.
        bindings: which document's pods may have which resource; production needs them, development has none.

    Raises:
        ValueError: production without bindings.
    """
    if variant == "production" and bindings is None:
        raise ValueError("a production resource policy needs bindings: without them each pod would get every secret")
    attesters = {"claims_of": dict(profile.claims), **(bindings.facts() if bindings is not None else {})}
    if profile.token == "Simple":  # noqa: S105 - a type of token
        if variant == "development":
            return rego.load("resource_policy_v1" if profile.rego_v1 else "resource_policy")
        parts = [_request(profile), "initdata_simple", "bound"]
        return _joined("resource_simple_production", parts, attesters)
    submodule = {"submodule": profile.submodule}
    if variant == "development":
        return _joined("resource_ear_development", [], submodule)
    parts = [_request(profile), "initdata_ear", "bound"]
    return _joined("resource_ear_production", parts, {**attesters, **submodule})


def attestation_policy(
    profile: TrusteeProfile,
    variant: Variant,
    *,
    pcrs: Sequence[int] = PCRS,
    expires: datetime | None = None,
    tcb: SnpTcb | None = None,
) -> str:
    """Return the Rego that decides which evidence is good.

    Args:
        profile: the version of Trustee that enforces it.
        variant: in production each PCR must be one of its reference values; in development a PCR without any may be
            anything.
        pcrs: the PCRs that are looked at. The chapter's policy (development with Simple tokens) looks at every claim.
        expires: when the reference values expire (UTC). Where RVPS does not leave out values that have expired, a
            production policy denies everybody from then on; None: it never does.
        tcb: the least security version numbers of an SNP machine's firmware that a production policy lets pass; None:
            ``SnpTcb``'s own.

    Raises:
        ValueError: no PCR, one twice, or one that a TPM does not have.
    """
    if not pcrs or len(set(pcrs)) != len(pcrs) or not all(0 <= pcr <= _LAST_PCR for pcr in pcrs):
        raise ValueError(f"PCRs {list(pcrs)}: needed are one or more different ones, each 0 to {_LAST_PCR}")
    if profile.token == "Simple" and variant == "development":  # noqa: S105 - a type of token
        return rego.load("attestation_policy_v1" if profile.rego_v1 else "attestation_policy")
    facts: dict[str, object] = {
        "claims_of": dict(profile.claims),
        "pcr_names": {
            tee: {f"pcr{pcr:02}": profile.reference_name(tee, pcr) for pcr in sorted(pcrs)} for tee in profile.claims
        },
    }
    # Only production asks for the TCB.
    production: list[str] = []
    if variant == "production":
        production = [f"tcb_{profile.token.lower()}", "tcb_snp", "any_time"]
        facts["snp_tcb_minimum"] = (tcb or SnpTcb()).numbers()
    if production and expires is not None and not profile.enforces_expiry:
        production[-1] = "in_time"
        facts["expires_ns"] = int(expires.timestamp()) * _NANOSECONDS
    return _joined(f"attestation_{variant}", ["azure_vtpm", *production, *_broker(profile)], facts)


def agent_policy(variant: Variant, images: Sequence[str] = (), *, workload: Sequence[Container] = ()) -> str:
    """Return the Rego that the Kata agent in a pod VM holds the host's requests to.

    It is the same for all versions: it compiles as Rego v0 (regorus 0.2, Kata 3.12 to 3.29) and as v1.

    Args:
        variant: ``development`` is the chapter's list, which allows every request; ``production`` lets a pod start, run
            and stop, and denies exec, logs, standard input and a change of the policy.
        images: images, repositories or registries that containers may come from; none means any image.
        workload: the containers that may run, and no others; none means any.

    Raises:
        ValueError: an entry of ``images`` cannot be held to; every such entry is named.
    """
    if variant == "development" and not images and not workload:
        return rego.load("agent_allow_all")
    facts: dict[str, object] = {}
    parts = ["agent_root"]
    if images:
        facts = image_reference.sort_images(images).facts
        parts.append("agent_images")
    if variant == "production":
        text = _followed(rego.load("agent_production"), [*parts, "agent_container", "agent_read_only"], facts)
        commands = any(container.commands for container in workload)
        if not commands:
            text += "\nkept := []\n"
        return _only(text, workload, ["agent_workload_exec"] if commands else []) if workload else text
    # The chapter's list needs no keywords; the parts that are added do, and imports stand at the beginning.
    text = rego.load("agent_allow_all").replace(_AGENT_HEAD, f"{_AGENT_HEAD}\nimport rego.v1\n", 1)
    text = _followed(text, parts, facts) + "\nCreateContainerRequest := false if denied\n"
    return _only(text, workload, ["agent_read_only"]) if workload else text


def _only(text: str, workload: Sequence[Container], more: Sequence[str]) -> str:
    parts = ["agent_workload", *more]
    constants = [f"{name} := {value}\n" for name, value in agent_workload.facts(workload).items()]
    lines = "\n".join([text, *(rego.load(f"parts/{part}") for part in parts), *constants]).splitlines()
    # User data has little room, and not every version compresses what goes there.
    short = [line.lstrip("\t") for line in lines if line and not line.lstrip("\t").startswith("#")]
    return "\n".join(short) + "\n"


def _broker(profile: TrusteeProfile) -> list[str]:
    """Return the parts that connect a judgement with what the version's token broker reads."""
    reference = "reference_function" if profile.reference_function else "reference_data"
    if profile.token == "Simple":  # noqa: S105 - a type of token
        return ["claims_flat", reference, "verdict_simple"]
    # The broker that answers for reference values (1.1) is also the one that reads the verdict from one object.
    verdict = ["verdict_ear", "verdict_ear_object"] if profile.reference_function else ["verdict_ear"]
    return ["claims_nested", reference, *verdict]


def _request(profile: TrusteeProfile) -> str:
    # KBS tells policies the plugin since 1.1, the version that also brought the function for reference values.
    return "request_plugin" if profile.reference_function else "request_path"


def _joined(judgement: str, parts: Sequence[str], facts: Mapping[str, object]) -> str:
    return _followed(rego.load(judgement), parts, facts)


def _followed(text: str, parts: Sequence[str], facts: Mapping[str, object]) -> str:
    constants = [f"{name} := {json.dumps(value, indent=2)}\n" for name, value in facts.items()]
    return "\n".join([text, *(rego.load(f"parts/{part}") for part in parts), *constants])
