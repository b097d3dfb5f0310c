"""Restarts CAA on one node after another, without losing peer pods; see ``coco_azure.rollout.caa_restart``."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pulumi
from pulumi import Output, ResourceOptions

from coco_azure import names
from coco_azure.clients.kubernetes import ClusterClient
from coco_azure.rollout import caa_restart, guard
from coco_azure.rollout.caa_restart import CaaFacts, Mode, RestartStep
from coco_azure.rollout.diagnosis import caa
from coco_azure.settings.base import seconds
from components.cluster import admission, ownership
from components.cluster.watching import first_line, in_thread
from components.refusal import AWAY, asking

_DAEMON_SETS = names.path(names.DAEMON_SETS, namespace=names.OSC_NAMESPACE)
_DAEMON_SET = f"{_DAEMON_SETS}/{names.CAA}"
_REVISIONS = names.path(names.REVISIONS, namespace=names.OSC_NAMESPACE)
_OPERATORS = names.path(names.DEPLOYMENTS, namespace=names.OSC_NAMESPACE)
_PODS = names.path(names.PODS, namespace=names.OSC_NAMESPACE)
_CONFIG = names.path(names.CONFIG_MAPS, names.PEER_PODS_CM, namespace=names.OSC_NAMESPACE)
_WINDOW, _PAUSE = 5, 0.5
"""Seconds: of a watch, after which everything is looked at anew, and between two watches."""
_HELD_WITHIN = 30.0
_FOR_PEERS = ("wait", "cordon", "evict")
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class CaaHoldArgs:
    """What the hold is made on.

    Attributes:
        after: what is there before: a run that is refused there changes nothing.
    """

    client: ClusterClient
    after: Sequence[pulumi.Resource]
    active: bool


class CaaHold(pulumi.ComponentResource):
    """The policy that leaves the restart of CAA to the stack."""

    holding: Output[pulumi.Resource]
    """Its binding, once the API server goes by it; what CAA is restarted for is written behind it."""

    def __init__(self, name: str, args: CaaHoldArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("coco-azure:index:CaaHold", name, None, opts)
        specs = guard.hold_policy(ownership.mark()), guard.hold_binding(active=args.active)
        binding = admission.bound(name, names.CAA_HOLD, specs, args.after, self)

        async def held(_: str) -> pulumi.Resource:
            if args.active and not pulumi.runtime.is_dry_run():
                with asking("it is not known whether the policy that leaves CAA's restart to the stack holds"):
                    await in_thread(lambda: until_held(args.client))
            return binding

        self.holding = binding.urn.apply(held)
        self.register_outputs({})


def until_held(client: ClusterClient) -> None:
    """Return once the API server refuses to delete CAA's pods to the controller: it reads policies every second.

    Asked by a dry run. Whoever may not ask in another's name goes on at once.
    """
    deadline, pause = time.monotonic() + _HELD_WITHIN, threading.Event()
    while (pods := client.items(_PODS, labels=caa.POD_LABEL, content=False)) and time.monotonic() < deadline:
        if client.refusal_of_deletion(f"{_PODS}/{pods[0]['metadata']['name']}", guard.CONTROLLER):
            return
        pause.wait(_PAUSE)


@dataclass(frozen=True, kw_only=True)
class CaaRestart:
    """A restart of CAA on every node that needs one.

    Attributes:
        mode: what is done about peer pods.
        timeout: how long all of it may take, such as ``90m``.
        check: namespace of the stack's own check.
        stack: the running stack, ``PROJECT/STACK``.
        tell: takes each line of progress.
    """

    client: ClusterClient
    mode: Mode
    timeout: str
    check: str
    stack: str
    tell: Callable[[str], None]

    def facts(self) -> CaaFacts | None:
        """Return CAA as it is, or None where there is none; raises what ``ClusterClient`` raises."""
        daemon_set = self.client.get(_DAEMON_SET)
        if daemon_set is None:
            return None
        return caa_restart.read(
            daemon_set,
            self.client.items(_REVISIONS, labels=caa.POD_LABEL),
            self.client.items(names.PODS),
            self.client.items(names.NODES),
            self.client.get(_CONFIG),
            deployments=self.client.items(_OPERATORS),
            stack=self.stack,
            but=self.check,
        )

    def finish(self) -> None:
        """Restart what others have left, where no peer pod is in the way, and tell of the rest: nobody asked for it.

        From OSC 1.12 on whoever writes into ``peer-pods-cm`` makes the operator change the DaemonSet.
        """
        facts = None
        with suppress(*AWAY):
            facts = self.facts()
        if facts is not None and (facts.outdated_nodes or facts.cordoned or facts.pods_off_pool):
            self.run(patient=False)

    def run(self, *, patient: bool = True) -> None:
        """Return once every CAA has read what it is to read, and is ready; unless ``patient``, but for busy nodes.

        Raises:
            RuntimeError: it takes longer than ``timeout``; the next run goes on with the nodes that are left.
        """
        deadline, pause = time.monotonic() + seconds(self.timeout), threading.Event()
        text = refusal = ""
        try:
            while (facts := self._patiently(deadline)) and (step := caa_restart.next_step(facts, self.mode)):
                if not patient and step.action in _FOR_PEERS:
                    self.tell(caa_restart.left_alone(facts))
                    return
                if text != (text := caa_restart.progress(step, facts)):
                    self.tell(text)
                if time.monotonic() > deadline:
                    raise RuntimeError(self._too_long(facts, step, refusal))
                try:
                    refusal = self._take(step)
                except AWAY as error:
                    refusal = first_line(error)
                pause.wait(_PAUSE)
        finally:
            with suppress(*AWAY):
                self._open()

    def _patiently(self, deadline: float) -> CaaFacts | None:
        """Return CAA as it is; an API server that is away for a while is asked again."""
        while True:
            try:
                return self.facts()
            except AWAY as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"CAA cannot be restarted: {first_line(error)}") from error
                threading.Event().wait(_PAUSE)

    def _take(self, step: RestartStep) -> str:
        """Take a step, and return what has refused it; empty: nothing."""
        node = f"{names.NODES}/{step.node}"
        if step.action == "restart":
            self.client.delete(f"{_PODS}/{step.pod}")
        elif step.action == "cordon":
            mark = {"annotations": {names.CORDONED: self.stack}}
            self.client.patch(node, {"metadata": mark, "spec": {"unschedulable": True}})
        elif step.action == "uncordon":
            self._uncordon(step.node)
        elif step.action == "evict":
            refusals = [
                f"{peer.title}: {reason}"
                for peer in step.peers
                if not peer.going and (reason := self.client.evict(peer.namespace, peer.name))
            ]
            self._await_peer(step)
            return "; ".join(refusals)
        elif step.action == "wait":
            self._await_peer(step)
        else:
            self._await_caa()
        return ""

    def _await_peer(self, step: RestartStep) -> None:
        """Return when a peer pod has gone, or after the window."""
        peer = step.peers[0]
        for kind, pod in self.client.changes(names.path(names.PODS, namespace=peer.namespace), peer.name, _WINDOW):
            if kind == "DELETED" or (pod.get("status") or {}).get("phase") in _ENDED:
                return

    def _await_caa(self) -> None:
        """Return at the next change of the DaemonSet, whose status counts its pods, or after the window."""
        for number, _ in enumerate(self.client.changes(_DAEMON_SETS, names.CAA, _WINDOW)):
            if number:
                return

    def _uncordon(self, node: str) -> None:
        unmarked = {"annotations": {names.CORDONED: None}}
        self.client.patch(f"{names.NODES}/{node}", {"metadata": unmarked, "spec": {"unschedulable": None}})

    def _open(self) -> None:
        """Leave no node closed, however it ends."""
        for node in self.client.items(names.NODES):
            if (node["metadata"].get("annotations") or {}).get(names.CORDONED) == self.stack:
                self._uncordon(str(node["metadata"]["name"]))

    def _too_long(self, facts: CaaFacts, step: RestartStep, refusal: str) -> str:
        setting = f"coco-azure:peerPods.kataConfig.timeout ({self.timeout})"
        if step.action not in _FOR_PEERS:
            problems = caa.problems(self.client.get(_DAEMON_SET), self.client.items(_PODS, labels=caa.POD_LABEL))
            return "\n".join([*problems, f"CAA is not ready on every node within {setting}; `pulumi up` goes on"])
        return caa_restart.too_long(facts, self.mode, setting, refusal)
