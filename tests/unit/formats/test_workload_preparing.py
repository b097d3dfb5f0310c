"""A plain manifest becomes a confidential one, and nothing else of it changes."""

import base64
import json
from typing import Any

import pytest
import yaml

from coco_azure.formats.workload import editing, preparing
from coco_azure.formats.workload.reading import ManifestError
from coco_azure.names import POD_VM_SIZE
from tests.unit.workload_manifests import SHOP
from tests.unit.workload_terms import ANNOTATION, PASSWORD, PLAIN, terms

CONTAINERS = "containers: [{name: app, image: quay.io/my-org/app:1, command: [/bin/app]}]"
SECRET = "correct horse battery staple"


def _added(before: str, after: str) -> list[str]:
    """Return the lines that were added, when no other line has changed."""
    lines, rest = before.splitlines(), []
    for line in after.splitlines():
        if lines and line == lines[0]:
            lines.pop(0)
        else:
            rest.append(line.strip())
    assert lines == []
    return rest


def _pod(document: Any, *path: str) -> Any:
    for key in path:
        document = document[key]
    return document


@pytest.mark.parametrize("manifest", [PLAIN, PLAIN.replace("\n", "\r\n")], ids=["plain", "crlf"])
def test_lines_are_added_and_none_is_changed(manifest: str) -> None:
    made = preparing.prepare(manifest, terms(sealed={}))

    added = _added(manifest, made)
    assert added == ["annotations:", f"{ANNOTATION}: {terms().initdata}", "runtimeClassName: kata-remote"]
    assert made.count("\r\n") == (made.count("\n") if "\r\n" in manifest else 0)


@pytest.mark.parametrize(
    ("manifest", "path"),
    [
        (f"apiVersion: v1\nkind: Pod\nmetadata: {{name: app}}\nspec: {{{CONTAINERS}}}\n", ()),
        (f"kind: Pod\nmetadata:\n  name: app\n  annotations:\nspec:\n  {CONTAINERS}\n", ()),
        (f"kind: Pod\nmetadata:\n  annotations: ~\n  name: app\nspec:\n  runtimeClassName: kata\n  {CONTAINERS}\n", ()),
        (f"kind: Pod\nmetadata:\n  annotations: {{}}\nspec:\n  {CONTAINERS}\n", ()),
        (f"kind: Job\nspec:\n  template:\n    spec:\n      {CONTAINERS}\n", ("spec", "template")),
        (
            f"kind: CronJob\nspec:\n jobTemplate:\n  spec:\n   template:\n    spec:\n     {CONTAINERS}\n",
            ("spec", "jobTemplate", "spec", "template"),
        ),
        (f"kind: StatefulSet\nspec:\n  template: {{metadata: {{}}, spec: {{{CONTAINERS}}}}}\n", ("spec", "template")),
        (
            f"kind: Pod\nmetadata:\n annotations:\n  {ANNOTATION}: |\n   old\n   x\n  b: c\nspec:\n  {CONTAINERS}\n",
            (),
        ),
    ],
    ids=["flow", "empty annotations", "null", "braces", "job", "cron job", "stateful set", "block scalar"],
)
def test_any_kind_with_a_pod_template_gets_what_it_needs(manifest: str, path: tuple[str, ...]) -> None:
    made = preparing.prepare(manifest, terms(), size="Standard_DC4as_v5")

    pod = _pod(yaml.safe_load(made), *path)
    assert pod["spec"]["runtimeClassName"] == "kata-remote"
    annotations = {ANNOTATION: terms().initdata, POD_VM_SIZE: "Standard_DC4as_v5"}
    assert pod["metadata"]["annotations"] | annotations == pod["metadata"]["annotations"]
    before = _pod(yaml.safe_load(manifest), *path)
    assert pod["spec"]["containers"] == before["spec"]["containers"]


def test_items_of_a_list_and_several_documents_are_prepared_alike() -> None:
    one = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": []}}
    two = {"kind": "Deployment", "metadata": {"name": "b"}, "spec": {"template": {"spec": {"containers": []}}}}
    listed = json.dumps({"kind": "List", "items": [one, {"kind": "ConfigMap"}, two]})

    items = yaml.safe_load(preparing.prepare(listed, terms()))["items"]
    documents = list(yaml.safe_load_all(preparing.prepare(f"{json.dumps(one)}\n---\n---\n{json.dumps(two)}", terms())))

    assert [items[0], items[2]] == [documents[0], documents[2]]
    assert items[2]["spec"]["template"]["spec"]["runtimeClassName"] == "kata-remote"
    assert items[1] == {"kind": "ConfigMap"}


@pytest.mark.parametrize("manifest", [PLAIN, SHOP, json.dumps(yaml.safe_load(PLAIN))], ids=["plain", "shop", "json"])
def test_run_twice_it_changes_nothing(manifest: str) -> None:
    sealed = {} if manifest.startswith("{") else terms().sealed
    made = preparing.prepare(manifest, terms(sealed=sealed), size="Standard_DC2as_v5")

    assert preparing.prepare(made, terms(sealed=sealed), size="Standard_DC2as_v5") == made
    assert preparing.diff(made, made, "shop.yaml") == ""


