"""KBS is told of the generation before only where there is a file of it: of what the stack has made itself."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from coco_azure import names, settings
from coco_azure.formats.pki import issuing
from coco_azure.trust.chain import Versions, build, config_maps
from coco_azure.trust.documents import KbsEndpoint
from coco_azure.versions.profiles import TRUSTEE


def _message(trustee: dict[str, Any], version: str) -> str:
    stack = settings.parse({"trustee": trustee}, Path())
    chain = build(
        stack, Versions(osc=None, trustee=TRUSTEE[version], csv={}), KbsEndpoint(kbs_url="https://kbs.example.com")
    )
    assert chain.judgement is not None
    text = config_maps(stack, chain.judgement)[names.KBS_CONFIG_CM]["kbs-config.toml"]
    tomllib.loads(text)
    return text


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_administrators_key_before_is_named_unless_the_key_is_the_users_own(version: str) -> None:
    rotated: dict[str, Any] = {"rotation": {"adminKey": 2}}

    assert "previousPublicKey" in _message(rotated, version)
    assert "previousPublicKey" not in _message({**rotated, "adminPrivateKey": issuing.generate_private_key()}, version)
    assert "previousPublicKey" not in _message({"rotation": {"adminKey": 2, "overlap": False}}, version)


@pytest.mark.parametrize("version", TRUSTEE)
def test_a_signers_generation_says_nothing_where_tokens_are_not_signed(version: str) -> None:
    rotated: dict[str, Any] = {"rotation": {"tokenSigner": 2}}

    assert "previous-token.crt" in _message(rotated, version)
    assert "previous-token.crt" not in _message({**rotated, "signTokens": False}, version)
