"""The OSC operator's dealings with peer pods: feature gate, pod VM image, RuntimeClasses, ``osc-caa-ds``.

Upstream files: ``confidential_handler.go`` (gate), ``image_generator.go`` (jobs), ``openshift_controller.go``.
"""

from collections.abc import Mapping
from typing import Any

from rehearsal.api import Object
from rehearsal.kinds import CONFIG_MAP, DAEMON_SET, JOB, RUNTIME_CLASS, SECRET
from rehearsal.operators.context import Context, owned_by
from rehearsal.operators.osc_credentials import TARGET as SECRET_NAME
from rehearsal.operators.osc_credentials import Credentials
from rehearsal.operators.osc_nodes import KATA_OC

NAMESPACE = "openshift-sandboxed-containers-operator"
PACKAGE = "sandboxed-containers-operator"
CREATE_JOB, DELETE_JOB = "osc-podvm-image-creation", "osc-podvm-image-deletion"
DAEMON_SET_NAME = "osc-caa-ds"
IMAGE_KEY = "AZURE_IMAGE_ID"
BUILDER = "azure-podvm-image-cm"
"""ConfigMap that the image jobs read, and that users may change."""
_FROM_FILE = {
    "CONFIDENTIAL_COMPUTE_ENABLED": "no",
    "IMAGE_DEFINITION_NAME": "podvm-image",
    "IMAGE_DEFINITION_SKU": "OSC-PodVM",
    "IMAGE_VERSION": "1.0.0",
}
"""What it has when the operator makes it (``azure-podvm-image-cm.yaml``), as far as jobs differ by it."""
_CONFIG_VERSION = "peer-pods-cm/version"
_TLS = [
    {"name": "TLS_MIN_VERSION", "value": "VersionTLS12"},
    {"name": "TLS_CIPHER_SUITES", "value": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
]
"""What OSC 1.13 tells CAA of the cluster's TLS profile (controllers/tls.go 933eb47), of Intermediate in short."""
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_CM_KEYS = ("CLOUD_PROVIDER", "AZURE_REGION", "AZURE_RESOURCE_GROUP")
_SECRET_KEYS = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID")


class ImageProblemError(Exception):
    """The pod VM image cannot be made with the present settings; the operator tries again later."""


class PeerPods:
    """What KataConfig needs when ``enablePeerPods`` is set."""

    def __init__(self, context: Context) -> None:
        self._api = context.api
        self.credentials = Credentials(context.api)

    async def follow_gate(self, *, confidential: bool) -> None:
        """Write what the gate ``confidential`` decides; nothing about the image once one is set."""
        config = await self._config()
        if config is None:
            return
        if not config.get("data", {}).get(IMAGE_KEY):
            data = {"CONFIDENTIAL_COMPUTE_ENABLED": "yes" if confidential else "no"}
            builder = await self._api.get(CONFIG_MAP, BUILDER, NAMESPACE)
            if builder is not None:
                await self._api.patch(CONFIG_MAP, builder, {"data": data})
            elif confidential:
                metadata = {"name": BUILDER, "namespace": NAMESPACE}
                await self._api.create(CONFIG_MAP, {"metadata": metadata, "data": {**_FROM_FILE, **data}})
        # On every reconcile, whoever else writes it.
        await self._api.patch(CONFIG_MAP, config, {"data": {"DISABLECVM": "false" if confidential else "true"}})

    async def image(self, kata_config: Object, version: str, *, create: bool) -> tuple[bool, str, str]:
        """Take one step towards a pod VM image, or towards none; whether that is over, and what to report.

        The image is of the operator's version at that time; an upgrade makes no new one.

        Raises:
            ImageProblemError: ``peer-pods-cm`` or ``peer-pods-secret`` lacks something.
        """
        config = await self._config()
        data = (config or {}).get("data", {})
        if create:
            await self._pull_secret()
            await self._credentials(version)
            if missing := [key for key in _CM_KEYS if not data.get(key)]:
                text = "cannot find the required keys in peer-pods-cm ConfigMap"
                raise ImageProblemError(f"{text}: {', '.join(missing)}")
            # From the operator's file, where the gate has not made it (createImageConfigMapFromFile).
            await self._api.create(
                CONFIG_MAP, {"metadata": {"name": BUILDER, "namespace": NAMESPACE}, "data": dict(_FROM_FILE)}
            )
        elif config is None:
            return True, "PodVMImageDeleted", "no peer-pods-cm"
        name, word = (CREATE_JOB, "Creating") if create else (DELETE_JOB, "Deleting")
        job = await self._api.get(JOB, name, NAMESPACE)
        if bool(data.get(IMAGE_KEY)) == create:
            if job is not None:
                await self._remove(job)
            return True, "PodVMImageJobCompleted", f"{word} the pod VM image is over"
        if job is None:
            await self._api.create(JOB, _image_job(name, kata_config, version))
        elif _failed(job):
            await self._api.event(job, "PodVMImageJobFailed", f"{word} the pod VM image failed", "Warning")
            await self._remove(job)
            return True, "PodVMImageJobFailed", f"{word} the pod VM image failed"
        return False, "PodVMImageJobRunning", f"{word} the pod VM image"

    async def _remove(self, job: Object) -> None:
        """Delete a job without a policy, which leaves its pods: the API server's default for ``batch/v1``."""
        await self._api.delete(JOB, job, orphan=True)

    async def _config(self) -> Object | None:
        return await self._api.get(CONFIG_MAP, "peer-pods-cm", NAMESPACE)

    async def _pull_secret(self) -> None:
        """Copy the cluster's pull secret for the image job; nobody takes the copy away (``createAuthJsonSecret``)."""
        source = await self._api.get(SECRET, "pull-secret", "openshift-config")
        if source is not None and await self._api.get(SECRET, "auth-json-secret", NAMESPACE) is None:
            data = {"auth.json": source["data"][".dockerconfigjson"]}
            await self._api.create(
                SECRET, {"metadata": {"name": "auth-json-secret", "namespace": NAMESPACE}, "data": data}
            )

    async def _credentials(self, version: str) -> None:
        """Look for ``peer-pods-secret``, and for what it needs (``validatePeerPodsConfigs``)."""
        secret = await self.credentials.map()
        if secret is None:
            raise ImageProblemError(f'cannot find the {SECRET_NAME} Secret: secrets "{SECRET_NAME}" not found')
        data = secret.get("data") or {}
        by_token = since(version, "1.12") and data.get("AZURE_FEDERATED_TOKEN_FILE")
        needed = [key for key in _SECRET_KEYS if not (by_token and key == "AZURE_CLIENT_SECRET")]
        if missing := [key for key in needed if not data.get(key)]:
            raise ImageProblemError(f"cannot find the required keys in {SECRET_NAME} Secret: {', '.join(missing)}")

    async def runtime_class(self, kata_config: Object, status: Object, name: str, memory: str) -> None:
        """Create the RuntimeClass for the nodes with the label kata-oc, and report it."""
        content = {
            "metadata": {"name": name, "ownerReferences": owned_by(kata_config)},
            "handler": name,
            "overhead": {"podFixed": {"cpu": "250m", "memory": memory}},
            "scheduling": {"nodeSelector": {KATA_OC: ""}},
        }
        await self._api.create(RUNTIME_CLASS, content)
        if name not in status["runtimeClasses"]:
            status["runtimeClasses"].append(name)

    async def daemon_set(self, kata_config: Object, version: str) -> None:
        """Create ``osc-caa-ds``, CAA on every node with the label kata-oc, or bring it to the operator's version.

        It takes away what others have written into the template, and up to 1.11 their annotations of the DaemonSet
        (``Client.Update`` of the whole: openshift_controller.go 25d7d4a and cfcff89, peerpods.go c24c8f3b). From 1.12
        on it restarts CAA itself when ``peer-pods-cm`` changes (00b58ece).
        """
        labels = {"name": DAEMON_SET_NAME}
        reads = [{"secretRef": {"name": "peer-pods-secret"}}, {"configMapRef": {"name": "peer-pods-cm"}}]
        image = f"registry.example.com/cloud-api-adaptor:{version}"
        container: Object = {"name": "caa-pod", "image": image, "envFrom": reads}
        spec: Object = {"containers": [container], "nodeSelector": {KATA_OC: ""}, "hostNetwork": True}
        if since(version, "1.13"):
            container["env"] = _TLS
        if since(version, "1.12"):
            token = await self.credentials.token_volumes()
            container["volumeMounts"], spec["volumes"] = token["volumeMounts"], token["volumes"]
            # The API server refuses the token of no service account.
            spec["serviceAccountName"] = "default"
        metadata: Object = {"labels": labels}
        if restarts := since(version, "1.12"):
            metadata["annotations"] = {_CONFIG_VERSION: (await self._config() or {})["metadata"]["resourceVersion"]}
        content = {
            "metadata": {
                "name": DAEMON_SET_NAME,
                "namespace": NAMESPACE,
                "labels": labels,
                "ownerReferences": owned_by(kata_config),
            },
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": metadata, "spec": spec}},
        }
        if await self._api.create(DAEMON_SET, content) is None:
            await self._update(spec, metadata.get("annotations", {}), whole=not restarts)

    async def _update(self, spec: Object, annotations: Object, *, whole: bool) -> None:
        daemon_set = await self._api.get(DAEMON_SET, DAEMON_SET_NAME, NAMESPACE)
        if daemon_set is None:
            return
        template = daemon_set["spec"]["template"]
        change: Object = {}
        container, current = spec["containers"][0], template["spec"]["containers"][0]
        parts = [(each["image"], each.get("volumeMounts") or []) for each in (container, current)]
        if parts[0] != parts[1]:
            change["spec"] = {"containers": [container], "volumes": spec.get("volumes", [])}
        if marks := {**_without(template), **annotations}:
            change["metadata"] = {"annotations": marks}
        own = {"metadata": {"annotations": others}} if whole and (others := _without(daemon_set)) else {}
        await self._api.patch(DAEMON_SET, daemon_set, {**own, "spec": {"template": change}})

    async def remove_daemon_set(self) -> None:
        """Delete ``osc-caa-ds``."""
        await self._api.delete(DAEMON_SET, {"metadata": {"name": DAEMON_SET_NAME, "namespace": NAMESPACE}})


def _without(obj: Object) -> Object:
    """Return a merge patch of an object's annotations that takes all of them away."""
    return dict.fromkeys(obj["metadata"].get("annotations", {}))


def _image_job(name: str, kata_config: Object, version: str) -> Mapping[str, Any]:
    image = f"registry.example.com/osc-podvm-builder:{version}"
    container = {"name": name.removeprefix("osc-podvm-"), "image": image}
    pod = {"containers": [container], "restartPolicy": "Never"}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": owned_by(kata_config)},
        "spec": {
            "backoffLimit": 1,
            "template": {"spec": pod},
        },
    }


def gate_is_open(value: str | None, version: str) -> bool:
    """Return what the operator of this version takes the feature gate's text for.

    Exactly ``true`` (fg_handler.go e3399966), from 1.12 on whatever Go's ``strconv.ParseBool`` does (00b58ece).
    """
    return value in _TRUE if since(version, "1.12") else value == "true"


def since(version: str, first: str) -> bool:
    """Return whether a version is the first one or a later one."""
    numbers, least = ([int(part) for part in each.split(".")] for each in (version, first))
    return numbers >= least


def _failed(job: Object) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(each["type"] == "Failed" and each["status"] == "True" for each in conditions)
