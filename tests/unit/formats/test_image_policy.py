"""Image policies: what is rendered, and what a pod VM would make of one that somebody else wrote."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.images import image_policy, image_reference
from coco_azure.formats.images.image_policy import SignatureRule
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.kbs.sealed_secrets import ResourceUri

KEY = ResourceUri("img-sig", "pub-key")
GPG = ResourceUri("img-sig", "release.asc")
SERVED = [KEY.path, GPG.path]
SIGNED = {"type": "sigstoreSigned", "keyPath": KEY.uri}


def _policy(demands: list[dict[str, Any]], scope: str = "quay.io/org", transport: str = "docker") -> str:
    return json.dumps({"default": [{"type": "reject"}], "transports": {transport: {scope: demands}}})


def test_several_rules_with_different_keys_name_several_repositories_each() -> None:
    text = image_policy.render_rules(
        "reject",
        [
            SignatureRule(scopes=("quay.io/team/web", "quay.io/team/db"), key=KEY),
            SignatureRule(
                scopes=("registry.redhat.io",), key=GPG, kind="signedBy", signed_identity={"type": "matchRepository"}
            ),
        ],
    )

    assert json.loads(text) == {
        "default": [{"type": "reject"}],
        "transports": {
            "docker": {
                "quay.io/team/db": [SIGNED],
                "quay.io/team/web": [SIGNED],
                "registry.redhat.io": [
                    {
                        "type": "signedBy",
                        "keyType": "GPGKeys",
                        "keyPath": "kbs:///default/img-sig/release.asc",
                        "signedIdentity": {"type": "matchRepository"},
                    }
                ],
            }
        },
    }
    assert image_policy.problems(text, SERVED) == []


def test_two_rules_for_one_scope_need_both_signatures_and_a_repeated_one_once() -> None:
    rule = SignatureRule(scopes=("quay.io/a",), key=KEY)
    other = SignatureRule(scopes=("quay.io/a",), key=ResourceUri("img-sig", "other"))

    demands = json.loads(image_policy.render_rules("reject", [rule, other, rule]))["transports"]["docker"]["quay.io/a"]

    assert [demand["keyPath"] for demand in demands] == [KEY.uri, other.key.uri]


@pytest.mark.parametrize(
    ("kind", "identity", "text"),
    [
        ("sigstoreSigned", {"type": "matchExact"}, "takes matchRepository, exactRepository"),
        ("signedBy", {"type": "matchAnything"}, "takes matchExact"),
        ("signedBy", {}, "without a type"),
        ("signedBy", {"type": "exactReference"}, "needs dockerReference"),
        ("signedBy", {"type": "remapIdentity", "prefix": "a"}, r"needs prefix, signedPrefix .*found: prefix"),
        ("signedBy", {"type": "matchExact", "prefix": "a"}, "needs no other field"),
    ],
)
def test_an_identity_that_the_pod_vm_refuses_is_not_rendered(kind: Any, identity: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        image_policy.render_rules(
            "reject", [SignatureRule(scopes=("quay.io/a",), key=KEY, kind=kind, signed_identity=identity)]
        )


def test_gpg_signatures_are_looked_for_in_files_of_the_pod_vm_image() -> None:
    text = image_policy.sigstore_config({"quay.io/a": "file:///usr/share/sigstore"}, default="file:///usr/share/all")

    assert json.loads(text) == {
        "default-docker": {"sigstore": "file:///usr/share/all"},
        "docker": {"quay.io/a": {"sigstore": "file:///usr/share/sigstore"}},
    }


def test_gpg_signatures_on_a_web_server_are_an_error() -> None:
    with pytest.raises(ValueError, match="only from its own files"):
        image_policy.sigstore_config({"quay.io/a": "https://signatures.example.com"})


BAD = {
    "no JSON": ("{", "no JSON"),
    "a list": ("[]", "no JSON object"),
    "no transports": ('{"default": [{"type": "reject"}]}', '"transports", such as {}'),
    "no default": ('{"transports": {}}', '"default", such as'),
    "a transport that is a list": ('{"default": [{"type": "reject"}], "transports": {"docker": []}}', "no object"),
    "requirements that are no list": (
        '{"default": [{"type": "reject"}], "transports": {"docker": {"quay.io": {"type": "reject"}}}}',
        "no list of requirements",
    ),
    "an empty default": ('{"default": [], "transports": {}}', "newer pod VMs then accept every image"),
    "an unknown requirement": (_policy([{"type": "signedBaseLayer"}]), "'signedBaseLayer' is unknown"),
    "a key that nobody serves": (
        _policy([{**SIGNED, "keyPath": "kbs:///default/none/such"}]),
        "kbs:///default/none/such, which no secret serves (served: default/img-sig/pub-key",
    ),
    "a key in another repository": (_policy([{**SIGNED, "keyPath": "kbs:///keys/a/b"}]), "repository default only"),
    "a key in a file": (_policy([{**SIGNED, "keyPath": "/etc/keys/a.pub"}]), "a file of the pod VM image"),
    "no key": (_policy([{"type": "sigstoreSigned"}]), "needs either keyPath"),
    "two keys": (_policy([{**SIGNED, "keyData": "-----BEGIN PUBLIC KEY-----"}]), "needs either keyPath"),
    "a key in base64": (_policy([{"type": "sigstoreSigned", "keyData": "bm9uc2U="}]), "PEM text here"),
    "a field that is ignored": (_policy([{**SIGNED, "fulcio": {}}]), "fulcio: ignored by the pod VM"),
    "no key type": (_policy([{"type": "signedBy", "keyPath": GPG.uri}]), "needs keyType GPGKeys"),
    "an identity that cosign cannot have": (
        _policy([{**SIGNED, "signedIdentity": {"type": "matchExact"}}]),
        "sigstoreSigned takes matchRepository, exactRepository",
    ),
    "an identity that is a text": (
        _policy([{**SIGNED, "signedIdentity": "matchExact"}]),
        "signedIdentity is no object",
    ),
    "another transport": (_policy([SIGNED], transport="docker-daemon"), "docker-daemon is never looked at"),
    "a scope without a host": (_policy([SIGNED], scope="nginx"), "write docker.io/library/nginx"),
    "a scope that is a URL": (_policy([SIGNED], scope="https://quay.io"), "no image, repository or host"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_a_policy_that_does_not_mean_what_it_says_is_told(text: str, message: str) -> None:
    assert message in "\n".join(image_policy.problems(text, SERVED))


def test_all_problems_are_told_at_once() -> None:
    text = _policy([{"type": "sigstoreSigned"}, {"type": "nonsense"}], scope="nginx")

    assert len(image_policy.problems(text, SERVED)) == 3


def test_a_policy_of_the_host_that_accepts_local_images_is_no_problem() -> None:
    text = _policy([{"type": "insecureAcceptAnything"}], scope="", transport="docker-daemon")

    assert image_policy.problems(text, SERVED) == []


@pytest.mark.parametrize(
    ("scope", "demand", "image", "admitted"),
    [
        ("quay.io/org", SIGNED, "quay.io/org/app:1", "signed"),
        ("quay.io/org/app:1", SIGNED, "quay.io/org/app:1", "signed"),
        ("quay.io/org/app:1", SIGNED, "quay.io/org/app:2", False),
        ("quay.io", {"type": "insecureAcceptAnything"}, "quay.io/org/app@sha256:ab", True),
        ("quay.io/or", SIGNED, "quay.io/org/app:1", False),
        ("*.io", {"type": "insecureAcceptAnything"}, "quay.io/org/app", True),
        ("*.example.com", SIGNED, "images.example.com:5000/app", "signed"),
        ("", {"type": "insecureAcceptAnything"}, "quay.io/org/app", True),
        ("docker.io/library", SIGNED, "nginx", "signed"),
        ("docker.io/library/nginx:latest", SIGNED, "nginx", "signed"),
        ("quay.io/org", {"type": "nonsense"}, "quay.io/org/app", False),
    ],
)
def test_what_becomes_of_an_image(scope: str, demand: dict[str, Any], image: str, admitted: object) -> None:
    assert image_policy.admits(_policy([demand], scope=scope), image) == admitted


def test_the_longest_scope_wins() -> None:
    policy = {
        "default": [{"type": "insecureAcceptAnything"}],
        "transports": {"docker": {"quay.io": [{"type": "reject"}], "quay.io/org": [SIGNED]}},
    }

    assert image_policy.admits(json.dumps(policy), "quay.io/org/app:1") == "signed"
    assert image_policy.admits(json.dumps(policy), "quay.io/other/app:1") is False
    assert image_policy.admits(json.dumps(policy), "ghcr.io/other/app:1") is True


@pytest.mark.parametrize("image", ["https://quay.io/org/app", "quay.io/org/app:.", "quay.io/a b", "", "a.io/b@sha256"])
def test_a_reference_that_is_none_is_an_error(image: str) -> None:
    with pytest.raises(ValueError, match="no image reference"):
        image_policy.admits(_policy([SIGNED]), image)


@given(
    st.from_regex(r"[a-z]{1,8}\.[a-z]{2,5}(:[0-9]{2,5})?(/[a-z0-9]{1,8}){1,4}:[a-z0-9][a-z0-9.]{0,7}", fullmatch=True)
)
def test_every_parent_of_an_image_is_a_scope_of_it(image: str) -> None:
    scopes = image_reference.parse(image).scopes()

    assert scopes[0] == image
    assert all(image.startswith(scope) for scope in scopes if not scope.startswith("*"))
    assert [image_reference.scope_problem(scope) for scope in scopes] == [None] * len(scopes)


@pytest.mark.parametrize(
    ("scope", "fine"),
    [("localhost:5000", True), ("registry:5000/app", True), ("nginx:1.25", False), ("org/app", False), ("*.com", True)],
)
def test_a_scope_needs_a_host(scope: str, *, fine: bool) -> None:
    assert (image_reference.scope_problem(scope) is None) is fine


@pytest.mark.parametrize("text", ["kbs:///default/img-sig/pub-key", "default/img-sig/pub-key"])
def test_a_resource_is_named_by_uri_or_by_path(text: str) -> None:
    assert sealed_secrets.parse(text) == KEY
    assert str(KEY) == "kbs:///default/img-sig/pub-key"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default/a", "2 parts"),
        ("kbs:///default/a/b/c", "4 parts"),
        ("a", "1 part between"),
        ("https:///default/a/b", "the scheme is https"),
        ("kbs://host/default/a/b", "names a host"),
        ("kbs:///other/a/b", "repository default only"),
        ("default/a/.hidden", "no dot first"),
        ("default/a/", "no dot first"),
        ("/default/a/b", "4 parts"),
    ],
)
def test_a_resource_that_cannot_be_served_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sealed_secrets.parse(text)


def test_an_unserved_resource_says_how_to_add_it() -> None:
    result = sealed_secrets.unserved(KEY, [], "attestationCheck.resource") or ""

    assert "attestationCheck.resource names kbs:///default/img-sig/pub-key" in result
    assert "served: none" in result
    assert "'coco-azure:clientSecrets.img-sig[\"pub-key\"]'" in result
    assert sealed_secrets.unserved(KEY, [KEY.path], "x") is None
