"""The simulated KBS 0.3 starts on exactly what the real one starts on."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rehearsal.kubelet.kbs import Kbs, StartError
from tests import reality
from tests.contract.kbs_inputs import (
    ADMIN_KEY,
    BROKEN,
    CONFIG,
    EAR,
    EC_KEY,
    HTTPS,
    LONG_EC_KEY,
    OTHER_KEY,
    POLICY,
    RSA_KEY,
    SIGNER,
    SIGNER_CERTIFICATE,
    SIGNER_KEY,
    TLS_CERTIFICATE,
    TLS_KEY,
    TRUSTED,
    VALUES,
    Edits,
    certificate,
    files,
    pem,
    public_pem,
    section,
    signed_by,
)
from tests.contract.real_kbs import Ended, Mounts, started

pytestmark = reality.KBS.needed

Files = Mapping[str, str | None]
TLS: Files = {TLS_KEY: pem(RSA_KEY), TLS_CERTIFICATE: certificate(RSA_KEY)}
IGNORED = [
    ("insecure_http = true", "insecure_http = true\nnope = 1"),
    ("insecure_api = false", "insecure_api = false\nnope = 1"),
    ('policy_engine = "opa"', 'policy_engine = "opa"\nnope = 1'),
    ("duration_min = 5", "duration_min = 5\nnope = 1"),
    ('type = "LocalFs"', 'type = "LocalFs"\nnope = 1'),
    ("[policy_engine]", "[nope]\nx = 1\n[policy_engine]"),
]

STARTS: Mapping[str, tuple[Edits, Files]] = {
    "as it is": ((), {}),
    "variant by its proper name": ([('"coco_as_builtin"', '"CoCoASBuiltIn"')], {}),
    "unknown keys": (IGNORED, {}),
    "no insecure_key": ([("insecure_key = true", "")], {}),
    "no attestation_token": ([section("[attestation_token]", "[attestation_service]")], {}),
    "no broker": ([section("[attestation_service.attestation_token_broker]", "[attestation_service.rvps_config]")], {}),
    "no rvps_config": ([section("[attestation_service.rvps_config]", "[[plugins]]")], {}),
    "no storage": ([section("[attestation_service.rvps_config.storage]", "[[plugins]]")], {}),
    "no plugins": ([section("[[plugins]]", "[policy_engine]")], {}),
    "another plugin": ([("[policy_engine]", '[[plugins]]\nname = "sample"\nitem = "x"\n[policy_engine]')], {}),
    "boolean as a text": ([("insecure_http = true", 'insecure_http = "true"')], {}),
    "boolean as a number": ([("insecure_http = true", "insecure_http = 1")], {}),
    "timeout as a text": ([("timeout = 5", 'timeout = "5"')], {}),
    "insecure admin API without a key": ([("insecure_api = false", "insecure_api = true")], {ADMIN_KEY: None}),
    "https": (HTTPS, TLS),
    "https with the key of another certificate": (HTTPS, {**TLS, TLS_KEY: pem(OTHER_KEY)}),
    "signer": (SIGNER, signed_by(RSA_KEY)),
    "signer of EARs": ([*SIGNER, *EAR], signed_by(EC_KEY)),
    "signer of EARs on a curve that cannot sign them": ([*SIGNER, *EAR], signed_by(LONG_EC_KEY)),
    "signer without a certificate in its file": (SIGNER, {SIGNER_KEY: pem(RSA_KEY), SIGNER_CERTIFICATE: "nothing"}),
    "signer that is trusted": ([*SIGNER, *TRUSTED], signed_by(RSA_KEY)),
    "no reference values": ((), {VALUES: None}),
    "malformed reference values": ((), {VALUES: "no"}),
    "no resource policy": ((), {POLICY: None}),
    "malformed resource policy": ((), {POLICY: "no"}),
}

# What the real one says of it, and the simulated one too.
REFUSED: Mapping[str, tuple[Edits, Files, str]] = {
    "malformed TOML": ([("[http_server]", "[http_server")], {}, "line 2"),
    "no service type": ([('type = "coco_as_builtin"', "")], {}, "missing field `type`"),
    "unknown service type": (
        [('"coco_as_builtin"', '"nope"')],
        {},
        "unknown variant `nope`, expected `CoCoASBuiltIn` or `coco_as_builtin`",
    ),
    "broker without type": ([('type = "Simple"', "")], {}, "missing field `type`"),
    "unknown broker": ([('"Simple"', '"JWT"')], {}, "unknown variant `JWT`, expected `Simple` or `Ear`"),
    "RVPS without type": ([('type = "BuiltIn"', "")], {}, "missing field `type`"),
    "unknown RVPS": ([('"BuiltIn"', '"builtin"')], {}, "expected `BuiltIn` or `GrpcRemote`"),
    "storage without type": ([('type = "LocalJson"', "")], {}, "missing field `type`"),
    "unknown storage": ([('"LocalJson"', '"Json"')], {}, "expected `LocalFs` or `LocalJson`"),
    "plugin without name": ([('name = "resource"', "")], {}, "missing field `name`"),
    "plugin without type": ([('type = "LocalFs"', "")], {}, "missing field `type`"),
    "unknown plugin": (
        [('"resource"', '"vault"')],
        {},
        "expected one of `Sample`, `sample`, `ResourceStorage`, `resource`",
    ),
    "unknown backend": ([('"LocalFs"', '"kvstorage"')], {}, "unknown variant `kvstorage`, expected `LocalFs`"),
    "plugin without its item": (
        [("[policy_engine]", '[[plugins]]\nname = "sample"\n[policy_engine]')],
        {},
        "missing field `item`",
    ),
    "boolean as another word": (
        [("insecure_http = true", 'insecure_http = "maybe"')],
        {},
        'string "maybe", expected a boolean',
    ),
    "sockets as a text": ([('["0.0.0.0:8080"]', '"0.0.0.0:8080"')], {}, "expected a sequence"),
    "socket without a port": ([('"0.0.0.0:8080"', '"0.0.0.0"')], {}, "invalid socket address syntax"),
    "socket with a name": ([('"0.0.0.0:8080"', '"localhost:8080"')], {}, "invalid socket address syntax"),
    "duration as a text": ([("duration_min = 5", 'duration_min = "5"')], {}, 'string "5", expected i64'),
    "duration as a fraction": ([("duration_min = 5", "duration_min = 5.0")], {}, "floating point `5.0`, expected i64"),
    "timeout as a word": ([("timeout = 5", 'timeout = "five"')], {}, 'string "five", expected an integer'),
    "certificates as a text": ([("insecure_key = true", 'trusted_certs_paths = "/x"')], {}, "expected a sequence"),
    "policy engine without its path": ([(f'policy_path = "{POLICY}"', "")], {}, "missing field `policy_path`"),
    "no admin": ([section("[admin]", "[attestation_token]")], {}, "`auth_public_key` is not set in the config file"),
    "no administrator's key": ((), {ADMIN_KEY: None}, "Read admin public key failed"),
    "malformed administrator's key": ((), {ADMIN_KEY: "a key"}, "Failed to parse admin public key"),
    "administrator's key of another kind": (
        (),
        {ADMIN_KEY: public_pem(RSA_KEY.public_key())},
        "Failed to parse admin public key",
    ),
    "https without files": ([("insecure_http = true", "")], {}, "Missing certificate"),
    "https with missing files": (HTTPS, {}, "HTTPS initialization failed"),
    "https with a malformed certificate": (HTTPS, {**TLS, TLS_CERTIFICATE: "no"}, "no start line"),
    "https with a malformed key": (HTTPS, {**TLS, TLS_KEY: "no"}, "HTTPS initialization failed"),
    "missing trusted certificate": (TRUSTED, {}, "failed to read certificate"),
    "malformed trusted certificate": (TRUSTED, {SIGNER_CERTIFICATE: "no"}, "Failed to initialize Token Verifier"),
    "missing JWK set": (
        [("insecure_key = true", 'trusted_jwk_sets = ["file:///nope"]')],
        {},
        "error getting JWKS",
    ),
    "missing signer's key": (SIGNER, {}, "Read Token Signer private key failed"),
    "missing signer's certificate": (SIGNER, {SIGNER_KEY: pem(RSA_KEY)}, "Read Token Signer cert file failed"),
    "malformed signer's certificate": (
        SIGNER,
        {SIGNER_KEY: pem(RSA_KEY), SIGNER_CERTIFICATE: BROKEN},
        "Invalid PEM certificate chain",
    ),
    "signer of Simple tokens with an EC key": (SIGNER, signed_by(EC_KEY), "Attestation error"),
    "signer of EARs with an RSA key": ([*SIGNER, *EAR], signed_by(RSA_KEY), "Attestation error"),
}


@pytest.fixture(scope="module")
def kbs() -> Path:
    return reality.KBS.path


@pytest.mark.parametrize("what", STARTS)
def test_both_start_on(kbs: Path, tmp_path: Path, what: str) -> None:
    edits, changes = STARTS[what]
    mounted = files(edits, changes)

    Kbs.start(CONFIG, lambda: mounted)
    with started(kbs, Mounts(mounted), tmp_path) as url:
        assert isinstance(url, str), url


@pytest.mark.parametrize("what", REFUSED)
def test_both_refuse_to_start_on(kbs: Path, tmp_path: Path, what: str) -> None:
    edits, changes, result = REFUSED[what]
    mounted = files(edits, changes)

    with started(kbs, Mounts(mounted), tmp_path) as ended:
        assert isinstance(ended, Ended), ended
    assert result in ended.output
    with pytest.raises(StartError) as error:
        Kbs.start(CONFIG, lambda: mounted)
    assert result in str(error.value)
