"""``./coco-azure versions``: versions without a profile are noticed, in a cluster and in a rendered catalog."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from coco_azure import names
from coco_azure.cli import main
from coco_azure.versions import catalogs
from coco_azure.versions.catalogs import Offer
from rehearsal.operators import olm_catalog
from tests.unit.fake_cluster import PACKAGES, FakeCluster

NAMESPACE = "openshift-marketplace"


def _offer(version: str, package: str = names.OSC_PACKAGE) -> Offer:
    return Offer(package=package, csv=f"{package}.v{version}", channel="stable", source="redhat-operators")


def _document(*versions: str, package: str = names.OSC_PACKAGE, schema: str = "olm.channel") -> dict[str, Any]:
    entries = [{"name": f"{package}.v{version}"} for version in versions]
    return {"schema": schema, "name": "stable", "package": package, "entries": entries}


def _cluster(osc: str = "1.14.0") -> FakeCluster:
    cluster = FakeCluster()
    path = PACKAGES.format(namespace=NAMESPACE)
    cluster.put(path, names.OSC_PACKAGE, olm_catalog.manifest_status(olm_catalog.OSC, osc))
    cluster.put(path, names.TRUSTEE_PACKAGE, olm_catalog.manifest_status(olm_catalog.TRUSTEE, "1.2.1"))
    return cluster


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that the command asks."""
    result = _cluster()
    monkeypatch.setattr("coco_azure.clients.kubernetes.connect", lambda _: result)
    return result


def test_a_version_without_a_profile_is_unknown_and_an_old_one_is_no_news() -> None:
    offered = [_offer(each) for each in ("1.14.0", "1.13.2", "1.8.1", "1.2.0", "1.20.0", "1.14.0", "1.9.0")]

    assert [each.csv for each in catalogs.unknown(offered)] == [
        f"{names.OSC_PACKAGE}.v1.14.0",
        f"{names.OSC_PACKAGE}.v1.20.0",
    ]


def test_each_package_is_held_to_its_own_profiles() -> None:
    offered = [
        _offer("1.3.0", names.TRUSTEE_PACKAGE),
        _offer("1.13.1", names.TRUSTEE_PACKAGE),
        _offer("0.2.0", names.TRUSTEE_PACKAGE),
    ]

    assert [each.csv for each in catalogs.unknown(offered)] == [
        f"{names.TRUSTEE_PACKAGE}.v1.3.0",
        f"{names.TRUSTEE_PACKAGE}.v1.13.1",
    ]


def test_a_cluster_with_an_unknown_head_gives_exit_code_2_and_names_it(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.lists
    assert main(["versions"]) == 2

    result = capsys.readouterr().out
    assert f"{names.OSC_PACKAGE} 1.14.0 has no profile: channel stable of redhat-operators" in result
    assert "newest that has one is 1.13" in result
    assert result.count("has no profile") == 1


def test_the_same_as_json(cluster: FakeCluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.lists
    assert main(["versions", "--json"]) == 2

    (result,) = json.loads(capsys.readouterr().out)["unknown"]
    assert (result["package"], result["version"], result["source"]) == (names.OSC_PACKAGE, "1.14.0", "redhat-operators")


def test_a_cluster_whose_versions_are_all_known_gives_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("coco_azure.clients.kubernetes.connect", lambda _: _cluster("1.13.1"))

    assert main(["versions"]) == 0
    assert "every version has a profile" in capsys.readouterr().out


def test_a_head_that_no_entry_names_is_looked_at_too() -> None:
    cluster = FakeCluster()
    channel = {"name": "stable", "currentCSV": f"{names.OSC_PACKAGE}.v1.14.0"}
    cluster.put(
        PACKAGES.format(namespace="mirrors"), names.OSC_PACKAGE, {"catalogSource": "mine", "channels": [channel]}
    )
    client: Any = cluster

    assert catalogs.cluster(client, "mirrors") == [
        Offer(package=names.OSC_PACKAGE, csv=f"{names.OSC_PACKAGE}.v1.14.0", channel="stable", source="mine")
    ]


def test_a_cluster_without_the_packages_cannot_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("coco_azure.clients.kubernetes.connect", lambda _: FakeCluster())

    assert main(["versions", "--namespace", "mirrors"]) == 1
    assert "no catalog in mirrors has trustee-operator or sandboxed-containers-operator" in capsys.readouterr().err


_STREAM = [
    {"schema": "olm.package", "name": names.OSC_PACKAGE, "defaultChannel": "stable"},
    _document("1.13.1", "1.14.0"),
    _document("9.0.0", package="another-operator"),
    _document("9.0.0", schema="olm.deprecations"),
]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(each, indent=2) for each in _STREAM),
        "".join(json.dumps(each) for each in _STREAM) + "\n",
        yaml.safe_dump_all(_STREAM),
    ],
    ids=["JSON", "JSON without ends of lines", "YAML"],
)
def test_a_rendered_catalog_is_read_in_every_form_that_opm_prints(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "catalog"
    file.write_text(text)

    assert main(["versions", "--catalog", str(file)]) == 2
    result = capsys.readouterr().out
    assert f"{names.OSC_PACKAGE} 1.14.0 has no profile: channel stable of {file}" in result
    assert result.count("has no profile") == 1


def test_a_catalog_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(_document("1.13.1")).encode())))

    assert main(["versions", "--catalog", "-"]) == 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "neither a stream of JSON nor of YAML"),
        ("a: [", "neither a stream of JSON nor of YAML"),
        ("", "has no channel (schema olm.channel)"),
        ("just words", "has no channel (schema olm.channel)"),
        (json.dumps(_document("1.0.0", package="another-operator")), "needed what `opm render` prints"),
    ],
)
def test_what_is_no_catalog_gives_exit_code_1_and_says_what_is_needed(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "catalog"
    file.write_text(text)

    assert main(["versions", "--catalog", str(file)]) == 1
    assert complaint in capsys.readouterr().err


def test_a_file_that_is_not_there_cannot_tell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", "--catalog", "no/such/file"]) == 1
    assert "no/such/file" in capsys.readouterr().err
