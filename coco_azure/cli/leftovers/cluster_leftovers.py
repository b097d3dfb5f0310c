"""What is left over in the cluster, and what a deletion there waits for."""

import shlex
import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from coco_azure import names
from coco_azure.cli import CommandError
from coco_azure.cli.leftovers import cluster_facts
from coco_azure.cli.leftovers.azure_leftovers import Alive, gallery_of
from coco_azure.cli.leftovers.cluster_facts import Facts, Object
from coco_azure.cli.leftovers.model import InTheWay, Leftover
from coco_azure.clients.kubernetes import Watches, wait_for
from coco_azure.inventory.cluster_reader import ClusterReader, Reads
from coco_azure.rollout.diagnosis import name_of

OSC, OLM = "the OSC operator", "OLM"
CHECK_LABEL = ("app", names.CHECK)
"""Label of the pod that the stack itself takes away before KataConfig."""
_ENDED = ("Succeeded", "Failed")
_TERMINATING = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
    "NamespaceFinalizersRemaining",
)


def alive(facts: Facts, *, gallery: str | None, own_image: str | None, shared: bool) -> Alive:
    """Return what uses things in Azure.

    Args:
        facts: what the cluster says.
        gallery: name of the gallery, where the user names it.
        own_image: image of the settings (``peerPods.imageId``): the user's, never left over.
        shared: whether the settings name another resource group than the cluster's own.
    """
    images: set[str | None] = {own_image}
    if facts.kata_configs and facts.config is not None:
        data, annotations = facts.config.get("data", {}), facts.config["metadata"].get("annotations") or {}
        images |= {data.get("AZURE_IMAGE_ID"), annotations.get("LATEST_IMAGE_ID")}
    gallery = gallery or facts.gallery or (gallery_of(facts.cluster_id) if facts.cluster_id else None)
    return Alive(
        gallery=gallery,
        kata_config=bool(facts.kata_configs),
        images=frozenset(image for image in images if image),
        pods=[name_of(pod) for pod in facts.pods if pod.get("status", {}).get("phase") not in _ENDED],
        building=facts.building,
        shared=shared,
    )


def left_over(facts: Facts) -> list[Leftover]:
    """Return what is left, in an order in which it can be removed."""
    return [*_of_kata_config(facts), *_of_olm(facts), *_of_packages(facts)]


def _of_kata_config(facts: Facts) -> Iterator[Leftover]:
    for node in facts.nodes:
        if (stack := (node["metadata"].get("annotations") or {}).get(names.CORDONED)) is not None:
            command = f"oc adm uncordon {name_of(node)}; oc annotate node {name_of(node)} {names.CORDONED}-"
            note = f"stack {stack} closed it to restart CAA; its next `pulumi up` opens it, too"
            yield _leftover("closed node", f"node/{name_of(node)}", "the stack", command, note)
    if facts.kata_configs:
        return
    for kind, name in facts.policies if not installed(facts, cluster_facts.PACKAGES[0]) else ():
        note = "an earlier stack's: what it is about is not there any more"
        yield _leftover("admission policy", f"{kind}/{name}", "the stack", f"oc delete {kind} {name}", note)
    for node in facts.nodes:
        if names.KATA_ROLE in node["metadata"].get("labels", {}):
            command = f"oc label node {name_of(node)} {names.KATA_ROLE}-"
            note = "the node leaves pool kata-oc and reboots"
            yield _leftover("label of a node", f"node/{name_of(node)}", OSC, command, note)
    for each, name in facts.of_kata_config:
        place = f" -n {each.namespace}" if each.namespace else ""
        yield _leftover(each.kind, f"{each.kind}/{name}", OSC, f"oc delete {each.kind} {name}{place}", each.note)


def _of_olm(facts: Facts) -> Iterator[Leftover]:
    for kind, name, namespace in facts.of_olm:
        if namespace not in facts.namespaces:
            yield _leftover(kind, f"{kind}/{name}", OLM, f"oc delete {kind} {shlex.quote(name)}")


