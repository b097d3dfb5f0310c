"""The outputs of the running stack, as its last finished run left them: they change only at the end of a run.

Not by a StackReference: while the engine writes a state file, a reader may find it empty ("failed to load checkpoint:
EOF"), and a resource that cannot be read ends the run. A function that fails can be called again.
"""

import time
from collections.abc import Mapping
from typing import Any

import pulumi

from coco_azure.formats import one_line

_TRIES, _PAUSE = 20, 0.25


def read() -> Mapping[str, Any]:
    """Return the outputs by name, as data; none where no run has come to its end."""
    own = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    for _ in range(_TRIES - 1):
        try:
            return _outputs(own)
        except Exception as error:  # noqa: BLE001 - pulumi raises nothing more precise
            pulumi.log.debug(f"the outputs of {own} cannot be read yet: {error}")
            time.sleep(_PAUSE)
    return _outputs(own)


def _outputs(stack: str) -> Mapping[str, Any]:
    answer = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": stack})
    return one_line.read_all((answer.value or {}).get("outputs") or {})
