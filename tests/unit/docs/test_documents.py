"""What stands in documents and example files is true."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coco_azure import settings
from coco_azure.formats.images.measured_image import MeasuredImage
from coco_azure.formats.workload import terms
from coco_azure.settings import Settings, table
from coco_azure.trust import checks
from coco_azure.trust.chain import Versions, build
from coco_azure.trust.documents import KbsEndpoint
from coco_azure.versions import profile_table
from coco_azure.versions.profiles import OSC, TRUSTEE
from components import preflight_run
from components.trustee import chain as trust_chain
from components.trustee import remote as remote_trustee
from rehearsal.kubelet import evidence, hostile
from rehearsal.operators import faults, machine_config
from tests.unit.recording import ROOT
from tests.unit.speaking import PAIRS
from tests.unit.stack_files import config, with_files

STACKS = sorted(path.name for path in ROOT.glob("Pulumi.*.yaml") if not path.name.endswith(".deploy.yaml"))
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PROSE = [name for name in DOCUMENTS if name != "docs/settings.md"]
REQUIREMENTS = ("requirements.txt", "requirements-rehearsal.txt", "requirements-dev.txt")
PARTS = tuple(field.alias or name for name, field in Settings.model_fields.items())
OUTPUTS = {
    "attested",
    "attestedAt",
    preflight_run.OUTPUT,
    "initdataDigest",
    "outboundAddress",
    trust_chain.ANNOTATIONS_OUTPUT,
    trust_chain.MEASURED_OUTPUT,
    terms.OUTPUT,
    trust_chain.PROOF_OUTPUT,
    trust_chain.PCR8_OUTPUT,
    remote_trustee.URL_OUTPUT,
    remote_trustee.CERTIFICATE_OUTPUT,
    remote_trustee.CHECKS_OUTPUT,
    trust_chain.SERVES_OUTPUT,
    remote_trustee.SEALING_OUTPUT,
    remote_trustee.IMAGES_OUTPUT,
    remote_trustee.IMAGE_POLICY_OUTPUT,
}
_PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_SETTING = re.compile(rf"(?<![\w/])(?:coco-azure:)?((?:{'|'.join(PARTS)})(?:\.[\w*-]+|\[\d+\])+)")
_FREE = ("clientSecrets", "sealedSecrets")
_FOLDERS = "coco_azure|components|docs|policies|rehearsal|tests"
_FILE = re.compile(rf"(?<![\w./])(?:{_FOLDERS})/[\w./-]*\w")
_ANNOTATIONS = (evidence.ANNOTATION, hostile.ANNOTATION, machine_config.REBOOTS)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PRODUCT = ("coco_azure", "components", "policies")


def _known(path: str) -> bool:
    """Return whether a setting of this path exists: as a whole, as a part, or with names of the user's in it."""
    steps = re.sub(r"\[\d+\]", "", path).split(".")
    if steps[0] in _FREE:
        return True
    for item in table.paths():
        names = item.split(".")
        # The user's own names stand there in capitals (initdata.workloads.NAME.allowedImages).
        pairs = zip(steps, names, strict=False)
        if len(steps) <= len(names) and all(name.isupper() or each == name for each, name in pairs):
            return True
        if (
            len(steps) > len(names)
            and steps[: len(names)] == names
            and names[-1] in ("tags", "matchLabels", "alsoServe", "caaEnvironment")
        ):
            return True
    return False


def _settings(name: str) -> set[str]:
    text = _text(name)
    named = [item for code in _CODE.findall(text) for item in _SETTING.findall(code)]
    named += re.findall(r"coco-azure:(?!index:)([\w.]+\w)", text)
    return {each for each in named if not each.endswith((".py", ".md"))}


@pytest.mark.parametrize("name", PROSE)
def test_every_setting_that_a_document_names_exists(name: str) -> None:
    unknown = {each for each in _settings(name) if "." in each and not _known(each)}

    assert unknown == set()
    assert {each.split(".")[0] for each in _settings(name)} <= set(PARTS)


def _commands() -> dict[str, Path]:
    """Return the settings of `pulumi config set` and `rm` in the program's messages, each with a file that has it.

    What a message fills in is NAME; a setting that begins with that is not known before.
    """
    by_name: dict[str, Path] = {}
    for path in (path for part in PRODUCT for path in (ROOT / part).rglob("*.py")):
        text = re.sub(r"\"\s*\n\s*f?\"", "", path.read_text(encoding="utf-8"))
        for quoted in re.findall(r"coco-azure:([^\s'\"),;`=]*)", re.sub(r"\{[^{}]*\}", "NAME", text)):
            by_name[re.sub(r"\[NAME\]|\[N\]|[\\.:]+$", "", quoted)] = path
    none = ("NAME", "index", "PATH", "<name>")
    return {each: path for each, path in by_name.items() if each and not each.startswith(none)}


def test_every_setting_that_a_message_names_exists() -> None:
    commands = _commands()

    assert len(commands) > 40
    workloads = "initdata.workloads."
    # Of other paths with a part that a message fills in, what stands before that part.
    fixed = {each if each.startswith(workloads) else each.split(".NAME")[0]: path for each, path in commands.items()}
    assert {each: str(path) for each, path in fixed.items() if not _known(each)} == {}


def test_documents_name_settings_at_all_and_a_wrong_one_would_be_found() -> None:
    assert len(_settings("README.md")) > 15
    assert len(_settings("docs/trust-chain.md")) > 25
    assert _known("peerPods.tags.owner")
    assert _known("initdata.workloads.shop.allowedImages[0]")
    assert not _known("trustee.referenceValues.expire")
    assert not _known("initdata.workloads.shop.image")


