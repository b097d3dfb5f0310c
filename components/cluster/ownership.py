"""Whose an object is: a mark on every object that the stack makes, and the refusal to take over one without it.

A run that is killed between the API server's answer and the next write of the state leaves an object that the state
does not know. The next run meets it again. With the stack's own mark it is taken over, and the run goes on; without it
somebody else has made it, and the stack would change it now and delete it at ``destroy``.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import Output, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.cluster.client import ClusterClient, Object
from components.cluster.watching import in_thread
from rollout.facts import OWNER

FIELD_MANAGER = "pulumi.com/patchFieldManager"
"""Annotation that names the provider's field manager for an object (pulumi-kubernetes ``fieldManagerName``)."""

MINTED = "kataconfiguration.openshift.io/credentials-request-based"
"""Label of a Secret that the operator has made of what the Cloud Credential Operator gave it (sandboxed-containers-
operator ``credentials_controller.go``)."""

_PREFIX = "kubernetes:"
# OLM makes InstallPlans; the stack only approves them.
_NOT_OURS = ("InstallPlan",)
# components.peer_pods.kata_config decides what becomes of one that somebody else has made.
_LOOKED_FOR_ELSEWHERE = ("KataConfig",)
_GONE_WITHIN = 60


class ForeignObjectError(Exception):
    """An object of this name exists, and this stack has not made it; the message has the ways out."""


