"""The terms of a workload: what its pods need in their manifest, and what they are held to.

Nothing in it is secret. The stack exports the terms of each workload (output ``workloads``) and publishes them in the
namespaces that the settings name, so that a team needs no access to the stack.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml
from pydantic import TypeAdapter

from coco_azure.formats import one_line

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


def parse(text: str, place: str) -> dict[str, Terms]:
    """Return the terms that a text holds, by the workload's name.

    Args:
        text: the output ``workloads`` of the stack, or the published ConfigMap (YAML or JSON).
        place: where the text is from, for messages.

    Raises:
        TermsError: it holds something else.
    """
    try:
        line = one_line.read(text.strip())
        return from_output(yaml.safe_load(line) if isinstance(line, str) else line, place)
    except yaml.YAMLError as error:
        raise TermsError(_not_terms(place, error)) from None


def from_output(document: Any, place: str) -> dict[str, Terms]:
    """Return the terms of a document that has been read already; else as ``parse``."""
    try:
        every = map(_TERMS.validate_python, _entries(document))
        made = {each.workload: each for each in every}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TermsError(_not_terms(place, error)) from None
    if not made:
        raise TermsError(
            f"{place} has the terms of no workload; name one in the stack: pulumi config set --path "
            "'coco-azure:initdata.workloads.NAME.manifestFile' FILE, then pulumi up"
        )
    return made


def _not_terms(place: str, error: Exception) -> str:
    reason = "it has another form" if isinstance(error, TypeError | AttributeError) else " ".join(str(error).split())
    reason = f"it lacks {reason}" if isinstance(error, KeyError) else reason[:120]
    return (
        f"{place} has no terms of workloads ({reason}); needed is "
        "what `pulumi stack output workloads` prints, or `oc get configmap workload-initdata -o yaml`"
    )


def of(terms: Mapping[str, Terms], workload: str | None, place: str) -> Terms:
    """Return the terms of one workload; without a name the only one's; raises TermsError where there is none."""
    names = ", ".join(sorted(terms))
    if workload is None:
        if len(terms) > 1:
            raise TermsError(f"{place} has several workloads ({names}); name one: --workload NAME")
        return next(iter(terms.values()))
    if workload not in terms:
        raise TermsError(
            f"{place} has no workload {workload} (workloads: {names}); name one of these, or add it to the stack: "
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
