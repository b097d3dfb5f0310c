"""The pod VM image: there, built, for confidential VMs, of generation 2, and in the region.

Source: ``Microsoft.Compute/galleries/images`` (feature ``SecurityType`` and ``hyperVGeneration`` of the definition) and
``.../versions`` (``publishingProfile.targetRegions``). OSC makes its definition with
``SecurityType=ConfidentialVmSupported`` (openshift/sandboxed-containers-operator
config/peerpods/podvm/azure-podvm-image-handler.sh). A managed image (``Microsoft.Compute/images``) has no such feature.
"""

from collections.abc import Iterator

from coco_azure.clients import arm_ids
from coco_azure.inventory.azure_facts import AzureFacts, AzureImage
from coco_azure.inventory.requirements import Requirements
from coco_azure.preflight.model import Finding, Level

CONFIDENTIAL = frozenset({"confidentialvm", "confidentialvmsupported", "trustedlaunchandconfidentialvmsupported"})
"""Values of ``SecurityType`` that confidential VMs can be made of."""
_SET = "pulumi config set --path coco-azure:peerPods.imageId ARM_ID"
_RM = "pulumi config rm --path coco-azure:peerPods.imageId (the operator builds one)"
_ANEW = "have it built anew: pulumi config set --path coco-azure:peerPods.rebuildImage TEXT, then pulumi up (no reboot)"
_MAKE = (
    "az sig image-definition create ... --features SecurityType=ConfidentialVmSupported --hyper-v-generation V2 "
    "--os-type Linux"
)


def problems(facts: AzureFacts, requirements: Requirements) -> Iterator[Finding]:
    """Yield what is wrong with the image: a problem of the settings' own, a warning of one that the operator built."""
    image = facts.image
    if image is None:
        return
    level: Level = "problem" if requirements.peer_pods.own_image else "warning"
    fix = f"{_SET}\nor {_RM}" if requirements.peer_pods.own_image else _ANEW
    for check, found, needed, instead in _wrong(image, facts, requirements):
        yield Finding(check=check, level=level, found=found, needed=needed, fix=instead or fix)


def _wrong(image: AzureImage, facts: AzureFacts, requirements: Requirements) -> Iterator[tuple[str, str, str, str]]:
    """Yield check, what was found, what is needed, and the fix where it is not another image."""
    name = short(image.id)
    if not image.exists:
        yield "image", f"{name} does not exist", "an image that is there and that may be read", ""
        return
    if requirements.peer_pods.confidential and image.security_type.lower() not in CONFIDENTIAL:
        security = f"SecurityType {image.security_type}" if image.security_type else "no SecurityType"
        if arm_ids.is_managed_image(image.id):
            security = "is a managed image, which confidential VMs cannot be made of"
        else:
            security = f"has {security} in its definition"
        needed = "a gallery image whose definition has SecurityType=ConfidentialVmSupported"
        yield "image", f"{name} {security}", needed, f"{_MAKE}\nthen {_SET}"
    if image.generation.upper() != "V2":
        needed = "generation V2: confidential VMs and secure boot need UEFI"
        check = "image" if requirements.peer_pods.confidential else "secure-boot"
        if requirements.peer_pods.confidential or requirements.peer_pods.secure_boot:
            yield check, f"{name} is of generation {image.generation}", needed, f"{_MAKE}\nthen {_SET}"
    if image.regions and facts.region.lower() not in {arm_ids.short_region(region) for region in image.regions}:
        yield (
            "image",
            f"{name} is in {', '.join(image.regions)}",
            f"a replica in {facts.region}, the region of the pod VMs",
            _replicate(image, facts.region),
        )
    if image.state and image.state.lower() != "succeeded":
        needed = "provisioning state Succeeded"
        yield "image", f"{name} is in state {image.state}", needed, f"wait, and look: az resource show --ids {image.id}"


def _replicate(image: AzureImage, region: str) -> str:
    if arm_ids.is_managed_image(image.id):
        return "make the image in that region"
    regions = " ".join(map(arm_ids.short_region, image.regions))
    return f"az sig image-version update --ids {image.id} --target-regions {regions} {region}"


def short(image_id: str) -> str:
    """Return what people call an image: ``gallery/image/version``, or the name of a managed image."""
    return "/".join(image_id.split("/")[8::2])