def _of_packages(facts: Facts) -> Iterator[Leftover]:
    for package in cluster_facts.PACKAGES:
        if installed(facts, package):
            continue
        for csv in facts.csvs.get(package.namespace, ()):
            command = f"oc delete csv {name_of(csv)} -n {package.namespace}"
            note = "the operator runs on, and nothing keeps it up to date"
            yield _leftover("operator without a Subscription", f"csv/{name_of(csv)}", OLM, command, note)
        for crd in package.crds:
            if crd in facts.crds:
                yield _crd(crd, facts.crds[crd])
        for operator in operators_of(facts, package):
            note = "OLM makes it anew as long as a CRD has its label"
            yield _leftover("OLM's Operator", f"operator/{operator}", OLM, f"oc delete operator {operator}", note)


def operators_of(facts: Facts, package: cluster_facts.Package) -> list[str]:
    """Return the names of OLM's Operator objects of a package."""
    # OLM cuts the name, which is a label, to 63 characters.
    whole = f"{package.name}.{package.namespace}"
    return sorted(each for each in facts.operators if whole.startswith(each) and each.startswith(f"{package.name}."))


def _crd(name: str, objects: int) -> Leftover:
    note = f"with it go {objects} objects, which still exist" if objects else "no object of it exists"
    return _leftover("kind", f"crd/{name}", OLM, f"oc delete crd {name}", f"{note}; `--remove-crds` removes it, too")


def installed(facts: Facts, package: cluster_facts.Package) -> bool:
    """Return whether the operator is there on purpose: a Subscription says so."""
    return any(each.get("spec", {}).get("name") == package.name for each in facts.subscriptions[package.namespace])


def in_the_way(facts: Facts, *, before_destroy: bool = False) -> list[InTheWay]:
    """Return what deletions wait for, or would wait for with ``before_destroy``."""
    waits: list[InTheWay] = []
    for config in facts.kata_configs:
        going = "deletionTimestamp" in config["metadata"]
        if going or before_destroy:
            waits += _kata_pods(config, facts.pods, before_destroy=not going)
            waits += _nodes(config, facts)
    waits += map(_stuck, facts.stuck)
    waits += [each for namespace in facts.namespaces.values() for each in _namespace(namespace)]
    return waits


def _kata_pods(config: Object, pods: Sequence[Object], *, before_destroy: bool) -> Iterator[InTheWay]:
    word = "will wait" if before_destroy else "waits"
    for pod in pods:
        metadata = pod["metadata"]
        if before_destroy and metadata.get("labels", {}).get(CHECK_LABEL[0]) == CHECK_LABEL[1]:
            continue
        place = f"{metadata['namespace']}/{metadata['name']}"
        phase, runtime = pod.get("status", {}).get("phase", "Unknown"), pod["spec"]["runtimeClassName"]
        owner = next((each for each in metadata.get("ownerReferences", []) if each.get("controller")), None)
        why = f"{word} for pod {place} of RuntimeClass {runtime} ({phase})"
        if owner is not None and owner["kind"] != "Job":
            why += f", which {owner['kind']} {owner['name']} starts again: scale its owner to 0 first"
        command = f"oc delete pod {metadata['name']} -n {metadata['namespace']}"
        yield InTheWay(what=f"the deletion of KataConfig {name_of(config)}", why=why, remove=command)


