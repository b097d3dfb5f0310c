"""cloud-api-adaptor on Azure, by release of OSC: what it reads at start, and how it makes a pod VM or refuses to.

It keeps what it read at start: a changed ``peer-pods-cm`` does nothing until CAA is restarted. What Kata's shim does
before with a pod's annotations is here as well. Sources: openshift/cloud-api-adaptor, branches ``release-1.9`` to
``osc-release-v1.12``, ``cmd/cloud-api-adaptor/main.go``, ``pkg/adaptor/cloud/cloud.go``,
``pkg/userdata/provision.go``, ``src/cloud-providers/azure``; kata-containers 3.13.0 to 3.25.0
``src/runtime/pkg/oci/utils.go``.
"""

import base64
import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rehearsal.azure import refusals
from rehearsal.azure.arm_state import ArmError
from rehearsal.azure.subscription import Subscription
from rehearsal.kubelet import evidence, initdata, osc_release
from rehearsal.kubelet.initdata import Document, InitdataError
from rehearsal.kubelet.kbs import Evidence

_REQUIRED = (
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_SUBSCRIPTION_ID",
    "AZURE_RESOURCE_GROUP",
    "AZURE_SUBNET_ID",
    "AZURE_IMAGE_ID",
)
_MAKES_VM = ("Microsoft.Compute/virtualMachines/write", "Microsoft.Network/networkInterfaces/write")
_JOINS = (
    ("AZURE_SUBNET_ID", "Microsoft.Network/virtualNetworks/subnets/join/action"),
    ("AZURE_NSG_ID", "Microsoft.Network/networkSecurityGroups/join/action"),
)
_PREFIX = "io.katacontainers.config.hypervisor."
_MACHINE_TYPE, _IMAGE = f"{_PREFIX}machine_type", f"{_PREFIX}image"
_FILES = ("aa.toml", "cdh.toml", "policy.rego")
_MOST_USER_DATA = 64 * 1024
# User data also holds the cloud-config around it all and daemon.json: network, a CA, a certificate and its key.
_BESIDE = 4 * 1024
_MOST_CREDENTIALS = 12288  # DefaultAuthfileLimit; what is larger is left out
_NO_ANSWER = "context deadline exceeded: the agent in the pod VM does not answer"


class CaaStartError(Exception):
    """CAA ends at start with this message."""


class SandboxError(Exception):
    """The pod sandbox cannot be created; the kubelet tries again."""


