"""``coco-azure workload status``: what became of each peer pod, also where exec and logs are denied.

Exit code: 0 each has attested with initdata that is accepted, 2 one has not, 1 it could not be told.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import click

from coco_azure import cli, names
from coco_azure.cli import CommandContext
from coco_azure.clients import cluster_access
from coco_azure.clients import kubernetes as cluster_client
from coco_azure.clients.kubernetes import ClusterClient, Object
from coco_azure.clients.pulumi_cli import EngineError
from coco_azure.formats.kbs import log
from coco_azure.formats.kbs.log import KbsRequest
from coco_azure.formats.workload import terms as formats
from coco_azure.formats.workload.terms import OUTPUT, PodState, Terms, TermsError
from coco_azure.inventory.cluster_reader import Unanswered
from coco_azure.settings import stack_config
from coco_azure.settings.cluster import ClusterSettings

_WAYS = "Name a stack (pulumi stack select, or --stack NAME), or read the terms from a file: --from FILE"


def read_terms(surroundings: CommandContext, stack: str | None, file: str | None) -> tuple[dict[str, Terms], str]:
    """Return the terms of every workload by its name, and where they are from.

    Args:
        stack: name of the stack; None: the selected one.
        file: file with them; None: the stack's outputs.

    Raises:
        click.ClickException: there are none; the message has the remediation.
    """
    try:
        if file is not None:
            return formats.parse(cli.read_file(file), file), file
        output = surroundings.engine(stack).outputs().get(OUTPUT)
        return formats.from_output(output or {}, f"the stack's output {OUTPUT}"), "the stack"
    except EngineError as error:
        raise click.ClickException(f"{error}. {_WAYS}") from error
    except TermsError as error:
        raise click.ClickException(str(error)) from error


_KBS_LABEL = "app=kbs"
_LINES = 20000
"""The latest of KBS's log, three or four of them for a secret."""
_OUTCOMES = {"attested": "attested", "refused": "KBS refused", "waiting": "not attested yet"}
_EPILOG = "Exit code: 0 each pod has attested with initdata that is accepted, 2 one has not, 1 cannot tell."


@dataclass(frozen=True, kw_only=True)
class _Clusters:
    """The cluster of the pods, and that of Trustee; None where another stack has it."""

    pods: ClusterSettings
    trustee: ClusterSettings | None


