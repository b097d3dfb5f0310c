"""``coco-azure leftovers``: what operators left behind in Azure and in the cluster, and what a deletion waits for.

Exit codes: 0 nothing, 1 it could not be told, 2 something is left or in the way.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from coco_azure.cli import CommandContext, CommandError
from coco_azure.cli.leftovers import azure_leftovers, cluster_facts, cluster_leftovers
from coco_azure.cli.leftovers.cluster_facts import Facts
from coco_azure.cli.leftovers.model import Answer, Leftover, to_dict, to_text
from coco_azure.clients import azure as azure_client
from coco_azure.clients import cluster_access
from coco_azure.clients import kubernetes as cluster_client
from coco_azure.clients.azure_sign_in import SignInError
from coco_azure.clients.pulumi_cli import Engine, EngineError
from coco_azure.inventory.cluster_reader import ClusterReader
from coco_azure.settings import stack_config
from coco_azure.settings.azure import AzureSettings
from coco_azure.settings.cluster import ClusterSettings


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where to look.

    Attributes:
        image_id: the user's own pod VM image (``peerPods.imageId``), or None.
    """

    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    azure: AzureSettings = field(default_factory=AzureSettings)
    image_id: str | None = None


def scope_of(engine: Engine) -> Scope:
    """Return what the settings of a stack say, also after ``pulumi destroy``.

    Raises:
        CommandError: ``pulumi config`` fails, or a setting is wrong.
    """
    try:
        values = stack_config.decode_entries(engine.config())
    except EngineError as error:
        raise CommandError(f"{error}. Select a stack (`pulumi stack select`) or use --stack") from error
    peer_pods = values.get("peerPods")
    try:
        return Scope(
            cluster=ClusterSettings.model_validate(values.get("cluster", {})),
            azure=AzureSettings.model_validate(values.get("azure", {})),
            image_id=peer_pods.get("imageId") if isinstance(peer_pods, Mapping) else None,
        )
    except ValueError as error:
        raise CommandError(f"the stack's settings cannot be read: {error}") from error


@dataclass(frozen=True)
class _Azure:
    """What is left in Azure, where was looked, and what could not be told."""

    leftovers: Sequence[Leftover] = ()
    places: Sequence[str] = ()
    unknown: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class _Options:
    """The options of the command."""

    stack: str | None
    subscription: str | None
    resource_group: str | None
    gallery: str | None
    cluster_only: bool
    before_destroy: bool
    remove_crds: bool
    as_json: bool


@click.command("leftovers", epilog="Exit code: 0 nothing, 2 something is left or in the way, 1 cannot tell.")
@click.option("--stack", help="Stack whose settings say where to look; default: the selected one.")
@click.option("--subscription", help="Azure subscription; default: the settings', then the cluster's.")
@click.option("--resource-group", help="Its resource group; default: the settings', then the cluster's.")
@click.option("--gallery", help="Name of the image gallery, where azure-podvm-image-cm named another one.")
@click.option("--cluster-only", is_flag=True, help="Ask the cluster, and not Azure.")
@click.option("--before-destroy", is_flag=True, help="Tell what `pulumi destroy` would wait for, too.")
@click.option("--remove-crds", is_flag=True, help="Delete CRDs and OLM's Operator objects first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def command(surroundings: CommandContext, /, **options: Any) -> int:
    """List orphaned resources: what operators left behind in Azure and in the cluster."""
    return _leftovers(_Options(**options), surroundings)


def _leftovers(options: _Options, surroundings: CommandContext) -> int:
    unknown = []
    try:
        scope = scope_of(surroundings.engine(options.stack))
    except CommandError as error:
        if not (options.subscription and options.resource_group) and not options.cluster_only:
            unknown.append(f"what the stack's settings say: {error}")
        scope = Scope()
    client = cluster_client.connect(scope.cluster)
    facts = None
    try:
        facts = cluster_facts.read(ClusterReader(client))
        if options.remove_crds:
            for removed in cluster_leftovers.remove_crds(client, facts):
                click.echo(f"deleted {removed}")
            facts = cluster_leftovers.read_afterwards(client)
    except CommandError:
        raise
    except Exception as error:  # noqa: BLE001 - three libraries raise their own, and each means the same here
        facts = None
        unknown.append(f"what the cluster has: {cluster_access.why_not(error, scope.cluster) or error}")
    azure = _Azure() if options.cluster_only else _azure(options, scope, facts)
    answer = Answer(
        leftovers=[*azure.leftovers, *(cluster_leftovers.left_over(facts) if facts is not None else [])],
        in_the_way=cluster_leftovers.in_the_way(facts, before_destroy=options.before_destroy)
        if facts is not None
        else [],
        unknown=[*unknown, *azure.unknown],
        places=[*azure.places, *(["the cluster"] if facts is not None else [])],
    )
    click.echo(json.dumps(to_dict(answer), indent=2) + "\n" if options.as_json else to_text(answer), nl=False)
    return answer.code


def _azure(options: _Options, scope: Scope, facts: Facts | None) -> _Azure:
    platform = (facts.infrastructure if facts is not None else {}).get("platformStatus") or {}
    own = (platform.get("azure") or {}).get("resourceGroupName")
    cloud = facts.cloud if facts is not None else {}
    group = options.resource_group or scope.azure.resource_group or own
    subscription = options.subscription or scope.azure.subscription_id or cloud.get("subscriptionId")
    if not group or not subscription:
        text = "what is in Azure: the resource group and the subscription are not known from settings and cluster. "
        return _Azure(unknown=[f"{text}Name them: --subscription ID --resource-group NAME"])
    alive = azure_leftovers.Alive(gallery=options.gallery, images=frozenset(filter(None, [scope.image_id])))
    if facts is not None:
        shared = own is not None and group.lower() != str(own).lower()
        alive = cluster_leftovers.alive(facts, gallery=options.gallery, own_image=scope.image_id, shared=shared)
    try:
        resources = azure_leftovers.resources(azure_client.connect(subscription), group)
    except (SignInError, CommandError) as error:
        return _Azure(unknown=[f"what is in Azure: {error}"])
    where = f"resource group {group} of subscription {subscription} ({len(resources)} resources)"
    return _Azure(azure_leftovers.left_over(resources, alive), [where])
