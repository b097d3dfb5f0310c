"""A pod VM image that the operator is asked to build while KataConfig stays: the names that it gets in the gallery.

The image job takes an image definition as it is when it exists, and Azure changes no definition's features: one that
was made without the gate can never start confidential VMs. It skips a version that exists, too, and publisher, offer
and SKU of two definitions of a gallery differ (openshift/sandboxed-containers-operator
``config/peerpods/podvm/azure-podvm-image-handler.sh`` at 0d14cc8c; Azure Compute Gallery). So each image that is asked
for has a definition, a SKU and a version of its own; the job reads them from ``azure-podvm-image-cm``, where they are
the user's to set.
"""

from collections.abc import Mapping

from coco_azure.formats import fingerprint

_SHOWN = 8
_DEFINITION = "podvm-image"
_SKU = "OSC-PodVM"
# The version's digits name a storage account, which is unique in the world (upload_vhd_image): no small number.
_PART, _LEAST = 9000, 1000


def new(uid: str, last: str, *, confidential: bool, rebuild: str) -> str:
    """Return what a new image is known by, the same for the same request.

    Args:
        uid: uid of the KataConfig.
        last: what the image before was known by; empty: it was the first one.
        rebuild: text of the settings that asks for it.
    """
    request = {"uid": uid, "last": last, "confidential": confidential, "rebuild": rebuild}
    return fingerprint.of(request)[:_SHOWN]


def definition(image: str) -> str:
    """Return the name of the image's definition."""
    return f"{_DEFINITION}-{image}"


def variables(image: str) -> Mapping[str, str]:
    """Return what ``azure-podvm-image-cm`` says for this image."""
    number = int(image, 16)
    return {
        "IMAGE_DEFINITION_NAME": definition(image),
        "IMAGE_DEFINITION_SKU": f"{_SKU}-{image}",
        "IMAGE_VERSION": f"1.{_LEAST + number % _PART}.{_LEAST + number // _PART % _PART}",
    }


def is_of(image: str, arm_id: str) -> bool:
    """Return whether an image version's ARM id is that of the image."""
    return f"/images/{definition(image)}/versions/".lower() in arm_id.lower()
