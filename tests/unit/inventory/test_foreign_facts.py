"""What a cluster is asked of others' things, and whether all that the program makes is asked for."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException

from coco_azure import settings
from coco_azure.clients.kubernetes import Object
from coco_azure.inventory.foreign_facts import ForeignFacts, ForeignRequirements, Installed, Named
from coco_azure.inventory.read_foreign import gather
from coco_azure.inventory.requirements import Operator
from components import foreign
from components.cluster import ownership
from tests.unit.components.test_program_objects import CONFIGURATIONS, VERSIONS
from tests.unit.fake_cluster import FakeCluster
from tests.unit.preflight_tables import rows
from tests.unit.recording import Recorder, failed_program, run_program

PLACE, STACK = "trustee-operator-system", "coco-azure/test"
ROUTE = Named(kind="Route", namespace=PLACE, name="kbs-service")
POLICY = Named(kind="ConfigMap", namespace=PLACE, name="resource-policy")
SECRET = Named(kind="Secret", namespace=PLACE, name="kbsres1")
KBS = Named(kind="KbsConfig", namespace=PLACE, name="kbsconfig")
OPERATOR = Operator(package="trustee-operator", setting="trustee.operator", namespace=PLACE)
WANTED = ForeignRequirements(
    stack=STACK,
    operators=(OPERATOR,),
    names=dict.fromkeys((ROUTE, POLICY, SECRET, KBS), ""),
    host="kbs.example.com",
    route=ROUTE,
)
OLM = "/apis/operators.coreos.com"
ROUTES = "/apis/route.openshift.io/v1/routes"
KBS_CONFIGS = f"/apis/confidentialcontainers.org/v1alpha1/namespaces/{PLACE}/kbsconfigs"
MARKED = {"annotations": {"coco-azure/stack": STACK}}


def _object(name: str, namespace: str = PLACE, /, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}}


def _namespace(**metadata: Any) -> dict[str, list[Object]]:
    return {"/api/v1/namespaces": [{"metadata": {"name": PLACE, **metadata}}]}


def _asked(lists: dict[str, Any], wanted: ForeignRequirements = WANTED) -> ForeignFacts:
    return gather(FakeCluster(lists=lists), wanted)


def test_of_a_namespace_that_is_not_there_or_is_going_nothing_is_asked() -> None:
    maps = {f"/api/v1/namespaces/{PLACE}/configmaps": [_object("resource-policy")]}

    for lists in (maps, {**maps, **_namespace(deletionTimestamp="2026-01-01T00:00:00Z")}):
        facts = _asked(lists)
        assert (facts.namespaces, facts.occupied) == ({}, ())


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        ({}, ""),
        ({"annotations": {"coco-azure/stack": "coco-azure/prod"}}, "coco-azure/prod"),
        (MARKED, None),
        ({"managedFields": [{"manager": "pulumi-kubernetes-1a2b"}]}, None),  # from before there were marks
    ],
)
def test_whose_a_namespace_is_follows_from_its_mark(metadata: dict[str, Any], owner: str | None) -> None:
    facts = _asked(_namespace(**metadata))

    assert facts.namespaces == {PLACE: owner}
    assert facts.marked == ({PLACE} if metadata == MARKED else frozenset())


def test_only_objects_with_the_stacks_names_that_it_has_not_made_are_in_its_way() -> None:
    facts = _asked(
        {
            **_namespace(),
            f"/api/v1/namespaces/{PLACE}/configmaps": [_object("resource-policy"), _object("something")],
            f"/api/v1/namespaces/{PLACE}/secrets": [_object("kbsres1", **MARKED)],
            f"/apis/route.openshift.io/v1/namespaces/{PLACE}/routes": [
                {**_object("kbs-service"), "spec": {"host": "kbs.example.com"}}
            ],
        }
    )

    assert [each.what for each in facts.occupied] == [ROUTE, POLICY]


def test_a_secret_of_the_cloud_credential_operator_is_left_to_the_run() -> None:
    minted = _object("kbsres1", labels={"kataconfiguration.openshift.io/credentials-request-based": "true"})

    assert _asked({**_namespace(), f"/api/v1/namespaces/{PLACE}/secrets": [minted]}).occupied == ()


def test_groups_subscriptions_and_csvs_of_all_namespaces_are_read() -> None:
    refs = [{"kind": "ClusterServiceVersion", "name": "trustee-operator.v1.2.1", "namespace": "elsewhere"}]
    facts = _asked(
        {
            f"{OLM}/v1/operatorgroups": [
                {**_object("all", "a"), "spec": {}},
                {**_object("one", "b"), "spec": {"targetNamespaces": ["c"]}},
                {**_object("selected", "d"), "spec": {"selector": {}}, "status": {"namespaces": ["e"]}},
            ],
            f"{OLM}/v1alpha1/subscriptions": [{**_object("s", "elsewhere"), "spec": {"name": "trustee-operator"}}],
            f"{OLM}/v1/operators": [
                {"metadata": {"name": "trustee-operator.elsewhere"}, "status": {"components": {"refs": refs}}},
                {"metadata": {"name": "trustee-operator-extra.x"}, "status": {"components": {"refs": refs}}},
            ],
        }
    )

    assert [each.targets for each in facts.groups] == [("",), ("c",), ("e",)]
    assert [(each.namespace, each.package) for each in facts.subscriptions] == [("elsewhere", "trustee-operator")]
    assert facts.csvs == (Installed(namespace="elsewhere", package="trustee-operator", name="trustee-operator.v1.2.1"),)


def test_a_trustee_config_and_what_it_has_made_is_beside_the_stacks_kbsconfig() -> None:
    owned = _object("mine-kbs-config", ownerReferences=[{"kind": "TrusteeConfig", "name": "mine"}])
    folder = KBS_CONFIGS.rpartition("/")[0]
    facts = _asked(
        {
            **_namespace(),
            KBS_CONFIGS: [_object("kbsconfig", **MARKED), owned],
            f"{folder}/trusteeconfigs": [_object("mine")],
        }
    )

    assert [(each.what.kind, each.what.name, each.owner) for each in facts.kbs] == [
        ("TrusteeConfig", "mine", ""),
        ("KbsConfig", "mine-kbs-config", "mine"),
    ]


def _route(name: str, namespace: str, created: str, **metadata: Any) -> Object:
    return {
        **_object(name, namespace, creationTimestamp=created, uid=f"{namespace}/{name}", **metadata),
        "spec": {"host": "kbs.example.com"},
    }


def test_a_route_with_the_host_is_in_the_way_unless_the_stacks_own_is_older() -> None:
    own = _route("kbs-service", PLACE, "2026-02-01T00:00:00Z", **MARKED)
    older, newer = _route("older", "shop", "2026-01-01T00:00:00Z"), _route("newer", "shop", "2026-03-01T00:00:00Z")

    assert [each.name for each in _asked({ROUTES: [older, newer]}).claims] == ["older", "newer"]
    assert [each.name for each in _asked({ROUTES: [own, older, newer]}).claims] == ["older"]


def test_without_a_host_in_the_settings_that_of_the_clusters_domain_is_asked_for() -> None:
    ingress = {
        "/apis/config.openshift.io/v1/ingresses": [{"metadata": {"name": "cluster"}, "spec": {"domain": "apps.x"}}]
    }
    wanted = ForeignRequirements(stack=STACK, route=ROUTE)

    assert _asked(ingress, wanted).host == f"kbs-service-{PLACE}.apps.x"
    assert _asked({}, wanted).host == ""


class _Forbidden(FakeCluster):
    def items(self, path: str, **_: Any) -> list[Object]:
        raise ApiException(status=403, reason=f"Forbidden: {path}")


def test_what_may_not_be_read_is_named_and_stops_nothing() -> None:
    facts = gather(_Forbidden(lists=_namespace()), WANTED)

    for what in ("OperatorGroups", "Subscriptions", "OLM's Operators", "ConfigMaps", "Secrets", "Routes", "KbsConfigs"):
        assert any(each == what and reason.startswith("Forbidden") for each, reason in facts.unknown), what
    assert len(facts.unknown) == len(set(facts.unknown))


def test_of_secrets_no_value_is_read() -> None:
    read: list[str] = []

    class Watched(FakeCluster):
        def items(self, path: str, *, content: bool = True, **more: Any) -> list[Object]:
            read.extend([path] if content else [])
            return super().items(path, content=content, **more)

    gather(Watched(lists=_namespace()), WANTED)
    assert not [path for path in read if path.endswith("/secrets")]


@pytest.mark.parametrize("config", CONFIGURATIONS)
def test_every_object_that_the_program_makes_is_looked_for_before_anything_is_registered(
    config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    osc, trustee = VERSIONS.get(config, ("1.9.0", ""))
    answers = Recorder(osc=osc, trustee=trustee)
    answers.cluster.offer("mirrors", "mirror", trustee_operator=trustee or "0.3.0")
    run = run_program(CONFIGURATIONS[config], answers)
    monkeypatch.setattr(ownership, "mark", lambda: STACK)
    stack = settings.parse(CONFIGURATIONS[config], Path(__file__).parents[3])
    names = foreign.wanted(stack, (), runtime=stack.peer_pods.enabled, trustee=stack.deploys_trustee).names

    made = set()
    for name, facts in run.registrations.items():
        hooks = facts.request.hooks.before_create
        metadata = facts.inputs.get("metadata", {})
        operators = facts.kind == "Namespace" and "operator" in name
        if (
            any("ownership" in each for each in hooks)
            and not operators
            and facts.kind not in ("OperatorGroup", "Subscription")
        ):
            made.add(Named(kind=facts.kind, namespace=metadata.get("namespace", ""), name=metadata["name"]))
    assert made == set(names)


def test_a_preview_tells_all_that_is_foreign_in_one_table_and_shows_its_steps(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    recorder = Recorder(preview=True)
    recorder.cluster.lists |= {**_namespace(), f"/api/v1/namespaces/{PLACE}/configmaps": [_object("resource-policy")]}
    message, run = failed_program({}, recorder)

    assert "(foreign)" in message
    assert len([each for each in rows(caplog.text) if each.check == "foreign"]) == 2
    assert "peer-pods-kataconfig" in run.registrations


def test_a_stack_with_only_trustee_is_told_of_foreign_things_too() -> None:
    recorder = Recorder()
    recorder.cluster.lists |= _namespace()
    message, run = failed_program({"peerPods": {"enabled": False}}, recorder)

    assert rows(message)[0].fix == "pulumi config set --path coco-azure:trustee.operator.createNamespace false"
    assert [each for each in run.registrations.values() if each.request.custom] == []


def test_a_namespace_of_others_is_used_and_stays_where_the_settings_say_so() -> None:
    recorder = Recorder()
    recorder.cluster.lists |= _namespace()
    run = run_program({"trustee": {"operator": {"createNamespace": False}}}, recorder)

    assert "trustee-operator-namespace" not in run.registrations
    assert run.registrations["trustee-operator-group"].inputs["metadata"]["namespace"] == PLACE
