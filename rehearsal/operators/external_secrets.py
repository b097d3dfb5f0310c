"""Somebody who makes Secrets of what a vault has: External Secrets Operator, as far as an ExternalSecret goes.

Source: its API, ``external-secrets.io/v1`` (external-secrets.io/latest/api/externalsecret): ``spec.target.name``, by
default that of the ExternalSecret, is the Secret that it owns; each of ``spec.data`` takes ``remoteRef.key`` and, of a
JSON object there, ``property``. Any SecretStore leads to the one vault of a rehearsal: ConfigMap ``vault`` in namespace
``rehearsal``, whose keys have a dot for each slash of a path. ``spec.refreshInterval`` is not waited for: a changed
vault is seen at once.
"""

import base64
import json
from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, EXTERNAL_SECRET, SECRET
from rehearsal.operators import faults
from rehearsal.operators.context import Context, KeyOf, condition, key_of

VAULT = "vault"
_ALL = ""


class MissingError(Exception):
    """The vault does not have what an ExternalSecret asks for."""


class ExternalSecrets:
    """The operator's one controller."""

    name = "external-secrets"

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {
            EXTERNAL_SECRET: key_of,
            CONFIG_MAP: lambda obj: _ALL if key_of(obj) == f"{faults.NAMESPACE}/{VAULT}" else None,
        }

    async def reconcile(self, key: str) -> float | None:
        """Make or renew the Secret of one ExternalSecret, or those of all where the vault has changed."""
        for wanted in await self._api.named_by(EXTERNAL_SECRET, key):
            await self._sync(wanted)
        return None

    async def _sync(self, wanted: Object) -> None:
        try:
            data = await self._data(wanted)
        except MissingError as error:
            await self._say(wanted, "False", "SecretSyncedError", str(error))
            return
        metadata = wanted["metadata"]
        name = wanted["spec"].get("target", {}).get("name") or metadata["name"]
        owner = {"apiVersion": EXTERNAL_SECRET.api_version, "kind": "ExternalSecret"}
        owner |= {"name": metadata["name"], "uid": metadata["uid"]}
        own = {"name": name, "namespace": metadata["namespace"], "ownerReferences": [{**owner, "controller": True}]}
        existing = await self._api.get(SECRET, name, metadata["namespace"])
        if existing is None:
            await self._api.create(SECRET, {"metadata": own, "data": data})
        elif existing.get("data") != data:
            gone = {key: None for key in existing.get("data") or {} if key not in data}
            await self._api.patch(SECRET, existing, {"data": {**gone, **data}})
        await self._say(wanted, "True", "SecretSynced", "secret synced")

    async def _data(self, wanted: Object) -> dict[str, str]:
        vault = (await self._api.get(CONFIG_MAP, VAULT, faults.NAMESPACE) or {}).get("data") or {}
        data = {}
        for each in wanted["spec"].get("data", []):
            reference = each["remoteRef"]
            text = vault.get(str(reference["key"]).replace("/", "."))
            if text is not None and "property" in reference:
                text = json.loads(text).get(reference["property"])
            if text is None:
                raise MissingError(
                    f"could not get secret data from provider: {reference['key']}: Secret does not exist"
                )
            data[each["secretKey"]] = base64.b64encode(str(text).encode()).decode()
        return data

    async def _say(self, wanted: Object, status: str, reason: str, message: str) -> None:
        before = (wanted.get("status") or {}).get("conditions") or [{}]
        if before[0].get("reason") != reason:
            await self._api.set_status(
                EXTERNAL_SECRET, wanted, {"conditions": [condition("Ready", status, reason, message)]}
            )
