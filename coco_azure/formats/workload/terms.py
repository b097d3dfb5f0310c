"""The terms of a workload: what its pods need in their manifest, and what they are held to.

Nothing in it is secret. The stack exports the terms of each workload (output ``workloads``) and publishes them in the
namespaces that the settings name, so that a team needs no access to the stack.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter

from coco_azure.formats import one_line
from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.names import POD_VM_SIZE

OUTPUT = "workloads"
"""Stack output with the terms of every workload."""
PREVIOUS, REST = ".previous", ".json"
"""Ends of the keys of the ConfigMap that belong to one workload; a workload's name has no dot."""


class TermsError(ValueError):
    """A text holds no terms, or none of that workload; the message says what it was read from and what to do."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms of one workload.

    Attributes:
        annotation: pod annotation that holds initdata.
        initdata: the current initdata, encoded.
        previous: that of the last run, encoded, while it is still accepted; None where it is the same.
        size: VM size of a pod that asks for none.
        sizes: every VM size that a pod may ask for.
        secrets: resources (``default/SECRET/KEY``) that its pods may have; None where another stack has the Trustee and
            is too old to tell.
        sealed: sealed references to them, by the same paths; none where no key signs them.
        given: Secrets with sealed references that the stack itself makes, as ``namespace/name``.
        image_policy: the image policy that pod VMs fetch (JSON); None as with ``secrets``.
    """

    workload: str
    annotation: str
    initdata: str
    previous: str | None = None
    runtime_class: str
    size: str
    sizes: tuple[str, ...]
    secrets: tuple[str, ...] | None = None
    sealed: Mapping[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    image_policy: str | None = None

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every initdata that its pods may have."""
        return (self.initdata, *([self.previous] if self.previous is not None else []))


_TERMS = TypeAdapter(Terms)


def to_dict(terms: Terms) -> dict[str, Any]:
    """Return the terms as the stack exports them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(terms).items()}


def to_line(every: Sequence[Terms]) -> str:
    """Return the output ``workloads``."""
    sentence = f"for the manifests of {', '.join(each.workload for each in every)}: coco-azure workload prepare"
    return one_line.write(sentence, {each.workload: to_dict(each) for each in every})


def to_config_map(published: Sequence[Terms]) -> dict[str, str]:
    """Return the data of the ConfigMap with these terms.

    Of a workload ``shop`` it has ``shop``, the current initdata, ``shop.previous`` where there is one, and
    ``shop.json``, everything else.
    """
    data: dict[str, str] = {}
    for terms in published:
        rest = to_dict(terms)
        data[terms.workload] = rest.pop("initdata")
        if (previous := rest.pop("previous")) is not None:
            data[f"{terms.workload}{PREVIOUS}"] = previous
        data[f"{terms.workload}{REST}"] = json.dumps(rest, sort_keys=True)
    return data


def parse(text: str, source: str) -> dict[str, Terms]:
    """Return the terms that a text holds, by the workload's name.

    Args:
        text: the output ``workloads`` of the stack, or the published ConfigMap (YAML or JSON).
        source: where the text is from, for messages.

    Raises:
        TermsError: it holds something else.
    """
    try:
        line = one_line.read(text.strip())
        return from_output(yaml.safe_load(line) if isinstance(line, str) else line, source)
    except yaml.YAMLError as error:
        raise TermsError(_not_terms(source, error)) from None


def from_output(document: Any, source: str) -> dict[str, Terms]:
    """Return the terms of a document that has been read already; else as ``parse``."""
    try:
        every = map(_TERMS.validate_python, _entries(document))
        made = {each.workload: each for each in every}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TermsError(_not_terms(source, error)) from None
    if not made:
        raise TermsError(
            f"{source} has the terms of no workload; name one in the stack: pulumi config set --path "
            "'coco-azure:initdata.workloads.NAME.manifestFile' FILE, then pulumi up"
        )
    return made


def _not_terms(source: str, error: Exception) -> str:
    reason = "it has another form" if isinstance(error, TypeError | AttributeError) else " ".join(str(error).split())
    reason = f"it lacks {reason}" if isinstance(error, KeyError) else reason[:120]
    return (
        f"{source} has no terms of workloads ({reason}); needed is "
        "what `pulumi stack output workloads` prints, or `oc get configmap workload-initdata -o yaml`"
    )


def terms_of(terms: Mapping[str, Terms], workload: str | None, source: str) -> Terms:
    """Return the terms of one workload; without a name the only one's; raises TermsError where there is none."""
    names = ", ".join(sorted(terms))
    if workload is None:
        if len(terms) > 1:
            raise TermsError(f"{source} has several workloads ({names}); name one: --workload NAME")
        return next(iter(terms.values()))
    if workload not in terms:
        raise TermsError(
            f"{source} has no workload {workload} (workloads: {names}); name one of these, or add it to the stack: "
            f"pulumi config set --path 'coco-azure:initdata.workloads.{workload}.manifestFile' FILE, then pulumi up"
        )
    return terms[workload]


