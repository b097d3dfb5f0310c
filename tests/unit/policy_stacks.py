"""Stacks for the tests of the policy pack: what a run of the program registered, as the engine shows it to a pack."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coco_azure.settings.peer_pods import TICKET
from policies.model import Resource, Stack
from policies.rules import RULES
from tests.unit.recording import Recorder, Run, failed_program, revealed, run_program

BY_ID = {rule.id: rule for rule in RULES}
GOOD: dict[str, Any] = {
    "environment": "production",
    "clientSecrets": {"kbsres1": {"key1": "correct horse battery", "key2": "staple"}},
    "trustee": {
        "operator": {"version": "1.0.0"},
        "cluster": {"context": "trusted"},
        "referenceValues": {
            "expires": "2099-12-31",
            "measurementsFile": "rehearsal/pod_vm_image/measurements.json",
            "measurementsSignatureFile": "rehearsal/pod_vm_image/measurements.sig",
            "measurementsPublicKeyFile": "rehearsal/pod_vm_image/signing-key.pub",
        },
        "imageSignature": {
            "publicKeyFile": "rehearsal/kubelet/registry-keys/cosign.pub",
            "images": ["registry.access.redhat.com/ubi9"],
        },
    },
    "initdata": {"workloads": {"shop": {"allowedImages": ["registry.access.redhat.com/ubi9"], "secrets": ["kbsres1"]}}},
    "peerPods": {"operator": {"version": "1.11.0"}, "kataConfig": {"allowReboot": False}},
}
"""A production stack that breaks no rule."""


def merged(base: Any, over: Any) -> Any:
    """Return ``over`` laid over ``base``; None takes a key away."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    both = {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return {key: value for key, value in both.items() if value is not None}


def registered(config: Mapping[str, Any], osc: str = "1.11.0", trustee: str = "1.0.0") -> Stack:
    """Return the stack that the program makes of a configuration; its roll-out is approved with the ticket, once."""
    kata_config = config.get("peerPods", {}).get("kataConfig", {})
    if kata_config.get("allowReboot") is False:
        refused, _ = failed_program(config, Recorder(osc=osc, trustee=trustee))
        match = re.search(TICKET, refused)
        assert match is not None, refused
        config = merged(config, {"peerPods": {"kataConfig": {"allowReboot": match[0]}}})
    return of_run(run_program(config, Recorder(osc=osc, trustee=trustee)))


def of_run(run: Run) -> Stack:
    """Return what a run registered; the engine shows outputs of the stack to a pack like a resource's."""
    kind = "pulumi:pulumi:Stack"
    made = [Resource(kind=kind, name="outputs", urn=f"urn:pulumi:test::coco-azure::{kind}::outputs", props=run.exports)]
    for name, item in run.registrations.items():
        provider = item.request.provider.rsplit("::", 1)[0].rsplit("::", 1)[-1]
        known = run.registrations.get(provider)
        made.append(
            Resource(
                kind=item.request.type,
                name=name,
                urn=f"urn:pulumi:test::coco-azure::{item.request.type}::{name}",
                props=revealed(item.inputs),
                protect=item.request.protect,
                provider=None if known is None else (provider, revealed(known.inputs)),
            )
        )
    return Stack(made)


def broken(stack: Stack, config: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, list[str]]:
    """Return the messages of every rule that is broken, by its id."""
    values = {
        rule.id: [text for text, _ in rule.of_stack(stack, (config or {}).get(rule.id))] for rule in BY_ID.values()
    }
    return {name: messages for name, messages in values.items() if messages}


def changed(stack: Stack, name: str, **props: Any) -> Stack:
    """Return a stack in which one resource has other properties; None takes one away."""
    assert any(each.name == name for each in stack.resources), name
    return Stack(
        [replace(each, props=merged(each.props, props)) if each.name == name else each for each in stack.resources]
    )
