"""The simulated Trustee operator makes the Deployment that the real one made: ``deployments`` has recordings of it."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.kinds import CONFIG_MAP, DEPLOYMENT, KBS_CONFIG, SECRET
from rehearsal.operators.trustee import NAMESPACE
from rehearsal.operators.trustee_migration import ANNOTATION
from rehearsal.operators.trustee_template import VERSIONS, UnresolvedError
from tests.unit.trustee_cluster import SPEC, Cluster

RECORDED = {path.stem: yaml.safe_load(path.read_text()) for path in (Path(__file__).parent / "deployments").iterdir()}
CASES = [(version, case) for version, cases in RECORDED.items() for case in cases]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [str(value)]


def _kept(value: Any) -> Any:
    """Return what an API server keeps: it drops empty lists."""
    if isinstance(value, dict):
        return {key: _kept(each) for key, each in value.items() if each != []}
    return [_kept(each) for each in value] if isinstance(value, list) else value


def _deployed(version: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return the spec of the Deployment for a KbsConfig all of whose names resolve."""
    cluster = Cluster(version, spec, {ANNOTATION: "v1.2.0"})
    for name in _texts(spec):
        for kind in (CONFIG_MAP, SECRET):
            metadata = {"name": name, "namespace": NAMESPACE, "annotations": {ANNOTATION: "v1.2.0"}}
            cluster.api.put(kind, {"metadata": metadata})
    cluster.reconcile()
    by_name: dict[str, Any] = _kept(cluster.deployment()["spec"])
    notes = by_name["template"]["metadata"].get("annotations", {})
    if VERSIONS in notes:
        notes[VERSIONS] = re.sub(r":[0-9]+", "", notes[VERSIONS])
    return by_name


@pytest.mark.parametrize(("version", "case"), CASES)
def test_the_deployment_is_the_one_that_the_real_operator_made(version: str, case: str) -> None:
    recorded = RECORDED[version][case]

    assert _deployed(version, recorded["kbsConfig"]) == recorded["deployment"]


@pytest.mark.parametrize("version", ["0.3.0", "0.4.0", "1.0.0", "1.1.0"])
def test_what_lies_below_the_mounts_can_be_written_to_until_1_1(version: str) -> None:
    spec = _deployed(version, SPEC)["template"]["spec"]
    folders = {each["name"] for each in spec["volumes"] if "emptyDir" in each}
    paths = {each["mountPath"] for each in spec["containers"][0]["volumeMounts"] if each["name"] in folders}

    root = "/opt/confidential-containers"
    assert {root, f"{root}/kbs/repository/default"} <= paths


def test_a_change_of_the_spec_that_does_not_resolve_leaves_the_deployment_as_it_is() -> None:
    cluster = Cluster("0.3.0")
    cluster.reconcile()
    before = cluster.deployment()
    cluster.api.put(KBS_CONFIG, {**cluster.config, "spec": {**SPEC, "kbsSecretResources": ["none"]}})

    with pytest.raises(UnresolvedError):
        cluster.reconcile()
    assert asyncio.run(cluster.api.get(DEPLOYMENT, "trustee-deployment", NAMESPACE)) == before
