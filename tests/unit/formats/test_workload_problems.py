"""Manifests that no policy can be made from: what is wrong, where, and what mends it; all of it at once."""

from datetime import date
from typing import Any

import pytest
import yaml

from coco_azure.formats.workload import image_config
from coco_azure.formats.workload.image_config import ImageConfig
from coco_azure.formats.workload.reading import ManifestError, templates
from tests.unit.workload_manifests import pod, read


def _problem(text: str) -> str:
    with pytest.raises(ManifestError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no pod template", "found: nothing", "Deployment"]),
        ("kind: Service\n---\nkind: ConfigMap\n", ["no pod template", "found: ConfigMap, Service"]),
        ("kind: Pod\nspec: [\n", ["line 3", "no YAML"]),
        ("kind: Pod\nspec:\n\tcontainers: []\n", ["line 3", "column 1", "no YAML"]),
        ("kind: Pod\nkind: Pod\n", ["line 2", "kind stands twice"]),
        ("kind: Pod\nspec: {a: 1,\n a: 2}\n", ["line 3", "a stands twice"]),
        ("kind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n", ["line 3", "chart's template", "helm template"]),
        ("{{- if .Values.on }}\nkind: Pod\n{{- end }}\n", ["line 1", "helm template"]),
        ('kind: Pod\nmetadata: {name: x}\nspec: {a: "{{ .Values.image }}"}\n', ["line 3", "chart's template"]),
        ("- kind: Pod\n", ["document 1", "no object of Kubernetes"]),
        ("kind: List\nitems: [5]\n", ["document 1, item 1", "no object of Kubernetes"]),
        ("metadata: {name: x}\n", ["no object of Kubernetes"]),
        ("kind: Pod\nspec: !!python/object:os.system {}\n", ["line 2", "no YAML"]),
        ("kind: Pod\x00\n", ["no YAML"]),
        ("kind: Pod\nspec: {containers: []}\n", ["no containers", "at least one"]),
        ("kind: Pod\nspec: {containers: {}}\n", ["containers is {}", "list of objects"]),
        ("kind: Pod\nspec: 5\n", ["spec is 5", "needed an object"]),
        ("kind: Pod\nspec: &a\n  b: *c\n", ["line 3", "undefined alias"]),
    ],
)
def test_what_is_no_manifest_is_told_with_its_line(text: str, words: list[str]) -> None:
    problem = _problem(text)

    assert all(word in problem for word in words), problem


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"image": None}, ["image null", "needed are both"]),
        ({"image": "nginx"}, ["image nginx", "docker.io/library/nginx:1.27"]),
        ({"image": "my-org/app:1"}, ["image my-org/app:1", "up to the node"]),
        ({"image": "quay.io"}, ["image quay.io", "whole name"]),
        ({"image": "quay.io/Org/app:1"}, ["image quay.io/Org/app:1"]),
        ({"command": None}, ["write command", "skopeo inspect --config docker://quay.io/my-org/app:1", "imageConfig"]),
        ({"command": []}, ["write command"]),
        ({"command": None, "args": ["x"]}, ["write command"]),
        ({"command": ["sleep", 3600]}, ["command is [sleep, 3600], ", "list of texts"]),
        ({"args": [date(2027, 1, 31), None, True, "7"]}, ["args is [2027-01-31, null, true, '7'], "]),
        ({"command": "sleep"}, ['command is "sleep", ']),
        ({"env": [{"name": "PORT", "value": 8080}]}, ["value is 8080", "quote"]),
        ({"env": [{"name": "DAY", "value": "X"}, {"value": "x"}]}, ["env has an entry named null"]),
        ({"env": [{"name": "A=B"}]}, ['env has an entry named "A=B", needed a name without =']),
        ({"env": [{"name": "A", "valueFrom": {"vault": {"x": 1}}}]}, ["env A", "vault", "not known"]),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x.y"}}}]}, ["fieldRef x.y is not known"]),
        (
            {"env": [{"name": "LD_PRELOAD", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
            ["LD_PRELOAD steers which code runs", "value: ..."],
        ),
        (
            {"env": [{"name": "JAVA_OPTS", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}]},
            ["JAVA_OPTS steers"],
        ),
        (
            {
                "env": [
                    {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}},
                    {"name": "BASH_ENV", "value": "/srv/$(X)"},
                ]
            },
            ["BASH_ENV steers"],
        ),
        (
            {
                "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
                "command": ["sh", "-c", "echo $(X)"],
            },
            ["$(X) in command or args", "let the program read the variable"],
        ),
        ({"envFrom": [{"configMapRef": {"name": "other"}}]}, ["ConfigMap other is not in the file", "valueFrom"]),
        ({"envFrom": [{"secretRef": {"name": "other"}}]}, ["Secret other is not in the file"]),
        ({"envFrom": [{"prefix": "A"}]}, ["envFrom has prefix"]),
        ({"securityContext": {"privileged": True}}, ["privileged", "owns the pod VM"]),
        ({"securityContext": {"procMount": "Unmasked"}}, ["procMount is Unmasked"]),
        ({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}, ["SYS_ADMIN", "allowed: CHOWN"]),
        ({"securityContext": {"capabilities": {"add": ["ALL"]}}}, ["capabilities.add has ALL"]),
        ({"securityContext": {"runAsUser": "root"}}, ['runAsUser is "root"', "a number"]),
        ({"securityContext": {"runAsNonRoot": "yes"}}, ['runAsNonRoot is "yes"', "true or false"]),
        ({"volumeDevices": [{"name": "a", "devicePath": "/dev/x"}]}, ["volumeDevices", "volumeMounts"]),
        ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, ["no volume none", "volumes: host, code"]),
        ({"volumeMounts": [{"name": "host", "mountPath": "/x"}]}, ["volume host is a hostPath", "emptyDir"]),
        ({"volumeMounts": [{"name": "code", "mountPath": "/x"}]}, ["volume code is a image", "init container"]),
        ({"volumeMounts": [{"name": "host", "mountPath": "/a/../b"}]}, ["mountPath", "without .."]),
        ({"volumeMounts": [{"name": "host"}]}, ["mountPath of host is null"]),
        ({"volumeMounts": [{"name": "host", "mountPath": "/proc/sys"}]}, ["mountPath /proc/sys", "elsewhere"]),
        ({"volumeMounts": [{"name": "host", "mountPath": "/"}]}, ["mountPath /", "elsewhere"]),
        ({"tty": "true"}, ['tty is "true"']),
        ({"livenessProbe": {"exec": {"command": "check"}}}, ['command is "check"']),
    ],
)
def test_what_no_policy_can_hold_is_told_with_its_container(container: dict[str, Any], words: list[str]) -> None:
    volumes = [{"name": "host", "hostPath": {"path": "/"}}, {"name": "code", "image": {"reference": "x"}}]
    problem = _problem(yaml.safe_dump(pod(spec={"volumes": volumes}, **container)))

    assert problem.startswith("Pod app, container app: ")
    assert all(word in problem for word in words), problem


