"""``coco_azure.names`` is the one place of the names in a cluster."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from coco_azure import names
from tests.unit.stack_files import ROOT

NAMES = {
    value: name
    for name, value in vars(names).items()
    # "master" and "worker" are words of other things, too.
    if name.isupper() and isinstance(value, str) and value not in (names.MASTER_POOL, names.WORKER_POOL)
}
OF_VOLUMES = ("coco_azure/settings/client_secrets.py", "coco_azure/versions/profiles.py")
"""Lists of the volumes of KBS, which the Trustee operator calls like some of its ConfigMaps."""
SOURCES = [
    path for folder in ("coco_azure", "components", "policies") for path in sorted((ROOT / folder).rglob("*.py"))
]


def _texts(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [each for each in SOURCES if each != ROOT / "coco_azure" / "names.py"], ids=_name)
def test_a_name_in_a_cluster_is_written_in_one_place(path: Path) -> None:
    texts = list(_texts(path))

    paths = [text for text in texts if text.startswith(("/api/", "/apis/")) and len(text) > len("/apis/")]
    again = [NAMES[text] for text in texts if text in NAMES and _name(path) not in OF_VOLUMES]
    assert (paths, again) == ([], [])


@pytest.mark.parametrize(
    ("kind", "name", "namespace", "expected"),
    [
        (names.NODES, "", "", "/api/v1/nodes"),
        (names.NODES, "worker-0", "", "/api/v1/nodes/worker-0"),
        (names.PODS, "", "default", "/api/v1/namespaces/default/pods"),
        (names.JOBS, "one", "default", "/apis/batch/v1/namespaces/default/jobs/one"),
    ],
)
def test_a_path_leads_to_a_list_a_namespace_or_an_object(kind: str, name: str, namespace: str, expected: str) -> None:
    assert names.path(kind, name, namespace=namespace) == expected
