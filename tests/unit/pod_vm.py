"""What the tests of the simulated CAA and pod VM share: an environment, initdata, and a KBS that only holds secrets."""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import tomli_w

from rehearsal.azure.subscription import Subscription
from rehearsal.kubelet.caa import Caa, PodVm
from rehearsal.kubelet.guest import Guest
from rehearsal.kubelet.kbs import DeniedError, Evidence, Kbs

URL = "https://kbs.example.com"
RUNTIME = "io.katacontainers.config.runtime.cc_init_data"
HYPERVISOR = "io.katacontainers.config.hypervisor.cc_init_data"
AZURE = Subscription.described()
ENVIRONMENT = {
    **dict.fromkeys(("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_SUBSCRIPTION_ID"), "x"),
    "AZURE_RESOURCE_GROUP": AZURE.resource_groups()[0],
    "AZURE_REGION": "eastus",
    "AZURE_SUBNET_ID": list(AZURE.subnet_ids())[1],
    "AZURE_NSG_ID": next(AZURE.nsg_ids()),
    "AZURE_IMAGE_ID": "/subscriptions/x/image",
    "AZURE_INSTANCE_SIZE": "Standard_DC2as_v5",
    "AZURE_INSTANCE_SIZES": "Standard_DC2as_v5,Standard_DC4as_v5",
    "DISABLECVM": "false",
    "ENABLE_SECURE_BOOT": "true",
}


def document(url: str = URL, *, policy: str | None = None, algorithm: str = "sha256", **image: str) -> str:
    """Return initdata that names a KBS; ``image`` is ``[image]`` of its cdh.toml."""
    hub: dict[str, Any] = {"kbc": {"name": "cc_kbc", "url": url}, "image": image}
    data = {"cdh.toml": tomli_w.dumps(hub)} | ({} if policy is None else {"policy.rego": policy})
    return tomli_w.dumps({"algorithm": algorithm, "version": "0.1.0", "data": data}, multiline_strings=True)


def plain(text: str) -> str:
    """Return initdata as OSC 1.9 takes it."""
    return base64.b64encode(text.encode()).decode()


def packed(text: str) -> str:
    """Return initdata as newer versions take it."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


@dataclass
class Safe:
    """A KBS that hands out what it holds, and remembers to whom.

    Attributes:
        resources: content by path.
        seen: evidence of everybody who asked.
        spoken: the version of the RCAR protocol that each of them spoke.
    """

    resources: Mapping[str, bytes] = field(default_factory=dict)
    seen: list[Evidence] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)

    def release(self, path: str, evidence: Evidence, protocol: str) -> bytes:
        """Return the resource, or say that it is not there."""
        self.spoken.append(protocol)
        self.seen.append(evidence)
        if path not in self.resources:
            raise DeniedError(404, f"resource {path} not found")
        return self.resources[path]


def machine(text: str | None = None) -> PodVm:
    """Return a pod VM of OSC 1.9 with this initdata."""
    environment = ENVIRONMENT if text is None else {**ENVIRONMENT, "INITDATA": plain(text)}
    return Caa(environment, AZURE).create({})


def guest(text: str | None = None, safe: Safe | None = None, *, vm: PodVm | None = None) -> Guest:
    """Return what runs in a pod VM that reaches ``safe`` at ``URL``."""

    async def reach(url: str, trusted: str | None) -> Kbs:
        assert (url, trusted) == (URL, None)
        return cast("Kbs", safe or Safe())

    return Guest(vm or machine(text), reach)