def _entries(document: Any) -> Iterator[Mapping[str, Any]]:
    if document.get("kind") != "ConfigMap":
        yield from document.values()
        return
    data = document["data"]
    for key, value in data.items():
        if key.endswith(REST):
            name = key.removesuffix(REST)
            yield {**json.loads(value), "initdata": data[name], "previous": data.get(f"{name}{PREVIOUS}")}


Object = Mapping[str, Any]
Initdata = Literal["current", "previous", "global", "unknown"]
Outcome = Literal["attested", "refused", "waiting"]


@dataclass(frozen=True, kw_only=True)
class PodState:
    """What is known of a peer pod.

    Attributes:
        node: its node; empty while it has none.
        vm: name of its VM in Azure; empty where cloud-api-adaptor has not said it.
        size: the VM size that it asked for, or that pods get that ask for none; empty where that is not known.
        workload: the workload whose initdata it has; empty for none.
        initdata: ``current`` or ``previous`` of that workload; ``global``: none of its own; ``unknown``: other ones,
            which are older or another stack's.
        outcome: ``attested``: its containers run, and their image policy came from KBS; ``refused``: KBS denied what
            was asked for last; ``waiting``: neither.
        reason: KBS's or the cluster's own words where it has not attested.
        secrets: what KBS's log says of each secret of the workload since the pod started.
    """

    namespace: str
    name: str
    node: str
    phase: str
    vm: str
    size: str
    workload: str
    initdata: Initdata
    outcome: Outcome
    reason: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it has attested with initdata that is accepted, and no secret of its own was denied."""
        accepted = self.initdata in ("current", "global")
        return accepted and self.outcome == "attested"


def judge(
    pod: Object, terms: Iterable[Terms], log: Sequence[KbsRequest], *, vm: str = "", events: Sequence[Object] = ()
) -> PodState:
    """Return the state of a pod.

    Args:
        terms: those of every workload.
        log: requests in KBS's log, the oldest first; it names no pod, so those of pods that start side by side are told
            of each of them.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    known = list(terms)
    workload, initdata = _initdata(annotations, known)
    own = next((each for each in known if each.workload == workload), None)
    since = datetime.fromisoformat(str(metadata["creationTimestamp"]))
    after = [request for request in log if request.time >= since]
    secrets = {path: text for path in (own.secrets or () if own else ()) if (text := _secret(path, after))}
    outcome, reason = _outcome(status, after, own, events)
    return PodState(
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        node=str(pod["spec"].get("nodeName") or ""),
        phase=str(status.get("phase") or "Pending"),
        vm=vm,
        size=str(annotations.get(POD_VM_SIZE) or (known[0].size if known else "")),
        workload=workload,
        initdata=initdata,
        outcome=outcome,
        reason=reason,
        secrets=secrets,
    )


def _initdata(annotations: Mapping[str, Any], terms: Sequence[Terms]) -> tuple[str, Initdata]:
    for each in terms:
        value = annotations.get(each.annotation)
        if value == each.initdata:
            return each.workload, "current"
        if value is not None and value == each.previous:
            return each.workload, "previous"
    has_own = any(str(name).endswith(".cc_init_data") for name in annotations)
    return "", "unknown" if has_own else "global"


def _secret(path: str, log: Sequence[KbsRequest]) -> str:
    request = next((each for each in reversed(log) if each.step == path), None)
    if request is None:
        return ""
    when = f"{request.time:%Y-%m-%dT%H:%M:%SZ}"
    return f"given at {when}" if request.granted else f"denied at {when}: {request.reason}"


def _outcome(
    status: Object, log: Sequence[KbsRequest], own: Terms | None, events: Sequence[Object]
) -> tuple[Outcome, str]:
    """Return how far the pod got.

    A pod VM fetches its image policy from KBS before it pulls an image, so a container that has started tells that KBS
    took the evidence. What KBS says of a secret counts where it is the workload's.
    """
    secrets = own.secrets or () if own is not None else ()
    last = next((each for each in reversed(log) if each.step in secrets), None)
    if last is not None and not last.granted:
        return "refused", f"{last.step}: {last.reason}"
    statuses = status.get("containerStatuses") or ()
    if any("running" in each["state"] or "terminated" in each["state"] for each in statuses if each.get("state")):
        return "attested", ""
    handshake = next((each for each in reversed(log) if each.step in ("auth", "attest")), None)
    if handshake is not None and not handshake.granted:
        return "refused", f"{handshake.step}: {handshake.reason}"
    waiting: Object = next(
        (each["state"]["waiting"] for each in statuses if "waiting" in (each.get("state") or {})), {}
    )
    warnings = [str(each.get("message", "")) for each in events if each.get("type") == "Warning"]
    return "waiting", str(waiting.get("message") or (warnings[-1] if warnings else "") or waiting.get("reason") or "")
