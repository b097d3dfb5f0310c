"""Rotation of what the stack makes itself: the next generation, the overlap, its end, and the way back.

The tests share a cluster and go on from each other's state, in their order.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import start
from tests.engine.harness import Stack, names
from tests.engine.trustee import attested, config_maps, roll_outs, secret

pytestmark = pytest.mark.engine

AUTH, CLIENT, HTTPS_KEY, HTTPS_CERTIFICATE = (
    "kbs-auth-public-key",
    "kbsres1",
    "kbs-https-key",
    "kbs-https-certificate",
)
ROLLED_OUT = {"trustee-kbsconfig", "trustee-kbs"}
CONFIG, KEYS = "trustee-content-kbs-config-cm", f"trustee-content-{AUTH}"
ALL = {"adminKey": 2, "tokenSigner": 2, "tls": 2}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, tools: dict[str, Path]) -> Iterator[Stack]:
    """A stack whose KBS serves https with a certificate that the stack has made."""
    variables = {"COCO_REHEARSAL_OSC": "1.12", "COCO_REHEARSAL_TRUSTEE": "1.1"}
    for started in start(tmp_path_factory.mktemp("rotation"), tools, variables):
        started.configure(_rotated())
        started.up()
        assert attested(started)
        yield started


def _rotated(**rotation: Any) -> dict[str, Any]:
    return {"trustee": {"tls": {"termination": "passthrough"}, "rotation": rotation}}


def _files(stack: Stack) -> dict[str, dict[str, str]]:
    return {name: secret(stack, name) for name in (AUTH, CLIENT, HTTPS_KEY, HTTPS_CERTIFICATE)}


def _accepted(stack: Stack) -> tuple[list[str], list[str]]:
    """Return which keys of administrators and which certificates of signers KBS is told to accept."""
    config = tomllib.loads(config_maps(stack)["kbs-config-cm"]["data"]["kbs-config.toml"])
    admins = [persona["public_key_path"] for persona in config["admin"]["personas"]]
    paths = [*admins, *config["attestation_token"]["trusted_certs_paths"]]
    files = [path.rpartition("/")[2] for path in paths]
    return files[: len(admins)], files[len(admins) :]


@pytest.fixture(scope="module")
def first(stack: Stack) -> dict[str, dict[str, str]]:
    """The Secrets of the first generation."""
    return _files(stack)


@pytest.mark.parametrize(
    ("raised", "created", "updated"),
    [
        ("adminKey", "trustee-content-admin-key-2", {CONFIG, KEYS}),
        ("tokenSigner", "trustee-content-token-signer-2", {CONFIG, KEYS}),
        ("tls", "trust-chain-tls-leaf-2", {f"trustee-content-{name}" for name in (HTTPS_KEY, HTTPS_CERTIFICATE)}),
    ],
)
def test_the_preview_shows_the_new_generation_and_what_takes_it(
    stack: Stack, raised: str, created: str, updated: set[str]
) -> None:
    preview = stack.preview(_rotated(**{raised: 2}))

    assert names(preview, "create") == {created}
    assert names(preview, "update") == updated | ROLLED_OUT
    assert names(preview, "replace") == {"check-job"}


def test_both_generations_are_accepted_and_everything_else_keeps_its_value(
    stack: Stack, first: dict[str, dict[str, str]]
) -> None:
    before = roll_outs(stack)
    stack.configure(_rotated(**ALL))
    stack.up()
    second = _files(stack)

    assert attested(stack)
    assert second[CLIENT] == first[CLIENT]
    for name, key in ((AUTH, "publicKey"), (AUTH, "token.key"), (AUTH, "token.crt")):
        assert second[name][key] != first[name][key]
    assert second[HTTPS_KEY] != first[HTTPS_KEY]
    assert second[HTTPS_CERTIFICATE] != first[HTTPS_CERTIFICATE]
    assert second[AUTH]["previousPublicKey"] == first[AUTH]["publicKey"]
    assert second[AUTH]["previous-token.crt"] == first[AUTH]["token.crt"]
    assert _accepted(stack) == (["publicKey", "previousPublicKey"], ["token.crt", "previous-token.crt"])
    assert roll_outs(stack) == before + 1, "KBS restarts once"


def test_a_run_without_a_change_does_not_restart_kbs(stack: Stack) -> None:
    before, files = roll_outs(stack), _files(stack)
    stack.up("--expect-no-changes")

    assert (roll_outs(stack), _files(stack)) == (before, files)


def test_going_back_a_generation_brings_the_old_keys_back(stack: Stack, first: dict[str, dict[str, str]]) -> None:
    before = roll_outs(stack)
    stack.configure(_rotated(tls=2))
    stack.up()

    assert attested(stack)
    assert _files(stack)[AUTH] == first[AUTH]
    assert _files(stack)[CLIENT] == first[CLIENT]
    assert _accepted(stack) == (["publicKey"], ["token.crt"])
    assert roll_outs(stack) == before + 1


def test_without_an_overlap_the_old_generation_ends_and_its_value_is_deleted(
    stack: Stack, first: dict[str, dict[str, str]]
) -> None:
    stack.configure(_rotated(**ALL))
    stack.up()
    second, before = _files(stack), roll_outs(stack)
    assert second[AUTH]["previousPublicKey"] == first[AUTH]["publicKey"]
    ended = _rotated(**ALL, overlap=False)
    preview = stack.preview(ended)
    stack.configure(ended)
    stack.up()

    assert names(preview, "delete") == {"trustee-content-admin-key", "trustee-content-token-signer"}
    assert attested(stack)
    kept = {key: text for key, text in second[AUTH].items() if not key.startswith("previous")}
    assert _files(stack) == {**second, AUTH: kept}
    assert _accepted(stack) == (["publicKey"], ["token.crt"])
    assert roll_outs(stack) == before + 1
    assert not [
        each for each in stack.state() if each["urn"].endswith(("::trustee-content-admin-key", "-token-signer"))
    ]
