"""The simulated CAA takes initdata as the one of each OSC version does, and fails as it fails."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.kubelet import initdata, osc_release
from rehearsal.kubelet.caa import Caa, CaaStartError, SandboxError
from tests.unit.pod_vm import AZURE, ENVIRONMENT, HYPERVISOR, RUNTIME, document, packed, plain

POD, GLOBAL = document("https://pod.example.com"), document("https://global.example.com")
BY_VERSION = [
    ("1.9.0", RUNTIME, plain),
    ("1.10.1", RUNTIME, packed),
    ("1.11.0", HYPERVISOR, packed),
    ("1.12.1", HYPERVISOR, packed),
]
SPACES = {"AZURE_INSTANCE_SIZES": "Standard_DC2as_v5, Standard_DC4as_v5", "TAGS": "key1=value1"}


def _caa(version: str = "1.9.0", **changes: str) -> Caa:
    return Caa({**ENVIRONMENT, **changes}, AZURE, version)


def test_caa_does_not_start_before_an_image_is_there() -> None:
    with pytest.raises(CaaStartError, match="AZURE_IMAGE_ID"):
        _caa(AZURE_IMAGE_ID="")


def test_caa_of_a_version_that_the_rehearsal_does_not_know_does_not_start() -> None:
    with pytest.raises(CaaStartError, match=r"1\.8\.0.*1\.9, 1\.10, 1\.11, 1\.12"):
        _caa("1.8.0")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"AZURE_INSTANCE_SIZES": "Standard_DC4as_v5, Standard_DC2as_v5"}, "not part of supported instance types"),
        ({"AZURE_SUBNET_ID": "/subscriptions/x/subnets/none"}, "AZURE_SUBNET_ID"),
        ({"AZURE_RESOURCE_GROUP": "none"}, "ResourceGroupNotFound"),
        ({"AZURE_REGION": "westeurope"}, "InvalidResourceLocation"),
        ({"INITDATA": "%%%"}, "error base64 decode initdata"),
        ({"INITDATA": plain("= no toml")}, "error unmarshalling initdata"),
        ({"INITDATA": packed(GLOBAL)}, "error unmarshalling initdata"),
        ({"INITDATA": plain(document(algorithm="md5"))}, "the Algorithm md5 not supported"),
        ({"INITDATA": plain('algorithm = "sha256"\n[data]\n"aa.toml" = 1')}, "must be a string"),
        ({"INITDATA": plain("#" * 60000 + "\n" + GLOBAL)}, "greater than 64KB"),
    ],
)
def test_caa_of_osc_1_9_refuses_a_pod_vm(changes: dict[str, str], text: str) -> None:
    with pytest.raises(SandboxError, match=text):
        _caa(**changes).create({})


def test_initdata_shares_the_64_kib_of_user_data_with_more_files() -> None:
    alone, fits = plain("#" * 34000 + "\n" + GLOBAL), plain("#" * 30000 + "\n" + GLOBAL)

    assert len(base64.b64encode(alone.encode())) < 64 * 1024
    with pytest.raises(SandboxError, match="greater than 64KB"):
        _caa(INITDATA=alone).create({})
    assert _caa(INITDATA=fits).create({}).digest
    with pytest.raises(SandboxError, match="greater than 64KB"):
        _caa(INITDATA=fits).create({}, credentials=12000)
    assert _caa(INITDATA=fits).create({}, credentials=13000).digest


@pytest.mark.parametrize(("version", "annotation", "encode"), BY_VERSION)
def test_the_annotation_on_a_pod_comes_before_the_global_initdata(
    version: str, annotation: str, encode: object
) -> None:
    assert callable(encode)
    caa = _caa(version, INITDATA=encode(GLOBAL))

    assert "global.example.com" in caa.create({}).files["cdh.toml"]
    assert "pod.example.com" in caa.create({annotation: encode(POD)}).files["cdh.toml"]


@pytest.mark.parametrize(("version", "annotation", "encode"), BY_VERSION)
def test_the_digest_is_over_the_exact_bytes_and_measured_in_pcr_8(
    version: str, annotation: str, encode: object
) -> None:
    assert callable(encode)
    machine = _caa(version).create({annotation: encode(POD)})

    assert machine.digest == hashlib.sha256(POD.encode()).hexdigest()
    assert machine.evidence is not None
    assert machine.evidence.claims["tpm"]["pcr08"] == initdata.pcr8(machine.digest)


@pytest.mark.parametrize("version", ["1.9.0", "1.10.0"])
def test_before_osc_1_11_the_shim_refuses_the_new_annotation(version: str) -> None:
    with pytest.raises(SandboxError, match=f"annotation {HYPERVISOR} is not enabled"):
        _caa(version).create({HYPERVISOR: packed(POD)})


@pytest.mark.parametrize("version", ["1.11.0", "1.12.1"])
def test_from_osc_1_11_on_the_old_annotation_is_ignored_without_a_word(version: str) -> None:
    machine = _caa(version, INITDATA=packed(GLOBAL)).create({RUNTIME: packed(POD)})

    assert "global.example.com" in machine.files["cdh.toml"]


@pytest.mark.parametrize(("version", "annotation", "_encode"), BY_VERSION[1:])
@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (plain(POD), "initdata create gzip reader error: gzip: invalid header"),
        ("%%%", "initdata create gzip reader error: illegal base64"),
        (packed("= no toml"), "parsing initdata annotation failed"),
        (packed(document(algorithm="md5")), "shim panicked on initdata algorithm 'md5'"),
    ],
)
def test_a_wrong_annotation_is_refused_by_the_shim_of_newer_versions(
    version: str, annotation: str, _encode: object, encoded: str, text: str
) -> None:
    with pytest.raises(SandboxError, match=text):
        _caa(version).create({annotation: encoded})


@pytest.mark.parametrize("version", ["1.10.0", "1.11.0", "1.12.1"])
@pytest.mark.parametrize(
    "encoded", [plain(GLOBAL), packed("= no toml"), packed(document(algorithm="md5")), packed(GLOBAL)[:-8]]
)
def test_a_wrong_global_initdata_ends_newer_versions_of_caa_at_start(version: str, encoded: str) -> None:
    with pytest.raises(CaaStartError, match="failed to parse global initdata"):
        _caa(version, INITDATA=encoded)


def test_without_initdata_the_newest_versions_measure_a_dummy() -> None:
    newest, older = _caa("1.12.1").create({}).evidence, _caa("1.10.0").create({}).evidence

    assert newest is not None
    assert older is not None
    # The golden vector of CAA's generateDummyInitdata.
    assert newest.claims["tpm"]["pcr08"] == "4b58b30becd30d16f7f60d56b32661d921ae0d3310c6a89f5d552f9bfee921a9"
    assert older.claims["tpm"]["pcr08"] == "00" * 32


def test_with_the_gate_off_a_pod_vm_has_nothing_to_prove() -> None:
    assert _caa(DISABLECVM="true").create({}).evidence is None
    assert _caa().create({}).evidence is not None


@pytest.mark.parametrize(
    ("version", "secure"), [("1.9.0", False), ("1.10.0", False), ("1.11.0", True), ("1.12.1", True)]
)
def test_a_list_with_spaces_silently_turns_secure_boot_off_before_osc_1_11(version: str, *, secure: bool) -> None:
    machine = _caa(version, **SPACES).create({})
    right = _caa(version).create({})

    assert machine.secure_boot is secure
    assert right.secure_boot is True
    assert machine.evidence is not None
    assert right.evidence is not None
    pcrs, expected = machine.evidence.claims["tpm"], right.evidence.claims["tpm"]
    assert (pcrs["pcr07"] == expected["pcr07"]) is secure


def test_an_option_after_a_list_with_spaces_never_reaches_caa() -> None:
    result = osc_release.options({**SPACES, "DISABLECVM": "true", "USE_PUBLIC_IP": "true"}, "words")

    assert result == {"disable-cvm": "true", "instance-sizes": "Standard_DC2as_v5,"}
    assert "use-public-ip" in osc_release.options({**SPACES, "USE_PUBLIC_IP": "true"}, "trimmed")


def test_in_osc_1_12_an_item_after_a_space_is_another_size() -> None:
    with pytest.raises(SandboxError, match="Standard_DC4as_v5"):
        _caa("1.12.1", **SPACES, AZURE_INSTANCE_SIZE="Standard_DC4as_v5").create({})
    assert _caa("1.11.0", **SPACES, AZURE_INSTANCE_SIZE="Standard_DC4as_v5").create({}).size == "Standard_DC4as_v5"


def test_a_switch_is_on_for_exactly_true_before_osc_1_12() -> None:
    assert osc_release.options({"ENABLE_SECURE_BOOT": "True", "DISABLECVM": "1"}, "environment") == {
        "enable-secure-boot": "true",
        "disable-cvm": "true",
    }
    assert not osc_release.options({"ENABLE_SECURE_BOOT": "True", "DISABLECVM": "yes"}, "words")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r"), max_size=200))
def test_any_comment_in_initdata_changes_its_digest(comment: str) -> None:
    text = "".join(f"# {line}\n" for line in comment.splitlines() or [""]) + POD
    try:
        changed = initdata.read(packed(text), compressed=True)
    except initdata.InitdataError:
        return  # a control character, which TOML does not take

    assert changed.data == initdata.read(plain(POD), compressed=False).data
    assert changed.digest != initdata.parse(POD.encode()).digest


def test_every_version_with_a_profile_can_be_rehearsed() -> None:
    # The last one is of a version that there is not.
    assert list(osc_release.RELEASES) == ["1.9", "1.10", "1.11", "1.12", "1.13", "1.14"]
    assert osc_release.of("1.14.0") == osc_release.of("1.13.1")
