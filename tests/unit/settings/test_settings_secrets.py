"""A message about the settings never shows a secret: not in its place, not of another type, not in another place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run_settings
from hypothesis import strategies as st

from coco_azure.settings import SettingsError
from tests.unit.private_key_texts import body, pems
from tests.unit.trust_stacks import KEYS, refused, stack

SECRET = "correct-horse-battery"
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
AUTH = f'{{"auths": {{"quay.io": {{"auth": "{SECRET}"}}}}}}'


def _outcome(config: dict[str, Any]) -> str:
    """Return the message about the settings, or the settings where nothing is wrong with them."""
    try:
        return str(stack(config))
    except SettingsError as refused:
        return str(refused)


def _at(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split("/")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


PLACES = [
    "clientSecrets",
    "clientSecrets/db",
    "clientSecrets/db/password",
    "trustee/adminPrivateKey",
    "trustee/tls/privateKey",
    "trustee/tokenSigner/privateKey",
    "trustee/registryCredentials",
    "trustee/registryCredentials/registries",
    "trustee/registryCredentials/registries/quay.io",
    "trustee/registryCredentials/registries/quay.io/password",
    "trustee/registryCredentials/registries/quay.io/username",
    "azure/credentials",
    "azure/credentials/servicePrincipal",
    "azure/credentials/servicePrincipal/clientSecret",
]
TYPES: dict[str, Any] = {
    "a list": [SECRET],
    "an object": {"x": SECRET},
    "a list of objects": [{"x": SECRET}],
    "lists in lists": [[[SECRET]]],
    "a text": SECRET,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", TYPES)
def test_a_secret_of_the_wrong_type_is_not_shown(place: str, kind: str) -> None:
    message = _outcome(_at(place, TYPES[kind]))

    assert SECRET not in message
    if (kind, place) not in {("an object", "clientSecrets/db"), ("a text", "clientSecrets/db/password")}:
        assert place.split("/", maxsplit=1)[0] in message


@pytest.mark.parametrize(
    "config",
    [
        {"trustee": [{"adminPrivateKey": SECRET}]},
        {"trustee": {"tls": [{"privateKey": SECRET}]}},
        {"trustee": {"tls": [[{"privateKey": SECRET}]]}},
        {"trustee": f'{{"adminPrivateKey": "{SECRET}"'},
        {"trustee": {"registryCredential": {"registries": {"quay.io": {"password": SECRET}}}}},
        {"trustee": {"imageSignature": [{"registryCredentials": SECRET}]}},
        {"peerPods": {"tags": [{"password": SECRET}]}},
        {"clientSecret": {"db": {"password": SECRET}}},
        {"trustee": {"host": PEM}},
    ],
)
def test_a_secret_in_the_wrong_place_is_not_shown(config: dict[str, Any]) -> None:
    assert SECRET not in refused(config)


@pytest.mark.parametrize(
    "place",
    [
        "trustee/tls/certificateFile",
        "trustee/tls/privateKeyFile",
        "trustee/tls/caCertificateFile",
        "trustee/tokenSigner/privateKeyFile",
        "trustee/resourcePolicyFile",
        "trustee/referenceValues/measurementsFile",
        "trustee/registryCredentials/authFile",
        "initdata/kbsCertificateFile",
        "clientSecrets/db/password/file",
    ],
)
@pytest.mark.parametrize("content", [PEM, AUTH, f"{SECRET}\n{SECRET}"])
def test_the_content_of_a_file_in_place_of_its_path_is_not_shown(place: str, content: str) -> None:
    message = refused(_at(place, content))

    assert message.startswith("1 problem ")
    assert SECRET not in message
    assert "needed the path of a file, found what looks like its content; save it and name the file" in message


@pytest.mark.parametrize(
    "credentials",
    [
        {"registries": {"quay.io": {"username": "a:b", "password": SECRET}}},
        {"registries": {"quay.io": {"username": "robot", "password": f"{SECRET}\n"}}},
        {"registries": {"quay .io": {"username": "robot", "password": SECRET}}},
        {"registries": {"quay.io": {"username": "robot", "password": SECRET}}, "authFile": f"{KEYS}/admin.key"},
        {"registries": {"quay.io": {"username": "robot", "password": SECRET}}, "secret": "a.b"},
    ],
)
def test_credentials_of_registries_that_cannot_work_are_not_shown(credentials: dict[str, Any]) -> None:
    message = refused({"trustee": {"registryCredentials": credentials}})

    assert "trustee.registryCredentials" in message
    assert SECRET not in message


def test_credentials_are_not_in_the_text_of_the_settings_either() -> None:
    login = {"registries": {"quay.io": {"username": "robot", "password": SECRET}}}
    result = stack({"trustee": {"registryCredentials": login}, "clientSecrets": {"kbsres1": {"key1": SECRET}}})

    assert SECRET not in repr(result)
    assert SECRET not in str(result)


def test_a_command_that_sets_a_secret_says_so_and_others_do_not() -> None:
    secret, plain = refused({"trustee": {"adminPrivateKey": 5}}), refused({"trustee": {"tls": {"privateKeyFile": 5}}})

    assert "pulumi config set --path --secret 'coco-azure:trustee.adminPrivateKey' VALUE" in secret
    assert "pulumi config set --path 'coco-azure:trustee.tls.privateKeyFile' VALUE" in plain


@pytest.mark.parametrize(
    "path",
    [
        "trustee.adminPrivateKey",
        "trustee.tls.privateKey",
        "trustee.tokenSigner.privateKey",
        "azure.credentials.servicePrincipal.clientSecret",
        "clientSecrets.db.password",
        "trustee.registryCredentials.secret",
    ],
)
def test_every_command_that_sets_a_secret_encrypts_it(path: str) -> None:
    message = refused(_at(path.replace(".", "/"), [5]))

    assert f"pulumi config set --path --secret 'coco-azure:{path}' VALUE" in message


@pytest.mark.parametrize(
    "word",
    [
        "clientSecrets",
        "clientSecret",
        "adminPrivateKey",
        "privateKey",
        "registryCredentials",
        "password",
        "PRIVATE KEY",
    ],
)
@pytest.mark.parametrize("place", ["trustee", "peerPods/instanceSize", "peerPods/tags", "cluster/context"])
def test_what_speaks_of_a_secret_is_not_shown_wherever_it_stands(word: str, place: str) -> None:
    message = refused(_at(place, [{word: SECRET}]))

    assert SECRET not in message
    assert "found" not in message
    assert place.replace("/", ".") in message


@pytest.mark.parametrize(
    "content",
    [
        f"a\n{SECRET}",
        f"{{{SECRET}",
        f"-----BEGIN{SECRET}",
        f" \t{{{SECRET}",
        f"\ufeff{{{SECRET}",
        f"\ufeff-----BEGIN{SECRET}",
    ],
)
@pytest.mark.parametrize(
    "place", ["trustee/host", "peerPods/instanceSize", "trustee/tls/termination", "cluster/kubeconfig"]
)
def test_what_looks_like_the_content_of_a_file_is_not_shown(content: str, place: str) -> None:
    message = refused(_at(place, content))

    assert SECRET not in message
    assert "found " not in message.replace("found what looks like", "")


@pytest.mark.parametrize("place", ["peerPods/tags", "peerPods/limitPerNode", "trustee/host", "initdata/workloads"])
@pytest.mark.parametrize("wrap", [lambda key: [key], lambda key: [{"x": [key]}], lambda key: [f"x{key}"]])
def test_a_private_key_in_a_value_of_the_wrong_type_is_not_shown(place: str, wrap: Any) -> None:
    key = body(pems()["Ed25519 in PKCS #8"])

    message = refused(_at(place, wrap(key)))

    assert key[:24] not in message
    assert "found [" not in message
    assert place.replace("/", ".") in message


def test_what_is_no_secret_is_shown_and_a_long_one_is_cut() -> None:
    short, long = "Standard " + "x" * 69, "Standard " + "x" * 70

    assert f'peerPods.instanceSize: found "{short}"; needed' in refused({"peerPods": {"instanceSize": short}})
    assert f'peerPods.instanceSize: found "{long[:79]}...; needed' in refused({"peerPods": {"instanceSize": long}})
    assert 'peerPods.limitPerNode: found {"a b": ["c"]}; needed' in refused(
        {"peerPods": {"limitPerNode": {"a b": ["c"]}}}
    )


_JSON = st.recursive(
    st.just(SECRET) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["x", "privateKey"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@run_settings(deadline=None)
@given(place=st.sampled_from(PLACES), value=_JSON)
def test_whatever_stands_in_the_place_of_a_secret_is_not_shown(place: str, value: Any) -> None:
    assert SECRET not in _outcome(_at(place, value))
