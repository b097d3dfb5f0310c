"""The Trustee operator 0.3: KbsConfig becomes a Deployment and a Service.

Modelled on openshift/trustee-operator v0.3.0 ``internal/controller/kbsconfig_controller.go``: names that must resolve,
mounts, the finalizer that comes after the Deployment, and no roll-out for changed content alone.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.api import Kind, Object
from rehearsal.kinds import CONFIG_MAP, CSV, DEPLOYMENT, KBS_CONFIG, SECRET, SERVICE
from rehearsal.operators.context import Context, KeyOf, key_of, owned_by

FINALIZER = "kbsconfig.confidentialcontainers.org/finalizer"
NAMESPACE = "trustee-operator-system"
PACKAGE = "trustee-operator"
_DEPLOYMENT, _SERVICE = "trustee-deployment", "kbs-service"
_LABELS = {"app": "kbs"}
_ROOT = "/opt/confidential-containers"
_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}

# Volume, kind of its source, field of the spec, mount path, whether the name has to be there.
_MOUNTS = (
    ("kbs-config", CONFIG_MAP, "kbsConfigMapName", "/etc/kbs-config", True),
    ("attestation-policy", CONFIG_MAP, "kbsAttestationPolicyConfigMapName",
     f"{_ROOT}/attestation-service/policies/opa", False),
    ("opa", CONFIG_MAP, "kbsResourcePolicyConfigMapName", f"{_ROOT}/opa", False),
    ("auth-secret", SECRET, "kbsAuthSecretName", "/etc/auth-secret", True),
    ("https-key", SECRET, "kbsHttpsKeySecretName", "/etc/https-key", False),
    ("https-cert", SECRET, "kbsHttpsCertSecretName", "/etc/https-cert", False),
    ("reference-values", CONFIG_MAP, "kbsRvpsRefValuesConfigMapName", f"{_ROOT}/rvps/reference-values", True),
)  # fmt: skip


class UnresolvedError(Exception):
    """KbsConfig names an object that is not there; the operator tries again later."""


class KbsConfigs:
    """The operator's one controller; it sees its own namespace only."""

    name = "trustee-operator"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._api = context.api
        self._known: set[str] = set()
        self.watches: Mapping[Kind, KeyOf] = {
            KBS_CONFIG: self._seen,
            CSV: self._any,
            DEPLOYMENT: self._any,
            CONFIG_MAP: self._any,
            SECRET: self._any,
        }

    def _seen(self, found: Object) -> str | None:
        if found["metadata"]["namespace"] != NAMESPACE:
            return None
        self._known.add(key_of(found))
        return key_of(found)

    def _any(self, found: Object) -> str | None:
        inside = found["metadata"]["namespace"] == NAMESPACE
        return next(iter(sorted(self._known)), None) if inside else None

    async def reconcile(self, key: str) -> float | None:
        """Bring the KbsConfig one step further."""
        namespace, _, name = key.partition("/")
        found = await self._api.get(KBS_CONFIG, name, namespace)
        if found is None:
            self._known.discard(key)
        elif await self._context.installed(PACKAGE, NAMESPACE):
            if "deletionTimestamp" in found["metadata"]:
                await self._finalize(found)
            else:
                await self._deploy(found)
        return None

    async def _finalize(self, found: Object) -> None:
        finalizers = found["metadata"].get("finalizers", [])
        if FINALIZER in finalizers:
            deployment = await self._api.get(DEPLOYMENT, _DEPLOYMENT, NAMESPACE)
            if deployment is None:  # as upstream: then the finalizer stays, and so does the KbsConfig
                raise UnresolvedError(f"deployments.apps {_DEPLOYMENT!r} not found")
            await self._api.delete(DEPLOYMENT, deployment)
        kept = [each for each in finalizers if each != FINALIZER]
        await self._api.patch(KBS_CONFIG, found, {"metadata": {"finalizers": kept}})

    async def _deploy(self, found: Object) -> None:
        template = await self._template(found["spec"])
        deployment = await self._api.get(DEPLOYMENT, _DEPLOYMENT, NAMESPACE)
        if deployment is None:
            spec = {
                "replicas": 1,
                "selector": {"matchLabels": _LABELS},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
                "template": template,
            }
            metadata = {"name": _DEPLOYMENT, "namespace": NAMESPACE}
            await self._api.create(DEPLOYMENT, {"metadata": metadata, "spec": spec})
        elif _changed(deployment["spec"]["template"], template):
            await self._api.patch(DEPLOYMENT, deployment, {"spec": {"template": template}})
        kept = found["metadata"].get("finalizers", [])
        if FINALIZER not in kept:
            await self._api.patch(KBS_CONFIG, found, {"metadata": {"finalizers": [*kept, FINALIZER]}})
        await self._service(found)

    async def _template(self, spec: Object) -> Object:
        """Return the pod template; raises UnresolvedError."""
        volumes: list[Object] = []
        mounts: list[Object] = []
        for volume, kind, field, path, needed in _MOUNTS:
            if name := spec.get(field):
                volumes.append({"name": volume, **await self._source(kind, name)})
                mounts.append({"name": volume, "mountPath": path})
            elif needed:
                raise UnresolvedError(f"{field} hasn't been provided")
        if name := spec.get("tdxConfigSpec", {}).get("kbsTdxConfigMapName"):
            volumes.append({"name": "tdx-config", **await self._source(CONFIG_MAP, name)})
            file = "sgx_default_qcnl.conf"
            mounts.append({"name": "tdx-config", "mountPath": f"/etc/{file}", "subPath": file})
        for name in spec.get("kbsSecretResources", []):
            volumes.append({"name": name, **await self._source(SECRET, name)})
            mounts.append({"name": name, "mountPath": f"{_ROOT}/kbs/repository/default/{name}"})
        environment = [{"name": key, "value": value} for key, value in spec.get("KbsEnvVars", {}).items()]
        containers = [_container("kbs", ["--config-file", "/etc/kbs-config/kbs-config.toml"], mounts, environment)]
        if spec.get("kbsDeploymentType") != "AllInOneDeployment":  # the code's default, unlike the CRD's text
            raise UnresolvedError("as-config and rvps-config are needed for a MicroservicesDeployment")
        return {"metadata": {"labels": _LABELS}, "spec": {"containers": containers, "volumes": volumes}}

    async def _source(self, kind: Kind, name: str) -> Mapping[str, Any]:
        if await self._api.get(kind, name, NAMESPACE) is None:
            raise UnresolvedError(f"{kind.plural} {name!r} not found")
        return {"secret": {"secretName": name}} if kind is SECRET else {"configMap": {"name": name}}

    async def _service(self, found: Object) -> None:
        port = {"name": "kbs-port", "protocol": "TCP", "port": 8080, "targetPort": 8080}
        spec = {"selector": _LABELS, "type": found["spec"].get("kbsServiceType") or "ClusterIP", "ports": [port]}
        metadata = {"name": _SERVICE, "namespace": NAMESPACE, "ownerReferences": owned_by(found)}
        await self._api.create(SERVICE, {"metadata": metadata, "spec": spec})


def _container(name: str, arguments: list[str], mounts: list[Object], environment: list[Object]) -> Object:
    return {
        "name": name,
        "image": "registry.example.com/trustee:0.3.0",
        "command": ["/usr/local/bin/kbs", *arguments],
        "ports": [{"containerPort": 8080, "name": "kbs"}],
        "env": environment,
        "securityContext": _SECURITY,
        "volumeMounts": mounts,
    }


def _changed(found: Any, wanted: Any) -> bool:
    """Return whether ``found`` lacks something of ``wanted``; what the API server adds as a default is no change."""
    if isinstance(wanted, Mapping):
        return not isinstance(found, Mapping) or any(_changed(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not wanted:
            return bool(found)
        return not isinstance(found, list) or len(found) != len(wanted) or any(map(_changed, found, wanted))
    return bool(found != wanted)
