"""Whether a signature by the right key is of the image that was asked for: its digest, its repository, its tag."""

import json

import pytest

from coco_azure.formats.images import image_reference, measured_image, mirrors
from tests.unit.oci_registry import Maker

MAKER = Maker()
DIGEST = f"sha256:{'ab' * 32}"
NAME, MIRRORED = "registry.example.com/osc/image", "mirror.example.com:8443/all/osc/image"
PLACES = {"registry.example.com": "mirror.example.com:8443/all", "quay.io": "mirror.example.com:8443/quay"}


def _check(asked: str, *names: object, places: mirrors.Mirrors = PLACES) -> str:
    """Return what is wrong with an image that has signatures by these names; nothing where one is good."""
    signatures = []
    for name in names:
        critical = {
            "identity": {"docker-reference": name},
            "image": {"docker-manifest-digest": DIGEST},
            "type": "cosign container image signature",
        }
        payload = json.dumps({"critical": critical}).encode()
        signatures.append((payload, MAKER.sign(payload)))
    image, originals = image_reference.parse(asked), mirrors.originals(asked, places)
    try:
        measured_image.check_signature(image, DIGEST, signatures, MAKER.pem, originals)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (f"{NAME}:1.12.1", NAME),  # as cosign names it
        (f"{NAME}:1.12.1", f"{NAME}:1.12.1"),  # as Red Hat does
        (f"{NAME}@{DIGEST}", f"{NAME}:1.12.1"),
        (f"{NAME}:mine@{DIGEST}", f"{NAME}:1.12.1"),
        (f"{MIRRORED}:1.12.1", f"{NAME}:1.12.1"),
        (f"{MIRRORED}:1.12.1", MIRRORED),  # signed in the mirror
        ("docker.io/library/image:1", "index.docker.io/library/image"),  # cosign's name of Docker Hub
    ],
)
def test_a_signature_is_of_an_image_by_its_repository_or_by_that_which_it_is_a_mirror_of(
    asked: str, named: str
) -> None:
    assert _check(asked, named) == ""
    assert _check(asked, "quay.io/other/image", named) == ""


@pytest.mark.parametrize("named", ["quay.io/my-org/app", f"{NAME}-more", "registry.example.com/osc", MIRRORED])
def test_a_good_signature_that_was_moved_from_another_repository_is_none(named: str) -> None:
    assert _check(f"{NAME}:1.12.1", named) == (
        f"its signature names {named}, not {NAME}: take no measurements of it, unless that is a mirror. Then say what "
        f"of: pulumi config set --path 'coco-azure:trustee.registryMirrors[\"{named}\"]' {NAME}"
    )
    assert _check(f"{NAME}@{DIGEST}", named) != ""


def test_a_mirror_is_one_of_its_original_alone() -> None:
    assert f"names quay.io/osc/image, not {MIRRORED}" in _check(f"{MIRRORED}:1", "quay.io/osc/image")
    assert f"names {NAME}, not {MIRRORED}" in _check(f"{MIRRORED}:1", NAME, places={})
    elsewhere = {**PLACES, f"{NAME}": "mirror.example.com:8443/mine"}  # what lies at the mirror is no longer it
    assert f"names {NAME}, not {MIRRORED}" in _check(f"{MIRRORED}:1", NAME, places=elsewhere)


def test_a_signature_of_another_tag_is_none_of_this_tag() -> None:
    assert _check(f"{NAME}:1.12.1", f"{NAME}:1.11.0", f"{NAME}:1.11.0-7") == (
        f"its signature names {NAME}:1.11.0, {NAME}:1.11.0-7, not the tag 1.12.1: the registry may give an older image "
        f"for it. If it is the one that you mean, name its digest: {NAME}@{DIGEST}"
    )


@pytest.mark.parametrize("named", ["", None, "https://registry.example.com/osc/image"])
def test_a_signature_that_names_no_image_is_none(named: object) -> None:
    complaint = _check(f"{NAME}:1.12.1", named)

    assert complaint.startswith(f"its signature names no repository, needed {NAME}; sign it anew: cosign sign ")
    assert complaint.endswith(f"{NAME}@{DIGEST}")
