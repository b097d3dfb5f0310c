"""The least that a preview with these providers does: each of them starts, and one object is read."""

import pulumi_azure_native as azure_native
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

cluster = kubernetes.Provider("cluster")
azure_native.Provider("azure")
kubernetes.core.v1.Namespace.get("default", "default", opts=ResourceOptions(provider=cluster))
