"""The Trustee operator: KbsConfig becomes a Deployment and a Service.

Modelled on openshift/trustee-operator ``internal/controller/kbsconfig_controller.go`` at v0.3.0 to v1.2.1: names that
must resolve, mounts (``trustee_template``), the finalizer that comes after the Deployment, what a changed content does,
the readiness in the status, and the migration of 1.2 (``trustee_migration``). A TrusteeConfig is not modelled.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, CSV, DEPLOYMENT, KBS_CONFIG, SECRET, SERVICE
from rehearsal.operators import trustee_migration, trustee_template
from rehearsal.operators.context import Context, KeyOf, key_of, owned_by
from rehearsal.operators.trustee_template import (
    FIRST_EAR,
    FIRST_GPU,
    FIRST_STORAGE,
    LABELS,
    Number,
    UnresolvedError,
)

FINALIZER = "kbsconfig.confidentialcontainers.org/finalizer"
NAMESPACE = "trustee-operator-system"
PACKAGE = "trustee-operator"
_DEPLOYMENT, _SERVICE = "trustee-deployment", "kbs-service"
_OWNED = "/owned"
_AFTER_CREATION = 10.0
"""Seconds until the next look at a Deployment that was just made (``RequeueAfter``, from 1.1)."""


class KbsConfigs:
    """The operator's one controller; it sees its own namespace only."""

    name = "trustee-operator"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._named: dict[str, set[str]] = {}
        self.watches: Mapping[Kind, KeyOf] = {
            KBS_CONFIG: self._seen,
            CSV: self._started,
            DEPLOYMENT: self._owned,
            CONFIG_MAP: self._named_by,
            SECRET: self._named_by,
        }

    def _seen(self, obj: Object) -> str | None:
        if obj["metadata"]["namespace"] != NAMESPACE:
            return None
        self._named[key_of(obj)] = set(_texts(obj.get("spec", {})))
        return key_of(obj)

    def _started(self, obj: Object) -> str | None:
        """Name a KbsConfig to look at because the operator may have started, in this or another version."""
        inside = obj["metadata"]["namespace"] == NAMESPACE
        return next(iter(sorted(self._named)), None) if inside else None

    def _owned(self, obj: Object) -> str | None:
        key = self._started(obj)
        return f"{key}{_OWNED}" if key and obj["metadata"]["name"] == _DEPLOYMENT else None

    def _named_by(self, obj: Object) -> str | None:
        if obj["metadata"]["namespace"] != NAMESPACE:
            return None
        name = obj["metadata"]["name"]
        return next((key for key, names in sorted(self._named.items()) if name in names), None)

    async def reconcile(self, key: str) -> float | None:
        """Bring the KbsConfig one step further."""
        number = await self._installed()
        if key.endswith(_OWNED) and (number is None or number < FIRST_GPU):
            return None  # only from 1.1 does the operator watch what it made
        key = key.removesuffix(_OWNED)
        namespace, _, name = key.partition("/")
        kbs_config = await self._api.get(KBS_CONFIG, name, namespace)
        if kbs_config is None:
            self._named.pop(key, None)
        elif number is not None:
            if "deletionTimestamp" in kbs_config["metadata"]:
                await self._finalize(kbs_config)
            else:
                return await self._deploy(kbs_config, number)
        return None

    async def _installed(self) -> Number | None:
        """Return the version of the operator that runs, or None where none does."""
        version = await self._context.installed_version(PACKAGE, NAMESPACE)
        return tuple(map(int, version.split("."))) if version else None

    async def _finalize(self, kbs_config: Object) -> None:
        finalizers = kbs_config["metadata"].get("finalizers", [])
        if FINALIZER in finalizers:
            deployment = await self._api.get(DEPLOYMENT, _DEPLOYMENT, NAMESPACE)
            if deployment is None:  # as upstream: then the finalizer stays, and so does the KbsConfig
                raise UnresolvedError(f"deployments.apps {_DEPLOYMENT!r} not found")
            await self._api.delete(DEPLOYMENT, deployment)
        kept = [each for each in finalizers if each != FINALIZER]
        await self._api.patch(KBS_CONFIG, kbs_config, {"metadata": {"finalizers": kept}})

    async def _deploy(self, kbs_config: Object, number: Number) -> float | None:
        if number >= FIRST_STORAGE:
            await trustee_migration.migrate(self._api, NAMESPACE, kbs_config["spec"])
        if await self._deployment(kbs_config, number) and number >= FIRST_GPU:
            return self._context.clock.scaled(_AFTER_CREATION)
        await self._service(kbs_config)
        if number >= FIRST_EAR:
            await self._report(kbs_config)
        return None

    async def _deployment(self, kbs_config: Object, number: Number) -> bool:
        """Make the Deployment, or bring it to what the KbsConfig says; return whether it was made."""
        template = await trustee_template.template(kbs_config["spec"], number, self._find)
        replicas = trustee_template.replicas(kbs_config["spec"], number)
        deployment = await self._api.get(DEPLOYMENT, _DEPLOYMENT, NAMESPACE)
        if deployment is not None:
            change: Object = {}
            if number >= FIRST_STORAGE:  # up to 1.1 only the pod's spec is the operator's, and annotations stay
                others = deployment["spec"]["template"]["metadata"].get("annotations", {})
                template["metadata"]["annotations"] = {**dict.fromkeys(others), **template["metadata"]["annotations"]}
            if _changed(deployment["spec"]["template"], template):
                change["template"] = template
            if number >= FIRST_EAR and deployment["spec"].get("replicas") != replicas:
                change["replicas"] = replicas
            if change:
                await self._api.patch(DEPLOYMENT, deployment, {"spec": change})
            return False
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": LABELS},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": template,
        }
        metadata: Object = {"name": _DEPLOYMENT, "namespace": NAMESPACE}
        if number >= FIRST_GPU:
            metadata["ownerReferences"] = owned_by(kbs_config)
        await self._api.create(DEPLOYMENT, {"metadata": metadata, "spec": spec})
        kept = kbs_config["metadata"].get("finalizers", [])
        if FINALIZER not in kept:
            await self._api.patch(KBS_CONFIG, kbs_config, {"metadata": {"finalizers": [*kept, FINALIZER]}})
        return True

    async def _find(self, kind: Kind, name: str) -> Object | None:
        return await self._api.get(kind, name, NAMESPACE)

    async def _report(self, kbs_config: Object) -> None:
        deployment = await self._api.get(DEPLOYMENT, _DEPLOYMENT, NAMESPACE)
        status = (deployment or {}).get("status", {})
        ready = status.get("readyReplicas", 0)
        is_ready = ready >= 1 and ready == status.get("replicas", 0)
        await self._api.set_status(KBS_CONFIG, kbs_config, {"isReady": is_ready})

    async def _service(self, kbs_config: Object) -> None:
        port = {"name": "kbs-port", "protocol": "TCP", "port": 8080, "targetPort": 8080}
        spec = {"selector": LABELS, "type": kbs_config["spec"].get("kbsServiceType") or "ClusterIP", "ports": [port]}
        metadata = {"name": _SERVICE, "namespace": NAMESPACE, "ownerReferences": owned_by(kbs_config)}
        service = await self._api.get(SERVICE, _SERVICE, NAMESPACE)
        if service is None:
            await self._api.create(SERVICE, {"metadata": metadata, "spec": spec})
        elif _changed(service["spec"], spec):
            await self._api.patch(SERVICE, service, {"spec": spec})


def _texts(value: Any) -> list[str]:
    """Return every text in a spec: whatever it names is among them."""
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _changed(current: Any, wanted: Any) -> bool:
    """Return whether ``found`` lacks something of ``wanted``; what the API server adds as a default is no change."""
    if isinstance(wanted, Mapping):
        return not isinstance(current or {}, Mapping) or any(
            _changed((current or {}).get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        if not wanted:
            return bool(current)
        return not isinstance(current, list) or len(current) != len(wanted) or any(map(_changed, current, wanted))
    return bool(current != wanted)
