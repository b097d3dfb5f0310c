"""What a manifest says of its containers, and every manifest that no policy can be made from."""

from typing import Any

import pytest
import yaml

from coco_azure.formats.policy.agent_workload import facts
from coco_azure.formats.workload import containers as workload
from coco_azure.formats.workload import image_config
from coco_azure.formats.workload.environment import Value, escaped, expand
from coco_azure.formats.workload.image_config import ImageConfig
from tests.unit.crio_mounts import SHM
from tests.unit.crio_requests import Node, create
from tests.unit.workload_manifests import HOME, SHOP, allows, pod, policy, read

OWN = ImageConfig(
    entrypoint=("/entry", "--fast"),
    command=("serve", "8080"),
    environment=("PATH=/opt/app/bin:/usr/bin", "APP=x=y"),
    folder="/opt/app",
    user="1001:0",
)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Rollout"])
def test_every_kind_with_a_pod_template_is_read(kind: str) -> None:
    manifest = {"kind": kind, "metadata": {"name": "app"}, "spec": {"template": {"spec": pod()["spec"]}}}

    assert [each.label for each in read(manifest)] == [f"{kind} app, container app"]


def test_cron_jobs_and_lists_are_read() -> None:
    job = {"spec": {"template": {"spec": pod("job")["spec"]}}}
    cron = {"kind": "CronJob", "metadata": {"name": "night"}, "spec": {"jobTemplate": job}}
    manifest = {"kind": "List", "items": [cron, {"kind": "PodList", "items": [pod("one")]}, {"kind": "Service"}]}

    assert [each.label for each in read(manifest)] == ["CronJob night, container job", "Pod app, container one"]


def test_containers_that_run_first_or_beside_belong_to_it() -> None:
    assert [each.name for each in read(SHOP)] == ["migrate", "proxy", "shop"]


def test_several_templates_are_told_apart() -> None:
    text = "\n---\n".join(yaml.safe_dump(each) for each in (pod("one"), pod("two", image="quay.io/my-org/two:1")))

    assert allows(policy(text), create(pod("one"), "one"))
    assert allows(policy(text), create(pod("two", image="quay.io/my-org/two:1"), "two"))
    assert not allows(policy(text), create(pod("two"), "two"))


