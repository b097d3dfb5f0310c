"""Measurements come out of a registry only where the pinned key vouches for the image, and only once."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coco_azure.clients import image_measurements, registry
from tests.unit import oci_registry
from tests.unit.oci_registry import ACCOUNT, OLD_PCRS, PCRS, Maker, Registry

MAKER, STRANGER = Maker(), Maker()
Break = Callable[[Registry], None]


@pytest.fixture(autouse=True)
def alone(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is fetched in a folder of the test's own, away from proxies, and from whoever runs the test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOME", str(own_cache.parent))
    for name in ("XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(registry, "_RETRIES", 0)
    return own_cache


@pytest.fixture
def served() -> Iterator[Registry]:
    """Serve a registry with nothing in it."""
    with oci_registry.serving() as one:
        yield one


def _fetch(reference: str, key: str = MAKER.pem, **moved: str) -> tuple[dict[int, str], str]:
    image = image_measurements.fetch(reference, key, lambda _: None, moved)
    assert (image.reference, image.key) == (reference, key)
    return dict(image.pcrs), image.digest


def test_a_signed_image_gives_its_measurements_by_tag_and_by_digest(served: Registry) -> None:
    digest = served.push_measured("1.12.1", MAKER)

    assert _fetch(f"{served.image}:1.12.1") == (PCRS, digest)
    assert _fetch(f"{served.image}@{digest}") == (PCRS, digest)


def test_one_good_signature_among_those_of_others_will_do(served: Registry) -> None:
    served.sign(served.push("1.12.1", oci_registry.measured(PCRS)), STRANGER, MAKER)

    assert _fetch(f"{served.image}:1.12.1")[0] == PCRS


def test_of_an_index_the_signature_is_the_indexs_and_the_image_that_for_azure(served: Registry) -> None:
    other = served.push("s390x", oci_registry.measured(OLD_PCRS))
    own = served.push("amd64", oci_registry.measured(PCRS))
    digest = served.push_index("1.12.1", s390x=other, amd64=own)
    served.sign(digest, MAKER)

    assert _fetch(f"{served.image}:1.12.1") == (PCRS, digest)


def test_the_signature_of_a_mirrored_image_names_what_it_is_a_mirror_of(served: Registry) -> None:
    digest = served.push("1.12.1", oci_registry.measured(PCRS))
    served.sign(digest, MAKER, name=f"registry.example.com/{oci_registry.REPOSITORY}:1.12.1")
    mirrored = {"registry.example.com": served.host}

    assert _fetch(f"{served.image}:1.12.1", **mirrored) == (PCRS, digest)
    with pytest.raises(ValueError, match=r"names registry\.example\.com/osc"):  # nor is what was kept taken
        _fetch(f"{served.image}:1.12.1")


def test_what_was_fetched_needs_no_registry_again_and_is_no_other_keys(served: Registry) -> None:
    reference = f"{served.image}:1.12.1"
    digest = served.push_measured("1.12.1", MAKER)
    _fetch(reference)
    served.push_measured("1.12.1", MAKER, OLD_PCRS)  # the tag is moved
    asked = len(served.paths)

    assert _fetch(reference) == (PCRS, digest)
    assert len(served.paths) == asked
    with pytest.raises(ValueError, match="none of its 1 signatures is by the key"):
        _fetch(reference, STRANGER.pem)


def test_a_cache_that_is_damaged_is_fetched_again(served: Registry, alone: Path) -> None:
    served.push_measured("1.12.1", MAKER)
    _fetch(f"{served.image}:1.12.1")
    (file,) = (alone / "measurements").iterdir()
    file.write_text("{")

    assert _fetch(f"{served.image}:1.12.1")[0] == PCRS
    assert json.loads(file.read_text())["pcrs"]["03"] == PCRS[3]


def test_where_nothing_can_be_kept_it_is_fetched_each_time(served: Registry, alone: Path) -> None:
    served.push_measured("1.12.1", MAKER)
    alone.write_text("no folder")

    assert [_fetch(f"{served.image}:1.12.1")[0] for _ in range(2)] == [PCRS, PCRS]


def _unsigned(served: Registry) -> None:
    served.push("1.12.1", oci_registry.measured(PCRS))


def _of_a_stranger(served: Registry) -> None:
    served.push_measured("1.12.1", STRANGER)


def _moved(served: Registry) -> None:
    other = served.push("1.11.0", oci_registry.measured(OLD_PCRS))
    served.sign(served.push("1.12.1", oci_registry.measured(PCRS)), MAKER, over=other)


def _another_repository(served: Registry) -> None:
    served.sign(served.push("1.12.1", oci_registry.measured(PCRS)), MAKER, name="quay.io/my-org/app:1.12.1")


def _another_layer(served: Registry) -> None:
    served.push_measured("1.12.1", MAKER)
    (digest,) = [each for each, content in served.blobs.items() if content.startswith(b"\x1f\x8b")]
    served.push("other", oci_registry.measured(OLD_PCRS))
    served.blobs[digest] = list(served.blobs.values())[-1]


def _another_manifest(served: Registry) -> None:
    digest = served.push_measured("1.12.1", MAKER)
    other = served.push("other", oci_registry.measured(OLD_PCRS))
    served.manifests |= {"1.12.1": served.manifests[served.push_index("x", amd64=digest)]}
    served.sign(served.push_index("1.12.1", amd64=digest), MAKER)
    served.manifests[digest] = served.manifests[other]


def _broken_off(served: Registry) -> None:
    served.push_measured("1.12.1", MAKER)
    served.cut = True


def _unmeasured(served: Registry) -> None:
    served.sign(served.push("1.12.1", {"image/podvm.qcow2": b"disk"}), MAKER)


def _not_for_azure(served: Registry) -> None:
    served.sign(served.push_index("1.12.1", s390x="sha256:" + "0" * 64), MAKER)


def _too_large(served: Registry) -> None:
    served.sign(served.push("1.12.1", {"image/measurements.json": b" " * (2 << 20)}), MAKER)


def _no_pcrs(served: Registry) -> None:
    served.sign(served.push("1.12.1", {"image/measurements.json": b"{}"}), MAKER)


def _number_as_signature(served: Registry) -> None:
    tag = _tag_of_signatures(served.push_measured("1.12.1", MAKER))
    (layer,) = json.loads(served.manifests[tag])["layers"]
    served._put(tag, {"layers": [{**layer, "annotations": dict.fromkeys(layer["annotations"], 5)}]})


def _tag_of_signatures(digest: str) -> str:
    return digest.replace(":", "-") + ".sig"


AMD64 = {"platform": {"architecture": "amd64", "os": "linux"}}
LAYER = {"digest": "sha256:" + "0" * 64, "size": 1}
BAD: dict[str, tuple[Break, str]] = {
    "not there": (lambda _: None, "has no 1.12.1 in osc/osc-dm-verity-image"),
    "not signed": (_unsigned, r"it has no signature by a key .*cosign sign --key cosign.key --new-bundle-format=false"),
    "signed by a stranger": (_of_a_stranger, "none of its 1 signatures is by the key in measurementsPublicKeyFile"),
    "a signature of another image": (_moved, "its signature is of another image than sha256:"),
    "a good signature of another repository": (
        _another_repository,
        r"names quay\.io/my-org/app:1\.12\.1, not [\d.:]+/",
    ),
    "another layer than the signed one": (_another_layer, r"blob sha256:\w+ came with digest sha256:\w+"),
    "another manifest than the signed one": (_another_manifest, "came with digest sha256:.* the registry is at fault"),
    "a download that breaks off": (_broken_off, "cannot be read: "),
    "no measurements": (_unmeasured, "the image has no /image/measurements.json; osc-dm-verity-image has"),
    "nothing for Azure": (_not_for_azure, "the image has nothing for linux/amd64"),
    "measurements that are too large": (_too_large, "has 2097152 bytes, needed at most 1048576"),
    "measurements without PCRs": (_no_pcrs, 'found no {"measurements"'),
    "an index of something else": (
        lambda served: served.sign(served._put("1.12.1", {"manifests": ["amd64"]}), MAKER),
        "the manifest is none of an index",
    ),
    "an index without digests": (
        lambda served: served.sign(served._put("1.12.1", {"manifests": [AMD64]}), MAKER),
        "the manifest is none of an index",
    ),
    "annotations that are none": (
        lambda served: served.sign(served._put("1.12.1", {"layers": [{**LAYER, "annotations": ["x"]}]}), MAKER),
        "the manifest is none of an image",
    ),
    "a signature that is no text": (_number_as_signature, "none of its 1 signatures is by the key"),
    "a layer that is none": (
        lambda served: served.sign(served._put("1.12.1", {"layers": [served._layer(b"no tar")]}), MAKER),
        "a layer is no tar or tar.gz",
    ),
}


@pytest.mark.parametrize(("make", "complaint"), BAD.values(), ids=BAD)
def test_an_image_that_nobody_can_vouch_for_gives_nothing(
    make: Break, complaint: str, served: Registry, alone: Path
) -> None:
    make(served)

    with pytest.raises(ValueError, match=complaint) as refused:
        _fetch(f"{served.image}:1.12.1")
    assert str(refused.value).startswith(f"trustee.referenceValues.image {served.image}:1.12.1: ")
    assert not list(alone.rglob("*.json"))


def test_a_registry_that_cannot_be_reached_is_told_with_the_ways_out() -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:9 cannot be read: .* with HTTPS_PROXY .*measurementsFile"):
        _fetch("127.0.0.1:9/osc/image:1.12.1")


def _login(folder: Path, **auths: str) -> Path:
    file = folder / "auth.json"
    entries = {name.replace("__", "/"): {"auth": text} for name, text in auths.items()}
    file.write_text(json.dumps({"auths": entries, "credsStore": "none"}))
    return file


def test_a_private_registry_gets_the_credentials_that_podman_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with oci_registry.serving(private=True) as served:
        served.push_measured("1.12.1", MAKER)
        good = base64.b64encode(":".join(ACCOUNT).encode()).decode()
        wrong = base64.b64encode(b"robot:no").decode()
        with pytest.raises(ValueError, match=r"with no credentials \(HTTP 401\): podman login --authfile FILE"):
            _fetch(f"{served.image}:1.12.1")
        monkeypatch.setenv("REGISTRY_AUTH_FILE", str(_login(tmp_path, **{served.host: wrong})))
        with pytest.raises(ValueError, match="with these credentials"):
            _fetch(f"{served.image}:1.12.1")
        _login(tmp_path, **{served.host: wrong, f"{served.host}/osc": good})

        assert _fetch(f"{served.image}:1.12.1")[0] == PCRS


@pytest.mark.parametrize("content", [None, "{", "[]", '{"auths": {"127.0.0.1:9": {"auth": "c2VjcmV0"}}}'])
def test_a_file_of_credentials_that_cannot_be_read_is_told_without_what_it_holds(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "auth.json"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(file))

    with pytest.raises(ValueError, match=f"{file}: .*podman login --authfile {file} 127.0.0.1:9") as refused:
        _fetch("127.0.0.1:9/osc/image:1.12.1")
    assert "c2VjcmV0" not in str(refused.value)


def test_credentials_are_looked_for_where_podman_keeps_them_for_good(alone: Path, served: Registry) -> None:
    served.push_measured("1.12.1", MAKER)
    served.private = True
    folder = alone.parent / ".config/containers"
    folder.mkdir(parents=True)
    _login(folder, **{served.host: base64.b64encode(":".join(ACCOUNT).encode()).decode()})

    assert _fetch(f"{served.image}:1.12.1")[0] == PCRS


@pytest.mark.parametrize("token", [b"[]", b"no JSON"])
def test_a_token_that_is_none_is_told(token: bytes, monkeypatch: pytest.MonkeyPatch, served: Registry) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{served.host}/token"'}
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = {"/token": (200, token, {})}
    monkeypatch.setattr(served, "answer", lambda path, _: answers.get(path.partition("?")[0], (401, b"", challenge)))

    with pytest.raises(ValueError, match=f"{served.host} (answers the request of a token|cannot be read)"):
        _fetch(f"{served.image}:1.12.1")


def test_a_registry_that_wants_an_hour_of_patience_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, served: Registry
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(registry, "_RETRIES", 1)
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr(served, "answer", lambda *_: (429, b"", {"Retry-After": "3600"}))

    with pytest.raises(ValueError, match=r"cannot be read: .*too many 429 error responses"):
        _fetch(f"{served.image}:1.12.1")
    assert max(waits, default=0) < 60


def test_credentials_go_to_no_plain_address(monkeypatch: pytest.MonkeyPatch, served: Registry) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="http://elsewhere.example.com/token"'}
    monkeypatch.setattr(served, "answer", lambda *_: (401, b"", challenge))

    with pytest.raises(ValueError, match=r"sends credentials to 'http://elsewhere\.example\.com/token', which is no"):
        _fetch(f"{served.image}:1.12.1")
