"""The two operators and nothing else. Configuration: ``trustee`` and ``osc``, each as ``operator`` in a real stack."""

import os
import sys
from functools import partial
from pathlib import Path

# The program's folder is not this project's root.
sys.path.insert(0, str(Path(__file__).parents[4]))

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from coco_azure.clients import kubernetes as cluster_client
from coco_azure.settings.cluster import ClusterSettings
from coco_azure.settings.operators import OperatorSettings
from components.operators.olm_operator import OlmOperator, OlmOperatorArgs
from components.operators.versions import OperatorSource, OperatorVersions, choose_versions

OPERATORS = {
    "trustee": ("trustee-operator", "trustee-operator-system"),
    "osc": ("sandboxed-containers-operator", "openshift-sandboxed-containers-operator"),
}

config = pulumi.Config()
wanted = {
    key: OperatorSettings.model_validate(config.get_object(key))
    for key in OPERATORS
    if config.get_object(key) is not None
}
connect = partial(kubernetes.Provider, kubeconfig=os.environ["KUBECONFIG"], cluster_identifier="rehearsal")
on_cluster = ResourceOptions(
    providers=[connect("cluster", enable_config_map_mutable=True, upsert_existing_objects=True)]
)

client = cluster_client.connect(ClusterSettings(kubeconfig=os.environ["KUBECONFIG"]))
sources = [
    OperatorSource(
        package=OPERATORS[key][0],
        namespace=OPERATORS[key][1],
        subscription=f"{key}-subscription",
        settings=item,
        reader=client,
    )
    for key, item in wanted.items()
]
versions = OperatorVersions("versions", choose_versions(sources))
for key, item in wanted.items():
    package, namespace = OPERATORS[key]
    csv = versions.csv[package]
    operator = OlmOperator(
        key,
        OlmOperatorArgs(
            package=package,
            namespace=namespace,
            group=f"{key}-group",
            subscription=f"{key}-subscription",
            settings=item,
            csv=csv,
            chosen=csv,
        ),
        on_cluster,
    )
    kubernetes.core.v1.ConfigMap(
        f"{key}-needs-it",
        metadata={"name": f"{key}-needs-it", "namespace": operator.namespace},
        data={"csv": csv},
        opts=ResourceOptions.merge(on_cluster, ResourceOptions(depends_on=[operator.installed])),
    )
    pulumi.export(key, csv)
