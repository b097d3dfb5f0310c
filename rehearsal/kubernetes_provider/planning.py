"""What a resource's inputs become, and what a change of them means (``provider.go``, ``Check`` and ``Diff``)."""

from collections.abc import Sequence

from pulumi.provider.experimental.provider import DiffResponse

from rehearsal.kubernetes_provider.cluster import Cluster
from rehearsal.kubernetes_provider.diff import detailed, replacing
from rehearsal.kubernetes_provider.errors import ProviderError
from rehearsal.kubernetes_provider.forced import forcing
from rehearsal.kubernetes_provider.normal import normalized, pruned
from rehearsal.kubernetes_provider.objects import (
    UNKNOWN,
    Gvk,
    Object,
    dig,
    is_patch,
    name,
    namespace,
    set_namespace,
    text,
)
from rehearsal.kubernetes_provider.properties import Properties, parse_checkpoint, plain, properties, with_secrets

_MANAGED_BY = "app.kubernetes.io/managed-by"


async def check(cluster: Cluster, token: str, olds: Properties, news: Properties) -> Properties:
    """Return the inputs to work with: normalized, and with a namespace.

    Args:
        cluster: the cluster.
        token: type token of the resource.
        olds: inputs of the state, if any.
        news: inputs of the program.

    Raises:
        ProviderError: the object has no name.
    """
    inputs = normalized(plain(news))
    if is_patch(token, text(inputs, "kind")) and not name(inputs):
        raise ProviderError("patch resources require the `.metadata.name` field to be set")
    if not _named(inputs):
        raise ProviderError(f"{token}: this stand-in gives no names of its own: set `.metadata.name`")
    if dig(plain(olds), "metadata", "labels", _MANAGED_BY) == "pulumi":
        _label(inputs)
    # An unknown namespace counts as none, and becomes the default: so it does in the real provider's previews.
    if cluster.namespace and not namespace(inputs) and await cluster.namespaced(Gvk.of_type(token)):
        set_namespace(inputs, cluster.namespace)
    return with_secrets(properties(inputs), news)


async def diff(
    cluster: Cluster, token: str, state: Properties, news: Properties, ignored: Sequence[str]
) -> DiffResponse:
    """Return what an update with the new inputs would change.

    Args:
        cluster: the cluster.
        token: type token of the resource.
        state: state of the resource.
        news: new inputs.
        ignored: paths of ``ignore_changes``.

    Raises:
        ValueError: a path of ``ignored`` cannot be read.
    """
    old_inputs, live = parse_checkpoint(state)
    inputs = normalized(plain(news))
    before = await _comparable(cluster, live, normalized(old_inputs), inputs)
    patterns = forcing(
        inputs,
        patch=is_patch(token, text(inputs, "kind")),
        mutable_config_maps=cluster.settings.mutable_config_maps,
        mutable_secrets=cluster.settings.mutable_secrets,
    )
    changes = detailed(before, inputs, patterns, ignored)
    replaces = replacing(changes)
    same_object = (name(inputs), namespace(inputs)) == (name(live), namespace(live))
    return DiffResponse(
        changes=bool(changes),
        replaces=replaces,
        # The new object would have the old one's name, so there cannot be both at a time.
        delete_before_replace=bool(replaces) and same_object,
        detailed_diff=changes,
    )


async def _comparable(cluster: Cluster, live: Object, old_inputs: Object, inputs: Object) -> Object:
    """Return the live object as far as the old inputs say something about it; brings namespaces into one form."""
    before = pruned(live, old_inputs)
    if await cluster.namespaced(Gvk.of(inputs)):
        for content in (before, inputs):
            set_namespace(content, namespace(content) or "default")
    else:
        for content in (before, inputs):
            set_namespace(content, "")
    if not before.get("apiVersion") and not before.get("kind"):
        before |= {"apiVersion": inputs.get("apiVersion"), "kind": inputs.get("kind")}
    before["metadata"].pop("resourceVersion", None)
    if name(inputs):
        before["metadata"]["name"] = name(live)
    return before


def _named(inputs: Object) -> bool:
    metadata = inputs.get("metadata")
    return bool(name(inputs)) or UNKNOWN in (metadata, dig(metadata, "name"))


def _label(inputs: Object) -> None:
    metadata = inputs.setdefault("metadata", {})
    if isinstance(metadata, dict) and isinstance(metadata.setdefault("labels", {}), dict):
        metadata["labels"][_MANAGED_BY] = "pulumi"
