"""Settings of a connection to an OpenShift cluster."""

from settings.base import Model


class ClusterSettings(Model):
    """The OpenShift cluster; by default the one that ``oc`` talks to."""

    kubeconfig: str | None = None
    """Path of a kubeconfig; default: KUBECONFIG, then ~/.kube/config."""
    context: str | None = None
    """Context in the kubeconfig; default: its current one."""
    identifier: str | None = None
    """A name for the cluster that outlives changes of the kubeconfig; default: the stack's name."""
