"""Images that pod VMs pull from mirrors: the same ones, with the same signatures, and from nowhere else."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from coco_azure.formats.images import mirrors
from coco_azure.settings import SettingsError
from coco_azure.trust import checks
from coco_azure.trust.documents import KbsEndpoint, documents
from coco_azure.versions.profiles import OSC
from rehearsal import cluster
from rehearsal.kubelet import images
from rehearsal.kubelet.registry import DESCRIPTION, MIRROR, Registry
from rehearsal.kubelet.registry import DISCONNECTED as DISCONNECTED_VARIABLE
from tests.unit.recording import ROOT
from tests.unit.trust_stacks import HOST, NOW, PLACE, PRODUCTION, chain, changed, stack
from tests.unit.trust_stacks import KEYS as PAIRS

APP, OTHER, CHECK = "quay.io/rehearsal/app:1.0", "quay.io/other/app:1.0", "registry.access.redhat.com/ubi9/ubi:9.3"
BOTH = {"quay.io": f"{MIRROR}/quay.io", "registry.access.redhat.com": f"{MIRROR}/registry.access.redhat.com"}
SIGNED = {
    "publicKeyFile": "rehearsal/kubelet/registry-keys/cosign.pub",
    "images": ["quay.io/rehearsal", "registry.access.redhat.com/ubi9"],
}
DISCONNECTED = Registry.of(yaml.safe_load(DESCRIPTION.read_text()), disconnected=True)


def _settings(**trustee: Any) -> dict[str, Any]:
    values = {f"trustee__{name}": value for name, value in {"imageSignature": SIGNED, **trustee}.items()}
    return changed(PRODUCTION, **values)


def _pull(image: str, settings: dict[str, Any], *, check: bool = False, release: tuple[int, int] = (0, 15)) -> str:
    """Pull an image in a pod VM that reaches the mirror alone; return why not, or nothing."""
    made = stack(settings)
    served = made.trustee.public_secrets
    text = served.get(mirrors.RESOURCE.secret, {}).get(mirrors.RESOURCE.key)
    policy = made.check_image_policy if check else made.trustee.image_policy(made.image_default)

    async def fetch(uri: str) -> bytes:
        _, _, path = uri.partition(":///default/")
        secret, _, key = path.partition("/")
        return served[secret][key].encode()

    pulling = images.pull(image, policy, fetch, mirrors=text, release=release, registry=DISCONNECTED)
    try:
        asyncio.run(pulling)
    except images.ImageError as error:
        return str(error)
    return ""


def _image(text: str) -> dict[str, Any]:
    """Return what a document says of pulling images."""
    return dict(tomllib.loads(tomllib.loads(text)["data"]["cdh.toml"])["image"])


def test_without_a_mirror_a_disconnected_pod_vm_pulls_nothing_and_with_it_what_is_signed() -> None:
    assert "Network is unreachable" in _pull(APP, _settings())
    assert _pull(APP, _settings(registryMirrors=BOTH)) == ""
    assert _pull(CHECK, _settings(registryMirrors=BOTH), check=True) == ""


def test_a_rehearsal_is_disconnected_by_a_variable_that_its_cluster_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert DISCONNECTED_VARIABLE in cluster.SETTINGS
    described = Registry.described.__wrapped__  # without its cache
    assert not described(Registry).disconnected
    monkeypatch.setenv(DISCONNECTED_VARIABLE, "1")
    assert described(Registry).disconnected


def test_a_mirror_lets_in_nothing_that_its_original_does_not() -> None:
    mirrored = _settings(registryMirrors=BOTH)

    assert "rejects it" in _pull(OTHER, mirrored)
    assert "no signature" in _pull("quay.io/rehearsal/unsigned:1.0", mirrored)
    assert "digest does not match" in _pull("quay.io/rehearsal/moved:1.0", mirrored)


def test_what_is_accepted_without_a_signature_is_accepted_from_its_mirror() -> None:
    assert _pull(OTHER, _settings(registryMirrors=BOTH, acceptedImages=["quay.io/other"])) == ""


@pytest.mark.parametrize(
    ("scope", "also"),
    [
        ("quay.io/team/app", ["mirror.example.com/q/team/app"]),
        ("quay.io/team/app:1.0", ["mirror.example.com/q/team/app:1.0"]),
        ("quay.io", ["mirror.example.com/q", "mirror.example.com/tools"]),
        ("quay.io/tools", ["mirror.example.com/tools"]),
        ("quay.io/toolsmith", ["mirror.example.com/q/toolsmith"]),
        ("*.io", ["mirror.example.com/q", "mirror.example.com/tools"]),
        ("ghcr.io/team", []),
    ],
)
def test_a_scope_holds_for_the_names_that_its_images_are_pulled_by(scope: str, also: list[str]) -> None:
    rules = {"quay.io": "mirror.example.com/q", "quay.io/tools": "mirror.example.com/tools"}

    assert mirrors.widened([scope], rules) == (scope, *also)


def test_a_short_docker_image_is_pulled_by_its_whole_name() -> None:
    assert (
        mirrors.pulled("nginx", {"docker.io": "mirror.example.com/hub"})
        == "mirror.example.com/hub/library/nginx:latest"
    )
    assert mirrors.pulled("nginx", {}) == "nginx"


def test_the_document_names_the_mirrors_and_a_spoke_those_of_its_hub() -> None:
    uri = {"registry_configuration_uri": mirrors.RESOURCE.uri}

    assert _image(chain(_settings(registryMirrors=BOTH)).documents["global"].text).items() >= uri.items()
    assert "registry_configuration_uri" not in _image(chain(_settings()).documents["global"].text)
    place = KbsEndpoint(kbs_url=PLACE.kbs_url, images={"registryMirrors": mirrors.RESOURCE.uri})
    spoke = stack({"trustee": {"stack": "organization/coco-azure/hub"}})
    assert mirrors.RESOURCE.uri in documents(spoke, OSC["1.11"], place)["global"].text


def test_an_osc_whose_pod_vms_know_no_mirrors_is_an_error_that_says_from_when_on() -> None:
    with pytest.raises(ValueError, match=r"pod VMs of OSC 1\.9 know no mirrors.*Needed: OSC 1\.10 or newer"):
        documents(stack({"trustee": {"registryMirrors": BOTH}}), OSC["1.9"], PLACE)


def test_a_signature_that_has_to_name_what_is_pulled_is_an_error_beside_its_mirror() -> None:
    identity = {**SIGNED, "signedIdentity": {"type": "matchRepository"}}
    with pytest.raises(SettingsError, match="registryMirrors has it pulled by another name"):
        stack(_settings(registryMirrors=BOTH, imageSignature=identity))
    stack(_settings(registryMirrors={"ghcr.io": f"{MIRROR}/ghcr.io"}, imageSignature=identity))
    named = {"type": "exactRepository", "dockerRepository": "quay.io/rehearsal/app"}
    exact = {**SIGNED, "images": ["quay.io/rehearsal/app"], "signedIdentity": named}
    assert _pull(APP, _settings(registryMirrors=BOTH, imageSignature=[SIGNED, exact])) == ""


@pytest.mark.parametrize("place", ["https://quay.io", "quay.io/", "quay.io/app:1.0", "team/app", "*.quay.io"])
def test_a_mirror_that_is_no_registry_is_an_error(place: str) -> None:
    with pytest.raises(SettingsError, match="registryMirrors"):
        stack({"trustee": {"registryMirrors": {place: MIRROR}}})
    with pytest.raises(SettingsError, match="registryMirrors"):
        stack({"trustee": {"registryMirrors": {"quay.io": place}}})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("quay.io", MIRROR), ("registry.access.redhat.com", MIRROR)),
        (("quay.io", MIRROR), ("registry.access.redhat.com", f"{MIRROR}/redhat")),
        (("quay.io", MIRROR), ("quay.io/tools", f"{MIRROR}/mine")),
    ],
)
def test_two_prefixes_at_one_place_of_a_mirror_are_an_error_because_they_would_share_their_policy(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    for both in ({one[0]: one[1], other[0]: other[1]}, {other[0]: other[1], one[0]: one[1]}):
        with pytest.raises(SettingsError, match=rf"are both mirrored to {other[1]}\. .* give each a place of its own"):
            stack(_settings(registryMirrors=both))


@pytest.mark.parametrize(
    "places",
    [
        {"quay.io": MIRROR, "quay.io/tools": f"{MIRROR}/tools"},  # where it is pulled from anyway
        {"quay.io": f"{MIRROR}/q", "quay.io/tools": f"{MIRROR}/tools"},
        {"quay.io": f"{MIRROR}/q", "ghcr.io": f"{MIRROR}/quay"},
        {"quay.io/one": f"{MIRROR}/one", "registry.access.redhat.com/ubi9": f"{MIRROR}/ubi9"},
    ],
)
def test_prefixes_that_lie_side_by_side_in_a_mirror_are_none(places: dict[str, str]) -> None:
    assert stack(_settings(registryMirrors=places)).trustee.registry_mirrors == places


def test_the_proxy_has_the_form_that_the_version_takes() -> None:
    pull = {"proxy": "http://proxy.example.com:3128", "noProxy": [".example.com", "10.0.0.0/8"]}
    settings = stack({"initdata": {"imagePull": pull}})
    old, new = (_image(documents(settings, OSC[version], PLACE)["global"].text) for version in ("1.10", "1.11"))

    without = ".example.com,10.0.0.0/8"
    assert (old["image_pull_proxy"], old["skip_proxy_ips"]) == (pull["proxy"], without)
    assert new["image_pull_proxy"] == {"https_proxy": pull["proxy"], "http_proxy": pull["proxy"], "no_proxy": without}


def test_each_authority_of_a_registry_is_a_text_of_its_own(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("".join((ROOT / PAIRS / name).read_text() for name in ("kbs.crt", "small.crt")))
    settings = stack({"initdata": {"imagePull": {"caCertificateFile": str(bundle)}}})
    listed = _image(documents(settings, OSC["1.11"], PLACE)["global"].text)["extra_root_certificates"]

    assert [text.count("BEGIN CERTIFICATE") for text in listed] == [1, 1]
    assert "".join(listed).split() == bundle.read_text().split()


@pytest.mark.parametrize(
    ("pull", "text"),
    [
        ({"proxy": "http://user:secret@proxy.example.com"}, "without user and password"),
        ({"proxy": "proxy.example.com:3128"}, "a URL such as http://proxy.example.com:3128"),
        ({"noProxy": ["example.com"]}, "noProxy is set without proxy"),
        ({"proxy": "http://proxy.example.com", "noProxy": ["a,b"]}, "one host, domain or address"),
    ],
)
def test_a_proxy_that_pod_vms_cannot_use_is_an_error(pull: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        stack({"initdata": {"imagePull": pull}})


def test_a_size_of_the_root_disk_that_caa_would_not_read_is_a_problem() -> None:
    config = {"peerPods": {"rootVolumeSize": 64}}
    old, new = chain(config, "1.10", "0.4"), chain(config, "1.11", "1.0")

    (problem,) = checks.problems(stack(config), old, HOST, NOW)
    assert problem.startswith(
        "peerPods.rootVolumeSize is 64, which CAA of OpenShift sandboxed containers 1.10 does not"
    )
    assert checks.problems(stack(config), new, HOST, NOW) == []
