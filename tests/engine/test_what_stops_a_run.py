"""Mistakes that end a run before anything is changed, and what it says of each. One cluster for all of them.

Every run is a ``pulumi up`` without a preview before it. The program checks in two steps, and each tells everything
that it finds at once: the settings by themselves, and then, once versions and host are known, the trust chain.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.operators import olm_catalog
from rehearsal.rest import ApiServer
from tests.engine.harness import Stack
from tests.unit import pki

pytestmark = pytest.mark.engine
POLICIES = "tests/engine/policies"
HOST = "kbs-service-trustee-operator-system.apps.rehearsal.example.com"


def _refused(stack: Stack, changes: Mapping[str, Any]) -> str:
    """Return what ``up`` says with these settings, which it must refuse without a request that changes anything."""
    mark = stack.mark()
    stack.configure(changes)
    done = stack.up(check=False)
    stack.configure({})

    assert done.code != 0, done.output
    assert "Traceback" not in done.output
    assert "unhandled error" not in done.output
    assert stack.requests(mark) == []
    assert stack.get("/api/v1/namespaces/trustee-operator-system") is None
    return done.output


def _lines(text: str, *parts: str) -> list[str]:
    """Return the lines that have all the parts."""
    return [line for line in text.splitlines() if all(part in line for part in parts)]


@contextmanager
def _offering(stack: Stack, package: olm_catalog.Package, version: str) -> Iterator[None]:
    """Have the catalog offer one version only for a while."""
    server, usual = ApiServer(stack.cluster.kubeconfig), package.versions[0]
    olm_catalog.move(server, dataclasses.replace(package, versions=(version,), unheard=()), version)
    try:
        yield
    finally:
        olm_catalog.move(server, package, usual)


@pytest.mark.parametrize(
    ("package", "version", "known", "setting"),
    [
        (olm_catalog.TRUSTEE, "2.0.0", "0.3, 0.4, 1.0, 1.1, 1.2", "trustee.operator"),
        (olm_catalog.OSC, "1.14.0", "1.9, 1.10, 1.11, 1.12, 1.13", "peerPods.operator"),
    ],
    ids=["Trustee", "OSC"],
)
def test_where_no_version_with_a_profile_is_offered_preview_and_up_stop_with_the_ways_out(
    stack: Stack, package: olm_catalog.Package, version: str, known: str, setting: str
) -> None:
    with _offering(stack, package, version):
        preview = stack.run("preview", "--stack", "rehearsal", check=False)
        message = _refused(stack, {})

    assert preview.code != 0
    newest = known.rpartition(" ")[2]
    for output in (preview.output, message):
        assert _lines(output, f"{package.name}.v{version} has no profile", f"that have one: {known}."), output
        assert _lines(output, f"Choose a channel that offers one (coco-azure:{setting}.channel)"), output
        assert _lines(output, f"pulumi config set --path 'coco-azure:{setting}.version' VERSION"), output
        assert _lines(output, f"pulumi config set --path 'coco-azure:{setting}.treatAs' {newest}"), output


@pytest.fixture(scope="module")
def of_settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run says of mistakes that the settings show by themselves."""
    values = tmp_path_factory.mktemp("values") / "reference-values.json"
    entry = {"name": "azsnpvtpm.tpm.pcr07", "expiration": "2099-01-01T00:00:00Z", "value": ["no hex"]}
    values.write_text(json.dumps([entry]))
    return _refused(
        stack,
        {
            "trustee": {"referenceValuesFile": str(values), "referenceValues": {"alsoAccept": ["12ab"]}},
            "clientSecrets": {"Not_A_Label": {"key": "c2VjcmV0LW9mLXRoZS11c2Vy"}},
            "sealedSecrets": {"app": {"database": {"password": "kbs:///elsewhere/db/password"}}},
        },
    )


def test_each_mistake_of_the_settings_is_told_once_and_the_engine_adds_nothing_to_it(of_settings: str) -> None:
    diagnostics = of_settings.partition("Diagnostics:")[2]
    assert diagnostics.count("4 problems in the settings of this stack (nothing was changed):") == 1
    for setting in (
        "trustee.referenceValuesFile: ",
        "trustee.referenceValues.alsoAccept[0]: ",
        'clientSecrets["Not_A_Label"]: ',
        "sealedSecrets.app.database.password",
    ):
        assert len(_lines(diagnostics, setting)) == 1, of_settings
    assert "c2VjcmV0LW9mLXRoZS11c2Vy" not in of_settings


@pytest.fixture(scope="module")
def of_chain(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run says of mistakes that show only with the versions and the host."""
    folder, now = tmp_path_factory.mktemp("pki"), datetime.now(UTC)
    start, end = now - timedelta(days=1), now + timedelta(days=300)
    authority = pki.make("authority", authority=True, start=start, end=end)
    leaf = pki.make("kbs", authority, names=("kbs.elsewhere.example.com",), start=start, end=end)
    for name, text in {"kbs.crt": leaf.pem, "kbs.key": leaf.key, "ca.crt": authority.pem}.items():
        (folder / name).write_text(text)
    tls = {
        "certificateFile": str(folder / "kbs.crt"),
        "privateKeyFile": str(folder / "kbs.key"),
        "caCertificateFile": str(folder / "ca.crt"),
    }
    return _refused(
        stack,
        {
            "trustee": {
                "attestationPolicyFile": f"{POLICIES}/broken.rego",
                "resourcePolicyFile": f"{POLICIES}/deny.rego",
                "referenceValues": {"expires": "2026-01-31"},
                "tls": tls,
            },
            "initdata": {"agentPolicyFile": f"{POLICIES}/agent_exec.rego"},
        },
    )


def test_all_mistakes_of_the_chain_are_told_with_their_settings(of_chain: str) -> None:
    expired = [f"azsnpvtpm.tpm.pcr{number:02} expired on 2026-01-31 23:59 UTC" for number in (3, 4, 7, 8, 9, 11, 12)]
    for parts in (
        ("coco-azure:trustee.attestationPolicyFile: line 6, column", 'allow { input.tee === "azsnpvtpm" }'),
        ("every documented TEE is turned away", "pulumi config rm --path 'coco-azure:trustee.resourcePolicyFile'"),
        ("the agent policy allows ExecProcessRequest", "coco-azure:initdata.agentPolicyFile"),
        *((each, "coco-azure:trustee.referenceValues.expires YYYY-MM-DD") for each in expired),
        ("trustee.tls.certificateFile", "kbs.elsewhere.example.com", f"needed {HOST}"),
    ):
        assert _lines(of_chain, *parts), of_chain
    assert not _lines(of_chain, "the agent policy allows ReadStreamRequest")


def test_nothing_at_all_was_created_by_all_these_runs(stack: Stack) -> None:
    # The tests themselves move the catalog.
    assert [each for each in stack.requests() if each.kind != "packagemanifests/status"] == []
    assert [each["type"] for each in stack.state() if each.get("custom") and not _only_read(each)] == []


def _only_read(resource: Mapping[str, Any]) -> bool:
    return bool(resource.get("external")) or str(resource["type"]).startswith("pulumi:")
