"""``python -m leftovers``: what operators left behind in Azure and in the cluster, and what a deletion waits for.

Exit codes: 0 nothing, 1 it could not be told, 2 something is left or in the way.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.cluster import client as cluster_client
from leftovers import arm, azure_found, cluster_facts, cluster_found, removing, sign_in, stack
from leftovers.cluster_facts import Facts
from leftovers.model import Answer, Leftover, to_dict, to_text
from settings.azure import AzureSettings
from settings.cluster import ClusterSettings

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class _Azure:
    """What is left in Azure, where was looked, and what could not be told."""

    leftovers: Sequence[Leftover] = ()
    places: Sequence[str] = ()
    unknown: Sequence[str] = ()


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print the answer and return the exit code."""
    said = _parser().parse_args(arguments)
    unknown = []
    try:
        place = stack.place(_ROOT, said.stack, environment)
    except stack.StackError as error:
        if not (said.subscription and said.resource_group) and not said.cluster_only:
            unknown.append(f"what the stack's settings say: {error}")
        place = stack.Place(cluster=ClusterSettings(), azure=AzureSettings())
    client = cluster_client.connect(place.cluster)
    facts = None
    try:
        facts = cluster_facts.read(client)
    except Exception as error:  # noqa: BLE001 - three libraries raise their own, and each means the same here
        unknown.append(f"what the cluster has: {type(error).__name__}: {error}. Check KUBECONFIG and `oc whoami`")
    if facts is not None and said.remove_crds:
        try:
            for removed in removing.remove_crds(client, facts):
                sys.stdout.write(f"deleted {removed}\n")
        except removing.InUseError as error:
            sys.stderr.write(f"error: {error}\n")
            return 1
        facts = cluster_facts.read(client)
    azure = _Azure() if said.cluster_only else _azure(said, place, facts, environment)
    answer = Answer(
        leftovers=[*azure.leftovers, *(cluster_found.left_over(facts) if facts is not None else [])],
        in_the_way=cluster_found.in_the_way(facts, before_destroy=said.before_destroy) if facts is not None else [],
        unknown=[*unknown, *azure.unknown],
        places=[*azure.places, *(["the cluster"] if facts is not None else [])],
    )
    sys.stdout.write(json.dumps(to_dict(answer), indent=2) + "\n" if said.json else to_text(answer))
    return answer.code


def _azure(said: argparse.Namespace, place: stack.Place, facts: Facts | None, environment: Mapping[str, str]) -> _Azure:
    platform = (facts.infrastructure if facts is not None else {}).get("platformStatus") or {}
    own = (platform.get("azure") or {}).get("resourceGroupName")
    cloud = facts.cloud if facts is not None else {}
    group = said.resource_group or place.azure.resource_group or own
    subscription = said.subscription or place.azure.subscription_id or cloud.get("subscriptionId")
    if not group or not subscription:
        text = "what is in Azure: the resource group and the subscription are not known from settings and cluster. "
        return _Azure(unknown=[f"{text}Name them: --subscription ID --resource-group NAME"])
    alive = azure_found.Alive(gallery=said.gallery, images=frozenset(filter(None, [place.image_id])))
    if facts is not None:
        shared = own is not None and group.lower() != str(own).lower()
        alive = cluster_found.alive(facts, gallery=said.gallery, own_image=place.image_id, shared=shared)
    endpoint = environment.get("AZURE_RESOURCE_MANAGER_ENDPOINT", arm.ENDPOINT)
    try:
        resources = arm.resources(endpoint, subscription, group, sign_in.token(environment, endpoint))
    except (sign_in.SignInError, arm.ArmError) as error:
        return _Azure(unknown=[f"what is in Azure: {error}"])
    where = f"resource group {group} of subscription {subscription} ({len(resources)} resources)"
    return _Azure(azure_found.left_over(resources, alive), [where])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m leftovers", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stack", help="stack whose settings say where to look; default: the selected one")
    parser.add_argument("--subscription", help="Azure subscription; default: the settings', then the cluster's")
    parser.add_argument("--resource-group", help="its resource group; default: the settings', then the cluster's")
    parser.add_argument("--gallery", help="name of the image gallery, where azure-podvm-image-cm named another one")
    parser.add_argument("--cluster-only", action="store_true", help="ask the cluster, and not Azure")
    parser.add_argument("--before-destroy", action="store_true", help="tell what `pulumi destroy` would wait for, too")
    parser.add_argument("--remove-crds", action="store_true", help="delete CRDs and OLM's Operator objects first")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