def test_the_table_of_settings_is_that_of_the_models() -> None:
    assert _text("docs/settings.md") == table.render(), "make it anew: ./coco-azure settings > docs/settings.md"


def test_the_tables_of_versions_are_those_of_the_profiles() -> None:
    page = _text("docs/versions.md")

    made = profile_table.updated(page)

    assert page == made, "make them anew: python -m coco_azure.versions.profile_table docs/versions.md"
    assert all(f" {version} |" in page for version in [*OSC, *TRUSTEE])


def test_a_page_without_the_marks_of_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="table of OSC profiles"):
        profile_table.updated("# Versions\n")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", _text(name)):
        assert ((ROOT / name).parent / path).exists(), path


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", [*DOCUMENTS, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_anchor_of_a_link_is_a_heading_of_its_page(name: str) -> None:
    page = ROOT / name
    for path, anchor in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", _text(name)):
        assert anchor in _anchors(page.parent / path if path else page), f"{path}#{anchor}"


@pytest.mark.parametrize("name", PROSE)
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    for code in _CODE.findall(_text(name)):
        for path in _FILE.findall(code):
            assert path in _ANNOTATIONS or (ROOT / path).exists(), path


def test_every_module_that_a_document_runs_is_there() -> None:
    for name in DOCUMENTS:
        for module in re.findall(r"python -m ([\w.]+)", _text(name)):
            path = ROOT.joinpath(*module.split("."))
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists() or module == "pytest", module


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.MULTILINE))
    for name in DOCUMENTS:
        code = [*_CODE.findall(_text(name)), *re.findall(r"^\$ (.*)", _text(name), re.MULTILINE)]
        named = {item for line in code for item in re.findall(r"\bmake ([a-z][a-z-]*)", line.partition("#")[0])}
        assert named <= targets, name


def test_every_output_that_a_document_names_exists() -> None:
    for name in PROSE:
        text = _text(name)
        named = set(re.findall(r"pulumi stack output (?!--)(\w+)", text))
        named |= {
            each for item in re.findall(r"outputs? ((?:`\w+`(?:, | and )?)+)", text) for each in _CODE.findall(item)
        }
        assert named <= OUTPUTS, name
    assert "workloadInitdata" in _text("docs/trust-chain.md")


def test_the_rehearsal_page_names_every_fault_and_every_annotation() -> None:
    page = _text("docs/rehearsal.md")

    assert all(f"`{each}`" in page for each in [*faults.KNOWN, *_ANNOTATIONS])


def test_a_readme_stays_one_page() -> None:
    assert _lines(ROOT / "README.md") <= 180


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return with_files(tmp_path)


@pytest.mark.parametrize("name", STACKS)
def test_every_stack_file_of_this_repository_is_valid(name: str, root: Path) -> None:
    settings.parse(config(name), root)


@pytest.mark.parametrize(("osc", "trustee"), [pair for pair in PAIRS if pair[0] != "1.9"])
def test_the_production_stack_has_no_problem_and_holds_pods_to_their_initdata(
    osc: str, trustee: str, root: Path
) -> None:
    stack = settings.parse(config("Pulumi.prod.yaml"), root)
    csv = {"sandboxed-containers-operator": "x.v1.12.1", "trustee-operator": "y.v1.2.1"}
    versions = Versions(osc=OSC[osc], trustee=TRUSTEE[trustee], csv=csv)
    host = "kbs-service-trustee-operator-system.apps.example.com"
    now = datetime(2026, 1, 1, tzinfo=UTC)

    pcrs = dict.fromkeys(stack.trustee.reference_values.pcrs, "ab" * 32)
    image = MeasuredImage(reference="IMAGE:1.12.1", digest="sha256:" + "0" * 64, key="", pcrs=pcrs)
    chain = build(stack, versions, KbsEndpoint(kbs_url=f"https://{host}"), images=[image])

    assert stack.environment == "production"
    assert checks.problems(stack, chain, host, now) == []
    known = ("cluster of the pods", "does not know what containers run", "PCR 4 and 7 may be anything")
    warnings = checks.warnings(stack, chain, now)
    assert all(sum(part in each for each in warnings) <= 1 for part in known)
    assert all(any(part in each for part in known) for each in warnings)
    assert chain.judgement is not None
    assert TRUSTEE[trustee].reference_name("snp", 8) in [value.name for value in chain.judgement.values]


def test_the_production_stack_names_what_is_missing() -> None:
    with pytest.raises(settings.SettingsError, match=r"redhat\.pem"):
        settings.parse(config("Pulumi.prod.yaml"), ROOT)


def test_the_development_stack_is_one() -> None:
    assert settings.parse(config("Pulumi.dev.yaml"), ROOT).environment == "development"


def test_the_requirements_pin_the_same_versions() -> None:
    program, rehearsal, dev = (dict(_PIN.findall(_text(name))) for name in REQUIREMENTS)

    assert program.items() <= rehearsal.items() <= dev.items()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_has_a_hash_and_no_registry_has_its_address_in_it(name: str) -> None:
    text = _text(name)
    entries = re.split(r"\n(?=\S)", text.strip())

    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


def test_no_source_file_is_longer_than_300_lines() -> None:
    folders = ("coco_azure", "components", "policies", "rehearsal", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]

    assert [path for path in files if _lines(path) > 300] == []


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