def test_a_secret_that_its_pods_read_is_added_as_sealed_references() -> None:
    *_, secret = yaml.safe_load_all(preparing.prepare(PLAIN, terms()))

    assert secret["metadata"] == {"name": "db", "namespace": "shop"}
    assert secret["stringData"] == {"password": terms().sealed[PASSWORD]}


@pytest.mark.parametrize(
    "source",
    [
        "envFrom: [{secretRef: {name: db}}]",
        "env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: password}}}]",
    ],
)
def test_a_secret_is_found_however_a_container_reads_it(source: str) -> None:
    manifest = f"kind: Pod\nspec:\n  containers:\n    - name: a\n      {source}\n"

    assert len(list(yaml.safe_load_all(preparing.prepare(manifest, terms())))) == 2


def test_a_secret_in_a_volume_is_found() -> None:
    manifest = "kind: Pod\nspec:\n  containers: []\n  volumes: [{name: v, secret: {secretName: db}}]\n"

    assert len(list(yaml.safe_load_all(preparing.prepare(manifest, terms())))) == 2


def test_a_secret_that_the_stack_makes_itself_is_left_to_it() -> None:
    made = preparing.prepare(PLAIN, terms(given=("shop/db",)))

    assert len(list(yaml.safe_load_all(made))) == 1


def _with_secret(section: str, value: str) -> str:
    metadata, values = "metadata: {name: db, namespace: shop}", f"  password: {value}\n  other: abcd"
    return f"kind: Secret\n{metadata}\n{section}:\n{values}\n---\n{PLAIN}"


@pytest.mark.parametrize("section", ["data", "stringData"])
def test_values_in_the_clear_are_replaced_and_are_not_in_the_diff(section: str) -> None:
    value = base64.b64encode(SECRET.encode()).decode() if section == "data" else SECRET
    manifest = _with_secret(section, value)

    made = preparing.prepare(manifest, terms())
    shown = preparing.diff(manifest, made, "shop.yaml")

    held = next(iter(yaml.safe_load_all(made)))[section]["password"]
    assert (base64.b64decode(held).decode() if section == "data" else held) == terms().sealed[PASSWORD]
    assert value not in made
    assert value not in shown
    assert "abcd" not in shown
    assert '-  password: "(not shown)"' in shown.splitlines()
    assert preparing.prepare(made, terms()) == made


def test_a_secret_that_only_other_pods_read_stays_as_it_is() -> None:
    manifest = _with_secret("stringData", SECRET)
    other = PLAIN.replace("name: shop, namespace", "name: web, namespace").replace("name: db", "name: elsewhere")

    made = preparing.prepare(f"{manifest}---\n{other}", terms(), only=["Deployment/web"])

    assert next(iter(yaml.safe_load_all(made)))["stringData"]["password"] == SECRET


def test_only_the_named_objects_are_prepared() -> None:
    other = PLAIN.replace("name: shop, namespace", "name: web, namespace")

    first, second = list(
        yaml.safe_load_all(preparing.prepare(f"{PLAIN}---\n{other}", terms(sealed={}), only=["Deployment/web"]))
    )

    assert "runtimeClassName" not in first["spec"]["template"]["spec"]
    assert second["spec"]["template"]["spec"]["runtimeClassName"] == "kata-remote"


@pytest.mark.parametrize(
    ("manifest", "options", "words"),
    [
        ("kind: ConfigMap\n", {}, "no pod template"),
        (PLAIN, {"only": ["Deployment/web"]}, "named can be Deployment/shop"),
        (PLAIN, {"size": "Standard_D2s_v5"}, "name one of Standard_DC2as_v5"),
        ("kind: Pod\nspec: {{ .Values.spec }}\n", {}, "helm template RELEASE CHART"),
        ("kind: Pod\nmetadata: []\nspec: {containers: []}\n", {}, "metadata"),
        (json.dumps(yaml.safe_load(PLAIN)), {}, "needed YAML"),
    ],
    ids=["no pods", "other name", "size", "chart", "no object", "JSON has no room for a Secret"],
)
def test_what_cannot_be_prepared_is_an_error_with_its_way_out(
    manifest: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ManifestError, match=words):
        preparing.prepare(manifest, terms(), **options)


def test_a_text_that_would_be_something_else_gets_quotes() -> None:
    made = editing.put("a: {b: 1}\nc:\n- d: x\n", (0, "c", 0, "e"), "true")

    assert yaml.safe_load(made) == {"a": {"b": 1}, "c": [{"e": "true", "d": "x"}]}
    assert yaml.safe_load(editing.put(made, (0, "a", "b"), "1")) == {"a": {"b": "1"}, "c": [{"e": "true", "d": "x"}]}