def _nodes(config: Object, facts: Facts) -> Iterator[InTheWay]:
    what = f"the deletion of KataConfig {name_of(config)}"
    for node in facts.nodes:
        annotations = node["metadata"].get("annotations", {})
        if annotations.get(names.MACHINE_CONFIG_STATE) == "Degraded":
            reason = annotations.get(names.MACHINE_CONFIG_REASON) or "no reason given"
            why = f"waits for node {name_of(node)}, which is Degraded: {reason}"
            yield InTheWay(what=what, why=why, remove=f"oc describe node {name_of(node)}; oc describe mcp")
    for pool in facts.pools:
        if name_of(pool) in (names.WORKER_POOL, names.KATA_POOL) and pool.get("spec", {}).get("paused"):
            command = f"""oc patch mcp {name_of(pool)} --type merge -p '{{"spec":{{"paused":false}}}}'"""
            yield InTheWay(
                what=what, why=f"waits for MachineConfigPool {name_of(pool)}, which is paused", remove=command
            )


def _stuck(kbs_config: str) -> InTheWay:
    """Say what the operator does not: its finalizer looks for the Deployment that it has deleted (v0.3 to v1.2.1)."""
    change = """'{"metadata":{"finalizers":null}}'"""
    return InTheWay(
        what=f"the deletion of KbsConfig {kbs_config}",
        why="waits for ever for an operator that was interrupted: its Deployment is gone and its finalizer is not",
        remove=f"oc patch kbsconfig {kbs_config} -n {names.TRUSTEE_NAMESPACE} --type merge -p {change}",
    )


def _namespace(namespace: Object) -> Iterator[InTheWay]:
    if "deletionTimestamp" not in namespace["metadata"]:
        return
    for each in namespace.get("status", {}).get("conditions", []):
        if each["type"] in _TERMINATING and each["status"] == "True":
            name = name_of(namespace)
            command = f"oc get namespace {name} -o yaml"
            yield InTheWay(what=f"the deletion of namespace {name}", why=f"waits: {each['message']}", remove=command)


def _leftover(what: str, name: str, made_by: str, remove: str, note: str = "") -> Leftover:
    return Leftover(side="cluster", what=what, name=name, made_by=made_by, remove=remove, note=note, id=name)


_PATIENCE, _PAUSE = 30, 1.0
"""Seconds: of a wait at most, and between two tries."""


class Deletes(Watches, Protocol):
    """What is needed of a client of the API server."""

    def delete(self, path: str) -> None:
        """Delete an object; one that is not there is no error."""


def remove_crds(client: Deletes, facts: Facts, seconds: int = _PATIENCE) -> list[str]:
    """Delete the kinds of operators that are not installed, and their Operator objects; return what was deleted.

    The API server takes a kind away only after its objects, in its own time, so its end is waited for, for so many
    seconds at most. What is not gone by then is left over like everything else.

    Raises:
        CommandError: objects of such a kind exist, and would go with it.
    """
    gone = [
        package
        for package in cluster_facts.PACKAGES
        if not installed(facts, package) and not facts.csvs[package.namespace]
    ]
    if used := [crd for package in gone for crd in package.crds if facts.crds.get(crd)]:
        counts = ", ".join(f"{crd} ({facts.crds[crd]})" for crd in used)
        raise CommandError(f"objects of these kinds exist, and would be deleted with them: {counts}. Delete them first")
    paths = [path for package in gone for path in _paths(facts, package)]
    until = time.monotonic() + seconds
    for path in paths:
        client.delete(path)
        # In this order: OLM makes its Operator object anew as long as a kind has its label.
        wait_for(client, path, lambda current: current is None, until - time.monotonic())
    return [path.rsplit("/", 2)[1] + "/" + path.rsplit("/", 1)[1] for path in paths]


def read_afterwards(client: Reads, seconds: float = _PATIENCE) -> Facts:
    """Return the facts of a cluster after a removal; raises what the reader raises.

    While a kind is being taken away the API server may refuse to list it, for a moment, so it is asked again, for so
    many seconds at most.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return cluster_facts.read(ClusterReader(client))
        except Exception:
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


def _paths(facts: Facts, package: cluster_facts.Package) -> Iterator[str]:
    yield from (f"{names.CRDS}/{crd}" for crd in package.crds if crd in facts.crds)
    yield from (f"{names.OPERATORS}/{operator}" for operator in operators_of(facts, package))
