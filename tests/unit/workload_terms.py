"""Terms of a workload for tests, with an agent policy made from the plain manifest."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

from coco_azure.formats import initdata
from coco_azure.formats.kbs import sealed_secrets
from coco_azure.formats.policy.policies import agent_policy
from coco_azure.formats.workload.containers import containers
from coco_azure.formats.workload.terms import Terms
from coco_azure.versions import profiles

ANNOTATION = "io.katacontainers.config.hypervisor.cc_init_data"
PASSWORD = "default/db/password"
IMAGE = "quay.io/my-org/shop@sha256:" + "a" * 64
PLAIN = f"""\
# The shop, as its team has it.
apiVersion: apps/v1
kind: Deployment
metadata: {{name: shop, namespace: shop}}
spec:
  replicas: 2   # one a zone
  template:
    metadata:
      labels: {{app: shop}}
    spec:
      # nothing confidential yet
      containers:
        - name: shop
          image: {IMAGE}
          command: [/bin/shop]
          env:
            - {{name: HOME, value: /tmp}}
            - name: PASSWORD
              valueFrom: {{secretKeyRef: {{name: db, key: password}}}}
          readinessProbe: {{exec: {{command: [cat, /tmp/ready]}}}}
"""


@cache
def encoded(policy: str | None) -> str:
    """Return initdata with an agent policy."""
    document = initdata.render(initdata.Initdata(kbs_url="https://kbs", agent_policy=policy, workload="shop"))
    return initdata.encode(document, profiles.osc("sandboxed-containers-operator.v1.12.0", None))


@cache
def _exact() -> str:
    return agent_policy("production", workload=containers(PLAIN, {}))


def terms(policy: str | None = None, **changes: Any) -> Terms:
    """Return terms; without a policy, with that made from ``PLAIN``."""
    made = Terms(
        workload="shop",
        annotation=ANNOTATION,
        initdata=encoded(policy or _exact()),
        runtime_class="kata-remote",
        size="Standard_DC2as_v5",
        sizes=("Standard_DC2as_v5", "Standard_DC4as_v5"),
        secrets=(PASSWORD,),
        sealed={PASSWORD: sealed_secrets.seal_vault(f"kbs:///{PASSWORD}")},
        image_policy=image_policy("quay.io/my-org"),
    )
    return replace(made, **changes)


def image_policy(*accepted: str, signed: str = "quay.io/signed") -> str:
    """Return an image policy that rejects the rest."""
    scopes: dict[str, Any] = {name: [{"type": "insecureAcceptAnything"}] for name in accepted}
    scopes[signed] = [{"type": "sigstoreSigned", "keyPath": "kbs:///default/img-sig/pub-key"}]
    return json.dumps({"default": [{"type": "reject"}], "transports": {"docker": scopes}})
