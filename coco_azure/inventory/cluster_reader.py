"""The one reader of a cluster: what a run has to know before it begins, where in Azure the cluster is among it.

Facts of a roll-out, of the cluster's place in Azure, of the pre-flight and of left-overs are functions of what it
returns. What changes while a run is under way, such as a roll-out that is waited for, is asked of the client itself.

``infrastructures.config.openshift.io/cluster`` names the resource group; cloud-conf, the configuration of Azure's cloud
controller manager, names the network. The installer writes it (openshift/installer,
``pkg/asset/manifests/azure/cloudproviderconfig.go``), and ``site/content/en/install/configs.md`` of
kubernetes-sigs/cloud-provider-azure says what each key means.
"""

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, TypeVar

import pulumi

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.rollout.facts import read_node

_T = TypeVar("_T")
_IN_NAMESPACE = re.compile(r"(?P<version>/apis?/.+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)")


class Reads(Protocol):
    """What can be read of a cluster: by ``ClusterReader`` once, by ``coco_azure.clients.kubernetes`` each time."""

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none of that name or kind."""

    def items(
        self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
    ) -> list[Object]:
        """Return the objects of a list, by selectors; a kind that the cluster does not have has none."""


class ClusterReader:
    """Reads of a cluster, each carried out once, whichever thread asks first; an error is raised to all who ask."""

    def __init__(self, client: Reads) -> None:
        """Remember the client; nothing is asked yet."""
        self._client = client
        self._answers: dict[tuple[object, ...], Future[Any]] = {}
        self._lock = Lock()

    def get(self, path: str) -> Object | None:
        """Return an object, or None where there is none of that name or kind."""
        answer: Object | None = self._once(("get", path), lambda: self._client.get(path))
        return answer

    def items(
        self, path: str, *, labels: str | None = None, fields: str | None = None, content: bool = True
    ) -> list[Object]:
        """Return the objects of a list; those of a namespace out of those of all, where these have been read."""
        if labels is None and fields is None and (match := _IN_NAMESPACE.fullmatch(path)):
            everywhere = self._answers.get(_listed(f"{match['version']}/{match['plural']}"))
            if everywhere is not None and everywhere.done() and everywhere.exception() is None:
                return [each for each in everywhere.result() if each["metadata"]["namespace"] == match["namespace"]]
        answer: list[Object] = self._once(
            _listed(path, labels, fields, content=content),
            lambda: self._client.items(path, labels=labels, fields=fields, content=content),
        )
        return list(answer)

    def _once(self, key: tuple[object, ...], question: Callable[[], _T]) -> _T:
        with self._lock:
            asked = key in self._answers
            answer: Future[_T] = self._answers.setdefault(key, Future())
        if not asked:
            try:
                answer.set_result(question())
            except BaseException as error:  # noqa: BLE001 - raised below, and to whoever asks at the same time or later
                answer.set_exception(error)
        return answer.result()


def _listed(
    path: str, labels: str | None = None, fields: str | None = None, *, content: bool = True
) -> tuple[object, ...]:
    return ("items", path, labels, fields, content)


class Unanswered:
    """Questions that a cluster may refuse to answer, and those that it did refuse.

    Attributes:
        reasons: pairs of what the question was about and why there is no answer.
    """

    def __init__(self) -> None:
        self.reasons: list[tuple[str, str]] = []

    def ask(self, about: str, question: Callable[[], _T]) -> _T | None:
        """Return the answer, or None and remember why there is none."""
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - whatever a request raises, a check less is no reason to stop
            self.reasons.append((about, str(getattr(error, "reason", "") or error)))
            return None


NETWORK_SUBSCRIPTION = ("networkResourceSubscriptionID", "networkResourceSubscriptionId")
"""Key of cloud-conf for a network in another subscription; Go's JSON takes either spelling."""
PUBLIC = "AzurePublicCloud"
PUBLIC_ONLY = "cloud-api-adaptor makes pod VMs in Azure's public cloud alone; it has no setting for another one"
"""Why a cluster has to be in the public cloud.

cloud-api-adaptor signs in and asks Azure without naming a cloud (``src/cloud-providers/azure/client.go`` and
``provider.go``, the same in openshift/cloud-api-adaptor's release-1.9 to osc-release-v1.12: ``azidentity`` and the
clients of ARM get no options), so the SDK takes the public one, and no setting or variable of it changes that.
"""
_VM = re.compile(
    r"azure://(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachines/[^/]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class ClusterAzureConfig:
    """What a cluster says of its place in Azure.

    Attributes:
        cloud: the cloud of Azure, as ``cloud_of`` returns it.
        network_group: resource group of its network, where Infrastructure names one.
        conf: cloud-conf: subscriptionId, tenantId, resourceGroup, location, vnetName, vnetResourceGroup, subnetName,
            securityGroupName, securityGroupResourceGroup ..., as far as they are there.
    """

    cloud: str
    resource_group: str
    network_group: str
    conf: Mapping[str, str]

    def first(self, *keys: str) -> str:
        """Return the first of these keys of cloud-conf that has a value; empty: none."""
        return next((self.conf[key] for key in keys if self.conf.get(key)), "")

    def lacks(self, key: str) -> str:
        """Return the words for a key that cloud-conf does not have."""
        return f"cloud-conf of this cluster names no {key}; it has {', '.join(sorted(self.conf)) or 'nothing'}"


def read_place(reader: Reads) -> ClusterAzureConfig:
    """Return what the cluster says.

    Raises:
        pulumi.RunError: the cluster does not answer, is not on Azure, or its cloud-conf is no JSON.
    """
    try:
        infrastructure, conf = reader.get(names.INFRASTRUCTURE), reader.get(names.CLOUD_CONF)
    except Exception as error:
        raise pulumi.RunError(
            f"the cluster does not say where in Azure it is: {error}. Needed: the kubeconfig of coco-azure:cluster "
            "(default: that of oc; try oc get infrastructure cluster), and the right to read Infrastructure and "
            f"ConfigMap cloud-conf in {names.CLOUD_CONTROLLER_NAMESPACE}"
        ) from error
    azure = _azure(infrastructure or {})
    return ClusterAzureConfig(
        cloud=cloud_of(infrastructure or {}),
        resource_group=str(azure["resourceGroupName"]),
        network_group=str(azure.get("networkResourceGroupName") or ""),
        conf=_decoded(conf) if conf is not None else {},
    )


def cloud_of(infrastructure: Mapping[str, Any]) -> str:
    """Return ``cloudName`` of Infrastructure, such as ``AzureUSGovernmentCloud``; empty: the public cloud."""
    platform = (infrastructure.get("status") or {}).get("platformStatus") or {}
    return str((platform.get("azure") or {}).get("cloudName") or "")


def is_foreign(cloud: str) -> bool:
    """Return whether a ``cloudName`` of Infrastructure is another cloud; an empty one is the public cloud.

    openshift/api ``config/v1/types_infrastructure.go``, AzureCloudEnvironment.
    """
    return cloud not in ("", PUBLIC)


def worker_vms(reader: Reads, most: int) -> list[str]:
    """Return the ARM ids of the VMs of the first worker nodes by name, at most so many; Windows is no pod's host."""
    nodes = ((read_node(node), node) for node in reader.items(names.NODES))
    named = {each.name: node for each, node in nodes if names.WORKER_ROLE in each.labels and not each.windows}
    provider_ids = [str(named[name].get("spec", {}).get("providerID") or "") for name in sorted(named)]
    return [match[1] for match in map(_VM.fullmatch, provider_ids) if match][:most]


def _azure(infrastructure: Mapping[str, Any]) -> Mapping[str, Any]:
    platform = (infrastructure.get("status") or {}).get("platformStatus") or {}
    if "azure" not in platform:
        raise pulumi.RunError(
            f"this cluster runs on {platform.get('type', 'an unknown platform')}, needed one on Azure: "
            "oc get infrastructure cluster -o jsonpath={.status.platformStatus}; check coco-azure:cluster.context"
        )
    return dict(platform["azure"])


def _decoded(conf: Mapping[str, Any]) -> dict[str, str]:
    try:
        decoded = dict(json.loads(conf["data"]["cloud.conf"]))
    except (KeyError, TypeError, ValueError) as error:
        raise pulumi.RunError(
            f"ConfigMap {names.CLOUD_CONTROLLER_NAMESPACE}/cloud-conf has no JSON under its key cloud.conf "
            f"({error!r}); oc get cm -n {names.CLOUD_CONTROLLER_NAMESPACE} cloud-conf -o yaml shows what is there"
        ) from error
    return {key: value for key, value in decoded.items() if isinstance(value, str) and value}
