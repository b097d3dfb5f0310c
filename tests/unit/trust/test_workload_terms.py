"""The terms of a workload follow from settings and chain."""

from typing import Any

import pytest

from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.workload.terms import Terms
from coco_azure.trust import remote_trustee
from coco_azure.trust.remote_trustee import Hub
from tests.unit import trust_stacks

SECRETS = {"db": {"password": "correct horse"}, "web": {"key": "x"}}
SHOP = {"initdata": {"workloads": {"shop": {"secrets": ["db"]}}}}


def _terms(
    config: dict[str, Any], last: str | None = None, key: str | None = None, hub: Hub | None = None, **versions: Any
) -> Terms:
    stack, chain = trust_stacks.stack(config), trust_stacks.chain(config, **versions)
    before = {} if last is None else {"shop": {"any": last}}
    (made,) = remote_trustee.terms(stack, chain, before, key, hub)
    return made


def test_in_development_its_pods_may_have_every_client_secret() -> None:
    made = _terms({"clientSecrets": SECRETS, **SHOP})

    assert set(made.secrets or ()) >= {"default/db/password", "default/web/key"}
    assert made.sealed == {}


def test_references_are_signed_with_the_stacks_key() -> None:
    key = sealed_secrets.generate_signing_key()
    made = _terms({"clientSecrets": SECRETS, **SHOP}, key=key)

    reference = made.sealed["default/db/password"]
    assert sealed_secrets.unseal(reference, sealed_secrets.public_jwk(key)) == "kbs:///default/db/password"


SPOKE = {"trustee": {"stack": "organization/coco-azure/hub"}, **SHOP}
SERVED = ["default/web/key", "default/db/password"]


def test_what_another_stacks_trustee_gives_is_what_that_stack_says() -> None:
    pcr8, key = trust_stacks.chain(SPOKE, trustee=None).measured["shop"], sealed_secrets.generate_signing_key()
    proof = {"secrets": {pcr8: ["default/db/password"], "ab" * 32: ["default/web/key"]}}
    production = _terms(SPOKE, key=key, hub=Hub(proof=proof, served=SERVED, image_policy="{}"), trustee=None)

    assert production.secrets == ("default/db/password",)
    assert production.sealed.keys() == {"default/db/password"}
    assert production.image_policy == "{}"
    development = _terms(SPOKE, hub=Hub(proof={"secrets": None}, served=SERVED), trustee=None)
    assert development.secrets == ("default/db/password", "default/web/key")
    assert _terms(SPOKE, hub=Hub(proof={"secrets": {}}, served=SERVED), trustee=None).secrets == ()


def test_what_a_stack_gives_that_is_too_old_to_say_is_not_known() -> None:
    made = _terms(SPOKE, hub=Hub(), trustee=None)

    assert (made.secrets, made.sealed, made.image_policy) == (None, {}, None)


@pytest.mark.parametrize("osc", ["1.9", "1.13"])
def test_the_initdata_of_the_last_run_is_the_previous_one_unless_it_is_the_same(osc: str) -> None:
    config = {"clientSecrets": SECRETS, **SHOP}
    made = _terms(config, last="before", osc=osc)

    assert made.previous == "before"
    assert _terms(config, last=made.initdata, osc=osc).previous is None
    assert _terms(config, osc=osc).previous is None
    assert made.annotation.endswith(".cc_init_data")