@click.command("status", epilog=_EPILOG)
@click.option("--namespace", "-n", help="Only pods of this namespace; default: all that can be listed.")
@click.option("--stack", help="Stack whose outputs have the terms; default: the selected one.")
@click.option("--from", "source", metavar="FILE", help="Terms from a file; the cluster is that of KUBECONFIG.")
@click.option("--kbs-log", metavar="FILE", help="KBS's log (oc logs), where Trustee's cluster cannot be asked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(surroundings: CommandContext, /, namespace: str | None, *, as_json: bool, **options: str | None) -> int:
    """Say of each peer pod: VM, size, initdata current or old, and whether KBS gave it its secrets."""
    stack, source, kbs_log = options["stack"], options["source"], options["kbs_log"]
    terms, _ = read_terms(surroundings, stack, source)
    clusters = _clusters(surroundings, stack, source)
    kbs_lines = None if kbs_log is None else cli.read_file(kbs_log).splitlines()
    try:
        states, note = _states(clusters, list(terms.values()), namespace, kbs_lines)
    except Exception as error:  # three libraries raise their own, and each means the same here
        raise click.ClickException(cluster_access.why_not(error, clusters.pods) or str(error)) from error
    if as_json:
        click.echo(json.dumps({"pods": [asdict(each) for each in states], "note": note}, indent=2))
    else:
        click.echo(_text(states, note), nl=False)
    return 0 if all(each.good for each in states) else 2


def _clusters(surroundings: CommandContext, stack: str | None, source: str | None) -> _Clusters:
    """Return where to look: as the stack's settings say, or KUBECONFIG where no stack is asked."""
    if source is not None:
        return _Clusters(pods=ClusterSettings(), trustee=ClusterSettings())
    try:
        values = stack_config.decode_entries(surroundings.engine(stack).config())
        pods, trustee = ClusterSettings.model_validate(values.get("cluster", {})), values.get("trustee") or {}
        if trustee.get("stack"):
            return _Clusters(pods=pods, trustee=None)
        other = trustee.get("cluster")
        return _Clusters(pods=pods, trustee=ClusterSettings.model_validate(other) if other else pods)
    except (EngineError, ValueError) as error:
        raise click.ClickException(f"the stack's settings cannot be read: {error}") from error


def _states(
    clusters: _Clusters, terms: Sequence[Terms], namespace: str | None, kbs_lines: list[str] | None
) -> tuple[list[PodState], str]:
    """Return the state of each peer pod, and what could not be told of all of them."""
    client, asking = cluster_client.connect(clusters.pods), Unanswered()
    requests, note = _requests(clusters.trustee, kbs_lines)
    machines = asking.ask("VMs", lambda: _machines(client, namespace)) or {}
    states = []
    for pod in client.items(names.path(names.PODS, namespace=namespace or "")):
        # How the check's own pod ended is the stack's output `attested`.
        checks = (pod["metadata"].get("labels") or {}).get("app") == names.CHECK
        if pod["spec"].get("runtimeClassName") == names.RUNTIME_CLASS and not checks:
            events = asking.ask("events", partial(_events, client, pod["metadata"])) or []
            vm = machines.get(str(pod["metadata"]["uid"]), "")
            states.append(formats.judge(pod, terms, requests, vm=vm, events=events))
    unknown = [f"{about} cannot be told ({reason})" for about, reason in dict.fromkeys(asking.reasons)]
    return states, "; ".join(filter(None, [*unknown, note]))


def _events(client: ClusterClient, metadata: Mapping[str, Any]) -> list[Object]:
    about = names.path(names.EVENTS, namespace=str(metadata["namespace"]))
    return client.items(about, fields=f"involvedObject.uid={metadata['uid']}")


def _requests(trustee: ClusterSettings | None, kbs_lines: list[str] | None) -> tuple[list[KbsRequest], str]:
    """Return what KBS's log says, and why it says nothing."""
    if kbs_lines is not None:
        return list(log.parse(kbs_lines)), ""
    way = f"hand its log over: --kbs-log FILE (oc -n {names.TRUSTEE_NAMESPACE} logs -l app=kbs --tail -1 > FILE)"
    if trustee is None:
        return [], f"another stack has the Trustee, so what KBS said is not known; {way}"
    client, pods = cluster_client.connect(trustee), names.path(names.PODS, namespace=names.TRUSTEE_NAMESPACE)
    try:
        running = [str(each["metadata"]["name"]) for each in client.items(pods, labels=_KBS_LABEL)]
        texts = [client.log(f"{pods}/{name}", _LINES) for name in running]
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being read, the rest can be told
        return [], f"KBS's log cannot be read ({getattr(error, 'reason', None) or error}); {way}"
    requests = [request for text in texts for request in log.parse(text.splitlines())]
    return sorted(requests, key=lambda each: each.time), "" if running else f"there is no pod of KBS; {way}"


def _machines(client: ClusterClient, namespace: str | None) -> dict[str, str]:
    """Return the name of the VM of each pod, by the pod's uid: cloud-api-adaptor makes a PeerPod for each VM.

    Source: cloud-api-adaptor ``pkg/adaptor/k8sops/peerpod.go``, ``spec.instanceID`` is the VM's ARM id.
    """
    return {
        str(owner.get("uid")): _name(each)
        for each in client.items(names.path(names.PEER_PODS, namespace=namespace or ""))
        for owner in each["metadata"].get("ownerReferences") or ()
    }


def _name(peer_pod: Object) -> str:
    return str((peer_pod.get("spec") or {}).get("instanceID") or "").rpartition("/")[2]


def _text(states: Sequence[PodState], note: str) -> str:
    lines = [line for state in states for line in _lines(state)] or ["no peer pods"]
    return "".join(f"{line}\n" for line in [*lines, *([f"note: {note}"] if note else [])])


def _lines(state: PodState) -> list[str]:
    words: Mapping[Any, str] = {
        "current": f"initdata of {state.workload}, current",
        "previous": f"initdata of {state.workload}, of the run before: restart it ahead of the next `pulumi up`",
        "global": "the global initdata",
        "unknown": "initdata that is none of this stack's now: coco-azure workload prepare, and restart it",
    }
    machine = ", ".join(filter(None, [state.vm or "VM not known", state.size, state.node, state.phase]))
    outcome = f"{_OUTCOMES[state.outcome]}{f': {state.reason}' if state.reason else ''}"
    head = [f"{state.namespace}/{state.name}: {outcome}", f"  {words[state.initdata]}", f"  {machine}"]
    return head + [f"  {path} {text}" for path, text in state.secrets.items()]