def mark() -> str:
    """Return the mark of this stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def is_marked(found: Object) -> bool:
    """Return whether this stack has made the object."""
    return bool(_annotations(found).get(OWNER) == mark())


class Ownership:
    """Marks the objects of one cluster; give ``transformation`` to the components whose resources are there."""

    def __init__(self, name: str, client: Callable[[], ClusterClient]) -> None:
        """Remember the cluster; it is asked only when an object is about to be created.

        Args:
            name: name of the hook, which is unique in a program.
            client: returns the client of the cluster.
        """
        self._name = name
        self._client = client
        self._hook: ResourceHook | None = None
        self._kinds: dict[tuple[str, str], Mapping[str, Any]] = {}

    def transformation(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        """Mark an object that the stack makes, and have it looked for before it is created.

        Patches and reads stay as they are: what they name is somebody else's.
        """
        kind = args.type_.rpartition(":")[2]
        ours = args.type_.startswith(_PREFIX) and "metadata" in args.props and kind not in _NOT_OURS
        if not ours or kind.endswith("Patch") or args.opts.id is not None:
            return None
        props: dict[str, Any] = {**args.props, "metadata": _marked(args.props["metadata"])}
        if kind in _LOOKED_FOR_ELSEWHERE:
            return pulumi.ResourceTransformationResult(props, args.opts)
        hooks = ResourceOptions(hooks=ResourceHookBinding(before_create=[self._before_create()]))
        return pulumi.ResourceTransformationResult(props, ResourceOptions.merge(args.opts, hooks))

    def _before_create(self) -> ResourceHook:
        if self._hook is None:
            options = ResourceHookOptions(on_dry_run=True)
            self._hook = ResourceHook(f"{self._name}-ownership", self._hooked, options)
        return self._hook

    async def _hooked(self, args: ResourceHookArgs) -> None:
        # Requests of many objects side by side, and none of them holds the program up.
        await in_thread(lambda: self._look(args))

    def _look(self, args: ResourceHookArgs) -> None:
        """Refuse to create an object that somebody else has made; it is looked at in previews, too.

        Raises:
            ForeignObjectError: it exists without this stack's mark.
        """
        wanted = args.new_inputs or {}
        client = self._client()
        if (path := _path(self._served, wanted)) is None or (found := client.get(path)) is None:
            return
        if not is_marked(found):
            # A preview of a replacement comes here, too, with the object that is to go. An object of a stack from
            # before there were marks is seen by its field manager; the run itself deletes it first.
            # What the Cloud Credential Operator has given is taken back by the run (components.azure.credentials).
            minted = MINTED in (found["metadata"].get("labels") or {})
            if pulumi.runtime.is_dry_run() and (minted or _made_by_pulumi(found)):
                return
            raise ForeignObjectError(_refusal(args, found))
        if wanted["kind"] == "Job" and not pulumi.runtime.is_dry_run():
            _delete(client, path, args.name)

    def _served(self, base: str, kind: str) -> Mapping[str, Any] | None:
        """Return the kind as the API server lists it; one that is not there yet is asked for again next time."""
        if (base, kind) not in self._kinds:
            listed = (self._client().get(base) or {}).get("resources", [])
            # A subresource has the same kind, and a slash in its name.
            self._kinds |= {(base, each["kind"]): each for each in listed if "/" not in each["name"]}
        return self._kinds.get((base, kind))


def _marked(metadata: Any) -> Any:
    """Return metadata with the mark, and with a field manager that is the same in every run.

    By itself the provider takes a manager at random for each object. A run that takes over what a killed one has left
    would then be in conflict with itself as soon as a value differs.
    """
    if isinstance(metadata, Output):
        return metadata.apply(_marked)
    if isinstance(metadata, ObjectMetaArgs):
        changed = copy.copy(metadata)
        changed.annotations = _with_mark(metadata.annotations)
        return changed
    return {**metadata, "annotations": _with_mark(metadata.get("annotations"))}


def _with_mark(annotations: Any) -> Any:
    if isinstance(annotations, Output):
        return annotations.apply(_with_mark)
    return {**(annotations or {}), OWNER: mark(), FIELD_MANAGER: f"pulumi-{mark().replace('/', '-')}"}


def _path(served: Callable[[str, str], Mapping[str, Any] | None], wanted: Mapping[str, Any]) -> str | None:
    """Return the REST path of an object, or None where its name is not known yet or its kind is not served."""
    metadata = wanted.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    version, kind, name = wanted.get("apiVersion"), wanted.get("kind"), metadata.get("name")
    if not isinstance(version, str) or not isinstance(kind, str) or not isinstance(name, str):
        return None
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if (found := served(base, kind)) is None:
        return None
    if not found["namespaced"]:
        return f"{base}/{found['name']}/{name}"
    namespace = metadata.get("namespace", "default")
    return f"{base}/namespaces/{namespace}/{found['name']}/{name}" if isinstance(namespace, str) else None


def _delete(client: ClusterClient, path: str, name: str) -> None:
    """Delete a Job that a killed run has left, and wait until it is gone: what is in a Job cannot be changed."""
    pulumi.log.info(f"{name}: an interrupted run has left its Job; it is deleted and made anew")
    client.delete(path)
    folder, _, title = path.rpartition("/")
    if client.get(path) is not None:
        next((kind for kind, _ in client.changes(folder, title, _GONE_WITHIN) if kind == "DELETED"), None)


def _made_by_pulumi(found: Object) -> bool:
    managers = [str(each.get("manager", "")) for each in found["metadata"].get("managedFields") or ()]
    return any(manager.startswith("pulumi-kubernetes") for manager in managers)


def _annotations(found: Object) -> Mapping[str, Any]:
    return found["metadata"].get("annotations") or {}


def _refusal(args: ResourceHookArgs, found: Object) -> str:
    metadata, kind = found["metadata"], (args.new_inputs or {}).get("kind", args.type)
    where = f" in namespace {metadata['namespace']}" if "namespace" in metadata else ""
    namespace = f" -n {metadata['namespace']}" if "namespace" in metadata else ""
    whose = _annotations(found).get(OWNER)
    owner = f"it belongs to stack {whose}" if whose else f"it has no annotation {OWNER}, so no stack of this program's"
    plural, name = str(kind).lower(), metadata["name"]
    if MINTED in (metadata.get("labels") or {}):
        return _minted(name)
    return (
        f"{kind} {name}{where} exists already, and this stack ({mark()}) has not made it: {owner}. Nothing of it was "
        "changed. Either delete it, if nobody needs it: "
        f"`oc delete {plural} {name}{namespace}`; or hand it to this stack, which then changes it, and deletes it at "
        f"`pulumi destroy`: `oc annotate --overwrite {plural} {name}{namespace} {OWNER}={mark()}`. Then run "
        "`pulumi up` again"
    )


def _minted(name: str) -> str:
    """Return how to give up what another operator goes on writing: to take it over would mix two credentials."""
    credentials = "openshift-sandboxed-containers-azure -n openshift-cloud-credential-operator"
    return (
        f"Secret {name} holds credentials of the Cloud Credential Operator, and azure.credentials says others. The "
        "operator's request was taken back, and the Secret has not gone. Either see that both go: "
        f"`oc delete credentialsrequest {credentials}`, and run `pulumi up` again when `oc get secret {name} -n "
        "openshift-sandboxed-containers-operator` finds none; or stay with the Cloud Credential Operator: "
        "`pulumi config rm --path coco-azure:azure.credentials`"
    )
