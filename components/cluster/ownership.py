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

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient, Object, wait_for
from coco_azure.inventory.read_foreign import made_by_pulumi
from components.cluster.watching import in_thread

_PREFIX = "kubernetes:"
# OLM makes InstallPlans; the stack only approves them.
_NOT_OURS = ("InstallPlan",)
# components.peer_pods.kata_config decides what becomes of one that somebody else has made.
_DECIDED_BY_THE_PLAN = ("KataConfig",)
# Others hang on these, so that they are taken over as they are.
_KEPT = ("Namespace", "OperatorGroup", "Subscription")
_REPLACED_JOB = (
    "{name} runs again, with a new pod: that the provider calls a creation failed, due to immutable fields, is about "
    "the preview, which tries the new Job beside the one that the run deletes first. Nothing has failed"
)
_GONE_WITHIN = 60
"""Seconds of a deletion at most."""


class ForeignObjectError(Exception):
    """An object of this name exists, and this stack has not made it; the message has the remediation."""


def mark() -> str:
    """Return the mark of this stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def is_marked(obj: Object) -> bool:
    """Return whether this stack has made the object."""
    return bool(_annotations(obj).get(names.STACK) == mark())


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
        self.refusals_shown = False
        """Whether a preview that will fail has told already of what others have made."""
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
        if kind in _DECIDED_BY_THE_PLAN:
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
        if (path := _path(self._served, wanted)) is None:
            return
        if wanted["kind"] == "OperatorGroup" and not (self.refusals_shown and pulumi.runtime.is_dry_run()):
            self._alone(path, wanted)
        if (existing := client.get(path)) is None:
            return
        if not is_marked(existing):
            # A preview of a replacement comes here, too, with the object that is to go. An object of a stack from
            # before there were marks is seen by its field manager; the run itself deletes it first.
            # What the Cloud Credential Operator has given is taken back by the run (components.azure.credentials).
            minted = names.MINTED in (existing["metadata"].get("labels") or {})
            if pulumi.runtime.is_dry_run() and (self.refusals_shown or minted or made_by_pulumi(existing)):
                return
            raise ForeignObjectError(_refusal(args, existing))
        handed_over = wanted["kind"] not in _KEPT and not _written_by_stack(existing)
        if (wanted["kind"] == "Job" or handed_over) and not pulumi.runtime.is_dry_run():
            why = "was handed over" if handed_over else "is left of an interrupted run"
            pulumi.log.info(f"{args.name}: what is there {why}; it is deleted and made anew")
            _delete(client, path)
        elif wanted["kind"] == "Job" and pulumi.runtime.is_dry_run():
            pulumi.log.info(_REPLACED_JOB.format(name=args.name))

    def _alone(self, path: str, wanted: Mapping[str, Any]) -> None:
        """Refuse a second OperatorGroup in a namespace, whoever has made the first: OLM fails every CSV of both.

        Raises:
            ForeignObjectError: the namespace has one of another name.
        """
        folder, _, name = path.rpartition("/")
        others = [str(each["metadata"]["name"]) for each in self._client().items(folder)]
        if second := sorted(set(others) - {name}):
            raise ForeignObjectError(
                f"namespace {wanted['metadata']['namespace']} has OperatorGroup {', '.join(second)}. With a second one "
                "OLM fails every operator in it (TooManyOperatorGroups), so none was made. What works: "
                "coco-azure:preflight.mode enforce, and what the pre-flight then says of it"
            )

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
    return {**(annotations or {}), names.STACK: mark(), names.FIELD_MANAGER: _manager()}


def _manager() -> str:
    return f"pulumi-{mark().replace('/', '-')}"


def _path(served: Callable[[str, str], Mapping[str, Any] | None], wanted: Mapping[str, Any]) -> str | None:
    """Return the REST path of an object, or None where its name is not known yet or its kind is not served."""
    metadata = wanted.get("metadata")
    if not isinstance(metadata, Mapping):
        return None
    version, kind, name = wanted.get("apiVersion"), wanted.get("kind"), metadata.get("name")
    if not isinstance(version, str) or not isinstance(kind, str) or not isinstance(name, str):
        return None
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    if (path := served(base, kind)) is None:
        return None
    if not path["namespaced"]:
        return f"{base}/{path['name']}/{name}"
    namespace = metadata.get("namespace", "default")
    return f"{base}/namespaces/{namespace}/{path['name']}/{name}" if isinstance(namespace, str) else None


def _delete(client: ClusterClient, path: str) -> None:
    """Delete an object and wait until it is gone.

    What is in a Job of a killed run cannot be changed. In what a person has handed over, nothing may stay of what
    somebody else has written: an apply would keep it beside the stack's own.
    """
    client.delete(path)
    wait_for(client, path, lambda current: current is None, _GONE_WITHIN)


def _written_by_stack(obj: Object) -> bool:
    """Return whether a run of this stack has written an object; one that is handed over has only its mark."""
    managers = [each.get("manager") for each in obj["metadata"].get("managedFields") or ()]
    return _manager() in managers or made_by_pulumi(obj)


def _annotations(obj: Object) -> Mapping[str, Any]:
    return obj["metadata"].get("annotations") or {}


def _refusal(args: ResourceHookArgs, existing: Object) -> str:
    metadata, kind = existing["metadata"], (args.new_inputs or {}).get("kind", args.type)
    where = f" in namespace {metadata['namespace']}" if "namespace" in metadata else ""
    namespace = f" -n {metadata['namespace']}" if "namespace" in metadata else ""
    whose = _annotations(existing).get(names.STACK)
    owner = (
        f"it belongs to stack {whose}"
        if whose
        else f"it has no annotation {names.STACK}, so no stack of this program's"
    )
    plural, name = str(kind).lower(), metadata["name"]
    if names.MINTED in (metadata.get("labels") or {}):
        return _minted(name)
    message = (
        f"{kind} {name}{where} exists already, and this stack ({mark()}) has not made it: {owner}. Nothing of it was "
        "changed. "
    )
    if kind == "Namespace":
        # Neither way that other objects have: each ends with somebody's namespace deleted, now or at `pulumi destroy`.
        return (
            f"{message}Have an operator of the stack's installed into it as it is: "
            "`pulumi config set --path coco-azure:trustee.operator.createNamespace false` (or peerPods.operator); or "
            "name another one for the check: coco-azure:attestationCheck.namespace. Then run `pulumi up` again"
        )
    return (
        f"{message}If nobody needs it, hand it to this stack, which then makes it anew, and deletes it at "
        f"`pulumi destroy`: `oc annotate --overwrite {plural} {name}{namespace} {names.STACK}={mark()}`; or delete it: "
        f"`oc delete {plural} {name}{namespace}`. Then run `pulumi up` again"
    )


def _minted(name: str) -> str:
    """Return how to give up what another operator goes on writing: to take it over would mix two credentials."""
    credentials = f"{names.CREDENTIALS_REQUEST} -n {names.CREDENTIAL_OPERATOR_NAMESPACE}"
    return (
        f"Secret {name} holds credentials of the Cloud Credential Operator, and azure.credentials says others. The "
        "operator's request was taken back, and the Secret has not gone. Either see that both go: "
        f"`oc delete credentialsrequest {credentials}`, and run `pulumi up` again when `oc get secret {name} -n "
        f"{names.OSC_NAMESPACE}` finds none; or stay with the Cloud Credential Operator: "
        "`pulumi config rm --path coco-azure:azure.credentials`"
    )
