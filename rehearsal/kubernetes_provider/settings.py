"""The provider's own arguments, as the engine hands them over (``provider.go``, ``Configure`` and ``DiffConfig``)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.kubernetes_provider import kubeconfig
from rehearsal.kubernetes_provider.diff import same
from rehearsal.kubernetes_provider.kubeconfig import Connection
from rehearsal.kubernetes_provider.objects import UNKNOWN

_PREFIX = "kubernetes:config:"
_IDENTIFIER = "clusterIdentifier"
_WHERE = ("kubeconfig", "context", "cluster")
_FROM_ENVIRONMENT = {
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}


@dataclass(frozen=True)
class Settings:
    """What a provider resource says.

    Attributes:
        kubeconfig: path or content, or "" for the environment's.
        context: context to use, or "".
        cluster: cluster to use, or "".
        namespace: namespace for objects that name none, or "".
        mutable_config_maps: whether data of ConfigMaps is updated in place.
        mutable_secrets: whether data of Secrets is updated in place.
        server_side_apply: whether the server tries creations at a preview. Off, the real provider also applies on the
            client's side; this one has no such mode, and applies on the server's side all the same.
        patch_force: whether every apply takes fields over from other managers.
        delete_unreachable: whether what cannot be reached counts as deleted.
        upsert_existing: whether a create applies to an object that exists already, instead of failing.
    """

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    mutable_config_maps: bool = False
    mutable_secrets: bool = False
    server_side_apply: bool = True
    patch_force: bool = False
    delete_unreachable: bool = False
    upsert_existing: bool = False

    @classmethod
    def of(cls, variables: Mapping[str, str], arguments: Mapping[str, Any]) -> "Settings":
        """Return the settings of a ``Configure`` request.

        Args:
            variables: the arguments as text, by ``kubernetes:config:<name>``.
            arguments: the arguments by name; used for what ``variables`` lack.
        """
        given = {**arguments, **{key.removeprefix(_PREFIX): value for key, value in variables.items()}}

        def switch(key: str, default: str = "") -> bool:
            # What the provider resource says beats the environment, even if it says no.
            return str(given.get(key, os.environ.get(_FROM_ENVIRONMENT[key], default))).lower() == "true"

        return cls(
            kubeconfig=kubeconfig.as_text(given["kubeconfig"]) if given.get("kubeconfig") else "",
            context=str(given.get("context") or ""),
            cluster=str(given.get("cluster") or ""),
            namespace=str(given.get("namespace") or ""),
            mutable_config_maps=switch("enableConfigMapMutable"),
            mutable_secrets=switch("enableSecretMutable"),
            server_side_apply=switch("enableServerSideApply", "true"),
            patch_force=switch("enablePatchForce"),
            delete_unreachable=switch("deleteUnreachable"),
            upsert_existing=switch("upsertExistingObjects"),
        )

    def connection(self) -> Connection:
        """Return how to reach the cluster.

        Raises:
            KubeconfigError: the kubeconfig cannot be used.
        """
        config = kubeconfig.load(self.kubeconfig) if self.kubeconfig else kubeconfig.ambient()
        return kubeconfig.connect(config, self.context, self.cluster, self.namespace)


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the arguments that differ, and those of them that mean another cluster, and so replace everything.

    A cluster identifier that stays the same beats every other sign of another cluster; one that changes is such a sign.
    Setting it for the first time is not.

    Raises:
        KubeconfigError: a kubeconfig cannot be read.
    """
    differing = [key for key in sorted({*old, *new}) if not same(old.get(key), new.get(key))]
    if not differing:
        return [], []
    replaces: list[str] = []
    if _IDENTIFIER in differing and old.get(_IDENTIFIER) is not None and new.get(_IDENTIFIER) is not None:
        replaces.append(_IDENTIFIER)
    unknown = next((key for key in _WHERE if new.get(key) is UNKNOWN), None)
    if unknown is not None:
        differing = [unknown]
        replaces.append(unknown)
    elif _other_cluster(old, new):
        replaces += [key for key in _WHERE if key in differing]
    if new.get(_IDENTIFIER) is not None and same(old.get(_IDENTIFIER), new.get(_IDENTIFIER)):
        return differing, []
    return differing, replaces


def _other_cluster(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _active(old), _active(new)
    return before is not None and after is not None and before != after


def _active(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    given = arguments.get("kubeconfig")
    if not given or given is UNKNOWN:
        return None
    try:
        config = kubeconfig.load(kubeconfig.as_text(given))
    except kubeconfig.KubeconfigError as error:
        raise kubeconfig.KubeconfigError(f"failed to parse kubeconfig: {error}") from error
    return kubeconfig.active_cluster(config, arguments.get("context") or "", arguments.get("cluster") or "")
