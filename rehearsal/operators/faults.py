"""What is to go wrong: ConfigMap ``faults`` in namespace ``rehearsal``, read whenever it matters.

A key names the fault, its value what it strikes: ``kubectl -n rehearsal create configmap faults
--from-literal=csv-fails=trustee-operator``. Removing the key heals it.
"""

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

KNOWN = (CSV_FAILS, IMAGE_JOB_FAILS, NODE_DEGRADED, POD_VM_FAILS)


class Faults:
    """The present faults."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def value(self, name: str) -> str | None:
        """Return what the fault strikes, or None where it is not asked for."""
        found = await self._api.get(CONFIG_MAP, NAME, NAMESPACE)
        value = (found or {}).get("data", {}).get(name)
        return None if value is None else str(value)
