"""What OSC's image jobs and CAA make in Azure, under the names that they give, and how they take it away again.

Sources: openshift/sandboxed-containers-operator at 0d14cc8c ``config/peerpods/podvm/azure-podvm-image-handler.sh`` and
``podvm-builder.sh``; ``controllers/image_generator.go`` (gallery ``PodVMGallery_`` with the first 8 characters of
the cluster's id; packer's image is the source of the gallery's version); openshift/cloud-api-adaptor release-1.9
``src/cloud-providers/azure`` and ``util/instance.go`` (``podvm-<pod>-<sandbox>``, its NIC ``-net``, its disk ``-disk``,
both deleted with the VM).
"""

import re
from collections.abc import Mapping
from contextlib import suppress

from rehearsal.azure import documents
from rehearsal.azure.arm_state import ArmError, ArmState

COMPUTE, NETWORK = "providers/Microsoft.Compute", "providers/Microsoft.Network"
DEFINITION, SKU, VERSION = "podvm-image", "OSC-PodVM", "1.0.0"
_LONGEST_NAME, _SANDBOX = 63, 8
_PREFIX = "podvm"


def image_id(group: str, cluster_id: str, definition: str = DEFINITION, version: str = VERSION) -> str:
    """Return the id of the image version that the image job makes in a resource group (its ARM id)."""
    return f"{gallery_id(group, cluster_id)}/images/{definition}/versions/{version}"


def gallery_id(group: str, cluster_id: str) -> str:
    """Return the id of the gallery that the operator of a cluster has made."""
    return f"{group}/{COMPUTE}/galleries/PodVMGallery_{cluster_id[:8]}"


def make_image(
    azure: ArmState,
    group: str,
    location: str,
    version: str,
    *,
    confidential: bool = True,
    sku: str = SKU,
    latest: str = "",
) -> bool:
    """Make gallery, definition, packer's image and the version of this id, as the image job does.

    A definition that is there is taken as it is: whether it is for confidential VMs was decided when it was made. So is
    a version that is the ``latest`` one (annotation of ``peer-pods-cm``), and one that is not is made anew.

    Raises:
        ArmError: another definition of the gallery has the same publisher, offer and SKU.

    Returns:
        Whether a version was made.
    """
    definition = version.rsplit("/versions/", 1)[0]
    gallery = definition.rsplit("/images/", 1)[0]
    azure.put(gallery, location)
    security = "ConfidentialVmSupported" if confidential else ""
    properties = documents.image_definition(definition, location, security=security, sku=sku)["properties"]
    for other in azure.within(gallery):
        same = other["properties"].get("identifier") == properties["identifier"]
        if same and other["id"].lower() != definition.lower():
            raise ArmError("Conflict", other=other["id"], id=definition)
    azure.put(definition, location, **properties)
    if version.lower() in azure.resources:
        if version.lower() == latest.lower():
            return False
        azure.delete(version)
    azure.put(f"{group}/{COMPUTE}/images/{DEFINITION}-{version.rsplit('/', 1)[1]}", location)
    azure.put(version, location, **documents.image_version(version, location)["properties"])
    return True


def remove_image(azure: ArmState, group: str, version: str, definition: str) -> None:
    """Delete an image version with packer's image, then a definition with its versions, then its gallery.

    As the deletion job does: it knows the one definition that ``azure-podvm-image-cm`` names. A version that is not
    there or cannot be deleted is only printed, and what follows is done all the same: the script has no ``set -e``. The
    gallery is left where Azure does not let it go, as with another definition in it.

    Raises:
        ArmError: a version or the definition cannot be deleted; the job fails then.
    """
    with suppress(ArmError):
        if azure.delete(version):
            azure.delete(f"{group}/{COMPUTE}/images/{DEFINITION}-{version.rsplit('/', 1)[1]}")
    for other in list(azure.within(definition)):
        azure.delete(other["id"])
    azure.delete(definition)
    with suppress(ArmError):
        azure.delete(definition.rsplit("/images/", 1)[0])


def group_of(environment: Mapping[str, str]) -> str:
    """Return the ARM id of the resource group that CAA or an image job is told to use."""
    subnet = environment.get("AZURE_SUBNET_ID", "")
    subscription = subnet.split("/")[2] if subnet.count("/") > 1 else environment.get("AZURE_SUBSCRIPTION_ID")
    return f"/subscriptions/{subscription}/resourceGroups/{environment.get('AZURE_RESOURCE_GROUP')}"


def make_pod_vm(
    azure: ArmState, group: str, location: str, pod: str, sandbox: str, *, public_ip: bool = False, subnet: str = ""
) -> str:
    """Make the VM of a pod with its disk and its NIC (in a subnet), and return the VM's id."""
    stem = re.sub(r"[^a-z0-9-]", "-", pod.lower())[: _LONGEST_NAME - len(_PREFIX) - _SANDBOX - 2]
    name = f"{_PREFIX}-{stem}-{sandbox[:_SANDBOX]}"
    vm = f"{group}/{COMPUTE}/virtualMachines/{name}"
    nic = f"{group}/{NETWORK}/networkInterfaces/{name}-net"
    place = {"name": "ip-config", "id": f"{nic}/ipConfigurations/ip-config", "properties": {"subnet": {"id": subnet}}}
    azure.put(nic, location, ipConfigurations=[place])
    azure.put(f"{group}/{COMPUTE}/disks/{name}-disk", location)
    if public_ip:
        azure.put(f"{group}/{NETWORK}/publicIPAddresses/{name}-net", location)
    azure.put(vm, location)
    return vm


def remove_pod_vm(azure: ArmState, vm: str) -> None:
    """Delete a VM; NIC, disk and address go with it. Raises ArmError, and leaves everything then."""
    azure.delete(vm)
    group, _, name = vm.partition(f"/{COMPUTE}/virtualMachines/")
    for part in (f"{NETWORK}/networkInterfaces/{name}-net", f"{COMPUTE}/disks/{name}-disk"):
        azure.delete(f"{group}/{part}")
    azure.delete(f"{group}/{NETWORK}/publicIPAddresses/{name}-net")
