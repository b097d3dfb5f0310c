"""The real KBS 0.3, and the simulated one, on everything that is mounted for a production stack."""

import base64
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from rehearsal.kubelet import evidence
from rehearsal.kubelet.kbs import DeniedError, Kbs, StartError
from tests import reality
from tests.contract.kbs_inputs import (
    ADMIN_KEY,
    ALLOW_ALL,
    ATTESTATION_POLICY,
    BROKEN,
    CONFIG,
    EC_KEY,
    OTHER_KEY,
    POLICY,
    RESOURCE,
    RSA_KEY,
    TLS_CERTIFICATE,
    TLS_KEY,
    certificate,
    pem,
)
from tests.contract.real_kbs import AtLoopback, Ended, Mounts, ask_as_sample, attest, believes, started
from tests.contract.stacks import PRODUCTION, Objects, made, mounted, with_trustee
from tests.unit.recording import revealed, run_program

pytestmark = reality.KBS.needed

Files = Mapping[str, str | None]

HOST = "kbs-service-trustee-operator-system.apps.demo.example.com"
SIGNER_KEY, SIGNER_CERTIFICATE = "/etc/auth-secret/token.key", "/etc/auth-secret/token.crt"
PREVIOUS = "/etc/auth-secret/previous-token.crt"
LETS_EVERYBODY_IN: Files = {POLICY: ALLOW_ALL, ATTESTATION_POLICY: ALLOW_ALL}
EDGE = with_trustee(PRODUCTION, tls={"termination": "edge"})

# Each change of the mounted files, and what the real one says of it.
REFUSED: Mapping[str, tuple[Files, str]] = {
    "no signer's key": ({SIGNER_KEY: None}, "Read Token Signer private key failed"),
    "a malformed signer's key": ({SIGNER_KEY: "no"}, "Attestation error"),
    "a signer of another kind": ({SIGNER_KEY: pem(EC_KEY), SIGNER_CERTIFICATE: certificate(EC_KEY)}, "Attestation"),
    "no signer's certificate, which is the trusted one": ({SIGNER_CERTIFICATE: None}, "failed to read certificate"),
    "a malformed signer's certificate": ({SIGNER_CERTIFICATE: BROKEN}, "Failed to initialize Token Verifier"),
    "an empty signer's certificate": ({SIGNER_CERTIFICATE: ""}, "Failed to initialize Token Verifier"),
    "no previous certificate": ({PREVIOUS: None}, "failed to read certificate"),
    "a malformed previous certificate": ({PREVIOUS: BROKEN}, "Failed to initialize Token Verifier"),
    "no administrator's key": ({ADMIN_KEY: None}, "Read admin public key failed"),
    "a private key for an administrator's": ({ADMIN_KEY: pem(RSA_KEY)}, "Failed to parse admin public key"),
    "no key for https": ({TLS_KEY: None}, "HTTPS initialization failed"),
    "a malformed key for https": ({TLS_KEY: "no"}, "HTTPS initialization failed"),
    "a certificate for a key": ({TLS_KEY: certificate(RSA_KEY)}, "HTTPS initialization failed"),
    "no certificate for https": ({TLS_CERTIFICATE: None}, "HTTPS initialization failed"),
    "a malformed certificate for https": ({TLS_CERTIFICATE: "no"}, "HTTPS initialization failed"),
    "an empty certificate for https": ({TLS_CERTIFICATE: ""}, "HTTPS initialization failed"),
}
STARTS: Mapping[str, Files] = {
    "as it is": {},
    "the signer's certificate of another key": {SIGNER_CERTIFICATE: certificate(OTHER_KEY)},
    "a key for https of another certificate": {TLS_KEY: pem(RSA_KEY)},
    "a malformed attestation policy": {ATTESTATION_POLICY: "no"},
    "no secret at all": {f"/opt/confidential-containers/kbs/repository/{RESOURCE}": None},
}


@pytest.fixture(scope="module")
def kbs() -> Path:
    return reality.KBS.path


@pytest.fixture(scope="module")
def production() -> Objects:
    return made(PRODUCTION)


@pytest.fixture(scope="module")
def rotated() -> tuple[Objects, dict[str, str]]:
    """Return a stack whose signer has been rotated, and the signer of before with its key."""
    run = run_program(with_trustee(PRODUCTION, rotation={"tokenSigner": 2}))
    before = json.loads(revealed(run.registrations["trustee-content-token-signer"].inputs["input"]))
    objects = {title: revealed(item) for title, item in run.objects().items()}
    return objects, {SIGNER_CERTIFICATE: before[0], SIGNER_KEY: before[1]}


def _changed(files: Mapping[str, str], changes: Files) -> dict[str, str]:
    return {path: text for path, text in {**files, **changes}.items() if text is not None}


