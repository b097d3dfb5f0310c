"""The simulated pod VM pulls what the image policy lets it, and verifies signatures for real."""

import asyncio
import base64
import json
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coco_azure.formats.images import image_policy, registry_credentials
from coco_azure.formats.images.image_policy import SignatureRule
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from rehearsal.kubelet import sign_registry
from rehearsal.kubelet.images import ImageError, pull
from rehearsal.kubelet.registry import DESCRIPTION, KEYS, Reference, Registry

PUBLIC_KEY = (KEYS / "cosign.pub").read_bytes()
GPG_KEY = (KEYS / "release.asc").read_bytes()
KEY = ResourceUri("img-sig", "pub-key")
GPG = ResourceUri("img-sig", "release.asc")
APP, UNSIGNED, MOVED = (f"quay.io/rehearsal/{name}:1.0" for name in ("app", "unsigned", "moved"))
SIGNED_GPG = "quay.io/rehearsal/gpg:1.0"
PRIVATE = "private.example.com/team/app:1.0"
CHECK = "registry.access.redhat.com/ubi9/ubi:9.3"
REJECT = image_policy.render_rules("reject", [])
ACCEPT = image_policy.render_rules("insecureAcceptAnything", [])
OTHER = {"type": "exactReference", "dockerReference": "quay.io/a:1"}
STORES = image_policy.sigstore_config({"quay.io/rehearsal": sign_registry.GPG_STORE})


class NoSuchResourceError(Exception):
    """Stands for what KBS answers."""


def _pull(image: str, policy: str | None, keys: dict[str, bytes] | None = None, **values: Any) -> None:
    served = {KEY.uri: PUBLIC_KEY, GPG.uri: GPG_KEY, **(keys or {})}

    async def fetch(uri: str) -> bytes:
        if uri not in served:
            raise NoSuchResourceError(uri)
        return served[uri]

    asyncio.run(pull(image, policy, fetch, **values))


def _refused(image: str, policy: str | None, keys: dict[str, bytes] | None = None, **values: Any) -> str:
    with pytest.raises(ImageError) as error:
        _pull(image, policy, keys, **values)
    assert str(error.value).startswith(f"failed to pull image {image}: ")
    return str(error.value)


def _signed(scope: str, identity: dict[str, str] | None = None) -> str:
    return image_policy.render_rules("reject", [SignatureRule(scopes=(scope,), key=KEY, signed_identity=identity)])


def _gpg(identity: dict[str, str] | None = None) -> str:
    rule = SignatureRule(scopes=("quay.io/rehearsal",), key=GPG, kind="signedBy", signed_identity=identity)
    return image_policy.render_rules("reject", [rule])


def _one(demand: dict[str, Any]) -> str:
    return json.dumps({"default": [demand], "transports": {}})


def _public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("image", [APP, UNSIGNED, CHECK, "quay.io/org/app:1", "nginx"])
def test_a_policy_without_signatures_takes_every_public_image(image: str) -> None:
    _pull(image, ACCEPT)
    _pull(image, None)


def test_a_rejecting_policy_takes_nothing() -> None:
    assert "rejects it" in _refused(APP, REJECT)


@pytest.mark.parametrize(
    ("scope", "image"),
    [
        ("quay.io/rehearsal", APP),
        ("quay.io", APP),
        (APP, APP),
        ("*.redhat.com", CHECK),
        ("", APP),
        ("quay.io/rehearsal/app", f"quay.io/rehearsal/app@{Registry.described().images[APP].digest}"),
    ],
)
def test_a_signed_image_is_taken_by_the_key_that_signed_it(scope: str, image: str) -> None:
    _pull(image, _signed(scope))


def test_the_same_image_outside_the_scope_has_the_default() -> None:
    assert "rejects it" in _refused(CHECK, _signed("quay.io/rehearsal"))
    assert "rejects it" in _refused("quay.io/rehearsal2/app:1", _signed("quay.io/rehearsal"))


@pytest.mark.parametrize("image", [UNSIGNED, "quay.io/rehearsal/other:1"])
def test_an_unsigned_image_is_refused(image: str) -> None:
    assert "has no signature" in _refused(image, _signed("quay.io/rehearsal"))


def test_a_signature_of_another_key_is_refused() -> None:
    other = _public(ec.generate_private_key(ec.SECP256R1()))

    assert "none of its signatures" in _refused(APP, _signed("quay.io"), {KEY.uri: other})


def test_a_tag_that_moved_after_it_was_signed_is_refused() -> None:
    assert "manifest digest does not match" in _refused(MOVED, _signed("quay.io/rehearsal"))


def test_a_digest_that_the_registry_does_not_have_is_refused() -> None:
    assert "404 Not Found" in _refused(f"quay.io/rehearsal/app@sha256:{'0' * 64}", ACCEPT)


