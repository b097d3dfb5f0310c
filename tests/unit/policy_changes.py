"""Changes of a stack, each of which breaks a rule of the policy pack."""

import base64
import gzip
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import tomli_w

from coco_azure.formats.policy import policies
from policies import reading
from policies.model import Resource, Stack
from tests.unit.policy_stacks import changed, merged

Change = Callable[[Stack], Stack]
WORKLOADS = "trust-chain-workload-initdata"
"""The Stash in which the program shows initdata of workloads."""


def kbs_toml(change: Mapping[str, Any]) -> Change:
    """Return what lays a change over KBS's configuration."""

    def apply(stack: Stack) -> Stack:
        config = stack.one("ConfigMap", "kbs-config-cm")
        assert config is not None
        document = merged(tomllib.loads(config.props["data"]["kbs-config.toml"]), change)
        return changed(stack, config.name, data={"kbs-config.toml": tomli_w.dumps(document)})

    return apply


def props(name: str, **props: Any) -> Change:
    return lambda stack: changed(stack, name, **props)


def peer_pods_cm(**data: str | None) -> Change:
    return props("peer-pods-cm", data=data)


def initdata(files: Mapping[str, str | None], *, compressed: bool = True) -> Change:
    """Return what gives peer-pods-cm another initdata document; a file that is None is taken away."""

    def apply(stack: Stack) -> Stack:
        config = stack.one("ConfigMap", "peer-pods-cm")
        assert config is not None
        encoded = _encoded(config.props["data"]["INITDATA"], files, compressed=compressed)
        return changed(stack, config.name, data={"INITDATA": encoded})

    return apply


def workload(files: Mapping[str, str | None]) -> Change:
    """Return what gives the workload another initdata document; a file that is None is taken away."""

    def apply(stack: Stack) -> Stack:
        (shown,) = (each for each in stack.resources if each.name == WORKLOADS)
        (name, annotation), *_ = shown.props["input"].items()
        values = {key: _encoded(encoded, files) for key, encoded in annotation.items()}
        return changed(stack, shown.name, input={name: values})

    return apply


def _encoded(encoded: str, files: Mapping[str, str | None], *, compressed: bool = True) -> str:
    data = merged(reading.initdata(encoded), files)
    raw = tomli_w.dumps({"algorithm": "sha384", "version": "0.1.0", "data": data}).encode()
    return base64.b64encode(gzip.compress(raw) if compressed else raw).decode()


def policy(*rules: str) -> dict[str, str | None]:
    """Return the project's own agent policy, with further rules, as a file of a document."""
    text = policies.agent_policy("production")
    for rule in rules:
        request = rule.split()[1]
        text = text.replace(f"default {request} := false", "")
    return {"policy.rego": "\n".join([text, *rules])}


def agent(*rules: str) -> Change:
    """Return what makes the agent policy the project's own, with further rules."""
    return initdata(policy(*rules))


def reference_values(edit: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Change:
    def apply(stack: Stack) -> Stack:
        config = stack.one("ConfigMap", "rvps-reference-values")
        assert config is not None
        ((key, text),) = config.props["data"].items()
        return changed(stack, config.name, data={key: json.dumps(edit(json.loads(text)))})

    return apply


def without(name: str) -> Change:
    return lambda stack: Stack([each for each in stack.resources if each.name != name])


def with_one(resource: Resource) -> Change:
    return lambda stack: Stack([*stack.resources, resource])


def same_cluster(stack: Stack) -> Stack:
    return Stack([replace(each, provider=("cluster", {})) for each in stack.resources])


def unprotected(stack: Stack) -> Stack:
    return Stack([replace(each, protect=False) for each in stack.resources])


def an_object(kind: str, name: str, namespace: str, **props: Any) -> Resource:
    metadata = {"name": name, "namespace": namespace}
    return Resource(kind=f"kubernetes:core/v1:{kind}", name="more", props={"metadata": metadata, **props})


def image_policy(**policy: Any) -> Change:
    text = json.dumps({"transports": {}, **policy})
    return props("trustee-content-security-policy", data={"osc": base64.b64encode(text.encode()).decode()})


def _stamp(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def expiring(days: int) -> Change:
    return reference_values(lambda values: [{**value, "expiration": _stamp(days)} for value in values])


def only(*ends: str) -> Change:
    return reference_values(lambda values: [value for value in values if value["name"].endswith(ends)])
