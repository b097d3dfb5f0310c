"""What a cluster was asked before a run, as plain values.

``None`` for a part means that it was not or could not be asked; ``ClusterFacts.unknown`` says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coco_azure.rollout.facts import Pool
from coco_azure.rollout.pools import KeptOut


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """A CatalogSource that an operator is installed from.

    Attributes:
        name, namespace: which one.
        exists: whether the cluster has it.
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
        kata_configs: names of all KataConfigs.
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
