"""Which pod VM images are accepted from run to run: one, and while the image changes the old one, too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coco_azure.formats import one_line
from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.settings import SettingsError
from coco_azure.trust import values as chain_values
from coco_azure.trust.values import AcceptedImages
from tests.unit.trust_stacks import EXPIRES, IMAGE, KEYS, file, refused, stack

NAME = "registry.redhat.io/openshift-sandboxed-containers/osc-dm-verity-image"
OLD, NEW = f"{NAME}:1.11.0", f"{NAME}:1.12.1"
KEY, OTHER_KEY = f"{IMAGE}/signing-key.pub", f"{KEYS}/cosign.pub"
Output = Mapping[str, Any] | None


def _csv(version: str) -> str:
    return f"sandboxed-containers-operator.v{version}"


class Runs:
    """The runs of one stack, each with the output of the one before."""

    def __init__(self) -> None:
        self.output: Output = None
        self.fetched: list[str] = []

    def run(self, version: str, build: str, image: str = NAME, key: str = KEY, **values: Any) -> AcceptedImages | None:
        """Run with this version of the operator, and with this build of the image in the end."""
        reference_values = {"expires": EXPIRES, "image": image, "measurementsPublicKeyFile": key, **values}
        settings = stack({"trustee": {"referenceValues": reference_values}})
        csv = _csv(version) if version else ""
        accepted = chain_values.choose(settings, csv, build, self.output, self._fetch)
        if accepted is not None:
            self.output = one_line.read(accepted.output())
        return accepted

    def accepted(self, version: str, build: str, **more: Any) -> list[str]:
        """Return the references that such a run accepts."""
        accepted = self.run(version, build, **more)
        return [image.reference for image in accepted.images] if accepted is not None else []

    def _fetch(self, reference: str, key: str) -> MeasuredImage:
        self.fetched.append(reference)
        pcrs = dict.fromkeys((3, 9, 11, 12), ("ab" if reference == OLD else "cd") * 32)
        return MeasuredImage(reference=reference, digest=f"sha256:{len(self.fetched):064}", key=key, pcrs=pcrs)


def test_the_image_is_that_of_the_operators_version_and_fetched_once() -> None:
    runs = Runs()

    assert [runs.accepted("1.12.1", "first") for _ in range(3)] == [[NEW]] * 3
    assert runs.fetched == [NEW]


def test_an_upgrade_accepts_both_until_the_run_after_the_one_that_builds_the_new_image() -> None:
    runs = Runs()
    steps = [("1.11.0", "first"), ("1.12.1", "first"), ("1.12.1", "first"), ("1.12.1", "second"), ("1.12.1", "second")]

    assert [runs.accepted(*step) for step in steps] == [[OLD], [OLD, NEW], [OLD, NEW], [OLD, NEW], [NEW]]
    assert runs.fetched == [OLD, NEW]


def test_an_upgrade_that_builds_the_image_in_the_same_run_accepts_both_in_that_one_alone() -> None:
    runs = Runs()
    steps = [("1.11.0", "first"), ("1.12.1", "second"), ("1.12.1", "second")]

    assert [runs.accepted(*step) for step in steps] == [[OLD], [OLD, NEW], [NEW]]


def test_a_version_that_no_image_was_built_of_is_not_kept() -> None:
    runs = Runs()
    steps = [("1.11.0", "first"), ("1.12.0", "first"), ("1.12.1", "second"), ("1.12.1", "second")]

    assert [runs.accepted(*step) for step in steps][2:] == [[OLD, NEW], [NEW]]


def test_an_image_named_by_tag_or_digest_replaces_the_last_ones_a_run_later_whatever_is_built() -> None:
    runs = Runs()
    digest = f"{NAME}@sha256:{'0' * 64}"

    assert [runs.accepted("1.12.1", "first", image=image) for image in (OLD, digest, digest)] == [
        [OLD],
        [OLD, digest],
        [digest],
    ]


def test_what_another_key_vouched_for_is_accepted_no_more() -> None:
    runs = Runs()
    runs.run("1.11.0", "first")

    assert runs.accepted("1.12.1", "first", key=OTHER_KEY) == [NEW]
    assert runs.fetched == [OLD, NEW]


def test_a_person_is_told_which_image_pods_get_and_what_ends_that() -> None:
    runs = Runs()
    first, upgraded, built, after = (
        chain_values.warnings(runs.run(*step))
        for step in [("1.11.0", "first"), ("1.12.1", "first"), ("1.12.1", "second"), ("1.12.1", "second")]
    )

    assert (first, after) == ([], [])
    assert f"pods still get the pod VM image of {OLD}" in upgraded[0]
    assert "peerPods.rebuildImage" in upgraded[0]
    assert f"{OLD} is still accepted" in built[0]
    assert "the next `pulumi up` drops it" in built[0]


@pytest.mark.parametrize("broken", [{"images": None}, {"images": [{"pcrs": 1}, {}]}, {"images": "x", "current": 3}])
def test_an_output_that_nobody_can_read_counts_as_none(broken: Output) -> None:
    runs = Runs()
    runs.output = broken

    assert runs.accepted("1.12.1", "first") == [NEW]


def test_without_an_operators_version_nothing_is_fetched() -> None:
    runs = Runs()

    assert runs.accepted("", "") == []
    assert runs.fetched == []


def test_a_pcr_that_the_image_lacks_is_told_with_what_it_has() -> None:
    with pytest.raises(ValueError, match=r"image .*:1\.12\.1 has no PCR 4, 7 \(it has 3, 9, 11, 12\); set .*\.pcrs"):
        Runs().run("1.12.1", "first", pcrs=[3, 4, 7])


GOOD = {"expires": EXPIRES, "image": NAME, "measurementsPublicKeyFile": KEY}
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no key": ({**GOOD, "measurementsPublicKeyFile": None}, ["image needs measurementsPublicKeyFile", "redhat.pem"]),
    "no date": ({**GOOD, "expires": None}, ["image needs expires"]),
    "a file beside it": (
        {**GOOD, "measurementsFile": f"{IMAGE}/measurements.json"},
        ["image and measurementsFile or measurementsSignatureFile are both set", "keep image, or the two files"],
    ),
    "a signature beside it": (
        {**GOOD, "measurementsSignatureFile": f"{IMAGE}/measurements.sig"},
        ["image and measurementsFile or measurementsSignatureFile are both set"],
    ),
    "a tag that moves": ({**GOOD, "image": f"{NAME}:latest"}, ["latest is another image tomorrow"]),
    "a URL": ({**GOOD, "image": f"https://{NAME}"}, ["is no image reference"]),
}


@pytest.mark.parametrize(("values", "complaints"), BAD.values(), ids=BAD)
def test_settings_that_cannot_be_are_told(values: dict[str, Any], complaints: list[str]) -> None:
    message = refused(
        {"trustee": {"referenceValues": {name: each for name, each in values.items() if each is not None}}}
    )
    assert all(complaint in message for complaint in complaints), message


def test_a_key_that_no_measurements_are_signed_with_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    values = {**GOOD, "measurementsPublicKeyFile": file(tmp_path, "p384.pub", pem)}

    with pytest.raises(
        SettingsError, match=r"measurementsPublicKeyFile: found a key of type .*, needed ECDSA P-256, RSA"
    ):
        stack({"trustee": {"referenceValues": values}})


@pytest.mark.parametrize(
    ("peer_pods", "why"),
    [
        ({"enabled": False}, "the stack has no peer pods"),
        (
            {
                "imageId": "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/g/providers/"
                "Microsoft.Compute/galleries/own/images/own/versions/1.0.0"
            },
            "peerPods.imageId names an image of your own",
        ),
    ],
)
def test_an_image_of_no_operator_has_to_be_named_whole(peer_pods: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=f"has neither tag nor digest, and {why}"):
        stack({"trustee": {"referenceValues": GOOD}, "peerPods": peer_pods})
    stack({"trustee": {"referenceValues": {**GOOD, "image": NEW}}, "peerPods": peer_pods})
