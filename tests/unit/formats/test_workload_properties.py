"""For manifests of every shape: the policy made from one lets its containers run, and none with anything changed."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coco_azure.formats.workload.image_config import ImageConfig
from tests.unit.crio_mounts import Document, bind, copied
from tests.unit.crio_requests import Node, changed, create
from tests.unit.workload_manifests import allows, pod, policy

IMAGE = "quay.io/my-org/app:1"
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40).map(
    lambda text: text.replace("$(", "$")
)
LONG = st.builds(lambda text, times: text * times, TEXTS, st.integers(0, 60))
NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,12}", fullmatch=True)
CAPABILITIES = st.lists(st.sampled_from(["CHOWN", "KILL", "SETUID", "NET_RAW", "MKNOD"]), unique=True)


@st.composite
def _containers(draw: st.DrawFn, name: str, volumes: list[str]) -> dict[str, Any]:
    variables = draw(st.dictionaries(NAMES, LONG, max_size=6))
    capabilities = {"add": draw(CAPABILITIES), "drop": draw(st.sampled_from([[], ["ALL"]]))}
    context: dict[str, Any] = {"capabilities": capabilities}
    if draw(st.booleans()):
        context["runAsUser"] = draw(st.integers(0, 2**31))
    mounted = draw(st.lists(st.sampled_from(volumes), unique=True)) if volumes else []
    return {
        "name": name,
        "image": IMAGE,
        "command": draw(st.lists(LONG.filter(bool), min_size=1, max_size=4)),
        "args": draw(st.lists(LONG, max_size=4)),
        "env": [{"name": key, "value": text} for key, text in variables.items()],
        "workingDir": "/" + draw(LABELS),
        "tty": draw(st.booleans()),
        "securityContext": context,
        "volumeMounts": [
            {"name": each, "mountPath": f"/mnt/{each}", "readOnly": draw(st.booleans())} for each in mounted
        ],
    }


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    kinds = draw(st.dictionaries(LABELS, st.sampled_from(["emptyDir", "configMap", "secret", "ephemeral"]), max_size=4))
    names = draw(st.lists(LABELS, min_size=1, max_size=3, unique=True))
    made = pod()
    made["spec"] = {
        "containers": [draw(_containers(name, sorted(kinds))) for name in names],
        "volumes": [{"name": name, kind: {}} for name, kind in kinds.items()],
        "enableServiceLinks": draw(st.booleans()),
        "shareProcessNamespace": draw(st.booleans()),
    }
    return made


def _own(manifest: dict[str, Any]) -> tuple[str, list[Document]]:
    """Return the policy and the requests for the containers, whose image is known."""
    node = Node(images={IMAGE: {"Env": ["PATH=/usr/bin"], "User": "5"}})
    image = ImageConfig(environment=("PATH=/usr/bin",), user="5")
    text = policy(manifest, **{IMAGE: image})
    return text, [create(manifest, each["name"], node) for each in manifest["spec"]["containers"]]


@given(manifest=manifests(), v1=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_manifests_own_containers_run(manifest: dict[str, Any], *, v1: bool) -> None:
    text, documents = _own(manifest)

    assert all(allows(text, document, v1=v1) for document in documents)


def _names(document: Document) -> set[str]:
    return {entry.partition("=")[0] for entry in document["OCI"]["Process"]["Env"]}


@st.composite
def _changes(draw: st.DrawFn, document: Document) -> tuple[str, Any]:
    process, mounts = document["OCI"]["Process"], document["OCI"]["Mounts"]
    at = draw(st.integers(0, len(process["Args"]) - 1))
    name = draw(NAMES.filter(lambda name: name not in _names(document) and "_PORT" not in name))
    ours = [at for at, each in enumerate(mounts) if each["destination"].startswith("/mnt/")]
    options = [
        ("OCI/Process/Args/-", draw(TEXTS)),
        (f"OCI/Process/Args/{at}", process["Args"][at] + draw(TEXTS.filter(bool))),
        ("OCI/Process/Args", process["Args"][:-1]),
        ("OCI/Process/Env/-", f"{name}={draw(TEXTS)}"),
        ("OCI/Process/Cwd", process["Cwd"] + "x"),
        ("OCI/Process/Terminal", not process["Terminal"]),
        ("OCI/Process/User/UID", 999_999_999),
        ("OCI/Process/Capabilities/Effective/-", "CAP_SYS_MODULE"),
        ("OCI/Mounts/-", bind(f"/{draw(LABELS)}", copied("x"), "ro")),
        ("storages/0/source", draw(st.sampled_from(["quay.io/my-org/app:2", f"{IMAGE}0", "quay.io/evil/app:1"]))),
        ("OCI/Annotations/io.kubernetes.container.name", draw(LABELS) + "-x"),
        ("sandbox_pidns", not document["sandbox_pidns"]),
    ]
    if ours:
        options.append((f"OCI/Mounts/{draw(st.sampled_from(ours))}/source", "/etc"))
    fixed = [at for at, entry in enumerate(process["Env"]) if entry.partition("=")[0] == "PATH"]
    options.append((f"OCI/Process/Env/{fixed[0]}", process["Env"][fixed[0]] + "x"))
    chosen: tuple[str, Any] = draw(st.sampled_from(options))
    return chosen


@given(manifest=manifests(), data=st.data(), v1=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_container_with_anything_changed_is_denied(
    manifest: dict[str, Any], data: st.DataObject, *, v1: bool
) -> None:
    text, documents = _own(manifest)
    document = data.draw(st.sampled_from(documents))
    place, value = data.draw(_changes(document))

    assert not allows(text, changed(document, (place, value)), v1=v1), place


@given(manifest=manifests(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_changed_value_of_any_variable_is_denied(manifest: dict[str, Any], data: st.DataObject) -> None:
    text, documents = _own(manifest)
    document = data.draw(st.sampled_from(documents))
    own = {each["name"] for container in manifest["spec"]["containers"] for each in container["env"]}
    for at, entry in enumerate(document["OCI"]["Process"]["Env"]):
        if entry.partition("=")[0] in own:
            assert not allows(text, changed(document, (f"OCI/Process/Env/{at}", f"{entry}x"))), entry
