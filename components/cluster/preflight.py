"""What the pre-flight asks of the cluster."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from components.cluster.client import ClusterClient, Object
from preflight.cluster_facts import Catalog, ClusterFacts, CredentialOperator, CredentialsSecret, Csv
from preflight.credentials import NAMESPACE, SECRET
from preflight.wanted import Operator
from rollout.facts import Pool

_VERSION = "/apis/config.openshift.io/v1/clusterversions/version"
_CREDENTIAL_OPERATOR = "/apis/operator.openshift.io/v1/cloudcredentials/cluster"
_OLM = "/apis/operators.coreos.com/v1alpha1/namespaces"
_SECRETS = "/api/v1/namespaces/{namespace}/secrets/{name}"
_GENERATED = "kataconfiguration.openshift.io/credentials-request-based"
_T = TypeVar("_T")


def gather(
    client: ClusterClient, operators: Sequence[Operator], pools: Sequence[Pool], kata_configs: Sequence[str]
) -> ClusterFacts:
    """Return the facts of a cluster; what it refuses to tell is named in ``unknown`` and raises nothing.

    Values of Secrets are looked at for being empty, and not kept.

    Args:
        client: the cluster.
        operators: the operators that the stack wants on it.
        pools: ``rollout.plan.Plan.pools``, the degraded or paused pools that the run would update.
        kata_configs: names of the KataConfigs that ``rollout.facts.Facts`` has.
    """
    asking = _Asking(client)
    version, upgrading_to = asking.ask("cluster-version", lambda: read_version(client.get(_VERSION))) or ("", "")
    installing = [each for each in operators if each.install]
    secret = asking.ask("credentials", lambda: (asking.secret(SECRET),))
    source = asking.ask("credentials", lambda: asking.secret("cco-secret")) if secret == (None,) else None
    return ClusterFacts(
        version=version,
        upgrading_to=upgrading_to,
        pools=tuple(pools),
        catalogs=asking.ask("catalog", lambda: {each.package: _catalog(client, each) for each in installing}),
        csvs=asking.ask("operators", lambda: {each.package: _csvs(client, each) for each in operators}),
        kata_configs=tuple(kata_configs),
        secret=read_secret(secret[0]) if secret else None,
        secret_known=secret is not None,
        source_exists=source is not None,
        credential_operator=asking.ask("credentials", asking.credential_operator) if secret == (None,) else None,
        unknown=tuple(asking.unknown),
    )


class _Asking:
    """Questions to a cluster, and those that it did not answer."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        self.unknown: list[tuple[str, str]] = []

    def ask(self, check: str, question: Callable[[], _T]) -> _T | None:
        """Return the answer, or None and remember why there is none."""
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - whatever a request raises, a check less is no reason to stop
            reason = str(getattr(error, "reason", "") or error)
            self.unknown.append((check, f"the cluster does not say: {reason}"))
            return None

    def secret(self, name: str, namespace: str = NAMESPACE) -> Object | None:
        return self._client.get(_SECRETS.format(namespace=namespace, name=name))

    def credential_operator(self) -> CredentialOperator | None:
        found = self._client.get(_CREDENTIAL_OPERATOR)
        if found is None:
            return None
        mode = str((found.get("spec") or {}).get("credentialsMode") or "")
        return CredentialOperator(mode=mode, root=self.secret("azure-credentials", "kube-system") is not None)


def read_version(found: Object | None) -> tuple[str, str]:
    """Return the version that was completed last, and the one that an upgrade leads to (empty: none).

    ``status.history`` of ClusterVersion has the newest first (openshift/api ``config/v1/types_cluster_version.go``).
    """
    history: Sequence[Mapping[str, Any]] = ((found or {}).get("status") or {}).get("history") or ()
    completed = next((str(each.get("version", "")) for each in history if each.get("state") == "Completed"), "")
    newest = history[0] if history else {}
    return completed, str(newest.get("version", "")) if newest.get("state") == "Partial" else ""


def read_secret(found: Object | None) -> CredentialsSecret | None:
    """Return which keys of a Secret have a value."""
    if found is None:
        return None
    data: Mapping[str, Any] = found.get("data") or {}
    filled = frozenset(key for key, value in data.items() if base64.b64decode(value or "").strip())
    labels = found["metadata"].get("labels") or {}
    return CredentialsSecret(
        filled=filled, blank=frozenset(data) - filled, generated=str(labels.get(_GENERATED, "")).lower() == "true"
    )


def _catalog(client: ClusterClient, operator: Operator) -> Catalog:
    name, namespace = operator.catalog, operator.catalog_namespace
    found = client.get(f"{_OLM}/{namespace}/catalogsources/{name}")
    connection = ((found or {}).get("status") or {}).get("connectionState") or {}
    return Catalog(
        name=name, namespace=namespace, exists=found is not None, state=str(connection.get("lastObservedState") or "")
    )


def _csvs(client: ClusterClient, operator: Operator) -> tuple[Csv, ...]:
    found = client.items(f"{_OLM}/{operator.namespace}/clusterserviceversions")
    mine = [each for each in found if str(each["metadata"]["name"]).startswith(f"{operator.package}.v")]
    return tuple(map(_read_csv, mine))


def _read_csv(found: Object) -> Csv:
    status = found.get("status") or {}
    return Csv(
        name=str(found["metadata"]["name"]),
        phase=str(status.get("phase") or ""),
        message=str(status.get("message") or ""),
    )