def _initdata_authority(objects: Objects) -> str:
    result = objects["ConfigMapPatch openshift-sandboxed-containers-operator/peer-pods-cm"]["data"]["INITDATA"]
    hub = tomllib.loads(tomllib.loads(base64.b64decode(result).decode())["data"]["cdh.toml"])
    return str(hub["kbc"]["kbs_cert"])


def _https(url: str) -> str:
    return url.replace("http://", "https://")


def _session(folder: Path, authority: str, host: str = HOST) -> requests.Session:
    file = folder / "authority.crt"
    file.write_text(authority)
    session = requests.Session()
    session.verify = str(file)
    session.trust_env = False  # or a bundle of this machine would count instead
    session.mount("https://", AtLoopback(host))
    return session


@pytest.mark.parametrize(
    ("lets_in", "text"),
    [
        ((), "attest 401"),
        ((POLICY,), "attest 401"),
        ((ATTESTATION_POLICY,), "PolicyDeny"),
        ((POLICY, ATTESTATION_POLICY), "res1val1"),
    ],
    ids=["both", "the attestation policy alone", "the resource policy alone", "neither"],
)
def test_each_production_policy_turns_the_sample_attester_away(
    kbs: Path, tmp_path: Path, lets_in: tuple[str, ...], text: str
) -> None:
    files = _changed(mounted(made(EDGE)), {path: LETS_EVERYBODY_IN[path] for path in lets_in})

    with started(kbs, Mounts(files), tmp_path) as url:
        assert isinstance(url, str), url
        code, answer = ask_as_sample(url, RESOURCE)

    assert code == (0 if text == "res1val1" else 3)
    assert text in answer
    simulated = Kbs.start(CONFIG, lambda: files)
    if code == 0:
        assert simulated.release(RESOURCE, evidence.sample()) == b"res1val1"
    else:
        with pytest.raises(DeniedError, match="PolicyDeny" if text == "PolicyDeny" else "AttestationError"):
            simulated.release(RESOURCE, evidence.sample())


def test_with_passthrough_initdata_carries_the_authority_of_what_kbs_presents(
    kbs: Path, tmp_path: Path, production: Objects
) -> None:
    files = _changed(mounted(production), LETS_EVERYBODY_IN)
    authority = _initdata_authority(production)

    with started(kbs, Mounts(files), tmp_path) as url:
        assert isinstance(url, str), url
        session = _session(tmp_path, authority)
        assert believes(_https(url), attest(_https(url), session), RESOURCE, session)
        for wrong, host in ((authority, "kbs.example.com"), (certificate(RSA_KEY), HOST)):
            with pytest.raises(requests.exceptions.SSLError):
                attest(_https(url), _session(tmp_path, wrong, host))


@pytest.mark.parametrize("overlap", [True, False])
def test_tokens_of_the_signer_before_are_believed_while_the_generations_overlap(
    kbs: Path, tmp_path: Path, rotated: tuple[Objects, dict[str, str]], *, overlap: bool
) -> None:
    objects, before = rotated
    if not overlap:
        objects = made(with_trustee(PRODUCTION, rotation={"tokenSigner": 2, "overlap": False}))
    files = _changed(mounted(objects), LETS_EVERYBODY_IN)
    authority = _initdata_authority(objects)
    folders = tmp_path / "before", tmp_path / "after"
    for folder in folders:
        folder.mkdir()

    with started(kbs, Mounts({**files, **before}), folders[0]) as url:
        assert isinstance(url, str), url
        session = _session(folders[0], authority)
        token = attest(_https(url), session)
        assert believes(_https(url), token, RESOURCE, session)
    with started(kbs, Mounts(files), folders[1]) as url:
        assert isinstance(url, str), url
        session = _session(folders[1], authority)
        assert believes(_https(url), token, RESOURCE, session) is overlap
        assert believes(_https(url), attest(_https(url), session), RESOURCE, session)


@pytest.mark.parametrize("what", STARTS)
def test_both_start_on_what_is_mounted_for_production(
    kbs: Path, tmp_path: Path, rotated: tuple[Objects, dict[str, str]], what: str
) -> None:
    files = _changed(mounted(rotated[0]), STARTS[what])

    assert Kbs.start(CONFIG, lambda: files).https
    with started(kbs, Mounts(files), tmp_path) as url:
        assert isinstance(url, str), url


@pytest.mark.parametrize("what", REFUSED)
def test_both_refuse_to_start_for_production_on(
    kbs: Path, tmp_path: Path, rotated: tuple[Objects, dict[str, str]], what: str
) -> None:
    changes, result = REFUSED[what]
    files = _changed(mounted(rotated[0]), changes)

    with started(kbs, Mounts(files), tmp_path) as ended:
        assert isinstance(ended, Ended), ended
    assert result in ended.output
    with pytest.raises(StartError) as error:
        Kbs.start(CONFIG, lambda: files)
    assert result in str(error.value)
