"""Attempts of one document's pods to get another document's secret, beside a pod that gets its own (``negative``)."""

import base64
import re

from coco_azure.formats.attestation_check import expected_digest
from coco_azure.formats.kbs.sealed_secrets import ResourceUri
from coco_azure.settings.client_secrets import CHECK_SECRET
from rehearsal.api import Object
from rehearsal.attempt import Check
from rehearsal.rest import ApiServer

_OTHER = ResourceUri("kbsres1", "key1")
"""What the rehearsal's stack binds to the initdata of pods that bring none of their own."""
_SECRET = f"/api/v1/namespaces/trustee-operator-system/secrets/{_OTHER.secret}"


_DENIED = re.compile(r"PolicyDeny")
"""Evidence is good, and the secret is another document's."""


def attempts(server: ApiServer, model: Object, annotation: str, of_other_pods: str | None) -> list[Check]:
    """Return the attempts; none where secrets are not bound to documents, as in development.

    Args:
        server: API server of the rehearsal.
        model: the check's pod.
        annotation: pod annotation that holds initdata.
        of_other_pods: initdata of pods that bring none of their own, encoded; None where there is none.
    """
    secret = server.get(_SECRET)
    if _variable(model, "RESOURCE") != CHECK_SECRET.path or of_other_pods is None or secret is None:
        return []
    expected = expected_digest(_variable(model, "SALT"), base64.b64decode(secret["data"][_OTHER.key]))

    def reach(pod: Object) -> None:
        others = {"RESOURCE": _OTHER.path, "EXPECTED_SHA256": expected}
        for each in pod["spec"]["containers"][0]["env"]:
            each["value"] = others.get(each["name"], each.get("value"))

    def be_other(pod: Object) -> None:
        pod["metadata"]["annotations"][annotation] = of_other_pods

    def be_other_and_reach(pod: Object) -> None:
        be_other(pod)
        reach(pod)

    return [
        Check(name="another pod, its own secret", pod="check-own", change=be_other_and_reach, reason=None),
        Check(name="the check's pod, that secret", pod="check-reach", change=reach, reason=_DENIED),
        Check(name="another pod, the check's secret", pod="check-other", change=be_other, reason=_DENIED),
    ]


def _variable(pod: Object, name: str) -> str:
    environment = pod["spec"]["containers"][0].get("env", [])
    return next((str(each.get("value", "")) for each in environment if each["name"] == name), "")
