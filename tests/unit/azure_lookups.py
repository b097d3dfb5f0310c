"""Look-ups of the place of pod VMs without a program: a cluster that says something, and a simulated Azure."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory import network_lookup as azure_lookup
from coco_azure.inventory.azure_resources import PodVmTarget
from coco_azure.settings import Settings
from tests.unit import fake_azure as fake
from tests.unit.fake_azure import FakeAzure
from tests.unit.fake_cluster import FakeCluster, node
from tests.unit.recording import CLOUD_CONF as CONF

LookUp = Callable[..., PodVmTarget]


def cluster_at(conf: Mapping[str, object] | None, vms: Mapping[str, str], azure: Mapping[str, str]) -> FakeCluster:
    """Return a cluster with this cloud-conf, whose workers are these VMs (ARM ids by node name)."""
    nodes: list[Object] = [{**node(name), "spec": {"providerID": f"azure://{vm}"}} for name, vm in vms.items()]
    place = {"resourceGroupName": fake.CLUSTER_GROUP, **azure}
    infrastructure = {
        "metadata": {"name": "cluster"},
        "status": {"platformStatus": {"type": "Azure", "azure": place}},
    }
    lists: dict[str, list[Object]] = {names.NODES: nodes, names.INFRASTRUCTURE.rsplit("/", 1)[0]: [infrastructure]}
    if conf is not None:
        values = {"metadata": {"name": "cloud-conf"}, "data": {"cloud.conf": json.dumps(conf)}}
        lists[names.CLOUD_CONF.rsplit("/", 1)[0]] = [values]
    return FakeCluster(lists)


@pytest.fixture(name="azure")
def an_azure(monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    return FakeAzure().installed(monkeypatch)


@pytest.fixture(name="look_up")
def a_look_up(azure: FakeAzure) -> LookUp:
    """Return the look-up for a cluster, with what the settings of Azure say and what cloud-conf says otherwise."""
    del azure

    def found(
        values: Mapping[str, Any] | None = None,
        *,
        conf: Mapping[str, object] | None = CONF,
        lacks: tuple[str, ...] = (),
        vms: Mapping[str, str] | None = None,
        infrastructure: Mapping[str, str] | None = None,
        mode: str = "enforce",
    ) -> PodVmTarget:
        stack = Settings.model_validate({"azure": values or {}, "preflight": {"mode": mode}})
        cut = None if conf is None else {key: value for key, value in conf.items() if key not in lacks}
        return azure_lookup.look_up(stack, cluster_at(cut, vms or {}, infrastructure or {}))

    return found


@pytest.fixture(name="warnings")
def said_warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    items: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", items.append)
    return items