@pytest.mark.parametrize("key", ["hostNetwork", "hostPID", "hostIPC"])
def test_a_pod_shares_nothing_with_its_node(key: str) -> None:
    assert _problem(yaml.safe_dump(pod(spec={key: True}))) == (
        f"Pod app: {key}: a pod VM shares nothing with its node; remove it"
    )


def test_all_problems_are_told_at_once() -> None:
    one, two = pod("one", image="nginx", command=None, tty=5), pod("two", securityContext={"privileged": True})
    problem = _problem(yaml.safe_dump_all([one, two, pod(spec={"hostPID": True})]))

    assert len(problem.splitlines()) == 5
    assert [line.split(": ")[0] for line in problem.splitlines()] == [
        *["Pod app, container one"] * 3,
        "Pod app, container two",
        "Pod app",
    ]


def test_an_image_that_names_no_command_is_a_problem() -> None:
    with pytest.raises(ManifestError, match=r"neither the manifest nor image quay.io/my-org/app:1 names a command"):
        read(pod(command=None), {"quay.io/my-org/app:1": ImageConfig()})


def test_a_configuration_of_an_image_that_no_container_has_is_a_problem() -> None:
    with pytest.raises(
        ManifestError, match=r"names quay.io/x/y:1, which no container has \(images: quay.io/my-org/app:1"
    ):
        read(pod(), {"quay.io/x/y:1": ImageConfig()})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "skopeo inspect --config docker://IMAGE"),
        ("[]", "no configuration of an image"),
        ("[{}, {}]", "no configuration of an image"),
        ('{"Name": "quay.io/x/y", "Env": ["A=b"]}', "no configuration of an image"),
        ('{"config": 5}', "no configuration of an image"),
        ('{"config": {"Cmd": "sleep"}}', 'Cmd is "sleep"'),
        ('{"config": {"Env": [5]}}', "Env is"),
    ],
)
def test_what_is_no_configuration_of_an_image_is_told(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        image_config.parse(text)


def test_objects_of_another_namespace_are_not_the_pods() -> None:
    other = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "other"}, "data": {"A": "b"}}
    with pytest.raises(ManifestError, match="ConfigMap c is not in the file"):
        read(yaml.safe_dump_all([other, pod(envFrom=[{"configMapRef": {"name": "c"}}])]))


def test_the_kinds_of_a_manifest_are_named_in_order() -> None:
    with pytest.raises(ManifestError, match="found: Route, Service"):
        templates("kind: Service\n---\nkind: Route\n---\nkind: Service\n")


@pytest.mark.parametrize(
    "name",
    [
        *("GUNICORN_CMD_ARGS", "CATALINA_OPTS", "LDFLAGS_X_FLAGS", "JDK_JAVA_OPTIONS", "XDG_CONFIG_HOME", "KUBECONFIG"),
        *("npm_config_script_shell", "NPM_CONFIG_USERCONFIG", "SPRING_CONFIG_LOCATION", "AWS_CONFIG_FILE", "FLASK_APP"),
        *("DOCKER_CONFIG", "DJANGO_SETTINGS_MODULE", "UWSGI_PYTHON", "ERL_LIBS", "R_PROFILE_USER"),
        "SPRING_APPLICATION_JSON",
    ],
)
def test_no_variable_that_steers_which_code_runs_is_the_hosts(name: str) -> None:
    source = {"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}

    assert f"env {name} steers which code runs" in _problem(yaml.safe_dump(pod(env=[{"name": name, **source}])))
    assert read(pod(env=[{"name": name, "value": "x"}]))


@pytest.mark.parametrize("name", ["PASSWORD", "SPRING_DATASOURCE_PASSWORD", "OPTIONS", "ARGS", "FLAGSHIP", "MY_OPTSY"])
def test_other_variables_may_be(name: str) -> None:
    assert read(pod(env=[{"name": name, "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]))