def test_a_key_that_kbs_does_not_release_is_kbs_own_error() -> None:
    none = SignatureRule(scopes=("quay.io",), key=ResourceUri("none", "such"))
    with pytest.raises(NoSuchResourceError, match="kbs:///default/none/such"):
        _pull(APP, image_policy.render_rules("reject", [none]))


def test_two_rules_need_both_signatures() -> None:
    rules = [SignatureRule(scopes=("quay.io",), key=key) for key in (KEY, ResourceUri("img-sig", "other"))]
    policy = image_policy.render_rules("reject", rules)
    other = _public(ec.generate_private_key(ec.SECP256R1()))

    assert "none of its signatures" in _refused(APP, policy, {rules[1].key.uri: other})
    _pull(APP, policy, {rules[1].key.uri: PUBLIC_KEY})


@pytest.mark.parametrize(
    ("identity", "taken"),
    [
        ({"type": "matchRepository"}, True),
        ({"type": "exactRepository", "dockerRepository": "quay.io/rehearsal/app"}, True),
        ({"type": "exactRepository", "dockerRepository": "quay.io/rehearsal/other"}, False),
    ],
)
def test_the_identity_of_a_signature_counts(identity: dict[str, str], *, taken: bool) -> None:
    policy = _signed("quay.io", identity)

    if taken:
        _pull(APP, policy)
    else:
        assert "Match reference failed" in _refused(APP, policy)


def test_an_identity_that_cosign_cannot_have_denies_everything() -> None:
    policy = _one({"type": "sigstoreSigned", "keyPath": KEY.uri, "signedIdentity": {"type": "matchExact"}})

    assert "Denied by matchExact" in _refused(APP, policy)


def test_a_key_in_the_policy_is_pem_and_not_base64() -> None:
    _pull(APP, _one({"type": "sigstoreSigned", "keyData": PUBLIC_KEY.decode()}))
    encoded = base64.b64encode(PUBLIC_KEY).decode()

    assert "no PEM public key" in _refused(APP, _one({"type": "sigstoreSigned", "keyData": encoded}))


@pytest.mark.parametrize(
    "policy",
    [
        "not json",
        "[]",
        '{"default": [{"type": "reject"}]}',
        '{"transports": {}}',
        '{"default": [{"type": "reject"}], "transports": []}',
        '{"default": [{"type": "reject"}], "transports": {"docker": []}}',
        '{"default": {"type": "reject"}, "transports": {}}',
        '{"default": ["reject"], "transports": {}}',
        _one({"type": "signedBaseLayer"}),
        _one({"type": "signedBy", "keyPath": GPG.uri}),
        _one({"type": "sigstoreSigned", "keyPath": KEY.uri, "signedIdentity": {"type": "matchNothing"}}),
        _one({"type": "sigstoreSigned", "keyPath": KEY.uri, "signedIdentity": {"type": "exactRepository"}}),
    ],
)
def test_a_policy_that_the_pod_vm_cannot_parse_takes_nothing_and_is_a_problem_before(policy: str) -> None:
    assert "the image policy is malformed" in _refused(APP, policy)
    assert image_policy.problems(policy, [KEY.path, GPG.path])


@pytest.mark.parametrize("demand", [{"type": "sigstoreSigned"}, {"type": "signedBy", "keyType": "GPGKeys"}])
def test_a_requirement_without_a_key_takes_nothing(demand: dict[str, Any]) -> None:
    assert "Neither keyPath" in _refused(APP, _one(demand), sigstore_config=STORES)


def test_no_requirement_means_no_image_in_old_pod_vms_and_every_image_in_new_ones() -> None:
    policy = '{"default": [], "transports": {}}'

    assert "must not be empty" in _refused(APP, policy, release=(0, 12))
    _pull(APP, policy, release=(0, 14))
    assert image_policy.problems(policy, [])


def test_a_key_of_another_kind_is_refused_by_old_pod_vms_and_fits_no_signature_here() -> None:
    other = {KEY.uri: _public(rsa.generate_private_key(65537, 2048))}

    assert "no ECDSA P-256 key" in _refused(APP, _signed("quay.io"), other)
    assert "none of its signatures" in _refused(APP, _signed("quay.io"), other, release=(0, 19))


def test_a_gpg_signature_is_taken_from_the_store_of_the_pod_vm_image() -> None:
    _pull(SIGNED_GPG, _gpg(), sigstore_config=STORES)
    _pull(SIGNED_GPG, _gpg({"type": "matchExact"}), sigstore_config=STORES)
    remapped = {"type": "remapIdentity", "prefix": "quay.io/rehearsal", "signedPrefix": "quay.io/rehearsal"}
    _pull(SIGNED_GPG, _gpg(remapped), sigstore_config=STORES)