@pytest.mark.parametrize(
    ("named", "pulled"),
    [
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("quay.io/a/b", "quay.io/a/b:latest"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("docker.io/org/nginx", "docker.io/org/nginx:latest"),
        ("registry:5000/a", "registry:5000/a:latest"),
        (f"quay.io/a/b@sha256:{'a' * 64}", f"quay.io/a/b@sha256:{'a' * 64}"),
    ],
)
def test_an_image_has_the_name_under_which_it_is_pulled(named: str, pulled: str) -> None:
    assert workload.image_name(named) == pulled


def test_a_tag_beside_a_digest_may_be_left_out() -> None:
    image = f"quay.io:5000/a/b:1@sha256:{'a' * 64}"

    assert (
        f'"images": [\n"{image}",\n"quay.io:5000/a/b@sha256:{"a" * 64}",\n]'
        in facts(read(pod(image=image)))["workload"]
    )


@pytest.mark.parametrize(
    ("container", "arguments"),
    [
        ({"command": None}, ["/entry", "--fast", "serve", "8080"]),
        ({"command": None, "args": ["x"]}, ["/entry", "--fast", "x"]),
        ({"command": ["/own"]}, ["/own"]),
        ({"command": ["/own"], "args": ["x"]}, ["/own", "x"]),
    ],
)
def test_an_image_that_is_known_brings_what_the_manifest_leaves_out(
    container: dict[str, Any], arguments: list[str]
) -> None:
    manifest = pod(**container, env=[{"name": "APP", "value": "mine"}])
    config = {"Entrypoint": list(OWN.entrypoint), "Cmd": list(OWN.command), "Env": list(OWN.environment)}
    node = Node(images={"quay.io/my-org/app:1": {**config, "WorkingDir": OWN.folder}})
    (made,) = read(manifest, {"quay.io/my-org/app:1": OWN})

    assert [each.text for each in made.arguments] == arguments
    assert {name: value.text for name, value in made.environment.items()} == {
        "PATH": "/opt/app/bin:/usr/bin",
        "APP": "mine",
    }
    assert made.folder == "/opt/app"
    assert allows(policy(manifest, **{"quay.io/my-org/app:1": OWN}), create(manifest, "app", node))


@pytest.mark.parametrize(
    "text",
    [
        '{"architecture": "amd64", "config": {"Entrypoint": ["/entry"], "Cmd": null, "Env": ["A=b"], "User": "5"}}',
        '[{"Id": "x", "Config": {"Entrypoint": ["/entry"], "Env": ["A=b"], "User": "5", "WorkingDir": ""}}]',
    ],
)
def test_what_skopeo_and_podman_print_of_an_image_is_read(text: str) -> None:
    assert image_config.parse(text) == ImageConfig(entrypoint=("/entry",), environment=("A=b",), user="5")


@pytest.mark.parametrize(
    ("user", "context", "runs", "denied"),
    [
        ("1001", {}, [1001, 1000660000], [0, 1002]),
        ("", {}, [0, 1000660000], [1, 1001]),
        ("root", {}, [0, 1000660000], [1]),
        ("0:0", {"runAsNonRoot": True}, [1000660000], [0, 1001]),
        ("app", {}, [1, 1001, 1000660000], [0]),
        ("1001", {"runAsUser": 7}, [7], [0, 1001, 1000660000]),
        (None, {}, [0, 1, 1000660000], []),
        (None, {"runAsNonRoot": True}, [1, 1000660000], [0]),
        (None, {"runAsUser": 0}, [0], [1, 1000660000]),
    ],
)
def test_the_user_is_the_manifests_the_images_or_the_namespaces(
    user: str | None, context: dict[str, Any], runs: list[int], denied: list[int]
) -> None:
    manifest = pod(spec={"securityContext": context}, workingDir="/")
    known = {} if user is None else {"quay.io/my-org/app:1": ImageConfig(user=user)}
    document = create(manifest, "app", Node(images={"quay.io/my-org/app:1": {}}))
    for number in [*runs, *denied]:
        document["OCI"]["Process"]["User"]["UID"] = number
        assert allows(policy(manifest, **known), document) == (number in runs), number


@pytest.mark.parametrize(
    ("variable", "runs"),
    [
        ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", True),
        ("PATH=/usr/bin:/tmp", False),
        ("PATH=/usr/bin:", False),
        ("PATH=bin", False),
        ("LANG=C.UTF-8", True),
        ("TZ=Europe/Berlin", True),
        ("TZ=/etc/x", False),
        ("TZ=../x", False),
        ("container=oci", True),
        ("LD_LIBRARY_PATH=/usr/lib", False),
        ("HOME=/tmp", False),
    ],
)
def test_of_an_image_that_is_not_known_only_harmless_variables_are_allowed(variable: str, *, runs: bool) -> None:
    node = Node(images={"quay.io/my-org/app:1": {"Env": [variable]}})

    assert allows(policy(pod()), create(pod(), "app", node)) == runs
    assert not allows(policy(pod(), **{"quay.io/my-org/app:1": ImageConfig()}), create(pod(), "app", node))


@pytest.mark.parametrize(
    ("folder", "runs"),
    [
        *[("/", True), ("/opt/app", True), ("/etc", True), ("/data2", True), ("opt", False), ("", False)],
        *[("/data", False), ("/data/x", False), ("/opt/../data", False), ("/run/secrets", False), (SHM, False)],
    ],
)
def test_of_an_image_that_is_not_known_the_folder_is_none_that_the_host_fills(folder: str, *, runs: bool) -> None:
    volumes = [{"name": "data", "configMap": {"name": "x"}}]
    manifest = pod(spec={"volumes": volumes}, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    document = create(manifest, "app")
    document["OCI"]["Process"]["Cwd"] = folder

    assert allows(policy(manifest), document) == runs


def test_volumes_of_a_stateful_set_and_tokens_are_as_the_manifest_says() -> None:
    spec = pod(
        spec={"automountServiceAccountToken": False},
        volumeMounts=[{"name": "data", "mountPath": "/data"}],
        terminationMessagePath="/tmp/last",  # noqa: S108
    )["spec"]
    manifest = {
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {"template": {"spec": spec}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
    }
    document = create(manifest, "app")
    with_token = create(pod(), "app")["OCI"]["Mounts"]

    assert allows(policy(manifest), document)
    document["OCI"]["Mounts"] += [each for each in with_token if "serviceaccount" in each["destination"]]
    assert not allows(policy(manifest), document)


@pytest.mark.parametrize(
    ("kind", "name", "pod_name", "runs"),
    [
        ("Deployment", "shop", "shop-5d8f7c6b9-x2x4z", True),
        ("Deployment", "shop", "bar-5d8f7c6b9-x2x4z", False),
        ("Deployment", "shop", "SHOP-1", False),
        # The API server cuts the name of a workload short before it adds what tells its pods apart.
        ("Deployment", "a" * 60, "a" * 58 + "x2x4z", True),
        ("Deployment", "a" * 60, "a" * 36 + "x2x4z", False),
        ("StatefulSet", "shop.eu", "shop.eu-0", True),
        ("StatefulSet", "shop.eu", "shopxeu-0", False),
        ("Job", None, "anything-x2x4z", True),
        ("Pod", "app", "app", True),
        ("Pod", "app", "app-1", False),
    ],
)
def test_a_pods_name_is_one_of_its_workloads(kind: str, name: str | None, pod_name: str, *, runs: bool) -> None:
    made = pod(env=[{"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])
    if kind != "Pod":
        made = {"kind": kind, "metadata": {"name": name} if name else {}, "spec": {"template": {"spec": made["spec"]}}}

    assert allows(policy(made), create(made, "app", Node(pod=pod_name))) == runs


def test_what_webhooks_and_jobs_add_is_allowed_only_where_they_do() -> None:
    label = {"metadata": {"name": "app", "labels": {"azure.workload.identity/use": "true"}}}
    token = "AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token"
    for manifest, variable in (
        ({**pod(), **label}, token),
        ({"kind": "Job", "metadata": {"name": "app"}, "spec": {"template": pod()}}, "JOB_COMPLETION_INDEX=3"),
    ):
        for each, runs in ((manifest, True), (pod(), False)):
            document = create(each, "app")
            document["OCI"]["Process"]["Env"].append(variable)
            assert allows(policy(each), document) == runs
            document["OCI"]["Process"]["Env"][-1] += ".."
            assert not allows(policy(each), document)


def test_what_is_in_the_clear_in_a_secret_is_in_no_policy() -> None:
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"A": "aHVudGVyMg==", "B": "c2VhbGVkLng="}}
    text = yaml.safe_dump_all([secret, pod(envFrom=[{"secretRef": {"name": "s"}}])])

    assert {name: value.text for name, value in read(text)[0].environment.items()} == {"A": "(?s).*", "B": "sealed.x"}
    assert "hunter2" not in policy(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("$(A)-$(A)", "1-1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(B)", "$(B)"),
        ("$A", "$A"),
        ("$", "$"),
        ("$(A", "$(A"),
    ],
)
def test_variables_in_texts_are_the_kubelets(text: str, meant: str) -> None:
    assert expand(text, {"A": Value(text="1")}, lambda _: None) == Value(text=meant)


def test_a_text_is_escaped_as_rusts_regular_expressions_take_it() -> None:
    assert escaped("a.b-c d/#&~<>") == "a\\.b-c d/#&~<>"


def test_what_a_policy_cannot_hold_is_a_warning() -> None:
    items = list(workload.warnings(read(SHOP)))

    assert len(items) == 4
    assert items[0].startswith("quay.io/my-org/proxy:2.1, quay.io/my-org/shop:1.0: a tag")
    assert "skopeo inspect --config docker://quay.io/my-org/migrate@sha256:" in items[1]
    assert items[2].startswith(
        "Deployment shop, container migrate; Deployment shop, container proxy; Deployment shop, "
    )
    assert "HOME is not set" in items[2]
    assert "(Deployment shop, container shop: COUPON)" in items[3]
    image = f"quay.io/a/b@sha256:{'a' * 64}"
    assert not list(workload.warnings(read(pod(image=image, env=HOME), {image: OWN})))
