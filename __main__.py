"""Confidential containers on OpenShift in Azure: settings, providers, components, outputs."""

from functools import partial
from pathlib import Path

import pulumi
import pulumi_azure_native as azure_native
import pulumi_kubernetes as kubernetes
from pulumi import Output, ResourceOptions

import settings
from components.attestation_check import AttestationCheck, AttestationCheckArgs
from components.azure_network import AzureNetwork, AzureNetworkArgs, needs_lookup, subscription_id
from components.cluster_facts import ClusterFacts, ClusterFactsArgs
from components.peer_pods import PeerPodRuntime, PeerPodRuntimeArgs
from components.trustee import TrusteeStack, TrusteeStackArgs
from rendering import initdata

stack = settings.load(Path(__file__).parent)

connect = partial(
    kubernetes.Provider,
    kubeconfig=stack.cluster.kubeconfig,
    context=stack.cluster.context,
    # What may change in a kubeconfig, such as a token, must not look like another cluster: that would replace all.
    cluster_identifier=stack.cluster.identifier or pulumi.get_stack(),
)
cluster = connect("cluster", enable_config_map_mutable=True, enable_secret_mutable=True)
# For KataConfig alone, see PeerPodRuntimeArgs.
without_dry_run = connect("cluster-without-dry-run", enable_server_side_apply=False)
on_cluster = ResourceOptions(providers=[cluster])
lookup = needs_lookup(stack.azure)

facts = ClusterFacts("facts", ClusterFactsArgs(cloud_conf=lookup), on_cluster)
azure = azure_native.Provider("azure", subscription_id=subscription_id(stack.azure, facts)) if lookup else None
network = AzureNetwork("network", AzureNetworkArgs(settings=stack.azure, facts=facts, provider=azure))

trustee = TrusteeStack(
    "trustee",
    TrusteeStackArgs(settings=stack.trustee, client_secrets=stack.client_secrets, apps_domain=facts.apps_domain),
    on_cluster,
)
kbs_url = Output.from_input(stack.initdata.kbs_url or Output.concat("https://", trustee.host))
document = kbs_url.apply(
    lambda url: initdata.render(
        initdata.Initdata(
            kbs_url=url,
            algorithm=stack.initdata.algorithm,
            certificate=stack.initdata.certificate,
            agent_policy=stack.initdata.agent_policy,
        )
    )
)
encoded = document.apply(initdata.encode)
runtime = PeerPodRuntime(
    "peer-pods",
    PeerPodRuntimeArgs(
        settings=stack.peer_pods,
        network=network,
        initdata=encoded if stack.initdata.into_peer_pods_cm else None,
        without_dry_run=without_dry_run,
    ),
    on_cluster,
)
if stack.attestation_check.enabled:
    check = AttestationCheck(
        "check",
        AttestationCheckArgs(settings=stack.attestation_check, trustee=trustee, runtime=runtime, initdata=encoded),
        on_cluster,
    )
    pulumi.export("attested", check.attested)

pulumi.export("trusteeUrl", kbs_url)
pulumi.export("initdataDigest", document.apply(lambda text: initdata.digest(text, stack.initdata.algorithm)))
pulumi.export("resourceGroup", network.resource_group)
pulumi.export("region", network.region)
pulumi.export("vnet", network.vnet)
pulumi.export("subnetId", network.subnet_id)
pulumi.export("nsgId", network.nsg_id)
