"""No private key leaves through a setting for something public, and every file is read whatever its encoding."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as run_settings
from hypothesis import strategies as st

from tests.unit import private_key_texts as texts
from tests.unit import public_settings
from tests.unit.components.test_outputs import shown
from tests.unit.pki import CHAIN
from tests.unit.public_settings import CASES, GOOD, SECRET_FILES, made, outcome, path_of
from tests.unit.recording import ROOT, Recorder, revealed, run_program
from tests.unit.trust_stacks import KEYS, PRODUCTION, changed, refused, stack

PEMS, DERS = texts.pems(), texts.ders()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def test_every_setting_that_names_a_file_is_known_as_public_or_as_secret() -> None:
    assert public_settings.files(secret=True) == SECRET_FILES
    assert public_settings.files(secret=False) == set(GOOD), "add it to GOOD with a file, or hold its content as secret"


@pytest.mark.parametrize("case", CASES)
def test_a_good_file_is_accepted_and_comes_out_as_it_should(folder: Path, case: str) -> None:
    text = CASES[case].text

    result = made(folder, case, text.encode())

    items = [line for line in text.splitlines() if line.startswith(("MI", "# of ours", "mQ"))]
    assert all(line in result for line in items)


def _holds(text: str, body: str) -> bool:
    """Return whether a text has a piece of a key, whatever stands between its letters.

    A piece is longer than the name of an algorithm, which certificates have, too.
    """
    bare = re.sub(r"\\[nrt]|[^A-Za-z0-9+/]", "", text)
    return any(body[start : start + 32] in bare for start in range(len(body) - 31))


@pytest.mark.parametrize("case", CASES)
def test_a_key_behind_what_is_good_is_named_with_its_block(folder: Path, case: str) -> None:
    pem, text = PEMS["P-256 in PKCS #8"], CASES[case].text

    result = outcome(folder, case, f"{text}\n{pem}".encode())

    block = text.count("-----BEGIN") + 1
    line = text.count("\n") + 2
    assert f"named.file: holds a private key (block {block}, PRIVATE KEY, line {line})" in result
    assert f"pulumi config set --path 'coco-azure:{path_of(case)}' VALUE" in result
    assert not _holds(result, texts.body(pem))


def test_the_files_of_certificates_as_tools_write_them_are_refused(folder: Path) -> None:
    pem = PEMS["RSA in the traditional form"]
    for text in (pem + CHAIN, CHAIN + pem, texts.secret("tls", "tls.key", pem), texts.secret("tls", "x", CHAIN + pem)):
        result = outcome(folder, "trustee.tls.caCertificateFile", text.encode())

        assert "holds a private key" in result
        assert "openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs -out NEW" in result
        assert not _holds(result, texts.body(pem))


_LABELS = ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "ENCRYPTED PRIVATE KEY"]
_DISGUISES = [
    "CERTIFICATE",
    "PUBLIC KEY",
    "X509 CERTIFICATE",
    "PGP PUBLIC KEY BLOCK",
    "RSA PUBLIC KEY",
    "EC PARAMETERS",
]
_WITH_STRUCTURE = [name for name in PEMS if "traditional form with a password" not in name]


@st.composite
def _keys(draw: st.DrawFn) -> tuple[str, str]:
    """Return a private key in some form, and its base64."""
    name = draw(st.sampled_from(sorted(PEMS)))
    pem = PEMS[name]
    body = texts.body(pem)
    if draw(st.booleans()):
        labels = _LABELS + (_DISGUISES if name in _WITH_STRUCTURE else [])
        pem = texts.armoured(body, draw(st.sampled_from(labels)), draw(st.sampled_from([48, 64, 76, 10_000])))
    lines = pem.splitlines()
    if draw(st.booleans()):
        lines.insert(1, "Comment: x\n")
    if draw(st.booleans()):
        lines = [each for line in lines for each in (line, draw(st.sampled_from(["", "# a comment", "; x"])))]
    if draw(st.booleans()):
        lines = [*lines[:-1], *lines[-1:][: draw(st.integers(0, 1))]]  # the end may be missing
    indent = draw(st.sampled_from(["", " ", "    ", "\t", "# ", "\ufeff"]))
    return "".join(f"{indent}{line}\n" for line in lines), body


def _as_base64(text: str) -> str:
    return f"data:\n  key: {base64.b64encode(text.encode()).decode()}\n"


WRAPPINGS = [str, _as_base64, lambda text: json.dumps({"key": text}), lambda text: _as_base64(_as_base64(text))]


@run_settings(deadline=None, max_examples=200)
@given(
    case=st.sampled_from(sorted(CASES)),
    key=_keys(),
    wrap=st.sampled_from(WRAPPINGS),
    place=st.floats(0, 1),
    written=st.tuples(st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
)
def test_no_text_with_a_private_key_survives_any_public_path(  # noqa: PLR0917 - what is drawn
    folder: Path, case: str, key: tuple[str, str], wrap: Any, place: float, written: tuple[str, str]
) -> None:
    (text, body), (ends, codec) = key, written
    lines = CASES[case].text.splitlines(keepends=True)
    at = round(place * len(lines))
    content = "".join([*lines[:at], wrap(text), "\n", *lines[at:]]).replace("\n", ends)

    result = outcome(folder, case, content.encode(codec))

    wrapped = re.sub(r"[^A-Za-z0-9+/]", "", wrap(text))
    assert not _holds(result, body)
    assert wrap is not _as_base64 or not _holds(result, wrapped[len("datakey") :])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", DERS)
def test_no_key_without_armour_survives_any_public_path(folder: Path, case: str, name: str) -> None:
    body = base64.b64encode(DERS[name]).decode()
    text = CASES[case].text

    for content in (DERS[name], text.encode() + DERS[name], f"{text}\n{body}\n".encode(), body.encode()):
        assert not _holds(outcome(folder, case, content), body)


INLINE = [
    "trustee.tls.certificateFile",
    "trustee.host",
    "trustee.acceptedImages",
    "trustee.tdx.pccsUrl",
    "initdata.kbsUrl",
    "initdata.allowedImages",
    "peerPods.tags.team",
    "peerPods.instanceSize",
    "cluster.identifier",
    "cluster.kubeconfig",
    "cluster.context",
    "trustee.imageSignature.signedIdentity.type",
    "trustee.referenceValues.alsoAccept",
    "azure.vnetName",
    "attestationCheck.image",
]


@pytest.mark.parametrize("path", INLINE)
@pytest.mark.parametrize(
    "name", ["Ed25519 in PKCS #8", "P-256 in the traditional form", "Ed25519 in the form of OpenSSH"]
)
@pytest.mark.parametrize("form", ["PEM", "base64", "base64 of PEM"])
def test_a_private_key_in_place_of_a_public_text_is_refused_and_not_shown(path: str, name: str, form: str) -> None:
    body = texts.body(PEMS[name])
    text = {"PEM": PEMS[name], "base64": body, "base64 of PEM": base64.b64encode(PEMS[name].encode()).decode()}[form]
    value = [text] if path.endswith(("Images", "alsoAccept")) else text
    beside = {"trustee": {"imageSignature": {"images": ["quay.io/x"], "publicKeyFile": f"{KEYS}/cosign.pub"}}}

    text = refused(changed(beside if "imageSignature" in path else {}, **{path.replace(".", "__"): value}))

    is_path = path.endswith(("File", "kubeconfig"))
    message = "found what looks like its content" if is_path else " a private key ("
    assert path.split(".")[1] in text
    assert message in text
    assert not _holds(text, body)
    assert not _holds(text, base64.b64encode(PEMS[name].encode()).decode())


@pytest.mark.parametrize("parts", [("peerPods", "tags"), ("clientSecrets",), ("trustee", "registryCredentials"), ()])
@pytest.mark.parametrize("name", ["Ed25519 in PKCS #8", "P-256 in the traditional form"])
@pytest.mark.parametrize("value", ["x", 5, {"a b": "c"}])
def test_a_private_key_in_place_of_a_name_is_not_shown(parts: tuple[str, ...], name: str, value: Any) -> None:
    for item in (PEMS[name], texts.body(PEMS[name])):
        config: Any = {item: value}
        for part in reversed(parts):
            config = {part: config}

        assert not _holds(refused(config), texts.body(PEMS[name]))


def test_the_users_private_keys_are_secret_all_along_and_in_no_initdata(tmp_path: Path) -> None:
    auth = base64.b64encode(b"robot:correct horse").decode()
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"quay.io": {"auth": auth}}}))
    signer = {
        name: f"{KEYS}/signer-p256.{end}" for name, end in (("certificateFile", "crt"), ("privateKeyFile", "key"))
    }
    run = run_program(
        changed(
            PRODUCTION,
            trustee__host="kbs.example.com",
            trustee__tls={"certificateFile": f"{KEYS}/kbs-golden.crt", "privateKeyFile": f"{KEYS}/kbs-golden.key"},
            trustee__tokenSigner=signer,
            trustee__adminPrivateKey=(ROOT / KEYS / "admin.key").read_text(),
            trustee__registryCredentials={"authFile": str(tmp_path / "auth.json")},
        ),
        Recorder(osc="1.12.0", trustee="1.2.0"),
    )

    inputs = {name: item.inputs for name, item in run.registrations.items()}
    plain, everything = json.dumps([shown(inputs), run.exports], default=str), json.dumps(revealed(inputs), default=str)
    peer_pods = revealed(run.objects()["ConfigMapPatch openshift-sandboxed-containers-operator/peer-pods-cm"])
    initdata = gzip.decompress(base64.b64decode(peer_pods["data"]["INITDATA"])).decode()
    for name in ("kbs-golden", "signer-p256", "admin"):
        pem = (ROOT / KEYS / f"{name}.key").read_text()
        # What follows is the public half, which certificates have, too.
        forms = [texts.body(pem)[:88], base64.b64encode(pem.encode()).decode()[:152]]
        assert name == "admin" or any(_holds(everything, form) for form in forms)
        assert not any(_holds(each_one, form) for form in forms for each_one in (plain, initdata))
    assert not any(auth in each_one for each_one in (plain, initdata))


def test_a_file_of_a_public_setting_may_be_given_beside_its_private_one() -> None:
    result = stack(
        {"trustee": {"tls": {"certificateFile": f"{KEYS}/kbs-golden.crt", "privateKeyFile": f"{KEYS}/kbs-golden.key"}}}
    )

    assert result.trustee.tls.key == (ROOT / KEYS / "kbs-golden.key").read_text()
    assert "PRIVATE KEY" not in repr(result)
