"""What is to go wrong: ConfigMap ``faults`` in namespace ``rehearsal``, read whenever it matters.

A key names the fault, its value what it strikes: ``kubectl -n rehearsal create configmap faults
--from-literal=csv-fails=trustee-operator``. Removing the key heals it.
"""

from datetime import UTC, datetime

from rehearsal.api import Api
from rehearsal.kinds import CONFIG_MAP

NAMESPACE = "rehearsal"
NAME = "faults"

CSV_FAILS = "csv-fails"
"""Value: a package; its CSV goes to Failed instead of Succeeded."""
IMAGE_JOB_FAILS = "image-job-fails"
"""Any value: the job that builds the pod VM image fails, and KataConfig claims to be done all the same."""
NODE_DEGRADED = "node-degraded"
"""Value: a node; the machine config operator does not get it through its next update."""
POD_VM_FAILS = "pod-vm-fails"
"""Value: an error of Azure, such as SkuNotAvailable; no pod VM can be created."""
KBS_CLOCK = "kbs-clock"
"""Value: a UTC time such as 2999-01-01T00:00:00Z; KBS judges by it whether a reference value has expired."""

KNOWN = (CSV_FAILS, IMAGE_JOB_FAILS, NODE_DEGRADED, POD_VM_FAILS, KBS_CLOCK)


class Faults:
    """The present faults."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def value(self, name: str) -> str | None:
        """Return what the fault strikes, or None where it is not asked for."""
        config_map = await self._api.get(CONFIG_MAP, NAME, NAMESPACE)
        value = (config_map or {}).get("data", {}).get(name)
        return None if value is None else str(value)

    async def kbs_clock(self) -> datetime | None:
        """Return the time that KBS takes for now, or None for the right one; raises ValueError where it is no time."""
        value = await self.value(KBS_CLOCK)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"fault {KBS_CLOCK} is {value!r}, needed a time such as 2999-01-01T00:00:00Z") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
