"""Settings of the check that proves the whole chain."""

from typing import Annotated

from pydantic import AfterValidator, Field

from coco_azure import names
from coco_azure.formats.images import image_reference
from coco_azure.settings.azure import ImageId
from coco_azure.settings.base import DnsLabel, Duration, Model, TextFile, matching

ResourcePath = Annotated[
    str,
    matching(
        r"default/[a-z0-9]([-a-z0-9]*[a-z0-9])?/[-._a-zA-Z0-9]+", "default/SECRET/KEY, such as default/kbsres1/key1"
    ),
]


def _check_image(image: str) -> str:
    image_reference.parse(image)
    image_reference.sort_images([image])
    return image


Image = Annotated[str, AfterValidator(_check_image)]


class AttestationCheckSettings(Model):
    """The pod that attests itself to Trustee and compares the secret that it gets."""

    enabled: bool = True
    """false: deploy without proof."""
    namespace: DnsLabel = names.CHECK_NAMESPACE
    """Namespace for the check; made and deleted with the stack."""
    image: Image = "registry.access.redhat.com/ubi9/ubi:9.3"
    """Image with bash, curl and sha256sum."""
    resource: ResourcePath | None = None
    """What it fetches, one of clientSecrets; default: default/kbsres1/key1, and in production, where no other is
    allowed, a secret of its own."""
    initdata_annotation: bool = True
    """true: the pod carries initdata of its own (chapter 7.16); false: it proves the global INITDATA, not in
    production."""
    agent_policy: TextFile | None = Field(default=None, alias="agentPolicyFile")
    """Rego file for the pod's agent policy annotation; the check needs neither exec nor logs."""
    pod_vm_image: ImageId | None = None
    """Pod VM image for this pod alone (chapter 7.9)."""
    negative: bool = False
    """Whether what must be denied is tried as well, in production: the check's pod with changed initdata, with another
    image, and exec into one that sleeps. Each has a VM of its own until it is denied."""
    timeout: Duration = "20m"
    """How long the pod VM may take to start, attest and answer."""
