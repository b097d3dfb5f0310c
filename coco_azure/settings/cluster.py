"""Settings of a connection to an OpenShift cluster."""

from typing import Annotated

from pydantic import AfterValidator

from coco_azure.settings.base import Model, is_content


def _check_path(path: str) -> str:
    if is_content(path):
        raise ValueError(
            "needed the path of a kubeconfig, found what looks like its content; save it and name the file"
        )
    return path


class ClusterSettings(Model):
    """The OpenShift cluster; by default the one that ``oc`` talks to."""

    kubeconfig: Annotated[str, AfterValidator(_check_path)] | None = None
    """Path of a kubeconfig; default: KUBECONFIG, then ~/.kube/config."""
    context: str | None = None
    """Context in the kubeconfig; default: its current one."""
    identifier: str | None = None
    """A name for the cluster that outlives changes of the kubeconfig; default: the stack's name."""