@pytest.mark.parametrize(
    ("image", "policy", "stores", "key", "text"),
    [
        (SIGNED_GPG, _gpg(), None, GPG_KEY, "Sigstore Config not set"),
        (SIGNED_GPG, _gpg(), "docker: [x]", GPG_KEY, "sigstore config"),
        (SIGNED_GPG, _gpg(), "{}", GPG_KEY, "base url is none"),
        (SIGNED_GPG, _gpg(), '{"default-docker": {"sigstore": "https://x"}}', GPG_KEY, "HTTP support"),
        (SIGNED_GPG, _gpg(), '{"default-docker": {"sigstore": "file:///x"}}', GPG_KEY, "Can not find any signatures"),
        (APP, _gpg(), STORES, GPG_KEY, "Can not find any signatures"),
        (SIGNED_GPG, _gpg(), STORES, PUBLIC_KEY, "no ASCII-armoured GPG public key"),
        (SIGNED_GPG, _gpg(), STORES, GPG_KEY.replace(b"mQ", b"mR"), "do not satisfied"),
        (SIGNED_GPG, _gpg(OTHER), STORES, GPG_KEY, "do not satisfied"),
        (SIGNED_GPG, _one({"type": "signedBy", "keyType": "X509", "keyPath": GPG.uri}), STORES, GPG_KEY, "GPGKeys"),
    ],
)
def test_a_gpg_signature_that_does_not_hold_is_refused(
    image: str, policy: str, stores: str | None, key: bytes, text: str
) -> None:
    assert text in _refused(image, policy, {GPG.uri: key}, sigstore_config=stores)


def test_a_private_registry_wants_its_credentials() -> None:
    good = registry_credentials.render({"private.example.com/team": ("robot", "rehearsal")})
    wrong = registry_credentials.render({"private.example.com": ("robot", "guess")})
    remote = registry_credentials.render({"quay.io": ("robot", "rehearsal")})

    _pull(PRIVATE, _signed("private.example.com"), credentials=good)
    assert "401 Unauthorized: private.example.com gives nothing away without credentials" in _refused(PRIVATE, ACCEPT)
    assert "with these credentials" in _refused(PRIVATE, ACCEPT, credentials=wrong)
    assert "without credentials" in _refused(PRIVATE, ACCEPT, credentials=remote)


@pytest.mark.parametrize(
    "key", ["https://private.example.com/v1/", "private.example.com", "http://private.example.com"]
)
def test_credentials_are_found_by_registry_however_it_is_written(key: str) -> None:
    auth = base64.b64encode(b"robot:rehearsal\n").decode()

    _pull(PRIVATE, ACCEPT, credentials=json.dumps({"auths": {key: {"auth": auth}}}))


@pytest.mark.parametrize(
    "text",
    [
        "hunter2",
        "{}",
        '{"auths": {"private.example.com": {"token": "hunter2"}}}',
        '{"auths": {"private.example.com": {"auth": "hunter2"}}}',
        json.dumps({"auths": {"private.example.com": {"auth": base64.b64encode(b"hunter2").decode()}}}),
    ],
)
def test_a_file_of_credentials_that_cannot_be_read_is_an_error_without_the_secret(text: str) -> None:
    message = _refused(PRIVATE, ACCEPT, credentials=text)

    assert "Invalid registry auth file" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("image", ["https://quay.io/a", "a b", ""])
def test_a_reference_that_is_none_is_refused(image: str) -> None:
    assert "illegal image reference" in _refused(image, ACCEPT)


def test_a_reference_is_read_as_the_pod_vm_reads_it() -> None:
    assert Reference.parse("nginx").whole == "docker.io/library/nginx:latest"
    assert Reference.parse("org/app:1").whole == "docker.io/org/app:1"
    assert Reference.parse("localhost/app").whole == "localhost/app:latest"
    assert Reference.parse("host:5000/app@sha256:ab").whole == "host:5000/app@sha256:ab"


def test_every_listed_signature_is_there_and_nothing_of_the_private_key() -> None:
    document = yaml.safe_load(DESCRIPTION.read_text())

    for image in document["images"].values():
        assert ("cosign" in image) == bool({"cosign", "moved"} & set(image["sign"]))
        assert ("gpg" in image) == ("gpg" in image["sign"])
    assert all(b"PRIVATE" not in path.read_bytes() for path in (DESCRIPTION, *KEYS.iterdir()))


def test_signing_anew_makes_signatures_that_the_new_key_verifies() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    document: dict[str, Any] = {"accounts": {}, "images": {"quay.io/new/app:1": {"sign": ["cosign"]}}}
    sign_registry.sign(document, key, GPG_KEY.decode())

    _pull("quay.io/new/app:1", _signed("quay.io"), {KEY.uri: _public(key)}, registry=Registry.of(document))
