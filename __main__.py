"""Confidential containers on OpenShift in Azure: settings, providers, components, outputs.

Three forms: both sides on one cluster; Trustee on a cluster of its own (``trustee.cluster``); or two stacks, one with
only the Trustee (``peerPods.enabled: false``) and one that names it (``trustee.stack``).
"""

from pathlib import Path

import pulumi

from coco_azure import names
from coco_azure.inventory import network_lookup as azure_lookup
from coco_azure.trust import early
from components import outputs, preflight_run, refusal
from components.attestation_check import AttestationCheck, AttestationCheckArgs, expect, what_it_proves
from components.attestation_denials import AttestationDenials, AttestationDenialsArgs
from components.azure.network import AzureNetwork, AzureNetworkArgs
from components.cluster.connections import Connections
from components.cluster.openshift import ClusterFacts
from components.operators import versions as operator_versions
from components.operators.versions import OperatorVersions
from components.peer_pods import kata_change, kata_config
from components.peer_pods.runtime import PeerPodRuntime, PeerPodRuntimeArgs, osc_source
from components.peer_pods.workloads import Workloads, WorkloadsArgs
from components.trustee import keys
from components.trustee.chain import TrustChain, TrustChainArgs
from components.trustee.remote import remote_trustee
from components.trustee.sealed_secrets import SealedSecrets, SealedSecretsArgs, check_namespaces
from components.trustee.stack import TrusteeStack, TrusteeStackArgs, kbs_url, route_host, trustee_source, warn_of_loss

with refusal.one_error():
    stack = early.load(Path(__file__).parent)
    cluster = Connections("cluster", stack.cluster)
    trustee_cluster = (
        cluster if stack.trustee.cluster is None else Connections("trustee-cluster", stack.trustee.cluster)
    )
    for connections in dict.fromkeys((cluster, trustee_cluster)):
        connections.reach()
    check_namespaces(stack.workload_namespaces, cluster.reader)
    kata_change.check_removal(stack, cluster)
    sources = [trustee_source(stack, trustee_cluster)] if stack.deploys_trustee else []
    sources += [osc_source(stack, cluster)] if stack.peer_pods.enabled else []
    chosen = operator_versions.choose_versions(sources, apart=stack.trustee.allow_protocol_gap)
    existing = keys.look_at_existing(stack, trustee_cluster.reader)
    profile = operator_versions.osc_profile(chosen, stack.peer_pods.operator) if stack.peer_pods.enabled else None
    rollout = kata_config.plan_rollout(stack, cluster, profile) if stack.peer_pods.enabled else None
    target = azure_lookup.look_up(stack, cluster.reader) if stack.peer_pods.enabled else None
    checked = preflight_run.run_preflight(stack, cluster, trustee_cluster, chosen, target=target, rollout=rollout)
    versions = OperatorVersions("versions", chosen)
    facts = ClusterFacts("facts", cluster.options)
    others = facts if trustee_cluster is cluster else ClusterFacts("trustee-facts", trustee_cluster.options)

    remote = remote_trustee(stack)
    host = None if remote else route_host(stack.trustee, others.apps_domain)
    url = kbs_url(stack, host, remote.kbs_url if remote else None)
    remote_outputs = remote.outputs if remote else None
    build = rollout.plan.applied.build if rollout is not None else ""
    chain_args = TrustChainArgs(
        stack=stack, versions=chosen, host=host, kbs_url=url, build=build, remote=remote_outputs
    )
    chain = TrustChain("trust-chain", chain_args)

    trustee = network = runtime = workloads = check = None
    expected = remote.expected if remote else None
    if host is not None:
        warn_of_loss(chain, trustee_cluster.reader)
        serving = TrusteeStackArgs(
            stack=stack,
            judgement=chain.judgement,
            csv=chain.csv(names.TRUSTEE_PACKAGE),
            chosen=versions.csv[names.TRUSTEE_PACKAGE],
            host=host,
            server_certificate=chain.server_certificate,
            existing=existing,
        )
        trustee = TrusteeStack("trustee", serving, trustee_cluster.options)
        expected = expect(host, stack.check_resource, trustee) if stack.checks else None

    if rollout is not None and target is not None and profile is not None:
        network = AzureNetwork("network", AzureNetworkArgs(target=target, own=stack.azure.own_subnet))
        arguments = PeerPodRuntimeArgs(
            stack=stack,
            chain=chain,
            network=network,
            connections=cluster,
            trustee=trustee,
            rollout=rollout,
            chosen=versions.csv[names.OSC_PACKAGE],
            profile=profile,
        )
        runtime = PeerPodRuntime("peer-pods", arguments, cluster.options)
        if expected is not None:
            check_settings = stack.attestation_check
            proving = AttestationCheckArgs(
                settings=check_settings,
                resource=stack.check_resource,
                expected=expected,
                runtime=runtime,
                chain=chain.chain,
                client=cluster.client,
                kbs=trustee_cluster.client if trustee else None,
            )
            check = AttestationCheck("check", proving, cluster.options)
            if check_settings.negative:
                denied = AttestationDenialsArgs(
                    settings=check_settings,
                    check=check,
                    proves=what_it_proves(proving),
                    annotation=chain.initdata_annotation,
                    size=stack.peer_pods.size,
                    client=cluster.client,
                    kbs=trustee_cluster.client if trustee else None,
                )
                AttestationDenials("denials", denied, cluster.options)
        key = trustee.sealing_key if trustee else remote.sealing_key if remote else None
        after = [runtime.ready, *([trustee.ready] if trustee else [])]
        if stack.initdata.workloads:
            terms = WorkloadsArgs(
                stack=stack,
                chain=chain.chain,
                last=chain.last_initdata,
                sealing_key=key,
                reader=cluster.reader,
                hub=remote.served_to_pods if remote else None,
                after=after,
            )
            workloads = Workloads("workloads", terms, cluster.options)
        if stack.sealed_secrets:
            sealing = SealedSecretsArgs(references=stack.sealed_secrets, signing_key=key, after=after)
            SealedSecrets("sealed", sealing, cluster.options)

    exports = outputs.stack_outputs(
        stack,
        chain,
        url,
        trustee=trustee,
        network=network,
        runtime=runtime,
        workloads=workloads,
        check=check,
        checked=checked,
    )
    for name, value in exports.items():
        pulumi.export(name, value)
    refusal.fail_run(checked.refusal, rollout.refusal if rollout is not None else "")
