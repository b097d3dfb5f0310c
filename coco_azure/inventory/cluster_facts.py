"""What a cluster was asked before a run, as plain values.

``None`` for a part means that it was not or could not be asked; ``ClusterFacts.unknown`` says why.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coco_azure import names
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory import cluster_reader
from coco_azure.inventory.cluster_reader import Reads, Unanswered
from coco_azure.inventory.requirements import Operator
from coco_azure.rollout import text
from coco_azure.rollout.choice import KeptOut
from coco_azure.rollout.facts import Pool, RolloutFacts
from coco_azure.rollout.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """A CatalogSource that an operator is installed from.

    Attributes:
        state: ``status.connectionState.lastObservedState``, such as ``READY`` or ``TRANSIENT_FAILURE`` (gRPC's states;
            operator-lifecycle-manager ``pkg/controller/registry/grpc/source.go``); empty: not observed yet.
    """

    name: str
    namespace: str
    exists: bool
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Csv:
    """An installed ClusterServiceVersion: its name, phase, and what OLM says of a failed one."""

    name: str
    phase: str
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class CredentialsSecret:
    """Secret ``peer-pods-secret``, without its values.

    Attributes:
        filled: keys that have a value.
        blank: keys whose value is empty or only spaces.
        generated: whether the operator made it of what the Cloud Credential Operator gave.
    """

    filled: frozenset[str]
    blank: frozenset[str] = frozenset()
    generated: bool = False


@dataclass(frozen=True, kw_only=True)
class CredentialOperator:
    """The Cloud Credential Operator (CCO).

    Attributes:
        mode: ``spec.credentialsMode`` of CloudCredential ``cluster``: ``Manual``, ``Mint``, ``Passthrough``, or empty,
            where it chooses by itself (openshift/api ``operator/v1/types_cloudcredential.go``).
        root: whether Secret ``kube-system/azure-credentials`` is there, which it makes others by; None: not known.
    """

    mode: str
    root: bool | None = None


@dataclass(frozen=True, kw_only=True)
class RegistryAccess:
    """How nodes get at registries.

    Attributes:
        mirrors: image, repository or registry to its first mirror, of ImageDigestMirrorSets, ImageTagMirrorSets and the
            older ImageContentSourcePolicies.
        proxy: URL of the cluster's proxy, without user and password; empty: none.
        disconnected: whether the default catalogs are switched off (OperatorHub ``disableAllDefaultSources``).
        images: images of the version that is to be installed, by package, as its catalog names them; none where the
            catalog does not say.
    """

    mirrors: Mapping[str, str]
    proxy: str = ""
    disconnected: bool = False
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """All that was asked.

    Attributes:
        cloud: ``status.platformStatus.azure.cloudName`` of Infrastructure; empty: the public cloud, or not asked.
        version: version of OpenShift that the cluster has completed last; empty: it does not say.
        upgrading_to: version that an upgrade in progress leads to; empty: none.
        without_machine_config: what is to be said where nothing updates the nodes; empty: something does.
        pools: degraded or paused machine config pools among those that the run would update.
        bystanders: other degraded pools.
        kept_out: nodes that KataConfig is for, and that their pools keep from getting kata.
        windows: Windows workers that KataConfig's selector matches.
        catalogs: one for each wanted operator, by package; None: not asked.
        csvs: CSVs of each wanted operator's package in its namespace, by package; None: not asked.
        secret: ``peer-pods-secret``; None: there is none, or it could not be read.
        secret_known: whether it could be asked for.
        source_exists: whether ``cco-secret`` is there, which the operator makes ``peer-pods-secret`` of.
        credential_operator: what the cluster says of CCO; None: not asked, or a cluster without it.
        registries: how its nodes get at registries; None: not asked.
        unknown: what could not be asked, as pairs of a check's name and the reason.
    """

    cloud: str = ""
    version: str = ""
    upgrading_to: str = ""
    without_machine_config: str = ""
    pools: Sequence[Pool] = ()
    bystanders: Sequence[Pool] = ()
    kept_out: Sequence[KeptOut] = ()
    windows: Sequence[str] = ()
    catalogs: Mapping[str, Catalog] | None = None
    csvs: Mapping[str, Sequence[Csv]] | None = None
    kata_configs: Sequence[str] = ()
    secret: CredentialsSecret | None = None
    secret_known: bool = False
    source_exists: bool = False
    credential_operator: CredentialOperator | None = None
    registries: RegistryAccess | None = None
    unknown: Sequence[tuple[str, str]] = ()


_ACCOUNT = re.compile(r"^(\w+://)?.*@")
"""What a URL has before its host."""
_MIRRORS = {
    names.CONTENT_SOURCES: "repositoryDigestMirrors",
    names.IMAGE_MIRRORS: "imageDigestMirrors",
    names.TAG_MIRRORS: "imageTagMirrors",
}
"""Kinds that say where nodes pull from, each with its field; of two that say it of one source the later counts. The
first: openshift/api ``operator/v1alpha1/types_image_content_source_policy.go``."""


def gather(reader: Reads, operators: Sequence[Operator], plan: Plan, facts: RolloutFacts) -> ClusterFacts:
    """Return the facts of a cluster; what it refuses to tell is named in ``unknown`` and raises nothing.

    Values of Secrets are looked at for being empty, and not kept.

    Args:
        operators: the operators that the stack wants on it.
    """
    asking = _Asking(reader)
    version, upgrading_to = asking.ask("cluster-version", lambda: read_version(reader.get(names.CLUSTER_VERSION))) or (
        "",
        "",
    )
    installing = [each for each in operators if each.install]
    secret = asking.ask("credentials", lambda: (asking.secret(names.PEER_PODS_SECRET),))
    source = asking.ask("credentials", lambda: asking.secret(names.MINTED_SECRET)) if secret == (None,) else None
    return ClusterFacts(
        cloud=asking.ask("cloud", lambda: cluster_reader.cloud_of(reader.get(names.INFRASTRUCTURE) or {})) or "",
        version=version,
        upgrading_to=upgrading_to,
        without_machine_config=text.without_machine_config(facts) if facts.without_machine_config else "",
        pools=plan.pools,
        bystanders=plan.bystanders,
        kept_out=plan.kept_out,
        windows=plan.windows,
        catalogs=asking.ask("catalog", lambda: {each.package: _catalog(reader, each) for each in installing}),
        csvs=asking.ask("operators", lambda: {each.package: _csvs(reader, each) for each in operators}),
        kata_configs=tuple(each.name for each in facts.kata_configs),
        secret=read_secret(secret[0]) if secret else None,
        secret_known=secret is not None,
        source_exists=source is not None,
        credential_operator=asking.ask("credentials", asking.credential_operator) if secret == (None,) else None,
        registries=asking.ask("mirrors", lambda: _registries(reader, installing)),
        unknown=tuple((check, f"the cluster does not say: {reason}") for check, reason in asking.reasons),
    )


class _Asking(Unanswered):
    """Questions about credentials; a question is about the check that needs its answer."""

    def __init__(self, reader: Reads) -> None:
        super().__init__()
        self._reader = reader

    def secret(self, name: str, namespace: str = names.OSC_NAMESPACE) -> Object | None:
        return self._reader.get(names.path(names.SECRETS, name, namespace=namespace))

    def credential_operator(self) -> CredentialOperator | None:
        operator = self._reader.get(names.CLOUD_CREDENTIAL)
        if operator is None:
            return None
        mode = str((operator.get("spec") or {}).get("credentialsMode") or "")
        return CredentialOperator(mode=mode, root=self.secret(names.ROOT_SECRET, names.SYSTEM_NAMESPACE) is not None)


def read_version(cluster_version: Object | None) -> tuple[str, str]:
    """Return the version that was completed last, and the one that an upgrade leads to (empty: none).

    ``status.history`` of ClusterVersion has the newest first (openshift/api ``config/v1/types_cluster_version.go``).
    """
    history: Sequence[Mapping[str, Any]] = ((cluster_version or {}).get("status") or {}).get("history") or ()
    completed = next((str(each.get("version", "")) for each in history if each.get("state") == "Completed"), "")
    newest = history[0] if history else {}
    return completed, str(newest.get("version", "")) if newest.get("state") == "Partial" else ""


def read_secret(secret: Object | None) -> CredentialsSecret | None:
    """Return which keys of a Secret have a value."""
    if secret is None:
        return None
    data: Mapping[str, Any] = secret.get("data") or {}
    filled = frozenset(key for key, value in data.items() if base64.b64decode(value or "").strip())
    labels = secret["metadata"].get("labels") or {}
    return CredentialsSecret(
        filled=filled, blank=frozenset(data) - filled, generated=str(labels.get(names.MINTED, "")).lower() == "true"
    )


def _catalog(reader: Reads, operator: Operator) -> Catalog:
    name, namespace = operator.catalog, operator.catalog_namespace
    source = reader.get(names.path(names.CATALOG_SOURCES, name, namespace=namespace))
    connection = ((source or {}).get("status") or {}).get("connectionState") or {}
    return Catalog(
        name=name, namespace=namespace, exists=source is not None, state=str(connection.get("lastObservedState") or "")
    )


def _registries(reader: Reads, operators: Sequence[Operator]) -> RegistryAccess:
    """Return how nodes get at registries (openshift/api ``config/v1``: types_image_digest_mirror_set.go and others)."""
    mirrors: dict[str, str] = {}
    for path, key in _MIRRORS.items():
        for each in reader.items(path):
            for entry in (each.get("spec") or {}).get(key) or ():
                mirrors |= {str(entry["source"]): str(mirror) for mirror in (entry.get("mirrors") or ())[:1]}
    status = (reader.get(names.PROXY) or {}).get("status") or {}
    hub = (reader.get(names.OPERATOR_HUB) or {}).get("spec") or {}
    disconnected = bool(hub.get("disableAllDefaultSources"))
    return RegistryAccess(
        mirrors=mirrors,
        # Its user and password are for nobody who reads a report.
        proxy=_ACCOUNT.sub(r"\1", str(status.get("httpsProxy") or status.get("httpProxy") or "")).rstrip("/"),
        disconnected=disconnected,
        images={each.package: _images(reader, each) for each in operators} if disconnected else {},
    )


def _images(reader: Reads, operator: Operator) -> list[str]:
    """Return the images of a CSV (``relatedImages`` of its PackageManifest, where the catalog tells them)."""
    path = names.path(names.PACKAGE_MANIFESTS, namespace=operator.catalog_namespace)
    images: dict[str, None] = {}
    for manifest in reader.items(path, fields=f"metadata.name={operator.package}"):
        status = manifest.get("status") or {}
        for channel in status.get("channels") or () if status.get("catalogSource") == operator.catalog else ():
            if channel.get("currentCSV") == operator.csv:
                images |= dict.fromkeys((channel.get("currentCSVDesc") or {}).get("relatedImages") or ())
    return list(images)


def _csvs(reader: Reads, operator: Operator) -> tuple[Csv, ...]:
    csvs = reader.items(names.path(names.CSVS, namespace=operator.namespace))
    mine = [each for each in csvs if str(each["metadata"]["name"]).startswith(f"{operator.package}.v")]
    return tuple(map(_read_csv, mine))


def _read_csv(csv: Object) -> Csv:
    status = csv.get("status") or {}
    return Csv(
        name=str(csv["metadata"]["name"]),
        phase=str(status.get("phase") or ""),
        message=str(status.get("message") or ""),
    )
