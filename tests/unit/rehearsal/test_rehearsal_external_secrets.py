"""The simulated External Secrets Operator makes Secrets of what the vault has, and renews them."""

import asyncio
import base64
import json
from typing import Any

from rehearsal.kinds import CONFIG_MAP, EXTERNAL_SECRET, SECRET
from rehearsal.operators import faults
from rehearsal.operators.context import Context
from rehearsal.operators.external_secrets import VAULT, ExternalSecrets
from rehearsal.operators.faults import Faults
from rehearsal.timings import Clock
from tests.unit.memory_api import MemoryApi

REFERENCE = {"secretKey": "password", "remoteRef": {"key": "shop/db", "property": "password"}}


class World:
    """A cluster with the operator and an ExternalSecret."""

    def __init__(self, vault: dict[str, str] | None) -> None:
        self.api = MemoryApi()
        self.operator = ExternalSecrets(Context(self.api, Clock(1e9), Faults(self.api)))
        if vault is not None:
            self.keep(vault)
        metadata = {"name": "db", "namespace": "n"}
        wanted = {"metadata": metadata, "spec": {"data": [REFERENCE]}}
        made = asyncio.run(self.api.create(EXTERNAL_SECRET, wanted))
        assert made is not None
        key = self.operator.watches[EXTERNAL_SECRET](made)
        asyncio.run(self.operator.reconcile(str(key)))

    def keep(self, vault: dict[str, str]) -> None:
        """Have the vault keep this, and the operator see it."""
        content = {"metadata": {"name": VAULT, "namespace": faults.NAMESPACE}, "data": {"shop.db": json.dumps(vault)}}
        existing = asyncio.run(self.api.get(CONFIG_MAP, VAULT, faults.NAMESPACE))
        if existing is None:
            asyncio.run(self.api.create(CONFIG_MAP, content))
        else:
            asyncio.run(self.api.patch(CONFIG_MAP, existing, {"data": content["data"]}))
        key = self.operator.watches[CONFIG_MAP](content)
        asyncio.run(self.operator.reconcile(str(key)))

    def password(self) -> str | None:
        """Return the value in the Secret, if there is one."""
        secret: Any = asyncio.run(self.api.get(SECRET, "db", "n"))
        return None if secret is None else base64.b64decode(secret["data"]["password"]).decode()


def test_a_secret_has_what_the_vault_has_and_follows_it() -> None:
    world = World({"password": "first"})
    assert world.password() == "first"

    world.keep({"password": "second"})
    assert world.password() == "second"


def test_what_the_vault_does_not_have_makes_no_secret_and_is_told() -> None:
    world = World(None)

    assert world.password() is None
    status: Any = asyncio.run(world.api.get(EXTERNAL_SECRET, "db", "n"))
    assert status["status"]["conditions"][0]["reason"] == "SecretSyncedError"
    world.keep({"password": "late"})
    assert world.password() == "late"
