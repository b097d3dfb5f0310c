"""The attestation policy is always mounted: KBS 0.3 and 0.4 take another one from anybody who can write its file.

They carry out POST attestation-policy without a key (openshift/trustee v0.3.0, v0.4.0 ``kbs/src/api_server.rs``), and
only that a mounted ConfigMap cannot be written to stands against it. The Deployment is that of the operator's model,
which ``test_rehearsal_trustee_deployments`` holds to what the real operators made.
"""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from coco_azure.versions.profiles import TRUSTEE
from rehearsal.kinds import CONFIG_MAP, SECRET
from rehearsal.operators.trustee import NAMESPACE
from rehearsal.operators.trustee_migration import ANNOTATION
from tests.unit.recording import Recorder, Run, revealed, run_program
from tests.unit.speaking import osc_of
from tests.unit.trust_stacks import PRODUCTION, changed
from tests.unit.trustee_cluster import Cluster

MEASURED = changed(PRODUCTION, trustee__referenceValues__initdata=True)
FORMS: dict[str, dict[str, Any]] = {
    "development": {},
    "development without signed tokens": {"trustee": {"signTokens": False}},
    "production": MEASURED,
    "a policy of the user's own": {"trustee": {"attestationPolicyFile": "?"}},
    "passthrough": {"trustee": {"tls": {"termination": "passthrough"}}},
    "a trusted cluster": {"trustee": {"cluster": {"context": "trusted"}}},
    "a hub": {"peerPods": {"enabled": False}},
    "a hub for production": changed(MEASURED, peerPods__enabled=False),
    "without a check": {"attestationCheck": {"enabled": False}},
}
VERSIONS = {"0.3": "0.3.0", "0.4": "0.4.0", "1.0": "1.0.0", "1.1": "1.1.0", "1.2": "1.2.1"}


def _run(form: str, version: str, folder: Path) -> Run:
    config = FORMS[form]
    if form == "a policy of the user's own":
        profile = TRUSTEE[version]
        rule = "attestation_policy_v1" if profile.rego_v1 else "attestation_policy"
        if profile.token == "Ear":
            rule = ""
        own = folder / "own.rego"
        own.write_text(Path(f"coco_azure/formats/rego/{rule}.rego").read_text() if rule else _AFFIRMING)
        config = {"trustee": {"attestationPolicyFile": str(own)}}
    return run_program(config, Recorder(osc=f"{osc_of(version)}.0", trustee=VERSIONS[version]))


_AFFIRMING = """package policy
import rego.v1
executables := 3
hardware := 2
configuration := 2
trust_claims := {"executables": executables, "hardware": hardware, "configuration": configuration}
"""


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_form_of_the_program_has_its_attestation_policy_mounted_where_kbs_reads_it(
    form: str, version: str, tmp_path: Path
) -> None:
    objects = revealed(_run(form, version, tmp_path).objects())
    profile = TRUSTEE[version]
    spec = objects[f"KbsConfig {NAMESPACE}/kbsconfig"]["spec"]
    mount, volume = _mounted(spec, VERSIONS[version])

    assert volume["configMap"]["name"] == "attestation-policy"
    policy = objects[f"ConfigMap {NAMESPACE}/attestation-policy"]["data"]
    path = PurePosixPath(profile.paths["attestation_policy"])
    assert policy.keys() == {path.name}
    # Up to 0.4 the whole folder is the ConfigMap, so that there is no room for a policy of another name either.
    whole = profile.token == "Simple"
    assert mount.get("subPath") == (None if whole else path.name)
    assert mount["mountPath"] == str(path.parent if whole else path)


def _mounted(spec: dict[str, Any], version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the mount of the attestation policy in KBS's container, and its volume."""
    cluster = Cluster(version, spec, {ANNOTATION: "v1.2.0"})
    names = [each for value in spec.values() for each in (value if isinstance(value, list) else [value])]
    for name in (each for each in names if isinstance(each, str)):
        for kind in (CONFIG_MAP, SECRET):
            metadata = {"name": name, "namespace": NAMESPACE, "annotations": {ANNOTATION: "v1.2.0"}}
            cluster.api.put(kind, {"metadata": metadata})
    cluster.reconcile()
    pod = cluster.deployment()["spec"]["template"]["spec"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "attestation-policy"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == "attestation-policy"]
    return mount, volume
