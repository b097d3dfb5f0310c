"""Confidential containers on OpenShift in Azure: settings, providers, components, outputs.

Three forms: both sides on one cluster; Trustee on a cluster of its own (``trustee.cluster``); or two stacks, one with
only the Trustee (``peerPods.enabled: false``) and one that names it (``trustee.stack``).
"""

from pathlib import Path

import pulumi

import settings
from components import outputs, preflight_run
from components.attestation_check import AttestationCheck, AttestationCheckArgs, expect
from components.azure import lookup as azure_lookup
from components.azure.network import AzureNetwork, AzureNetworkArgs
from components.cluster.connections import Connections
from components.cluster.facts import ClusterFacts, ClusterFactsArgs
from components.operators import versions as operator_versions
from components.operators.versions import OperatorVersions, OperatorVersionsArgs
from components.peer_pods import kata_config
from components.peer_pods.runtime import PeerPodRuntime, PeerPodRuntimeArgs, osc_source
from components.trustee.chain import TrustChain, TrustChainArgs
from components.trustee.remote import remote_trustee
from components.trustee.sealed_secrets import SealedSecrets, SealedSecretsArgs
from components.trustee.stack import TrusteeStack, TrusteeStackArgs, kbs_url, route_host, trustee_source
from rendering.profiles import OSC_PACKAGE, TRUSTEE_PACKAGE

stack = settings.load(Path(__file__).parent)
here = Connections("cluster", stack.cluster)
there = here if stack.trustee.cluster is None else Connections("trustee-cluster", stack.trustee.cluster)
rollout = kata_config.foresee(stack, here) if stack.peer_pods.enabled else None
place = azure_lookup.look_up(stack, here.client) if stack.peer_pods.enabled else None
sources = [trustee_source(stack, there)] if stack.deploys_trustee else []
sources += [osc_source(stack, here)] if stack.peer_pods.enabled else []
foreseen = operator_versions.foresee(sources, apart=stack.trustee.allow_protocol_gap)
checked = preflight_run.foresee(stack, here.client, place, rollout, foreseen) if place and rollout else None
versions = OperatorVersions("versions", OperatorVersionsArgs(foreseen=foreseen))
facts = ClusterFacts("facts", ClusterFactsArgs(), here.options)
others = facts if there is here else ClusterFacts("trustee-facts", ClusterFactsArgs(), there.options)

remote = remote_trustee(stack)
host = None if remote else route_host(stack.trustee, others.apps_domain)
url = kbs_url(stack, host, remote.kbs_url if remote else None)
elsewhere = remote.says if remote else None
judged = TrustChainArgs(stack=stack, versions=foreseen, host=host, kbs_url=url, elsewhere=elsewhere)
chain = TrustChain("trust-chain", judged)

trustee = network = runtime = check = None
expected = remote.expected if remote else None
if host is not None:
    serving = TrusteeStackArgs(
        stack=stack,
        judgement=chain.judgement,
        csv=chain.csv(TRUSTEE_PACKAGE),
        chosen=versions.csv[TRUSTEE_PACKAGE],
        host=host,
        presented=chain.presented,
        upserting=there.upserting,
    )
    trustee = TrusteeStack("trustee", serving, there.options)
    expected = expect(host, stack.check_resource, trustee) if stack.checks else None

if rollout is not None and place is not None:
    network = AzureNetwork("network", AzureNetworkArgs(place=place, own=stack.azure.own_subnet))
    arguments = PeerPodRuntimeArgs(
        stack=stack,
        chain=chain,
        network=network,
        place=place,
        connections=here,
        trustee=trustee,
        rollout=rollout,
        chosen=versions.csv[OSC_PACKAGE],
    )
    runtime = PeerPodRuntime("peer-pods", arguments, here.options)
    if expected is not None:
        said = stack.attestation_check
        proving = AttestationCheckArgs(
            settings=said, resource=stack.check_resource, expected=expected, runtime=runtime, chain=chain.chain
        )
        check = AttestationCheck("check", proving, here.options)
    if stack.sealed_secrets:
        key = trustee.sealing_key if trustee else remote.sealing_key if remote else None
        after = [runtime.ready, *([trustee.ready] if trustee else [])]
        sealing = SealedSecretsArgs(references=stack.sealed_secrets, signing_key=key, after=after)
        SealedSecrets("sealed", sealing, here.options)

found = outputs.of(stack, chain, url, trustee=trustee, network=network, runtime=runtime, check=check, checked=checked)
for name, value in found.items():
    pulumi.export(name, value)
preflight_run.conclude(checked)
kata_config.conclude(rollout)