def check_sign_in(environment: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Raise CaaStartError where CAA has neither a client secret nor a token (its ``client.go`` and azidentity)."""
    if environment.get("AZURE_CLIENT_SECRET"):
        return
    path = environment.get("AZURE_FEDERATED_TOKEN_FILE")
    if not path:
        raise CaaStartError("no token file specified. Check pod configuration or set TokenFilePath")
    if path not in files:
        raise CaaStartError(f"open {path}: no such file or directory")


@dataclass(frozen=True, kw_only=True)
class PodVm:
    """A pod VM that has started.

    Attributes:
        size: Azure VM size.
        files: what it took from its initdata (``aa.toml``, ``cdh.toml``, ``policy.rego``).
        evidence: what it can prove, or None where it is no confidential VM.
        digest: digest of what it measured as initdata, hexadecimal, or None where it measured nothing.
        secure_boot: whether its firmware verifies what it starts.
        image_denies: requests that the agent policy of its image denies.
        copies_named: whether its agent names type and target of copied files, and its image's policy checks them.
        guest_components: version of guest-components in its image.
        protocol: version of the RCAR protocol that they speak with KBS.
    """

    size: str
    files: Mapping[str, str] = field(default_factory=dict)
    evidence: Evidence | None = None
    digest: str | None = None
    secure_boot: bool = False
    image_denies: Sequence[str] = ()
    copies_named: bool = False
    guest_components: tuple[int, int] = (0, 11)
    protocol: str = "0.1.1"


class Caa:
    """CAA on one node, since its start."""

    def __init__(self, environment: Mapping[str, str], azure: Subscription, version: str = "1.9.0") -> None:
        """Start the CAA of an OSC version (the tag of its image).

        Raises:
            CaaStartError: a variable is missing, or the global INITDATA cannot be read (OSC >= 1.10).
        """
        if missing := [name for name in _REQUIRED if not environment.get(name)]:
            raise CaaStartError(f"required environment variables are not set: {', '.join(missing)}")
        try:
            self._release = osc_release.of(version)
        except ValueError as error:
            raise CaaStartError(str(error)) from error
        self.environment = environment
        self._config = environment
        self._azure = azure
        self._options = osc_release.options(environment, self._release.options)
        if self._release.compressed and (encoded := self._options.get("initdata")):
            try:
                # The digest is computed here as well, so an unknown algorithm ends CAA too.
                _ = initdata.read(encoded, compressed=True).digest
            except ValueError as error:
                raise CaaStartError(f"failed to parse global initdata: {error}") from error

    def create(self, annotations: Mapping[str, str], credentials: int = 0) -> PodVm:
        """Return a new pod VM for a pod.

        Args:
            annotations: the pod's annotations.
            credentials: bytes of the pod's image pull secrets, which travel in the user data as well.

        Raises:
            SandboxError: as the shim, CAA, Azure or the pod VM refuses.
        """
        self._check_annotations(annotations)
        size = self._size(annotations)
        own = annotations.get(self._release.annotation)
        document, encoded = self._from_annotation(own) if own else self._global()
        self._check_user_data(len(encoded), credentials)
        self._ask_azure(size, annotations.get(_IMAGE) or self._config["AZURE_IMAGE_ID"])
        return self._booted(size, document)

    def _check_annotations(self, annotations: Mapping[str, str]) -> None:
        """Refuse what the shim's configuration does not enable; it knows only the prefix of the hypervisor."""
        for name in annotations:
            short = name.removeprefix(_PREFIX)
            if short != name and not any(re.search(each, short) for each in self._release.enabled):
                raise SandboxError(f"annotation {name} is not enabled")

    def _size(self, annotations: Mapping[str, str]) -> str:
        default = self._config.get("AZURE_INSTANCE_SIZE", "")
        size = annotations.get(_MACHINE_TYPE) or default
        sizes = self._options.get("instance-sizes", default).split(",")
        if size not in sizes:
            raise SandboxError(f'requested instance type ("{size}") is not part of supported instance types list')
        return size

    def _from_annotation(self, own: str) -> tuple[Document, str]:
        """Return initdata of the pod's annotation, and how it travels in the user data."""
        if not self._release.compressed:
            return self._plain(own), own
        try:
            document = initdata.read(own, compressed=True)
        except InitdataError as error:
            words = (
                "parsing initdata annotation failed" if error.step == "toml" else "initdata create gzip reader error"
            )
            raise SandboxError(f"{words}: {error}") from error
        if document.algorithm not in initdata.ALGORITHMS:
            # The shim has no hash then, and uses it all the same.
            raise SandboxError(
                f"failed to create shim task: ttrpc: closed (the shim panicked on initdata algorithm "
                f"{document.algorithm!r})"
            )
        # CAA gets the text from the shim and packs it anew.
        return document, base64.b64encode(gzip.compress(document.text, mtime=0)).decode()

    def _global(self) -> tuple[Document | None, str]:
        encoded = self._options.get("initdata", "")
        if encoded:
            packed = self._release.compressed
            return (initdata.read(encoded, compressed=True) if packed else self._plain(encoded)), encoded
        return (initdata.parse(initdata.DUMMY) if self._release.dummy else None), ""

    @staticmethod
    def _plain(encoded: str) -> Document:
        try:
            return initdata.read(encoded, compressed=False)
        except InitdataError as error:
            words = "error base64 decode initdata" if error.step == "base64" else "error unmarshalling initdata"
            raise SandboxError(f"{words}: {error}") from error

    @staticmethod
    def _check_user_data(initdata_size: int, credentials: int) -> None:
        others = _BESIDE + (credentials if credentials <= _MOST_CREDENTIALS else 0)
        if len(base64.b64encode(bytes(others + initdata_size))) > _MOST_USER_DATA:
            raise SandboxError("base64 encoded userData is greater than 64KB")

    def _booted(self, size: str, document: Document | None) -> PodVm:
        """Return a VM that took this initdata (``process-user-data``)."""
        digest, files = None, {}
        if document is not None:
            try:
                # Whether the pod VM image of OSC 1.9 extends PCR 8 is not known upstream; the rehearsal's does.
                digest = document.digest
            except ValueError as error:
                words = f"Error creating initdata hash, the Algorithm {document.algorithm} not supported"
                raise SandboxError(f"{_NO_ANSWER} (in the VM: {words})") from error
            files = {name: text for name, text in document.data.items() if name in _FILES}
        confidential = "disable-cvm" not in self._options
        proof = evidence.of(size if confidential else "", digest)
        # Secure boot is asked for with the security profile of a confidential VM only.
        secure = confidential and "enable-secure-boot" in self._options
        if proof is not None and not secure:
            proof = evidence.without_secure_boot(proof)
        return PodVm(
            size=size,
            files=files,
            evidence=proof,
            digest=digest,
            secure_boot=secure,
            image_denies=self._release.image_denies,
            copies_named=self._release.copies_named,
            guest_components=self._release.guest_components,
            protocol=self._release.protocol,
        )

    def _ask_azure(self, size: str, image: str) -> None:
        config = self._config
        group, location = config["AZURE_RESOURCE_GROUP"], config.get("AZURE_REGION", "")
        if group.lower() not in [each.lower() for each in self._azure.resource_groups()]:
            raise SandboxError(f"ResourceGroupNotFound: Resource group '{group}' could not be found.")
        if location != self._azure.location:
            raise SandboxError(f"InvalidResourceLocation: no virtual network in location '{location}'")
        for name, known in (("AZURE_SUBNET_ID", self._azure.subnet_ids()), ("AZURE_NSG_ID", self._azure.nsg_ids())):
            if config.get(name) and config[name].lower() not in [each.lower() for each in known]:
                raise SandboxError(f"InvalidResourceReference: Resource {config[name]} was not found ({name})")
        scope = f"/subscriptions/{self._azure.id}/resourceGroups/{group}"
        asked = [(each, scope) for each in _MAKES_VM]
        asked += [(action, config[name]) for name, action in _JOINS if config.get(name)]
        if (refused := self._azure.refusal(config, asked)) is not None:
            raise SandboxError(refused)
        try:
            refusals.check_tags(_tags(self._options.get("tags", "")), vm=True)
        except ArmError as error:
            raise SandboxError(f"{error.code}: {error.text}") from error
        if size not in self._azure.vm_sizes:
            raise SandboxError(f"SkuNotAvailable: The requested VM size '{size}' is not available in {location}")
        if not image.startswith("/"):
            raise SandboxError(f"InvalidParameter: image id {image!r} is not an ARM id")
        if "disable-cvm" not in self._options:
            self._check_definition(image)

    def _check_definition(self, image: str) -> None:
        """Refuse a confidential VM of a gallery image whose definition is not for one; of others nothing is known."""
        definition = self._azure.resources().get(image.lower().partition("/versions/")[0])
        if definition is None or definition["type"].lower() != "microsoft.compute/galleries/images":
            return
        features = {each["name"]: each["value"] for each in definition["properties"].get("features", ())}
        if not features.get("SecurityType", "").lower().endswith(("confidentialvm", "confidentialvmsupported")):
            words = "BadRequest: the image definition does not support security type 'ConfidentialVM'"
            raise SandboxError(f"{words}: {definition['id']}")


def _tags(option: str) -> dict[str, str]:
    """Return the pairs of a list as CAA splits it (``src/cloud-providers/types.go``, KeyValueFlag)."""
    return dict(each.split("=", 1) for each in option.split(",") if "=" in each)
