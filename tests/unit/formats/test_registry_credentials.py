"""Registry credentials: what a pod VM can read, and errors that keep the secret to themselves."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coco_azure.formats.images import registry_credentials

SECRET = "hunter2"
AUTH = base64.b64encode(f"robot:{SECRET}".encode()).decode()


def test_credentials_are_rendered_as_docker_has_them() -> None:
    text = registry_credentials.render({"quay.io/team": ("robot", SECRET), "ghcr.io": ("me", "a:b")})

    assert json.loads(text)["auths"]["quay.io/team"] == {"auth": AUTH}
    assert registry_credentials.parse(text) == {"ghcr.io": ("me", "a:b"), "quay.io/team": ("robot", SECRET)}
    assert registry_credentials.RESOURCE.uri == "kbs:///default/credential/osc"


_WORD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":\n"), min_size=1)


@given(st.dictionaries(st.from_regex(r"[a-z]+\.io(/[a-z]+)?", fullmatch=True), st.tuples(_WORD, _WORD), min_size=1))
def test_what_is_rendered_is_read_back(credentials: dict[str, tuple[str, str]]) -> None:
    assert registry_credentials.parse(registry_credentials.render(credentials)) == credentials


@pytest.mark.parametrize(
    ("registry", "user", "password", "text"),
    [
        ("quay.io", "a:b", SECRET, "without a colon"),
        ("quay.io", "", SECRET, "user name"),
        ("quay.io", "robot", "", "needed a password"),
        ("quay.io", "robot", f"{SECRET}\n", "line breaks"),
        ("quay io", "robot", SECRET, "needed a registry"),
    ],
)
def test_credentials_that_the_format_cannot_hold_are_an_error(
    registry: str, user: str, password: str, text: str
) -> None:
    with pytest.raises(ValueError, match=text) as error:
        registry_credentials.render({registry: (user, password)})
    assert SECRET not in str(error.value)


def test_no_credentials_are_an_error() -> None:
    with pytest.raises(ValueError, match="at least one registry"):
        registry_credentials.render({})


BAD = {
    "no JSON": (f'{{"auths": {{"quay.io": {{"auth": "{AUTH}"', "no JSON"),
    "a list": (json.dumps([SECRET]), "no object"),
    "empty": ("{}", "no registry in auths"),
    "no auths": (json.dumps({"auths": {}}), "no registry in auths"),
    "a helper": (json.dumps({"credHelpers": {"quay.io": SECRET}}), "credHelpers: there is no credential helper"),
    "a store": (json.dumps({"auths": {"quay.io": {"auth": AUTH}}, "credsStore": SECRET}), "credsStore"),
    "an entry without auth": (json.dumps({"auths": {"quay.io": {"identitytoken": SECRET}}}), "has no auth"),
    "an entry that is text": (json.dumps({"auths": {"quay.io": SECRET}}), "has no auth"),
    "no base64": (json.dumps({"auths": {"quay.io": {"auth": f"robot:{SECRET}"}}}), "no base64"),
    "no colon": (json.dumps({"auths": {"quay.io": {"auth": base64.b64encode(b"hunter2").decode()}}}), "no colon"),
    "no user": (json.dumps({"auths": {"quay.io": {"auth": base64.b64encode(b":hunter2").decode()}}}), "user name"),
    "no text": (json.dumps({"auths": {"quay.io": {"auth": base64.b64encode(b"\xff:x").decode()}}}), "no base64"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_a_file_that_a_pod_vm_cannot_use_is_an_error_without_the_secret(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        registry_credentials.parse(text)
    assert SECRET not in str(error.value)
    assert AUTH not in str(error.value)


def test_all_problems_of_a_file_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"credsStore.*quay\.io.*ghcr\.io"):
        registry_credentials.parse(json.dumps({"credsStore": "x", "auths": {"quay.io": {}, "ghcr.io": {}}}))
