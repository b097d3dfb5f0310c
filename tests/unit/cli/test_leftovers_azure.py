"""What is left over in Azure: by the names that upstream gives, and never what is alive or the user's."""

import dataclasses
from typing import Any

import pytest

from coco_azure.cli.leftovers import azure_leftovers
from coco_azure.cli.leftovers.azure_leftovers import Alive, left_over

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg"
COMPUTE, NETWORK = f"{GROUP}/providers/Microsoft.Compute", f"{GROUP}/providers/Microsoft.Network"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
GALLERY = f"{COMPUTE}/galleries/PodVMGallery_5b1d1c2e"
VERSION = f"{GALLERY}/images/podvm-image/versions/0.0.2026"
NOBODY = Alive(gallery="PodVMGallery_5b1d1c2e")
ALIVE = Alive(gallery="PodVMGallery_5b1d1c2e", kata_config=True, images=frozenset({VERSION.upper()}), pods=["web_1"])


def _resource(resource_id: str, created: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    parts = resource_id.split("/")
    kind = "/".join([parts[6], *parts[7::2]])
    return {"id": resource_id, "name": "/".join(parts[8::2]), "type": kind, "createdTime": created}


def _vm(name: str, created: str = "2026-01-01T00:00:00Z") -> list[dict[str, Any]]:
    return [
        _resource(f"{COMPUTE}/virtualMachines/{name}", created),
        _resource(f"{COMPUTE}/disks/{name}-disk"),
        _resource(f"{NETWORK}/networkInterfaces/{name}-net"),
        _resource(f"{NETWORK}/publicIPAddresses/{name}-net"),
    ]


IMAGE = [_resource(GALLERY), _resource(f"{GALLERY}/images/podvm-image"), _resource(VERSION)]
SOURCE = _resource(f"{COMPUTE}/images/podvm-image-0.0.2026")
CLUSTERS_OWN = [
    _resource(f"{COMPUTE}/virtualMachines/rehearsal-x7k2p-master-0"),
    _resource(f"{COMPUTE}/disks/rehearsal-x7k2p-master-0_OSDisk"),
    _resource(f"{NETWORK}/networkInterfaces/rehearsal-x7k2p-master-0-nic"),
    _resource(f"{NETWORK}/networkSecurityGroups/rehearsal-x7k2p-nsg"),
    _resource(f"{COMPUTE}/galleries/gallery_rehearsal_x7k2p"),
    _resource(f"{COMPUTE}/galleries/gallery_rehearsal_x7k2p/images/rehearsal-x7k2p/versions/1.0.0"),
    _resource(f"{STORAGE}/imageregistryrehearsal"),
    _resource(f"{COMPUTE}/virtualMachines/podvm-is-the-name-of-my-vm"),
]


def _ids(resources: list[dict[str, Any]], alive: Alive) -> list[str]:
    return [each.id for each in left_over(resources, alive)]


KEPT = {
    "what the cluster needs for itself": (CLUSTERS_OWN, NOBODY),
    "the VM of a pod that lives": (_vm("podvm-web-1-1a2b3c4d"), ALIVE),
    "the image in use and its source": ([*IMAGE, SOURCE], ALIVE),
    "an image of the user's own, and what it lies in": (
        [*IMAGE, SOURCE],
        Alive(gallery="PodVMGallery_5b1d1c2e", images=frozenset({VERSION})),
    ),
    "the gallery of another cluster": ([_resource(f"{COMPUTE}/galleries/PodVMGallery_99999999")], NOBODY),
    "an image that is being built": ([*IMAGE, SOURCE], Alive(gallery="PodVMGallery_5b1d1c2e", building=True)),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_in_use_is_not_left_over(case: str) -> None:
    assert left_over(*KEPT[case]) == []


def test_a_pod_vm_whose_pod_is_gone_is_listed_once_with_its_command() -> None:
    result = left_over(_vm("podvm-web-1-1a2b3c4d"), NOBODY)

    assert [each.name for each in result] == ["podvm-web-1-1a2b3c4d"]
    assert result[0].remove == f"az vm delete --yes --ids {COMPUTE}/virtualMachines/podvm-web-1-1a2b3c4d"
    assert result[0].billed
    assert "NIC, disk and address go with it" in result[0].note


def test_of_two_vms_for_one_pod_the_older_one_is_left_over() -> None:
    machines = [*_vm("podvm-web-1-1a2b3c4d"), *_vm("podvm-web-1-99999999", "2026-02-02T00:00:00Z")]

    result = left_over(machines, ALIVE)

    assert [each.name for each in result] == ["podvm-web-1-1a2b3c4d"]
    assert "a younger one has its pod" in result[0].note


def test_a_name_that_was_cut_still_belongs_to_its_pod() -> None:
    pod = "a-very-long-name-of-a-deployment-7c9d8f6b5d-x2x4z-and-even-more"
    vm = f"podvm-{pod[:48]}-1a2b3c4d"

    assert len(vm) == 63
    assert left_over(_vm(vm), Alive(gallery="g", pods=[pod])) == []
    assert _ids(_vm(vm), Alive(gallery="g", pods=["another"])) == [f"{COMPUTE}/virtualMachines/{vm}"]


def test_nic_disk_and_address_of_a_vm_that_is_gone_are_listed_by_themselves() -> None:
    result = left_over(_vm("podvm-web-1-1a2b3c4d")[1:], ALIVE)

    assert [each.remove.split(" --ids")[0] for each in result] == [
        "az network nic delete",
        "az disk delete --yes",
        "az network public-ip delete",
    ]


def test_without_kataconfig_gallery_definition_version_and_source_are_left_over_from_the_inside_out() -> None:
    assert _ids([*IMAGE, SOURCE], NOBODY) == [
        VERSION,
        f"{GALLERY}/images/podvm-image",
        GALLERY,
        SOURCE["id"],
    ]


def test_an_older_version_beside_the_one_in_use_is_left_over() -> None:
    older = f"{GALLERY}/images/podvm-image/versions/0.0.2025"
    source = f"{COMPUTE}/images/podvm-image-0.0.2025"

    assert _ids([*IMAGE, SOURCE, _resource(older), _resource(source)], ALIVE) == [older, source]


def test_what_a_change_in_place_has_left_beside_the_image_in_use_is_left_over_and_nothing_while_none_is_known() -> None:
    definition = f"{GALLERY}/images/podvm-image-1a2b3c4d"
    version = f"{definition}/versions/1.2345.6789"
    source = f"{COMPUTE}/images/podvm-image-1.2345.6789"
    old = [_resource(definition), _resource(version), _resource(source)]

    assert _ids([*IMAGE, SOURCE, *old], ALIVE) == [version, definition, source]
    nothing = dataclasses.replace(ALIVE, images=frozenset())
    assert definition not in _ids([*IMAGE, SOURCE, *old], nothing)


def test_without_the_cluster_every_operators_gallery_is_listed_with_a_warning() -> None:
    result = left_over([_resource(f"{COMPUTE}/galleries/PodVMGallery_99999999")], Alive())

    assert "make sure that it is not another cluster's" in result[0].note


def test_in_a_group_that_is_not_the_clusters_own_each_one_carries_a_warning() -> None:
    result = left_over(_vm("podvm-web-1-1a2b3c4d"), Alive(gallery="g", shared=True))

    assert "make sure that no other cluster uses it" in result[0].note


UPLOADS = [
    f"{COMPUTE}/virtualMachines/pkrvm0123456789",
    f"{NETWORK}/networkInterfaces/pkrni0123456789",
    f"{COMPUTE}/disks/pkros0123456789",
    f"{NETWORK}/privateEndpoints/oscsapodvmimage002026010-pe",
    f"{STORAGE}/oscsapodvmimage002026010",
    f"{STORAGE}/podvmartifacts1730000000",
]


@pytest.mark.parametrize("resource_id", UPLOADS)
def test_what_a_broken_off_image_job_leaves_is_listed_but_not_while_one_is_at_work(resource_id: str) -> None:
    assert _ids([_resource(resource_id)], ALIVE) == [resource_id]
    assert _ids([_resource(resource_id)], Alive(gallery="g", building=True)) == []


def test_a_type_that_is_not_known_is_removed_by_its_id() -> None:
    assert azure_leftovers.command("Microsoft.New/things", "/x/y z") == "az resource delete --ids '/x/y z'"
