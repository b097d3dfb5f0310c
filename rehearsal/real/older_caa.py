"""CAA of a real OSC operator that is older than 1.9, whose DaemonSet has another name than users of 1.9 know.

Its operator has it made by way of a PeerPodConfig (confidential-containers/cloud-api-adaptor
``src/peerpodconfig-ctrl/controllers``, caaDsName). Where such a program is brought as 1.9, one of the name that the
program waits for is put beside it, with the same template.
"""

from collections.abc import Mapping

from rehearsal.api import Kind, Object
from rehearsal.kinds import DAEMON_SET
from rehearsal.operators.context import Context, KeyOf, owned_by
from rehearsal.operators.osc_peer_pods import DAEMON_SET_NAME, NAMESPACE

_OLDER = "peerpodconfig-ctrl-caa-daemon"


class OlderCaa:
    """Makes ``osc-caa-ds`` of the older DaemonSet; it goes with it."""

    name = "older-caa"

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self.watches: Mapping[Kind, KeyOf] = {DAEMON_SET: _older}

    async def reconcile(self, key: str) -> None:
        """Make it where it is missing."""
        older = await self._api.get(DAEMON_SET, key, NAMESPACE)
        if older is not None and "deletionTimestamp" not in older["metadata"]:
            labels = {"name": DAEMON_SET_NAME}
            template = {**older["spec"]["template"], "metadata": {"labels": labels}}
            metadata = {"name": DAEMON_SET_NAME, "namespace": NAMESPACE, "ownerReferences": owned_by(older)}
            spec = {"selector": {"matchLabels": labels}, "template": template}
            await self._api.create(DAEMON_SET, {"metadata": metadata, "spec": spec})


def _older(obj: Object) -> str | None:
    metadata = obj["metadata"]
    return _OLDER if (metadata["namespace"], metadata["name"]) == (NAMESPACE, _OLDER) else None
