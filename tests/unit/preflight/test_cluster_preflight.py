"""What the pre-flight asks of a cluster, and what it makes of the answers."""

import base64
from dataclasses import replace
from typing import Any

from coco_azure.clients.kubernetes import Object
from coco_azure.inventory.cluster_facts import (
    Catalog,
    CredentialOperator,
    CredentialsSecret,
    Csv,
    gather,
    read_secret,
    read_version,
)
from coco_azure.inventory.requirements import Operator
from coco_azure.rollout.choice import KeptOut
from coco_azure.rollout.facts import Pool, RolloutFacts
from coco_azure.rollout.plan import Plan, decide
from tests.unit.fake_cluster import FakeCluster
from tests.unit.rollout_facts import WANTED, facts, kata_config

OSC = "openshift-sandboxed-containers-operator"
OPERATOR = Operator(package="sandboxed-containers-operator", setting="peerPods.operator", namespace=OSC)
OLM = "/apis/operators.coreos.com/v1alpha1/namespaces"
SECRETS = f"/api/v1/namespaces/{OSC}/secrets"


def secret(name: str, labels: dict[str, str] | None = None, **values: str) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"name": name, "labels": labels or {}}, "data": data}


def cluster(**lists: Any) -> FakeCluster:
    usual: dict[str, list[Object]] = {
        "/apis/config.openshift.io/v1/clusterversions": [
            {"metadata": {"name": "version"}, "status": {"history": [{"state": "Completed", "version": "4.18.21"}]}}
        ],
        f"{OLM}/openshift-marketplace/catalogsources": [
            {"metadata": {"name": "redhat-operators"}, "status": {"connectionState": {"lastObservedState": "READY"}}}
        ],
    }
    return FakeCluster(lists={**usual, **lists})


def asked(fake: FakeCluster, *operators: Operator, plan: Plan | None = None, known: RolloutFacts | None = None) -> Any:
    known = known or facts(kata_config(name="one"))
    return gather(fake, operators or (OPERATOR,), plan or decide(known, WANTED, "fail"), known)


def test_a_new_cluster_is_read() -> None:
    pool = Pool(name="worker", machines=3, at_once=1, paused=True, degraded=None)
    out = KeptOut(node="worker-2", pools=("infra",))
    plan = replace(
        decide(facts(), WANTED, "fail"), pools=(pool,), kept_out=(out,), windows=("win-1",), bystanders=(pool,)
    )
    fake = asked(cluster(), plan=plan)
    assert (fake.kept_out, fake.windows, fake.bystanders) == ((out,), ("win-1",), (pool,))
    assert (fake.version, fake.upgrading_to, fake.pools, fake.kata_configs) == ("4.18.21", "", (pool,), ("one",))
    ready = Catalog(name="redhat-operators", namespace="openshift-marketplace", exists=True, state="READY")
    assert fake.catalogs == {OPERATOR.package: ready}
    assert fake.csvs == {OPERATOR.package: ()}
    assert (fake.secret, fake.secret_known, fake.source_exists, fake.credential_operator) == (
        None,
        True,
        False,
        None,
    )
    assert fake.unknown == ()


def test_csvs_of_the_package_only_are_read() -> None:
    listed = [
        {"metadata": {"name": name}, "status": {"phase": "Failed", "message": "no"}}
        for name in ("sandboxed-containers-operator.v1.9.0", "sandboxed-containers-operator-extra.v2.0.0")
    ]
    fake = asked(cluster(**{f"{OLM}/{OSC}/clusterserviceversions": listed}))
    assert fake.csvs == {
        OPERATOR.package: (Csv(name="sandboxed-containers-operator.v1.9.0", phase="Failed", message="no"),)
    }


def test_a_catalog_that_is_not_there_or_not_connected_is_told_apart() -> None:
    fresh = {f"{OLM}/openshift-marketplace/catalogsources": [{"metadata": {"name": "redhat-operators"}}]}
    fake = asked(cluster(**fresh)).catalogs[OPERATOR.package]
    assert (fake.exists, fake.state) == (True, "")
    assert asked(FakeCluster(lists={})).catalogs[OPERATOR.package].exists is False


