"""What differs between versions of KBS, as data.

Sources: openshift/trustee v0.3.0, v0.4.0, v0.4.2, v1.0.0, v1.1.0, v1.2.0, with the crates that their ``Cargo.lock``
names (regorus, kbs-types, sev). The rehearsal knows this for itself; it does not read the program's profiles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NUMBERS = 3
_REGORUS_0_5, _EAR, _NO_SIMPLE, _STORAGE = (0, 4, 2), (1, 0, 0), (1, 1, 0), (1, 2, 0)
_ROOT = "/opt/confidential-containers"


@dataclass(frozen=True)
class Version:
    """One version of KBS.

    Attributes:
        number: major, minor, patch.
    """

    number: tuple[int, ...]

    @property
    def has_payload_size(self) -> bool:
        """Whether ``http_server`` takes ``payload_request_size``; RVPS makes a missing LocalJson file since then."""
        return self.number >= (0, 4, 0)

    @property
    def has_classes(self) -> bool:
        """Whether each class of device has a policy and a submodule (``default_cpu.rego``, ``cpu0``)."""
        return self.number >= _EAR

    @property
    def any_reference_value(self) -> bool:
        """Whether a reference value is any JSON value (``value``), not a list of hashes (``hash-value``)."""
        return self.number >= _EAR

    @property
    def takes_initdata(self) -> bool:
        """Whether the guest may send its initdata, to be compared with what the vTPM measured."""
        return self.number >= _EAR

    @property
    def has_simple_token(self) -> bool:
        """Whether the broker has a type; later the token is always an EAR and ``type`` is ignored."""
        return self.number < _NO_SIMPLE

    @property
    def asks_for_references(self) -> bool:
        """Whether policies give ``trust_claims`` and call ``query_reference_value``, with no regard to expiry."""
        return self.number >= _NO_SIMPLE

    @property
    def has_storage(self) -> bool:
        """Whether policies, resources and reference values lie in a key-value storage."""
        return self.number >= _STORAGE

    @property
    def rego_v1(self) -> bool:
        """Whether the engine takes Rego v1 unless a policy says otherwise (regorus 0.5 does, 0.2.8 does not)."""
        return self.number >= _NO_SIMPLE or _REGORUS_0_5 <= self.number < _EAR

    @property
    def words_for_booleans(self) -> bool:
        """Whether the flags of an SNP report are ``true`` and ``false`` (sev 6), not ``1`` and ``0`` (sev 4)."""
        return self.number >= _REGORUS_0_5

    @property
    def protocol(self) -> str:
        """The version of the RCAR protocol that a guest has to speak (``kbs/src/attestation/backend.rs``)."""
        return "0.4.0" if self.has_classes else "0.2.0" if self.has_payload_size else "0.1.1"

    @property
    def submodule(self) -> str:
        """Name of the CPU's appraisal in an EAR token."""
        return "cpu0" if self.has_classes else "cpu"

    def tee(self, attester: str) -> str:
        """Return how tokens name an attester: ``azsnpvtpm`` until 1.0, ``az-snp-vtpm`` later (kbs-types, ``Tee``)."""
        return attester if self.asks_for_references else attester.replace("-", "")

    @property
    def writable(self) -> tuple[str, ...]:
        """Folders in which the operator of this version mounts single files, so that KBS can write beside them."""
        if self.has_storage:
            return (f"{_ROOT}/storage",)
        return (f"{_ROOT}/attestation-service/policies/opa",) if self.has_classes else ()


def of(text: str) -> Version:
    """Return the version in a text such as ``0.3.0``.

    Raises:
        ValueError: the text is no version.
    """
    numbers = text.split(".")
    if len(numbers) != _NUMBERS or not all(each.isdigit() for each in numbers):
        raise ValueError(f"{text!r} is no version of Trustee such as 1.2.1")
    return Version(tuple(int(each) for each in numbers))


def fits(entry: Mapping[str, Any], number: tuple[int, ...]) -> bool:
    """Return whether a version has an entry of a table: it is not older than ``since``, and older than ``before``."""
    since, before = entry.get("since"), entry.get("before")
    return (since is None or number >= of(since).number) and (before is None or number < of(before).number)


def of_image(image: str) -> str:
    """Return the version that an image's tag says (``registry.example.com/trustee:0.3.0``)."""
    return image.rpartition(":")[2]
