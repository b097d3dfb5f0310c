"""A cluster in memory with the simulated Trustee operator and what the program gives it."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from rehearsal.api import Object
from rehearsal.kinds import CONFIG_MAP, CSV, DEPLOYMENT, KBS_CONFIG, SECRET
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.operators.olm_catalog import package_label
from rehearsal.operators.trustee import NAMESPACE, PACKAGE, KbsConfigs
from rehearsal.timings import Clock
from tests.unit.kbs_versions import SETUPS
from tests.unit.memory_api import MemoryApi

KEY = f"{NAMESPACE}/kbsconfig"
SPEC = {
    "kbsDeploymentType": "AllInOneDeployment",
    "kbsConfigMapName": "kbs-config-cm",
    "kbsAuthSecretName": "kbs-auth-public-key",
    "kbsResourcePolicyConfigMapName": "resource-policy",
    "kbsRvpsRefValuesConfigMapName": "rvps-reference-values",
    "kbsSecretResources": ["kbsres1"],
}


class Cluster:
    """An API server with the operator of one version, its objects, and the controller."""

    def __init__(self, version: str, spec: Mapping[str, Any] = SPEC, notes: Mapping[str, str] | None = None) -> None:
        self.api = MemoryApi()
        self.controller = KbsConfigs(Context(self.api, Clock(1000.0), Faults(self.api)))
        self.install(version)
        setup = SETUPS[version]
        keys = (setup.policy.rpartition("/")[2], setup.values.rpartition("/")[2])
        files = setup.files()
        self.config_map("kbs-config-cm", {"kbs-config.toml": setup.config}, notes)
        self.config_map("resource-policy", {keys[0]: files[setup.policy]}, notes)
        self.config_map("rvps-reference-values", {keys[1]: files[setup.values]}, notes)
        self.secret("kbs-auth-public-key", {"publicKey": files["/etc/auth-secret/publicKey"]})
        self.secret("kbsres1", {"key1": "res1val1"})
        self.config = self.api.put(KBS_CONFIG, {"metadata": self._named("kbsconfig"), "spec": dict(spec)})

    def install(self, version: str, phase: str = "Succeeded") -> None:
        """Have OLM run this version of the operator."""
        labels = {package_label(PACKAGE, NAMESPACE): ""}
        values = {"spec": {"version": version}, "status": {"phase": phase}}
        self.api.put(CSV, {"metadata": {**self._named("csv"), "labels": labels}, **values})

    def config_map(self, name: str, data: Mapping[str, str], notes: Mapping[str, str] | None = None) -> None:
        """Make or replace a ConfigMap with these annotations."""
        self.api.put(CONFIG_MAP, {"metadata": {**self._named(name), "annotations": dict(notes or {})}, "data": data})

    def secret(self, name: str, data: Mapping[str, str]) -> None:
        """Make or replace a Secret."""
        encoded_data = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.api.put(SECRET, {"metadata": self._named(name), "data": encoded_data})

    def reconcile(self, key: str = KEY) -> float | None:
        """Have the controller look once."""
        return asyncio.run(self.controller.reconcile(key))

    def deployment(self) -> Object:
        """Return the Deployment."""
        result = self.api.find(DEPLOYMENT, "trustee-deployment", NAMESPACE)
        assert result is not None
        return result

    def data(self, name: str) -> Mapping[str, str] | None:
        """Return a ConfigMap's data, or None where there is none."""
        result = self.api.find(CONFIG_MAP, name, NAMESPACE)
        return None if result is None else result["data"]

    def notes(self, name: str) -> Mapping[str, str]:
        """Return a ConfigMap's annotations."""
        result = self.api.find(CONFIG_MAP, name, NAMESPACE)
        assert result is not None
        annotations: Mapping[str, str] = result["metadata"]["annotations"]
        return annotations

    def ready(self) -> Any:
        """Return ``status.isReady`` of the KbsConfig."""
        result = self.api.find(KBS_CONFIG, "kbsconfig", NAMESPACE)
        assert result is not None
        return result.get("status", {}).get("isReady")

    def say_ready(self) -> None:
        """Have the Deployment's pod get ready."""
        status = {"replicas": 1, "readyReplicas": 1}
        asyncio.run(self.api.set_status(DEPLOYMENT, self.deployment(), status))

    def _named(self, name: str) -> dict[str, str]:
        return {"name": name, "namespace": NAMESPACE}
