"""A real KBS in a pod of the rehearsal: its files, its socket, and the token with which it is asked.

What runs here is ``fake_kbs``, which takes KBS's command line: KBS itself is a large program. The token is looked at as
KBS's verifier does.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rehearsal.api import Api, Object
from rehearsal.kinds import CONFIG_MAP
from rehearsal.kubelet import evidence
from rehearsal.kubelet.hub import UnreachableError
from rehearsal.kubelet.kbs import DeniedError
from rehearsal.kubelet.running_kbs import RunningKbs
from rehearsal.kubelet.workloads import CrashError, Workloads
from rehearsal.operators.context import Context
from rehearsal.operators.faults import Faults
from rehearsal.real import kbs as real_kbs
from rehearsal.real import own_root, pods
from rehearsal.real.kbs import RealKbs, opened, token_of
from rehearsal.real.process import EndedError
from rehearsal.timings import Clock
from tests.contract.kbs_inputs import RSA_KEY, signed_by
from tests.unit.kbs_versions import CONFIG, RESOURCE, SETUPS
from tests.unit.memory_api import MemoryApi
from tests.unit.rehearsal.test_rehearsal_network import Objects
from tests.unit.stack_files import ROOT

SETUP = SETUPS["0.3.0"]
FAKE = ROOT / "tests" / "unit" / "fake_kbs.py"
GUEST = rsa.generate_private_key(65537, 2048)
SNP = evidence.of("Standard_DC2as_v5", "ab" * 48)
DENIES = "package policy\ndefault allow = false\n"
needs_root = pytest.mark.skipif(own_root.way() is None, reason="this machine lets nobody make a user namespace")


def _jwe(secret: bytes, *, authenticated: bool) -> bytes:
    content_key, iv, protected = b"k" * 32, b"i" * 12, base64.urlsafe_b64encode(b'{"alg":"RSA1_5"}').decode()
    sealed = AESGCM(content_key).encrypt(iv, secret, protected.encode() if authenticated else None)
    end = len(sealed) - 16 if authenticated else len(sealed)
    wrapped = GUEST.public_key().encrypt(content_key, padding.PKCS1v15())
    parts = {"encrypted_key": wrapped, "iv": iv, "ciphertext": sealed[:end], "tag": sealed[end:]}
    encoded = {name: base64.urlsafe_b64encode(part).rstrip(b"=").decode() for name, part in parts.items()}
    return json.dumps({**encoded, "protected": protected}).encode()


def _pod(mounts: list[Object], volumes: list[Object]) -> Object:
    container = {
        "name": "kbs",
        "image": f"registry.example.com/trustee:{SETUP.version}",
        "command": ["/usr/local/bin/kbs", "--config-file", CONFIG],
        "volumeMounts": mounts,
    }
    metadata = {"name": "trustee-deployment-1", "namespace": "trustee-operator-system", "uid": "u"}
    return {"metadata": metadata, "spec": {"containers": [container], "volumes": volumes}}


POD = _pod(
    [{"name": "config", "mountPath": "/etc/kbs-config"}, {"name": "opa", "mountPath": str(Path(SETUP.policy).parent)}],
    [{"name": "config", "configMap": {"name": "config"}}, {"name": "opa", "configMap": {"name": "opa"}}],
)


def _files(changes: Mapping[str, str | None] | None = None) -> dict[str, str]:
    answer = _jwe(b"res1val1", authenticated=False).decode()
    of_fake = {"/etc/kbs-config/protocol": "0.1.1", "/etc/kbs-config/answer": answer}
    return SETUP.files({**of_fake, **(changes or {})})


@asynccontextmanager
async def _running(
    monkeypatch: pytest.MonkeyPatch, folder: Path, files: dict[str, str], objects: Objects
) -> AsyncIterator[RealKbs]:
    monkeypatch.setenv("COCO_REHEARSAL_DIRECTORY", str(folder))
    monkeypatch.setenv("COCO_REHEARSAL_KBS", str(FAKE))
    monkeypatch.setattr(real_kbs, "guest_key", lambda: GUEST)
    api = cast("Api", objects)
    started = await pods.kbs(POD, files, RunningKbs(POD, files, api, Faults(api)), {})
    assert started is not None
    try:
        yield started
    finally:
        await started.stop()


def _released(monkeypatch: pytest.MonkeyPatch, folder: Path, files: dict[str, str], protocol: str = "0.1.1") -> bytes:
    async def work() -> bytes:
        assert SNP is not None
        async with _running(monkeypatch, folder, files, Objects({})) as kbs:
            return (await kbs.served()).kbs.release(RESOURCE, SNP, protocol)

    return asyncio.run(work())


@needs_root
def test_a_pod_that_is_attested_gets_what_the_real_kbs_releases(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert _released(monkeypatch, tmp_path, _files()) == b"res1val1"


@needs_root
def test_the_real_kbs_denies_by_its_resource_policy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="PolicyDeny"):
        _released(monkeypatch, tmp_path, _files({SETUP.policy: DENIES}))


@needs_root
def test_the_real_kbs_refuses_a_guest_of_another_protocol(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="Protocol Version Mismatch"):
        _released(monkeypatch, tmp_path, _files(), "0.4.0")


@needs_root
def test_evidence_is_judged_by_the_attestation_policy_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DeniedError, match="attestation policy denies"):
        _released(monkeypatch, tmp_path, _files({SETUP.attestation: DENIES}))


@needs_root
def test_its_log_has_what_it_wrote_and_the_denial_of_evidence_that_it_never_saw(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def work() -> str:
        assert SNP is not None
        files = _files({SETUP.attestation: DENIES})
        async with _running(monkeypatch, tmp_path, files, Objects({})) as kbs:
            with pytest.raises(DeniedError):
                (await kbs.served()).kbs.release(RESOURCE, SNP, "0.1.1")
            return kbs.log

    log = asyncio.run(work())
    assert '"POST /kbs/v0/auth' in log  # by the real one
    assert '"POST /kbs/v0/attest HTTP/1.1" 401' in log


@needs_root
def test_the_real_kbs_sees_a_changed_config_map(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    allows, files = _files()[SETUP.policy], _files()

    async def work() -> None:
        assert SNP is not None
        objects = Objects(
            {(CONFIG_MAP, "config"): {"data": {}}, (CONFIG_MAP, "opa"): {"data": {"policy.rego": allows}}}
        )
        async with _running(monkeypatch, tmp_path, files, objects) as kbs:
            assert (await kbs.served()).kbs.release(RESOURCE, SNP, "0.1.1") == b"res1val1"
            objects.held[CONFIG_MAP, "opa"] = {"data": {"policy.rego": DENIES}}
            with pytest.raises(DeniedError, match="PolicyDeny"):
                (await kbs.served()).kbs.release(RESOURCE, SNP, "0.1.1")

    asyncio.run(work())


@needs_root
def test_a_kbs_that_ends_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COCO_REHEARSAL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("COCO_REHEARSAL_KBS", str(FAKE))
    files = _files({CONFIG: 'sockets = ["0.0.0.0:8080"]\n'})

    with pytest.raises(EndedError, match="missing field `http_server`"):
        asyncio.run(pods.kbs(POD, files, "the simulated one refuses it, too", {}))


@needs_root
def test_what_the_real_one_takes_and_the_simulated_one_refuses_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COCO_REHEARSAL_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("COCO_REHEARSAL_KBS", str(FAKE))

    async def work() -> None:
        kbs = await pods.kbs(POD, _files(), "unknown field", {})
        assert kbs is not None
        assert SNP is not None
        try:
            (await kbs.served()).kbs.release(RESOURCE, SNP)
        finally:
            await kbs.stop()
        with pytest.raises(UnreachableError):
            kbs._ask("GET", "resource/a/b/c")

    with pytest.raises(DeniedError, match=r"attestation service refuses .*: unknown field"):
        asyncio.run(work())


def test_without_a_program_no_real_kbs_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COCO_REHEARSAL_KBS", raising=False)

    assert asyncio.run(pods.kbs(POD, {}, "", {})) is None


def _verified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK(header["jwk"]).key
    return header["jwk"], jwt.decode(token, key, [header["jwk"]["alg"]], options={"require": ["exp"]})


@pytest.mark.parametrize("version", SETUPS)
def test_a_token_is_as_the_verifier_of_each_version_reads_it(version: str) -> None:
    assert SNP is not None
    key, claims = _verified(token_of(SETUPS[version].start(), SNP, GUEST.public_key()))

    pointer = {
        "0.3.0": ("customized_claims", "runtime_data"),
        "0.4.0": ("customized_claims", "runtime_data"),
    }.get(version, ("submods", "cpu0", "ear.veraison.annotated-evidence", "runtime_data_claims"))
    values: Any = claims
    for part in pointer:
        values = values[part]
    assert values["tee-pubkey"]["kty"] == "RSA"
    assert values["tee-pubkey"]["alg"] == "RSA1_5"
    assert key["alg"] == ("RS384" if version < "1" else "ES256")
    assert "aud" not in claims  # which the verifier would have to expect


def test_a_token_is_signed_with_the_pods_own_signer_and_carries_its_certificates() -> None:
    assert SNP is not None
    signer = (
        'duration_min = 5\n[attestation_service.attestation_token_broker.signer]\nkey_path = "{}"\ncert_path = "{}"\n'
    )
    paths = list(signed_by(RSA_KEY))
    config = SETUP.config.replace("duration_min = 5\n", signer.format(*paths))
    key, _ = _verified(token_of(SETUP.start({CONFIG: config, **signed_by(RSA_KEY)}), SNP, GUEST.public_key()))

    assert key["n"] == real_kbs._jwk(RSA_KEY.public_key())["n"]
    (certificate,) = key["x5c"]
    assert "=" not in certificate
    assert real_kbs._decoded(certificate).startswith(b"\x30")


@pytest.mark.parametrize("authenticated", [True, False])
def test_both_forms_of_an_encrypted_answer_are_opened(*, authenticated: bool) -> None:
    assert opened(json.loads(_jwe(b"secret", authenticated=authenticated)), GUEST) == b"secret"


def _start(monkeypatch: pytest.MonkeyPatch, files: Mapping[str, str | None]) -> Workloads:
    """Return the nodes after they have started a pod of KBS with a ConfigMap of these files."""
    monkeypatch.delenv("COCO_REHEARSAL_DIRECTORY", raising=False)
    data = {Path(path).name: text for path, text in files.items() if path.startswith("/etc/kbs-config/")}
    api = MemoryApi()
    namespace = POD["metadata"]["namespace"]
    policy = {"policy.rego": SETUP.files()[SETUP.policy]}
    keys = {Path(path).name: text for path, text in SETUP.files().items() if path.startswith("/etc/auth-secret/")}
    volumes = [*POD["spec"]["volumes"], {"name": "auth", "configMap": {"name": "auth"}}]
    mounts = [*POD["spec"]["containers"][0]["volumeMounts"], {"name": "auth", "mountPath": "/etc/auth-secret"}]

    async def work() -> Workloads:
        for name, content in (("config", data), ("opa", policy), ("auth", keys)):
            await api.create(CONFIG_MAP, {"metadata": {"name": name, "namespace": namespace}, "data": content})
        nodes = Workloads(Context(api, Clock(1e9), Faults(api)))
        await nodes.start(_pod(mounts, volumes))
        return nodes

    return asyncio.run(work())


def test_the_real_kbs_of_a_pod_is_the_one_that_guests_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cast("RealKbs", object())

    async def started(*_: Any) -> RealKbs:
        return real

    monkeypatch.setattr(pods, "kbs", started)

    assert _start(monkeypatch, SETUP.files())._kbs["u"] is real


def test_a_real_kbs_that_ends_crashes_its_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    async def started(*_: Any) -> RealKbs:
        raise EndedError("the real KBS ended with code 101")

    monkeypatch.setattr(pods, "kbs", started)

    with pytest.raises(CrashError, match="ended with code 101") as error:
        _start(monkeypatch, SETUP.files())
    assert error.value.exited


def test_without_a_real_one_a_pod_has_the_simulated_kbs_or_crashes_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COCO_REHEARSAL_KBS", raising=False)

    assert isinstance(_start(monkeypatch, SETUP.files())._kbs["u"], RunningKbs)
    with pytest.raises(CrashError, match="missing field"):
        _start(monkeypatch, SETUP.files({CONFIG: SETUP.config.replace('type = "coco_as_builtin"', "")}))
