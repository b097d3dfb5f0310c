"""The container image signature policy that a pod VM fetches before it pulls an image (containers-policy.json).

Format: containers-policy.json(5); the two documented forms are those of chapter 7.13.6. ``reject`` refuses every image
that is not listed, which the chapter lacks.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

DefaultRule = Literal["insecureAcceptAnything", "reject"]


def render(default: DefaultRule, signed: Mapping[str, str], transport: str = "docker") -> str:
    """Return the policy as JSON.

    Args:
        default: what happens to an image that ``signed`` does not name.
        signed: image or repository prefix (``quay.io/my-image``) to the KBS path of its public key
            (``default/img-sig/pub-key``).
        transport: image transport that the entries of ``signed`` belong to.
    """
    scopes = {
        scope: [{"type": "sigstoreSigned", "keyPath": f"kbs:///{path}"}] for scope, path in sorted(signed.items())
    }
    transports: dict[str, Any] = {transport: scopes} if scopes else {}
    return json.dumps({"default": [{"type": default}], "transports": transports}, indent=2) + "\n"