def test_a_catalog_is_not_asked_for_where_somebody_else_installs() -> None:
    here = Operator(package="p", setting="s", namespace="n", install=False)
    assert asked(cluster(), here).catalogs == {}


def test_values_of_the_secret_are_not_kept() -> None:
    listed = [secret("peer-pods-secret", AZURE_CLIENT_ID="id", AZURE_CLIENT_SECRET=" \n", AZURE_TENANT_ID="")]
    fake = asked(cluster(**{SECRETS: listed}))
    blank = frozenset({"AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"})
    assert fake.secret == CredentialsSecret(filled=frozenset({"AZURE_CLIENT_ID"}), blank=blank)
    assert fake.credential_operator is None


def test_a_secret_of_the_operator_s_is_known_by_its_label() -> None:
    made = secret("s", {"kataconfiguration.openshift.io/credentials-request-based": "true"})
    assert read_secret(made) == CredentialsSecret(filled=frozenset(), generated=True)
    assert read_secret(None) is None
    assert read_secret({"metadata": {"name": "s"}}) == CredentialsSecret(filled=frozenset())


def test_without_a_secret_it_is_asked_who_makes_one() -> None:
    operator = {"/apis/operator.openshift.io/v1/cloudcredentials": [{"metadata": {"name": "cluster"}, "spec": {}}]}
    assert asked(cluster(**operator)).credential_operator == CredentialOperator(mode="", root=False)
    root = {"/api/v1/namespaces/kube-system/secrets": [secret("azure-credentials")]}
    manual = {
        "/apis/operator.openshift.io/v1/cloudcredentials": [
            {"metadata": {"name": "cluster"}, "spec": {"credentialsMode": "Manual"}}
        ]
    }
    assert asked(cluster(**manual, **root)).credential_operator == CredentialOperator(mode="Manual", root=True)


def test_the_secret_that_the_operator_makes_it_of_is_seen() -> None:
    assert asked(cluster(**{SECRETS: [secret("cco-secret")]})).source_exists is True


def test_an_upgrade_of_the_cluster_is_seen() -> None:
    history = [{"state": "Partial", "version": "4.19.1"}, {"state": "Completed", "version": "4.18.21"}]
    assert read_version({"status": {"history": history}}) == ("4.18.21", "4.19.1")


def test_a_cluster_that_says_no_version_has_none() -> None:
    assert read_version(None) == ("", "")
    assert read_version({"status": {}}) == ("", "")
    assert read_version({"status": {"history": [{"state": "Partial", "version": "4.18.0"}]}}) == ("", "4.18.0")


class Refusing(FakeCluster):
    """A cluster that refuses whatever it is asked."""

    def get(self, path: str) -> Object | None:
        """Refuse an object."""
        raise PermissionError(f"forbidden: {path}")

    def items(self, path: str, **selectors: Any) -> list[Object]:
        """Refuse a list."""
        raise PermissionError(f"forbidden: {path} {selectors}")


def test_what_a_cluster_refuses_to_tell_is_named_and_ends_nothing() -> None:
    fake = asked(Refusing())
    asked_for = ["cluster-version", "credentials", "cloud", "catalog", "operators", "mirrors"]
    assert [check for check, _ in fake.unknown] == asked_for
    assert all("forbidden" in reason for _, reason in fake.unknown)
    assert (fake.catalogs, fake.csvs, fake.secret_known) == (None, None, False)


def test_what_nothing_updates_is_told_by_what_it_lacks() -> None:
    assert asked(cluster()).without_machine_config == ""
    assert "no machine config pools" in asked(cluster(), known=facts(pools=())).without_machine_config
    assert "controlPlaneTopology External" in asked(cluster(), known=facts(topology="External")).without_machine_config
